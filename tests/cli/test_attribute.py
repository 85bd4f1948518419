"""``nbjax attribute``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from cases import GOLDEN, INPUTS, images, option_line

from nbjax.cli import main

LINE = [
    "-cell",
    "50",
    "60",
    "70",
    "90",
    "90",
    "90",
    "-default_F",
    "100",
    "-N",
    "5",
    "-detpixels",
    "16",
    "-pixel",
    "0.5",
]
TOML = """
[crystal]
cell_A = [50.0, 60.0, 70.0]
default_F = 100.0
cells = [5, 5, 5]
[sampling]
oversample = 1
[detector]
pixel_mm = 0.5
pixels_fast = 16
pixels_slow = 16
"""


def test_an_option_line_against_a_trace_of_the_c_program(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(INPUTS)
    reference = str(GOLDEN / "phi_osc_from_zero" / "trace_s103_f82.txt")
    words = [*option_line("phi_osc_from_zero"), "--reference", reference, "--out", str(tmp_path / "a")]
    assert main(["attribute", *words]) == 0
    assert "ledger: phi_carryover accounts for" in capsys.readouterr().out
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == [
        "attribution.json",
        "summary.md",
        "waterfall.png",
    ]
    tree = json.loads((tmp_path / "a" / "attribution.json").read_text())
    assert tree["ledger"]["chosen"] == ["phi_carryover"]
    assert tree["candidate"].startswith("-")


def test_an_option_line_that_the_c_program_reads_in_another_way(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(INPUTS)
    reference = tmp_path / "c.bin"
    images("misset_random")["c"].astype("<f4").tofile(reference)
    words = ["--reference", str(reference), "--out", str(tmp_path / "a"), *option_line("misset_random")]
    assert main(["attribute", *words]) == 0
    assert "misset_seed_option" in capsys.readouterr().out


def test_a_configuration_against_images(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "c.toml"
    config.write_text(TOML)
    assert main(["simulate", str(config), "--out", str(tmp_path), "--set", 'output.float_file="r.bin"']) == 0
    equal = ["attribute", str(config), "--reference", str(tmp_path / "r.bin"), "--out", str(tmp_path / "a")]
    assert main(equal) == 0
    assert "equal: no quantity differs" in capsys.readouterr().out
    noise = np.random.default_rng(3).random((16, 16))
    np.save(tmp_path / "n.npy", noise)
    assert main(["attribute", str(config), "--reference", str(tmp_path / "n.npy"), "--out", str(tmp_path / "b")]) == 1
    assert "is left" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\0" * 100, "16 x 16 (slow x fast) float pixels need 1024"),
        (b"{\nHEADER_BYTES=512;\nSIZE1=16;\nSIZE2=16;\n}".ljust(1024), "is an image of integers"),
        (b"\x93NUMPY rest", "faulty NumPy file"),
        (np.full((16, 16), np.nan, "<f4").tobytes() + b"", "NaN or infinity"),
        (b"nothing of sense\n", "trace"),
        (b"TRACE_C: I_before_scaling 3.0\n", "does not say which pixel"),
        (b"TRACE_C: pixel 99 3\nTRACE_C: I_before_scaling 3.0\n", "lies outside the image"),
    ],
)
def test_references_that_cannot_be_used(
    content: bytes, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reference = tmp_path / "r"
    reference.write_bytes(content)
    assert main(["attribute", *LINE, "--reference", str(reference), "--out", str(tmp_path / "a")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--reference", "r"], "--out"),
        (["--out", "a"], "--reference"),
        (["--reference", "r", "--out", "a"], "the candidate is missing"),
        (["--reference", "r", "--out", "a", "--tolerance", "2", *LINE], "--tolerance 2: is no relative difference"),
        (["--reference", "r", "--out", "a", "--tolerance", "x", *LINE], "invalid float value"),
        (["--reference", "r", "--out", "a", "--set", "beam.x=1", *LINE], "--set belongs to a TOML file"),
        (["--reference", "r", "--out", "a", *LINE], "r: cannot be read"),
        (["--reference", "r", "--out", "a", "-nonsense"], "-nonsense"),
        (["--reference", "r", "--out", "a", "none.toml"], "none.toml"),
        (["--reference", "r", "--out", "taken", *LINE], "is a file"),
        (
            ["--reference", "r", "--out", "a", "--set", "crystal.model='closed'", "c.toml"],
            'crystal.model: got "closed"',
        ),
    ],
)
def test_faults(
    words: list[str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").write_text("x")
    (tmp_path / "c.toml").write_text(TOML)
    assert main(["attribute", *words]) == 2
    assert message in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c.toml", "taken"]


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["attribute", "--help"]) == 0
    assert "--reference" in capsys.readouterr().out
    assert main(["--help"]) == 0
    assert "attribute" in capsys.readouterr().out
