"""``nbjax trace`` and the trace options of an option line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cases import GOLDEN, INPUTS, option_line

from nbjax import load_config, prepare, simulate
from nbjax.cli import main
from nbjax.tracing.files import read_trace

CONFIG = """
[crystal]
cell_A = [50.0, 60.0, 70.0]
default_F = 100.0
cells = [5, 6, 7]
phi_range_deg = 1.0
[sampling]
oversample = 2
phi_steps = 3
[detector]
pixel_mm = 0.5
pixels_fast = 30
pixels_slow = 20
roi = [0, 29, 2, 19]
"""


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "c.toml"
    path.write_text(CONFIG)
    return str(path)


@pytest.mark.parametrize("suffix", [".json", ".h5", ".txt"])
def test_trace_of_a_configuration(config: str, suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / f"t{suffix}"
    assert main(["trace", config, "--pixel", "3", "4", "--pixel", "10", "29", "--samples", "--out", str(out)]) == 0
    document = read_trace(out)
    image = np.asarray(simulate(prepare(load_config(config))))
    assert [(pixel.slow, pixel.fast) for pixel in document.pixels] == [(3, 4), (10, 29)]
    for pixel in document.pixels:
        assert pixel.sample_count == 12
        assert pixel.values["I_pixel_photons"] == pytest.approx(image[pixel.slow, pixel.fast], rel=1e-12)
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].startswith("slow 3, fast 4: ")
    assert "I_before_scaling" in shown[0]
    assert shown[-1] == f"wrote {out}: 2 pixels, every sample"


def test_the_printed_product_is_the_pixel(config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trace", config, "--pixel", "10", "14", "--out", str(tmp_path / "t.txt"), "--parity"]) == 0
    photons, product = capsys.readouterr().out.splitlines()[0].removeprefix("slow 10, fast 14: ").split(" = ")
    numbers = [
        float(word)
        for part in product.split(" * ")
        for word in part.split()
        if word.replace(".", "").replace("e", "").replace("-", "").replace("+", "").isdigit()
    ]
    r_e_squared, fluence, total, steps, capture, polarization, omega = numbers
    value = r_e_squared * fluence * total / steps * capture * polarization * omega
    assert value == pytest.approx(float(photons.split()[0]), rel=1e-6)
    assert read_trace(tmp_path / "t.txt").parity != ()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--pixel", "20", "4", "--out", "t.json"],
            "20 4 (slow fast) lies outside the image; give slow 0 to 19 and fast 0 to 29",
        ),
        (["--pixel", "3", "-1", "--out", "t.json"], "3 -1 (slow fast) lies outside the image"),
        (["--pixel", "1", "4", "--out", "t.json"], "lies outside the region of interest, slow 2 to 19"),
        (["--pixel", "3", "4", "--pixel", "3", "4", "--out", "t.json"], "is named twice"),
        (["--pixel", "3", "4", "--out", "t.dat"], "t.dat: a trace is written as .json, .h5 or .txt"),
        (["--pixel", "3", "4", "--out", "none/t.json"], "its folder"),
        (["--pixel", "3", "--out", "t.json"], "--pixel: got 3; name a pixel by slow and fast"),
        (["--pixel", "3", "x", "--out", "t.json"], "invalid int value: 'x'"),
        (["--out", "t.json"], "--pixel"),
        (["--pixel", "3", "4", "--out", "t.json", "--set", "crystal.model='closed'"], 'crystal.model: got "closed", '),
    ],
)
def test_faults(
    config: str,
    words: list[str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["trace", config, *words]) == 2
    assert message in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c.toml"]


def test_a_masked_pixel_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(INPUTS)
    out = tmp_path / "t.json"
    line = option_line("mask")
    from nbjax.cli.nanobragg import read_options
    from nbjax.resolve import resolve

    mask = resolve(read_options(line).config).mask
    assert mask is not None
    slow, fast = np.argwhere(mask == 0)[0]
    assert main(["nanobragg", *line, "-trace_pixel", str(slow), str(fast), "-trace_file", str(out)]) == 2
    assert "is masked and has no value" in capsys.readouterr().err
    assert not out.exists()


def test_trace_of_an_option_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(INPUTS)
    out = tmp_path / "t.txt"
    line = [*option_line("phi_osc_from_zero"), "-parity", "-trace_file", str(out), "-trace_samples"]
    assert main(["nanobragg", *line, "-trace_pixel", "64", "65", "-trace_pixel", "103", "82"]) == 0
    document = read_trace(out)
    golden = read_trace(GOLDEN / "phi_osc_from_zero" / "trace_s64_f65.txt")
    (found,) = (pixel for pixel in document.pixels if (pixel.slow, pixel.fast) == (64, 65))
    wanted = golden.pixels[0].values["I_before_scaling"]
    assert found.values["I_before_scaling"] == pytest.approx(wanted, rel=1e-9)
    assert found.sample_count == 8


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-trace_pixel", "3", "4"], "-trace_pixel: needs -trace_file"),
        (["-trace_file", "t.json"], "-trace_file: needs -trace_pixel SLOW FAST"),
        (["-trace_pixel", "3000", "4", "-trace_file", "t.json"], "-trace_pixel: 3000 4 (slow fast) lies outside"),
        (["-trace_pixel", "3", "4", "-trace_file", "t.csv"], "t.csv: a trace is written as"),
        (["-trace_pixel", "3", "4", "-trace_file", "t.json", "-floatfile", "t.json"], "is the name of two outputs"),
    ],
)
def test_faulty_trace_options(
    words: list[str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    line = ["-cell", "50", "60", "70", "90", "90", "90", "-default_F", "100", "-N", "5", "-detpixels", "32"]
    assert main(["nanobragg", *line, *words]) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
