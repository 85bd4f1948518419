"""Every command that takes a configuration, with two crystals in it."""

from __future__ import annotations

import csv
from pathlib import Path

import h5py
import jax
import numpy as np
import pytest

import nbjax
from nbjax.cli import main
from nbjax.experiment import chosen
from nbjax.io.images.formats import read_images
from nbjax.resolve.notes import Notes
from nbjax.resolve.orientation import read_orientation

TWO = """
[beam]
wavelength_A = 1.2
fluence_photons_per_m2 = 1e27
[crystal]
cell_A = [50.0, 60.0, 70.0]
default_F = 100.0
cells = [6, 6, 7]
shape = "gauss"
[[crystals]]
misset_deg = [10.0, 20.0, 30.0]
[[crystals]]
misset_deg = [-50.0, 5.0, 12.0]
weight = 0.4
[detector]
distance_mm = 60.0
pixel_mm = 0.8
pixels_fast = 40
pixels_slow = 36
[sampling]
oversample = 1
"""
FIT = """
config = "two.toml"
[data]
files = ["shot.npy"]
[parameters."crystals[1].misset_deg"]
[[stages]]
steps = 2
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("two.toml").write_text(TWO)


def test_an_image_and_its_trace() -> None:
    assert main(["simulate", "two.toml", "--set", "output.float_file=both.h5"]) == 0
    (photons,) = read_images("both.h5")
    image = np.asarray(photons.stored)
    slow, fast = np.unravel_index(int(image.argmax()), image.shape)
    assert main(["trace", "two.toml", "--pixel", str(slow), str(fast), "--out", "pixel.json"]) == 0
    with jax.enable_x64(True):
        stages = nbjax.trace(nbjax.prepare(nbjax.load_config("two.toml")), [(int(slow), int(fast))])
    np.testing.assert_allclose(stages.I_pixel_photons, image.max(), rtol=1e-6)


def test_spots_name_their_crystal() -> None:
    for name in ("spots.csv", "spots.h5", "spots.png"):
        assert main(["predict", "two.toml", "--out", name]) == 0
    with open("spots.csv") as handle:
        rows = list(csv.DictReader(handle))
    with jax.enable_x64(True):
        experiment = nbjax.prepare(nbjax.load_config("two.toml"))
        alone = [nbjax.predict(chosen(experiment, crystals=[number])) for number in (0, 1)]
    for number, spots in enumerate(alone):
        own = [row for row in rows if int(row["crystal"]) == number]
        np.testing.assert_allclose([float(row["photons"]) for row in own], spots.photons, rtol=1e-6)
    with h5py.File("spots.h5") as file:
        np.testing.assert_array_equal(np.bincount(file["id"][()]), [len(spots) for spots in alone])
        assert len(file["s1"]) == len(rows) > 20


def test_an_exported_list_has_an_experiment_for_each() -> None:
    assert main(["export", "two.toml", "--out", "two.expt"]) == 0
    config = nbjax.load_config("two.toml")
    with jax.enable_x64(True):
        experiment = nbjax.prepare(config)
    for number, crystal in enumerate(experiment.crystals):
        read = nbjax.put(config, "crystals", ())
        read = nbjax.put(read, "crystal.orientation_file", f"two.expt#{number}")
        direct_A = read_orientation(read, 1.2, Notes({}))
        assert direct_A is not None
        turn = np.asarray(crystal.cell.misset @ crystal.cell.orientation)
        np.testing.assert_allclose(
            np.linalg.norm(direct_A, axis=1), 1e10 * np.asarray(crystal.cell.lengths_m), rtol=1e-9
        )
        np.testing.assert_allclose(direct_A / np.linalg.norm(direct_A, axis=1)[:, None], turn.T, atol=1e-9)


def test_a_fit_of_one_of_them_writes_both(capsys: pytest.CaptureFixture[str]) -> None:
    config = nbjax.load_config("two.toml")
    with jax.enable_x64(True):
        np.save("shot.npy", np.asarray(nbjax.simulate(nbjax.prepare(config))))
    Path("fit.toml").write_text(FIT)
    start = TWO.replace("misset_deg = [-50.0, 5.0, 12.0]", "misset_deg = [-49.97, 5.02, 12.0]")
    Path("two.toml").write_text(start)
    assert main(["fit", "fit.toml", "--out", "out", "--no-progress"]) in (0, 1)
    fitted = nbjax.load_config("out/fitted.toml")
    np.testing.assert_allclose(fitted.crystals[1].misset_deg, (-50, 5, 12), atol=2e-3)
    assert fitted.crystals[0].misset_deg == (10.0, 20.0, 30.0)
    assert [one.weight for one in fitted.crystals] == [None, 0.4]


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (["converge", "two.toml"], "crystals: got 2, one is wanted"),
        (["batch", "series.toml", "--out", "set", "--images", "2"], "crystals: a dataset draws its crystals"),
        (["fit", "twin.toml", "--out", "out"], "crystal.twin_law: a fitted twin has no configuration"),
    ],
)
def test_what_takes_no_several_says_so(command: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("series.toml").write_text(TWO + "[dataset]\nseed = 1\n")
    Path("twins.toml").write_text(TWO.replace("weight = 0.4", 'twin_law = "-h,-k,l"'))
    Path("twin.toml").write_text(FIT.replace("two.toml", "twins.toml"))
    np.save("shot.npy", np.random.default_rng(1).poisson(5.0, (36, 40)).astype(float))
    assert main(command) == 2
    assert sentence in capsys.readouterr().err
