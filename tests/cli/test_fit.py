from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import h5py
import jax
import numpy as np
import pytest
from problems import PIXELS, config, image, toy_photons, truth

from nbjax.cli import main
from nbjax.config.edit import with_values
from nbjax.config.load import load_config
from nbjax.config.write import config_toml
from nbjax.fit import fitting
from nbjax.physics.noise import poisson_counts
from nbjax.pipeline.image import simulate
from nbjax.preparation import prepare

FIT = """config = "start.toml"
system = "orthorhombic"
[data]
files = ["shot.npy"]
[parameters."crystal.misset_deg"]
[parameters.scale]
transform = "log"
[[stages]]
name = "sharp"
"""
Fails = Callable[[list[str]], str]


@pytest.fixture(autouse=True)
def _case() -> None:
    np.save("shot.npy", image())
    Path("start.toml").write_text(config_toml(config(misset_deg=(10.02, 19.98, 30.02))))
    Path("FIT.toml").write_text(FIT)


def test_the_best_of_several_tries_is_kept(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("nbjax.fit.equations.simulate_pixels", toy_photons)
    # a size of its own: programs are kept for other fits of equal structure
    size = PIXELS - 4
    pixels = np.argwhere(np.ones((size, size)))
    mean = np.asarray(toy_photons(truth(), pixels)).reshape(size, size)
    np.save("shot.npy", np.random.default_rng(1).poisson(mean).astype(float))
    start = config(misset_deg=(10.02, 19.98, 30.02))
    smaller = with_values(start, {"detector.pixels_fast": size, "detector.pixels_slow": size})
    Path("start.toml").write_text(config_toml(smaller))
    tried = FIT.replace("[data]", "tries = 3\nseed = 5\n[data]").replace(
        '[parameters."crystal.misset_deg"]', '[parameters."crystal.misset_deg"]\nscatter = 0.05'
    )
    Path("FIT.toml").write_text(tried)
    assert main(["fit", "FIT.toml", "--out", "out"]) == 0
    assert "the best of 3 tries" in capsys.readouterr().out
    (shot,) = json.loads(Path("out/parameters.json").read_text())["shots"]
    assert (np.abs(np.subtract(shot["values"], [10.0, 20.0, 30.0, 1.0])) < 4 * np.array(shot["sigmas"])).all()


def test_a_fit_leaves_its_files_and_resumes_where_it_was_interrupted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", "FIT.toml", "--out", "out"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("converged: ")
    assert "crystal.misset_deg x" in printed
    assert sorted(path.name for path in Path("out").iterdir()) == [
        "fitted.toml",
        "parameters.h5",
        "parameters.json",
        "report.html",
    ]
    tree = json.loads(Path("out/parameters.json").read_text())
    (shot,) = tree["shots"]
    assert shot["outcome"] == "converged"
    off = np.subtract(shot["values"], [10.0, 20.0, 30.0, 1.0])
    assert (np.abs(off) < 4 * np.array(shot["sigmas"])).all()
    assert shot["at_bound"] == [False] * 4
    assert abs(shot["goodness"]["neighbours"]) < 0.1
    assert "of neighbouring residuals" in printed
    with h5py.File("out/parameters.h5") as file:
        assert file["neighbours"][0] == shot["goodness"]["neighbours"]
        assert file["values"][0].tolist() == shot["values"]
        assert [name.decode() for name in file["names"]][3] == "scale"
    fitted = load_config("out/fitted.toml")
    assert fitted.crystal.misset_deg == pytest.approx(shot["values"][:3])
    assert fitted.beam.fluence_photons_per_m2 == pytest.approx(4e28 * shot["values"][3])
    expected = np.asarray(simulate(prepare(fitted)))
    assert ((image() - expected) ** 2 / expected).mean() == pytest.approx(1.0, abs=0.1)
    page = Path("out/report.html").read_text()
    assert page.count("data:image/png;base64,") == 4
    assert "http" not in page.replace("http-equiv", "")

    record = fitting._record

    def interrupted(history: list, stage: int, step: int, *rest: object) -> None:
        record(history, stage, step, *rest)
        if step == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(fitting, "_record", interrupted)
    capsys.readouterr()
    assert main(["fit", "FIT.toml", "--out", "again"]) == 130
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("nbjax: interrupted; again/checkpoint.npz holds the last step")
    assert "with --resume" in last
    assert [path.name for path in Path("again").iterdir()] == ["checkpoint.npz"]
    monkeypatch.setattr(fitting, "_record", record)
    assert main(["fit", "FIT.toml", "--out", "again", "--resume"]) == 0
    resumed = json.loads(Path("again/parameters.json").read_text())["shots"][0]
    assert resumed["values"] == pytest.approx(shot["values"], rel=1e-9)
    assert [entry["step"] for entry in json.loads(Path("again/parameters.json").read_text())["history"]] == [
        entry["step"] for entry in tree["history"]
    ]
    assert not Path("again/checkpoint.npz").exists()


TWO = """config = "start.toml"
[data]
files = ["first.npy", "second.npy", "blank.npy"]
region = "boxes"
[loss]
kind = "poisson_gaussian"
[parameters."crystal.misset_deg"]
[parameters.scale]
transform = "log"
shared = true
[[stages]]
name = "scale alone"
parameters = ["scale"]
steps = 5
[[stages]]
name = "sharp"
"""


def test_two_shots_with_readout_noise_end_with_a_file_each_and_a_blank_one_is_a_row(
    capsys: pytest.CaptureFixture[str],
) -> None:
    noise = np.random.default_rng(3).normal(0, 1, (2, 64, 64))
    for name, seed in (("first", 0), ("second", 1)):
        shot = image(seed + 1) + noise[seed]
        assert (shot < 0).any()
        np.save(f"{name}.npy", shot)
    np.save("blank.npy", np.zeros((64, 64)))
    Path("FIT.toml").write_text(TWO)
    assert main(["fit", "FIT.toml", "--out", "out"]) == 1
    assert "shot 3 (blank.npy): unusable: is blank: all of its" in capsys.readouterr().out
    assert sorted(path.name for path in Path("out").iterdir()) == [
        "fitted_0001.toml",
        "fitted_0002.toml",
        "parameters.h5",
        "parameters.json",
        "report.html",
    ]
    tree = json.loads(Path("out/parameters.json").read_text())
    *shots, blank = tree["shots"]
    assert (blank["outcome"], blank["goodness"], blank["loss"], blank["pixels"]) == ("unusable", None, None, 0)
    for shot in shots:
        assert (np.abs(np.subtract(shot["values"], [1.0, 10.0, 20.0, 30.0])) < 5 * np.array(shot["sigmas"])).all()
    page = Path("out/report.html").read_text()
    assert page.count('<td class="text">a further step promises') == 2
    assert page.count("data:image/png;base64,") == 5


def changed(old: str, new: str) -> list[str]:
    text = FIT.replace(old, new)
    assert text != FIT
    Path("FIT.toml").write_text(text)
    return ["fit", "FIT.toml", "--out", "out"]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('"crystal.misset_deg"', '"crystal.miset_deg"', "did you mean crystal.misset_deg?"),
        ('transform = "log"', "lower = 1.0", "parameters.scale: lower bound 1 excludes the start 1; move one of them"),
        ('transform = "log"', 'transform = "lgo"', "parameters.scale.transform: got 'lgo'; did you mean 'log'?"),
        (
            'transform = "log"',
            'path = "scale"',
            "parameters.scale.path: unknown key; the name of the table is the path",
        ),
        ('[parameters."crystal.misset_deg"]', '[parameters.""]', 'parameters."": got no name; name a parameter'),
        (
            '[parameters."crystal.misset_deg"]',
            "[parameters.crystal.misset_deg]",
            'parameters.crystal.misset_deg: quotes are missing; write [parameters."crystal.misset_deg"]',
        ),
        ("[[stages]]", "[[stages]]\nstep = 3", "stages[0].step: unknown key; did you mean steps?"),
        ("[[stages]]", "[[stages]]\nsteps = 0", "stages[0].steps: got 0, must be above zero"),
        ("[[stages]]", '[[stages]]\nparameters = ["crystal.cell"]', "is not among the free parameters"),
        ("shot.npy", "short.npy", "short.npy: cannot be read"),
        ('files = ["shot.npy"]', 'files = ["shot.npy"]\nmask_file = "mask.npy"', "mask.npy: leaves no pixel to use"),
        ('files = ["shot.npy"]', 'files = ["shot.npy"]\nimages = [1]', "shot.npy: has a single image, number 0"),
        ('files = ["shot.npy"]', 'files = ["small.npy"]', "has 10 x 64 pixels (slow x fast), the model has 64 x 64"),
        ('files = ["shot.npy"]', 'files = ["low.npy"]', "1 pixel is negative, the first at (slow, fast) = (3, 5)"),
        (
            'files = ["shot.npy"]',
            'files = ["zero.npy"]',
            "data, shot 1: is blank: all of its 4096 pixels hold 0; check",
        ),
        ("start.toml", "tophat.toml", "crystal.shape: got 'tophat', which has no gradient"),
        ('[data]\nfiles = ["shot.npy"]', "", "data: missing; give [data]"),
        ('config = "start.toml"', "configs = []", "configs: is empty; name the configurations where the fit starts"),
        ('config = "start.toml"', 'config = "start.toml"\nconfigs = ["start.toml"]', "config: stands beside configs"),
        ('files = ["shot.npy"]', "files = []", "data.files: is empty; name the measured images"),
        ('files = ["shot.npy"]', 'files = ["shot.npy"]\nimages = []', "data.images: is empty; give numbers of images"),
        ('files = ["shot.npy"]', 'files = ["shot.npy"]\nimages = [0, 0]', "data.images: names 0 more than once"),
        ("[data]", "tries = 0\n[data]", "tries: got 0, must be above zero"),
        ("[data]", "seed = -1\n[data]", "seed: got -1, must not be negative"),
        ("[[stages]]", "[[stages]]\nparameters = []", "stages[0]: leaves nothing free; name its parameters"),
        ("[[stages]]", '[[stages]]\nwithout = ["crystal.misset_deg", "scale"]', "stages[0]: leaves nothing free"),
        ("[data]", "set_aside = -1\n[data]", "set_aside: got -1, must be above zero"),
        ('files = ["shot.npy"]', 'files = ["shot.npy"]\nbox_most = 0', "data.box_most: got 0, must be above zero"),
        ('system = "orthorhombic"', 'system = "orthorombic"', "did you mean 'orthorhombic'?"),
    ],
)
def test_faulty_input_is_one_sentence(old: str, new: str, sentence: str, fails: Fails) -> None:
    np.save("mask.npy", np.zeros((64, 64)))
    np.save("small.npy", image()[:10])
    np.save("zero.npy", np.zeros((64, 64)))
    wrong = image().copy()
    wrong[3, 5] = -1.0
    np.save("low.npy", wrong)
    Path("tophat.toml").write_text(config_toml(config(shape="tophat")))
    message = fails(changed(old, new))
    assert sentence in message
    assert not Path("out").exists()


LISTED = """config = "start.toml"
[data]
files = ["listed.npy"]
[parameters."beam.source_weights"]
lower = 0.0
[parameters."beam.source_wavelengths_A"]
[parameters."crystal.spindle_axis"]
[parameters."crystal.size_b_mm"]
[[stages]]
name = "sharp"
"""


def test_a_spectrum_an_axis_and_a_size_are_recovered_and_written() -> None:
    def settings(spindle_axis: tuple[float, float, float], cells: tuple[float, float, float]) -> dict[str, object]:
        return {
            "beam.fluence_photons_per_m2": 4e30,
            "beam.source_file": "sources.txt",
            "crystal.spindle_axis": spindle_axis,
            "crystal.phi_start_deg": 20.0,
            "crystal.cells": cells,
            "detector.convention": "custom",
        }

    Path("sources.txt").write_text("-1 0 0 1 1.00e-10\n-1 1e-3 0 0.5 1.02e-10\n-1 0 1e-3 2 0.99e-10\n")
    truth = prepare(with_values(config(), settings((0.0, 0.0, 1.0), (6.0, 6.0, 6.0))))
    np.save("listed.npy", np.asarray(poisson_counts(simulate(truth), jax.random.key(1))))
    Path("sources.txt").write_text("-1 0 0 1 1.0002e-10\n-1 1e-3 0 0.7 1.0197e-10\n-1 0 1e-3 1.8 0.9901e-10\n")
    tilted = (np.sin(np.radians(0.05)), 0.0, np.cos(np.radians(0.05)))
    Path("start.toml").write_text(config_toml(with_values(config(), settings(tilted, (6.0, 6.3, 6.0)))))
    Path("FIT.toml").write_text(LISTED)
    assert main(["fit", "FIT.toml", "--out", "out"]) == 0
    tree = json.loads(Path("out/parameters.json").read_text())
    (shot,) = tree["shots"]
    names = [parameter["name"] for parameter in tree["parameters"]]
    wanted = dict(zip(names, [0.5, 2.0, 1.0, 1.02, 0.99, np.nan, np.nan, 6 * 47e-7], strict=True))
    known = [i for i, name in enumerate(names) if "axis" not in name]
    off = np.subtract(shot["values"], list(wanted.values()))[known] / np.array(shot["sigmas"])[known]
    assert np.abs(off).max() < 4
    again = prepare(load_config("out/fitted.toml"))
    axis = np.degrees(np.asarray(again.crystal.spindle.axis)[:2])
    assert np.abs(axis).max() < 4 * max(shot["sigmas"][5:7]) < 0.02
    assert np.asarray(again.beam.sources.weights)[1:] == pytest.approx(shot["values"][:2], rel=1e-14)
    expected = np.asarray(simulate(again))
    assert ((np.load("listed.npy") - expected) ** 2 / expected).mean() == pytest.approx(1.0, abs=0.1)
    assert sorted(path.name for path in Path("out").iterdir())[:2] == ["fitted.toml", "fitted_sources.txt"]


def test_nothing_to_resume(fails: Fails) -> None:
    assert "there is nothing to resume" in fails(["fit", "FIT.toml", "--out", "out", "--resume"])
