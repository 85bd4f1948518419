"""Further processes of a command that several of them share out."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO

_MEMORY = "XLA_PYTHON_CLIENT_MEM_FRACTION"
_MOST_OF_MEMORY = 0.9
"""Of an accelerator, for all processes together."""


@contextmanager
def workers(words: Sequence[str], count: int) -> Iterator[list[Worker]]:
    """Processes that run a command of nbjax while this one does other things; they are stopped with it.

    Args:
        words: after the program's name.
        count: of the processes.
    """
    environment = {_MEMORY: f"{_MOST_OF_MEMORY / (count + 1):.3f}", **os.environ}
    started: list[Worker] = []
    try:
        for _ in range(count):
            started.append(Worker(words, environment))
        yield started
    finally:
        for worker in started:
            worker.stop()


class Worker:
    """A process, and what it says on stderr.

    Args:
        words: after the program's name.
        environment: of the process.
    """

    def __init__(self, words: Sequence[str], environment: dict[str, str]) -> None:
        self._said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115, closed with the process
        command = [sys.executable, "-m", "nbjax", *words]
        nothing = subprocess.DEVNULL
        self._process = subprocess.Popen(command, stdin=nothing, stdout=nothing, stderr=self._said, env=environment)

    def problem(self) -> str:
        """What it said last, if it has failed; else nothing."""
        if not self._process.poll():
            return ""
        self._said.seek(0)
        lines = self._said.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else f"it ended with {self._process.returncode}"

    def stop(self) -> None:
        """End it, if it has not ended."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._said.close()


def parent_is_gone(parent: int) -> bool:
    """Whether the process that has started this one has ended, which leaves it to another parent."""
    return os.getppid() != parent
