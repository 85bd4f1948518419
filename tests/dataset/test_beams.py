"""Every image of a dataset has a spectrum of its own, and every crystal a place in the beam."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from datasets import recipe

from nbjax.dataset.batch import Batch
from nbjax.dataset.check import check_draws
from nbjax.dataset.header import Header
from nbjax.dataset.images import Simulator
from nbjax.dataset.load import Recipe
from nbjax.dataset.plan import Plan
from nbjax.dataset.run import Share
from nbjax.dataset.section import Draw
from nbjax.errors import ConfigError
from nbjax.io.spectra import open_spectra

WAVES = np.array([0.89, 0.9, 0.92])
WEIGHTS = np.array([[1.0, 2.0, 1.0], [0.0, 1.0, 3.0]])
SASE = {"bandwidth_percent": 0.5, "spectrum_shape": "sase", "spike_width_percent": 0.1, "channels": 8}


@pytest.fixture
def shots(tmp_path: Path) -> str:
    with h5py.File(tmp_path / "shots.h5", "w") as handle:
        group = handle.create_group("entry/instrument/beam")
        group["incident_wavelength"] = WAVES
        group["incident_wavelength_weights"] = WEIGHTS
    return str(tmp_path / "shots.h5")


def by_file(shots: str, draws: tuple[Draw, ...] = (), **beam: object) -> Recipe:
    return recipe({"beam": {"wavelength_A": None, "spectrum_file": shots, **beam}}, draws=draws)


def test_an_image_has_the_shot_of_its_number(shots: str) -> None:
    simulator = Simulator(Plan(by_file(shots)))
    for image, weights in enumerate(WEIGHTS):
        beam = simulator.experiments(simulator.plan.image(image))[0].beam
        mean = float(weights @ WAVES / weights.sum())
        np.testing.assert_allclose(beam.sources.weights, weights / weights.sum(), rtol=1e-14)
        assert float(beam.wavelength_m) * 1e10 == pytest.approx(mean, rel=1e-14)
        assert simulator.plan.wavelength_A(image) == pytest.approx(mean, rel=1e-14)
    told = Header(simulator.plan).series(range(2)).wavelengths_A
    np.testing.assert_allclose(told, WEIGHTS @ WAVES / WEIGHTS.sum(1), rtol=1e-14)


def test_more_images_than_shots_are_refused_before_the_first(shots: str) -> None:
    simulator = Simulator(Plan(by_file(shots)))
    check_draws(simulator, 2)
    with pytest.raises(ConfigError, match=r"spectrum_file: .*shots\.h5 has 2 shots, image 2 has none; simulate fewer"):
        check_draws(simulator, 3)
    # one shot for all of them
    check_draws(Simulator(Plan(by_file(shots, spectrum_shot=1))), 3)


def test_an_offset_may_be_drawn_and_a_wavelength_may_not(shots: str) -> None:
    simulator = Simulator(Plan(by_file(shots, (Draw(("beam.spectrum_offset_eV",), "normal", mean=0.0, sigma=5.0),))))
    check_draws(simulator, 2)
    assert simulator.plan.wavelengths_differ
    with pytest.raises(ConfigError, match=r"beam\.wavelength_A does not move the spectrum .* draw beam\.spectrum_off"):
        Plan(by_file(shots, (Draw(("beam.wavelength_A",), "normal", mean=1.0, sigma=0.1),)))


def test_spikes_differ_from_image_to_image_and_not_from_run_to_run() -> None:
    one, again = (Simulator(Plan(recipe({"beam": SASE}))) for _ in range(2))
    weights = [np.asarray(one.experiments(one.plan.image(i))[0].beam.sources.weights) for i in (0, 1, 2)]
    repeated = [np.asarray(again.experiments(again.plan.image(i))[0].beam.sources.weights) for i in (2, 0)]
    np.testing.assert_array_equal(repeated, [weights[2], weights[0]])
    assert np.abs(weights[0] - weights[1]).max() > 0.01
    assert not one.plan.wavelengths_differ
    kept = Simulator(Plan(recipe({"beam": {**SASE, "spectrum_seed": 5}})))
    weights = [np.asarray(kept.experiments(kept.plan.image(i))[0].beam.sources.weights) for i in (0, 1)]
    np.testing.assert_array_equal(*weights)


def test_the_width_of_a_spectrum_may_be_drawn() -> None:
    draw = Draw(("beam.bandwidth_percent",), "uniform", low=0.5, high=2.0)
    simulator = Simulator(Plan(recipe({"beam": {"bandwidth_percent": 1.0, "channels": 5}}, draws=(draw,))))
    check_draws(simulator, 3)
    widths = [float(simulator.experiments(simulator.plan.image(i))[0].beam.sources.band) for i in range(3)]
    drawn = [simulator.plan.image(i).drawn["beam.bandwidth_percent"] for i in range(3)]
    np.testing.assert_allclose(widths, np.array(drawn) / 100, rtol=1e-14)


def test_every_crystal_has_its_place_in_the_beam() -> None:
    draws = tuple(Draw((f"crystal.offset_mm.{axis}",), "normal", mean=0.0, sigma=0.002) for axis in range(2))
    beam = {"profile": "gaussian", "beamsize_mm": 0.01}
    simulator = Simulator(Plan(recipe({"beam": beam}, draws=draws, lattices=2)))
    check_draws(simulator, 2)
    planned = simulator.plan.image(0)
    for lattice, experiment in enumerate(simulator.experiments(planned)):
        drawn = [planned.drawn[f"crystal.offset_mm.{axis}"][lattice] for axis in range(2)]
        np.testing.assert_allclose(np.asarray(experiment.crystal.offset_m) * 1000, drawn, rtol=1e-14)
    with pytest.raises(ConfigError, match=r"crystal\.offset_mm\.2, wants crystal\.offset_mm\.0 or \.1"):
        Plan(recipe({"beam": beam}, draws=(Draw(("crystal.offset_mm.2",), "uniform", low=0.0, high=1.0),)))
    told = Header(simulator.plan).instrument
    assert (told.profile, told.beamsize_m) == ("Gaussian", 1e-5)
    assert told.area_m2 == pytest.approx(1e-10 * np.pi / (4 * np.log(2)))


def test_the_spectra_of_a_dataset_read_back_as_those_of_shots(tmp_path: Path) -> None:
    draws = tuple(Draw((f"crystal.offset_mm.{axis}",), "normal", mean=0.0, sigma=0.002) for axis in range(2))
    beam = {**SASE, "divergence_vertical_mrad": 0.5, "profile": "gaussian", "beamsize_mm": 0.01}
    made = recipe({"beam": beam}, draws=draws, also=("nxmx",))
    batch = Batch(made, Share(tmp_path, "small", 4, 3), 1)
    master = batch.run()
    simulator = Simulator(batch.plan)
    for path, shots in ((master, 4), (tmp_path / "small_000001.h5", 3), (tmp_path / "small_0000002.nxs", 1)):
        spectra = open_spectra(path)
        assert spectra.shots == shots
    sources = [simulator.experiments(batch.plan.image(image))[0].beam.sources for image in range(4)]
    for image, own in enumerate(sources):
        found = open_spectra(master).of_shot(image)
        # of the two directions each has the same spectrum
        np.testing.assert_allclose(found.weights, np.asarray(own.weights)[:8], rtol=1e-12)
        np.testing.assert_allclose(found.wavelengths_A, 0.9 * (1 + np.asarray(own.wavelength)[:8]), rtol=1e-12)
    np.testing.assert_array_equal(
        open_spectra(tmp_path / "small_0000002.nxs").of_shot(0).weights, open_spectra(master).of_shot(1).weights
    )
    with h5py.File(master) as file:
        truth = file["entry/truth"]
        offsets = np.stack([truth[f"drawn.crystal.offset_mm.{axis}"][()] for axis in range(2)], -1)
        shares = 0.5 ** (4 * (offsets**2).sum(-1) / 0.01**2)
        np.testing.assert_allclose(truth["beam_share"][()], shares, rtol=1e-12)
