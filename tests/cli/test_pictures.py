"""``nbjax show`` and ``nbjax compare``: files, sentences and exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rotated_crystal import CONFIG

from nbjax.cli import main
from nbjax.io.smv import write_smv

_WORDS = [("PIXEL_SIZE", "0.4"), ("DISTANCE", "120"), ("WAVELENGTH", "1"), ("BEAM_CENTER_X", "20")]


@pytest.fixture
def images() -> list[str]:
    """A float image, and counts of it with an offset that their header tells."""
    rng = np.random.default_rng(3)
    photons = rng.uniform(30, 60, (100, 120))
    photons.astype("<f4").tofile("a.bin")
    np.save("stack.npy", np.stack([photons, 2 * photons]))
    words = [*_WORDS, ("BEAM_CENTER_Y", "24"), ("ADC_OFFSET", "40")]
    write_smv("b.img", (rng.poisson(photons) + 40).astype(np.uint16), words)
    Path("c.toml").write_text(CONFIG)
    return ["a.bin", "b.img"]


def test_pictures_are_written_and_told(images: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "b.img", "--dpi", "50"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("b.img: 100 x 120 pixels (slow x fast), mean ")
    assert said[0].endswith(" counts")
    assert said[1:] == ["wrote b.img.shown.png"]
    with Image.open("b.img.shown.png") as picture:
        assert picture.size[0] == 50 * 7.6
    words = ["a.bin", "stack.npy#1", "--config", "c.toml", "--zoom", "9,12.5"]
    assert main(["show", *words, "--out", "p.pdf"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in said] == ["a.bin", "stack.npy, image 1", "wrote p.pdf"]
    assert Path("p.pdf").read_bytes().startswith(b"%PDF")
    assert main(["show", "stack.npy", "--rings", "none", "--out", "q.png", "--dpi", "50"]) == 0
    assert main(["show", "stack.npy", "--out", "q.png", "--dpi", "50"]) == 0
    assert "stack.npy: has no rings: tells no geometry; give --config" in capsys.readouterr().out


def test_comparisons_end_by_their_tolerance(images: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    # a bare image is as large as the other
    words = ["compare", *images]
    assert main([*words, "--out", "d.png", "--json", "d.json", "--dpi", "50"]) == 1
    said = capsys.readouterr().out
    assert "\nbeyond the tolerance: r 0." in said
    assert "at most 0.01" in said
    found = json.loads(Path("d.json").read_text())
    assert found["tolerances"] == {"r": 0.01}
    assert found["within"] is False
    assert found["pixels"] == 12000
    # the offset is taken off, and what is left is the noise of counting
    assert found["rms_sigmas"] == pytest.approx(1, abs=0.03)
    assert found["scale"] == pytest.approx(1, abs=0.01)
    assert Path("d.png").exists()
    assert main([*words, "--tolerance", "rms_sigmas=1.1", "--tolerance", "scale=0.01", "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["within"] is True
    assert main(["compare", "stack.npy#0", "stack.npy#1"]) == 1
    assert main(["compare", "stack.npy#0", "stack.npy#1", "--tolerance", "r_scaled=1e-6"]) == 0
    assert main(["compare", "stack.npy#0", "stack.npy#1", "--tolerance", "scale=0.1"]) == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["show", "none.img"], "none.img"),
        (["show", "a.bin"], "give --shape SLOWxFAST or --config CONFIG.toml"),
        (["show", "a.bin", "--shape", "100"], "--shape 100: is no size"),
        (["show", "c.toml"], "c.toml: is a configuration, no image"),
        (["show", "b.img", "--out", "b.txt"], "ends in .png or .pdf"),
        (["show", "b.img", "--out", "none/b.png"], "none"),
        (["show", "b.img", "--spots"], "--spots: needs predicted spots; give --config"),
        (["show", "b.img", "--zoom", "1,2,3"], "--zoom 1,2,3: needs predicted spots"),
        (["show", "b.img", "--zoom", "x"], "--zoom x: is no place"),
        (["show", "b.img", "--zoom", "500,2"], "--zoom 500,2: is outside"),
        (["show", "b.img", "--rings", "3,-1"], "--rings 3,-1: is no list"),
        (["show", "b.img", "--rings", "0.3"], "larger d"),
        (["show", "b.img", "--low", "5", "--high", "4"], "--low 5: is not below --high 4"),
        (["show", "b.img", "--scale", "log", "--low", "-1"], "has no logarithm"),
        (["show", "b.img", "--scale", "log", "--high", "1e-320"], "--high 9.99989e-321: is out of range"),
        (["show", "b.img", "--pedestal", "1e308"], "--pedestal 1e+308: is out of range"),
        (["show", "b.img", "--image", "-1"], "--image -1"),
        (["show", "b.img#x"], "#x is no number of an image"),
        (["show", "stack.npy#7"], "has no image 7"),
        (
            ["show", "small.npy", "--config", "c.toml"],
            "has 5 x 6 pixels (slow x fast), the configuration has",
        ),
        (["show", "b.img", "--set", "beam.wavelength_A=2"], "give --config"),
        (["show", "b.img", "--window", "--out", "b.png"], "give one of them"),
        (["compare", "b.img", "b.img", "--tolerance", "x=1"], "--tolerance x=1: is none"),
        (["compare", "b.img", "stack.npy#1", "--json", "stack.npy"], "--json stack.npy: is also the name of another"),
        (["compare", "b.img", "small.npy"], "small.npy: has 5 x 6 pixels"),
        (["compare", "b.img", "b.img", "--json", "none/d.json"], "none"),
    ],
)
def test_faults_are_told(words: list[str], sentence: str, images: list[str], fails: Callable[[list[str]], str]) -> None:
    np.save("small.npy", np.ones((5, 6)))
    assert sentence in fails(words)
    assert not list(Path().glob("*.png"))
