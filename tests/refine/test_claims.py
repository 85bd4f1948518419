"""Shots are shared out among processes, and those of a process that was killed are free."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nbjax.cli import refine
from nbjax.cli.workers import Worker
from nbjax.errors import FileError
from nbjax.io.experiments.recorded import DIALS, RecordedExperiment
from nbjax.io.experiments.stills import Still
from nbjax.refine import run
from nbjax.refine.claims import Claims
from nbjax.refine.inputs import Inputs
from nbjax.refine.kept import Kept
from nbjax.refine.outcome import ShotResult, failed

HOLD = """
import fcntl, os, sys
lock = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
fcntl.lockf(lock, fcntl.LOCK_EX, 1, 3)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that has shot 3."""
    words = [sys.executable, "-c", HOLD, str(tmp_path / ".claims")]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def test_a_shot_is_claimed_once_and_free_after_a_kill(tmp_path: Path, holder: subprocess.Popen[bytes]) -> None:
    with Claims(tmp_path) as claims:
        assert [claims.take(number) for number in (2, 3, 4)] == [True, False, True]
        holder.kill()
        holder.wait()
        assert claims.take(3)


def test_a_folder_that_takes_no_claims_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"\.claims: cannot be written"):
        Claims(tmp_path / "none")


def of(count: int) -> run.Run:
    """A run of so many stills, the last of which has no crystal."""
    faults = [""] * (count - 1) + ["no crystal"]
    nothing = RecordedExperiment("a", DIALS)
    stills = [Still(10 + i, nothing, "a", i, "", fault=fault) for i, fault in enumerate(faults)]
    made = object.__new__(run.Run)
    object.__setattr__(made, "inputs", Inputs("a", stills, [], [], [], None))
    return made


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Places of the stills that were refined."""
    places: list[int] = []

    def refined(_: Any, place: int) -> ShotResult:
        places.append(place)
        return failed(10 + place, "as a test")

    monkeypatch.setattr(run, "refine_still", refined)
    monkeypatch.setattr(run, "_LOOK_S", 0.01)
    return places


def test_what_others_have_is_waited_for(tmp_path: Path, looked: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kept(tmp_path, "asked", resume=True)
    asked: list[int] = []

    class Others(Claims):
        """Another process has shot 11, and has refined it when it is asked for the third time."""

        def take(self, number: int) -> bool:
            asked.append(number)
            if number == 11 and asked.count(11) == 3:
                kept.write(failed(11, "by another"))
            return number != 11

        def release(self, number: int) -> None:
            assert number != 11

    found = run.refine_all(of(4), kept, Others(tmp_path), lambda what: None)
    assert [shot.number for shot in found] == [10, 11, 12, 13]
    assert [shot.reason for shot in found] == ["as a test", "by another", "as a test", "no crystal"]
    assert looked == [0, 2]
    kept.clear()
    found = run.refine_all(of(4), kept, Others(tmp_path), lambda what: None, wait=False)
    assert [shot.number for shot in found] == [10, 12, 13]


def test_a_shot_that_was_done_meanwhile_is_taken(tmp_path: Path, looked: list[int]) -> None:
    kept = Kept(tmp_path, "asked", resume=True)

    class Late(Claims):
        """Claims are granted right after another process has refined the shot."""

        def take(self, number: int) -> bool:
            kept.write(failed(number, "by another"))
            return True

        def release(self, number: int) -> None:
            pass

    found = run.refine_all(of(3), kept, Late(tmp_path), lambda what: None)
    assert {shot.reason for shot in found} == {"by another"}
    assert looked == []


def test_a_further_process_is_asked_for_the_same() -> None:
    parser = argparse.ArgumentParser()
    refine.add_parser(parser.add_subparsers())
    words = ["refine", "a.expt", "--reflections", "a.refl", "--config", "r.toml", "--out", "o", "--images", "b", "c"]
    asked = parser.parse_args([*words, "--set", "refine.spots=9", "--set", "refine.box_px=7", "--refine-factors"])
    told = parser.parse_args(refine._words_of_worker(asked))
    changed = {"resume": True, "no_progress": True, "worker_of": os.getpid()}
    assert vars(told) == vars(asked) | changed


def test_a_process_that_fails_says_why() -> None:
    worker = Worker(["refine"], {})
    try:
        deadline = time.monotonic() + 30
        while not worker.problem() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert "the following arguments are required" in worker.problem()
    finally:
        worker.stop()
