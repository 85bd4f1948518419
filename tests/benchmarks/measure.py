"""Times, rates, counted operations and memory of compiled functions and of whole processes."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPEATS = 5


@dataclass(frozen=True)
class Timing:
    """Seconds to compile, of the first call, and the median of the warm ones; what XLA counts for one call.

    Attributes:
        compile_s, first_s, warm_s: seconds.
        operations, bytes: from the compiled program's cost analysis, which counts the body of a loop once.
        temporary_bytes: temporaries of the compiled program.
    """

    compile_s: float
    first_s: float
    warm_s: float
    operations: float
    bytes: float
    temporary_bytes: int


def time_compiled(function: Callable[..., Any], *arguments: Any, repeats: int = REPEATS) -> Timing:
    """Compile ``function`` for its arguments, call it once, and then again and again."""
    import jax

    from nbjax.pipeline.compilation import OPTIONS

    begin = time.perf_counter()
    lowered = jax.jit(function).lower(*arguments)
    program = lowered.compile(dict(OPTIONS.get(jax.default_backend(), {})))
    compiled = time.perf_counter()
    jax.block_until_ready(function(*arguments))
    first = time.perf_counter()
    cost = program.cost_analysis() or {}
    memory = program.memory_analysis()
    return Timing(
        compile_s=compiled - begin,
        first_s=first - compiled,
        warm_s=median(lambda: jax.block_until_ready(function(*arguments)), repeats),
        operations=float(cost.get("flops", 0)),
        bytes=float(cost.get("bytes accessed", 0)),
        temporary_bytes=int(memory.temp_size_in_bytes),
    )


def median(call: Callable[[], object], repeats: int = REPEATS) -> float:
    """Median of the seconds that a call takes."""
    seconds = []
    for _ in range(repeats):
        begin = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds)


def in_turn(*calls: Callable[[], object], repeats: int = 9) -> list[tuple[float, ...]]:
    """Seconds of each call, round by round, so that all of them meet the same load of the machine."""
    return [tuple(median(call, 1) for call in calls) for _ in range(repeats)]


_WATCH = """
import json, resource, subprocess, sys, time
begin = time.perf_counter()
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
seconds = time.perf_counter() - begin
memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
print(json.dumps([seconds, memory, done.returncode, done.stderr.decode(errors="replace")[-500:]]))
"""
"""Runs a command from a process that is itself small: a child inherits its parent's largest resident memory."""


def time_process(command: Sequence[str], repeats: int = 3, **environment: str) -> tuple[float, int]:
    """Median seconds of a whole process in an empty folder, and its largest resident memory in bytes.

    Raises:
        RuntimeError: the process fails.
    """
    seconds, largest = [], 0
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            watched = subprocess.run(
                [sys.executable, "-S", "-c", _WATCH, *command],
                cwd=folder,
                env={**os.environ, **environment},
                check=True,
                capture_output=True,
                text=True,
            )
        took, memory, status, said = json.loads(watched.stdout)
        if status != 0:
            raise RuntimeError(f"{' '.join(command)} failed: {said}")
        seconds.append(took)
        largest = max(largest, memory)
    return statistics.median(seconds), largest


def nbjax_command(*words: str) -> list[str]:
    """A command line of nbjax, with this interpreter."""
    return [sys.executable, "-m", "nbjax", *words]


def c_program_command(program: Path, line: Sequence[str]) -> list[str]:
    """A command line of the C program that writes no more than it must."""
    return [str(program), *line, "-floatfile", os.devnull, "-nopgm"]
