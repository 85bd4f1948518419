"""Ctrl-C is heard at once, even while a compiled program computes for minutes."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

INTERRUPTED = 130
_LOOK_S = 0.1
_abandoned: list[threading.Event] = []
"""Whether each piece of work that was left alone has ended; a thread whose ``join`` is interrupted cannot be asked."""


def interruptible(work: Callable[[], T]) -> T:
    """The result of work that is done in a thread of its own while this one waits for Ctrl-C.

    A thread inside a compiled program hears no signal. JAX's contexts, such as ``jax.enable_x64``, belong to a thread:
    the work enters its own.

    Raises:
        KeyboardInterrupt: at once; the work may still be going on, until ``leave`` ends the process.
    """
    results: list[T] = []
    failures: list[BaseException] = []
    ended = threading.Event()

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:
            failures.append(error)
        finally:
            ended.set()

    thread = threading.Thread(target=run, daemon=True, name="nbjax")
    try:
        thread.start()
        while not ended.wait(_LOOK_S):
            pass
    except KeyboardInterrupt:
        _abandoned.append(ended)
        raise
    if failures:
        raise failures[0]
    return results[0]


def leave(message: str) -> int:
    """Say why the command ends, and end the process if abandoned work goes on in it: that cannot be stopped.

    Returns:
        The exit code, where nothing goes on.
    """
    print(f"nbjax: {message}", file=sys.stderr, flush=True)
    if not all(ended.is_set() for ended in _abandoned):
        sys.stdout.flush()
        os._exit(INTERRUPTED)
    return INTERRUPTED
