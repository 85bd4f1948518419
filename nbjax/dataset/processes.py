"""Which share of a dataset this process writes, from JAX's distributed runtime."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import nbjax
from nbjax.errors import UsageError

PATIENCE_S = 300.0
"""How long the processes wait for each other."""

_SILENCE_S = 5.0


@contextlib.contextmanager
def meeting(
    coordinator: str | None,
    process: int | None,
    processes: int | None,
    say: Callable[[str], None],
) -> Iterator[tuple[int, int]]:
    """Number of this process, and of all, as long as all are together.

    The processes meet once and part again at the end: from then on each works alone, so that none is lost with another.
    They meet in a process of its own, because JAX's runtime aborts the one that it waits in.

    Args:
        coordinator: ``host:port`` of process 0, as ``split_place`` takes it; None lets JAX ask Slurm or Open MPI.
        process, processes: given with a coordinator that no scheduler knows of.
        say: takes a sentence when the others are late.

    Raises:
        UsageError: the processes do not find each other.
    """
    if coordinator is not None:
        _check_place(coordinator, process == 0)
    words = [str(word) for word in (coordinator, process, processes)]
    root = str(Path(nbjax.__file__).parents[1])
    environment = {
        **os.environ,
        # the devices belong to the process that computes
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])]),
    }
    command = [sys.executable, "-m", "nbjax.dataset.together", *words]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as other:
        try:
            yield _numbers(other, coordinator, say)
            # the end of its input sends it to the others, to part
            other.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            # this process knows what it needs
            pass
        finally:
            other.kill()


def split_place(coordinator: str) -> tuple[str, int] | None:
    """Host and port of ``host:port``, or None where it is none."""
    host, colon, port = coordinator.rpartition(":")
    valid = host and colon and port.isdecimal() and 0 < int(port) < 65536
    return (host.strip("[]"), int(port)) if valid else None


def _check_place(coordinator: str, here: bool) -> None:
    place = split_place(coordinator)
    assert place is not None
    host, port = place
    try:
        socket.getaddrinfo(host, port)
    except OSError:
        raise UsageError(f"--coordinator: the host {host} is unknown; give the machine of process 0") from None
    if not here:
        return
    dual = socket.has_dualstack_ipv6()
    try:
        family = socket.AF_INET6 if dual else socket.AF_INET
        with socket.create_server(("", port), family=family, dualstack_ipv6=dual):
            pass
    except OSError as error:
        raise UsageError(
            f"--coordinator: the port {port} cannot be used here ({os.strerror(error.errno or 0)}); give another"
        ) from None


def _numbers(other: subprocess.Popen[str], coordinator: str | None, say: Callable[[str], None]) -> tuple[int, int]:
    assert other.stdout is not None
    place = "" if coordinator is None else f" at {coordinator}"
    begin, waits = time.monotonic(), False
    while not select.select([other.stdout], [], [], 0.1)[0]:
        waited_s = time.monotonic() - begin
        if waited_s > PATIENCE_S:
            raise UsageError(
                f"the processes cannot meet{place}: not all came within {PATIENCE_S:g} s; start as many as --processes "
                "says, each with its own --process-id, where process 0 can be reached"
            )
        if waited_s > _SILENCE_S and not waits:
            waits = True
            say(f"waiting for the other processes{place}, up to {PATIENCE_S:g} s")
    answer = other.stdout.readline().split()
    if len(answer) != 2:
        _, said = other.communicate()
        lines = [line for line in said.splitlines() if "Error: " in line] or ["the process that met them has ended"]
        reason = lines[-1].partition("Error: ")[2] or lines[-1]
        raise UsageError(
            f"the processes cannot meet{place} ({reason}); give --coordinator HOST:PORT, --process-id and --processes"
        )
    return int(answer[0]), int(answer[1])
