"""What a run costs is said before it starts, and an interruption ends it at once."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import nbjax.advice.cost
import nbjax.cli.render
from nbjax.cli import main

_PROGRAM = """
import signal, sys
from nbjax.cli import main
# whoever started the tests may have this signal ignored
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(main(sys.argv[1:]))
"""
TOML = """
[beam]
wavelength_A = 1.0
[crystal]
cell_A = [59.0, 68.4, 30.5]
default_F = 100.0
cells = [847, 731, 1639]
[detector]
distance_mm = 100.0
pixels_fast = 1000
pixels_slow = 1000
[sampling]
{sampling}
"""


def written(sampling: str = "") -> str:
    Path("a.toml").write_text(TOML.format(sampling=sampling))
    return "a.toml"


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """Standard error of a run that stops before the image."""

    def stop(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(nbjax.cli.render, "render", stop)
    assert main(["simulate", written()]) == 130
    return capsys.readouterr().err


def test_a_long_run_is_announced_with_what_to_change(said: str) -> None:
    line = next(line for line in said.splitlines() if "samples" in line)
    # 3 * 1639 * 30.5 / (1.0 * 100 / 0.1) subpixels an edge
    assert "2.3e+10 samples (1e+06 pixels x 2.28e+04 subpixels)" in line
    assert "about" in line
    assert line.endswith("GB")


def test_a_crystal_of_one_block_is_told_of_blocks(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setattr(nbjax.advice.cost, "_LONG_S", 0.0)
    said = request.getfixturevalue("said")
    # the volume of the one block: 847 * 731 * 1639 cells of 59.0 x 68.4 x 30.5 A
    assert "crystal.cells = 17 15 33 and crystal.volume_um3 = 124.9" in said


def test_what_cannot_be_held_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(nbjax.advice.cost, "available_bytes", lambda: 10**6)
    assert main(["simulate", written("oversample = 3")]) == 2
    err = capsys.readouterr().err
    assert "of memory and 0.001 GB are free" in err
    assert "fewer sampling.oversample" in err
    assert {path.name for path in Path().iterdir()} == {"a.toml"}


def test_an_interruption_ends_a_long_image_within_two_seconds() -> None:
    run = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, "simulate", written(), "--out", "out"], stderr=subprocess.PIPE, text=True
    )
    with run:
        assert run.stderr is not None
        while "samples" not in run.stderr.readline():
            assert run.poll() is None
        time.sleep(1.0)
        begin = time.monotonic()
        run.send_signal(signal.SIGINT)
        assert run.wait(30) == 130
        assert time.monotonic() - begin < 2.0
        assert "nothing half-written" in run.stderr.read()
    assert {path.name for path in Path().iterdir()} == {"a.toml"}
