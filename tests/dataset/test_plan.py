"""What an image shows follows from the seed and its number alone."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from datasets import full_recipe, recipe, rotation_recipe
from scipy import stats
from scipy.spatial.transform import Rotation

from nbjax.config.tree import Background
from nbjax.dataset.distributions import support
from nbjax.dataset.draws import draw_number, draw_rotation, uniforms
from nbjax.dataset.load import Recipe
from nbjax.dataset.plan import Plan
from nbjax.dataset.recorder import Recorder, plain_recording
from nbjax.dataset.section import Draw
from nbjax.errors import ConfigError, FileError
from nbjax.experiment import stack
from nbjax.geometry.unit_cell import standard_direct
from nbjax.preparation import prepare_resolved
from nbjax.resolve import resolve
from nbjax.sampling.sources import SourceSpread
from nbjax.sampling.spectra import FULL_WIDTHS


class _Cut:
    """The part of a distribution between two numbers."""

    def __init__(self, whole: Any, low: float, high: float):
        self.whole, self.low, self.high = whole, low, high

    def cdf(self, x: np.ndarray) -> np.ndarray:
        below, above = self.whole.cdf(self.low), self.whole.cdf(self.high)
        return np.asarray((self.whole.cdf(x) - below) / (above - below))


DISTRIBUTIONS = {
    "normal": (Draw(("beam.wavelength_A",), "normal", mean=2.0, sigma=0.5), stats.norm(2.0, 0.5)),
    "uniform": (Draw(("beam.wavelength_A",), "uniform", low=-1.0, high=3.0), stats.uniform(-1.0, 4.0)),
    "cut normal": (
        Draw(("beam.wavelength_A",), "normal", mean=2.0, sigma=0.5, low=1.5, high=2.2),
        stats.truncnorm(-1.0, 0.4, 2.0, 0.5),
    ),
    "tail": (
        Draw(("beam.wavelength_A",), "normal", mean=0.0, sigma=1.0, low=9.0),
        stats.truncnorm(9.0, math.inf),
    ),
    "cut lognormal": (
        Draw(("beam.wavelength_A",), "lognormal", median=1.0, sigma=0.5, low=0.5, high=1.5),
        _Cut(stats.lognorm(0.5), 0.5, 1.5),
    ),
    "lognormal": (Draw(("beam.wavelength_A",), "lognormal", median=3.0, sigma=0.4), stats.lognorm(0.4, scale=3.0)),
}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_draws_follow_their_distribution(name: str) -> None:
    draw, distribution = DISTRIBUTIONS[name]
    numbers = [draw_number(draw, 1, image, 0) for image in range(2000)]
    assert stats.kstest(numbers, distribution.cdf).pvalue > 1e-3


def test_choices_have_their_weights() -> None:
    draw = Draw(("beam.wavelength_A",), "categorical", values=(1.0, 2.0, 3.0), weights=(1.0, 0.0, 3.0))
    numbers = np.array([draw_number(draw, 1, image, 0) for image in range(2000)])
    assert stats.binomtest(int((numbers == 1.0).sum()), 2000, 0.25).pvalue > 1e-3
    assert set(numbers) == {1.0, 3.0} == set(support(draw))


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_no_draw_is_outside_the_support(name: str) -> None:
    draw, _ = DISTRIBUTIONS[name]
    low, high = support(draw)
    assert low < high
    assert all(low <= draw_number(draw, 1, image, 0) <= high for image in range(200))
    assert low >= (-math.inf if draw.low is None else draw.low)


def test_random_numbers_depend_on_everything_that_they_are_for() -> None:
    base = (1, 5, 0, "name")
    others = [(2, 5, 0, "name"), (1, 6, 0, "name"), (1, 5, 1, "name"), (1, 5, 0, "other")]
    assert uniforms(*base, 3).tolist() == uniforms(*base, 3).tolist()
    assert len({float(uniforms(*key, 1)[0]) for key in [base, *others]}) == 5
    # known bits, so that a later version or another machine is caught
    assert uniforms(*base, 1)[0] == pytest.approx(KNOWN, abs=0)


KNOWN = 0.08290914278548184


def test_orientations_are_uniform() -> None:
    turned = np.array([draw_rotation(3, image, 0) @ [0.0, 0.0, 1.0] for image in range(2000)])
    # each component of a point on the sphere is uniform between -1 and 1 (Archimedes)
    for component in turned.T:
        assert stats.kstest(component, stats.uniform(-1, 2).cdf).pvalue > 1e-3
    angles = [Rotation.from_matrix(draw_rotation(3, image, 0)).magnitude() for image in range(2000)]
    assert stats.kstest(angles, lambda x: (x - np.sin(x)) / math.pi).pvalue > 1e-3


def test_noise_of_two_images_differs() -> None:
    recorder = Recorder(plain_recording(True, "uint32"), 1, np.ones(1000, bool))
    first, again, second = (recorder.pixels(np.full(1000, 5.0), image) for image in (0, 0, 1))
    assert (first == again).all()
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.15


def test_an_image_is_a_function_of_seed_and_number() -> None:
    plan = Plan(full_recipe())
    backwards = {number: plan.image(number) for number in reversed(range(4))}
    again = Plan(full_recipe())
    assert [again.image(number) for number in range(4)] == [backwards[number] for number in range(4)]
    assert Plan(full_recipe(seed=2)).image(0) != again.image(0)


def test_a_further_draw_leaves_the_others_alone() -> None:
    more = Draw(("beam.fluence_photons_per_m2",), "normal", mean=1.0, sigma=0.1, relative=True)
    old, new = full_recipe(), full_recipe(draws=(more, *full_recipe().dataset.draws))
    drawn = Plan(new).image(3).drawn
    assert {key: drawn[key] for key in Plan(old).image(3).drawn} == Plan(old).image(3).drawn


def test_lattices_share_beam_and_detector_only() -> None:
    image = Plan(full_recipe()).image(2)
    one, two = image.lattices
    assert (one.beam, one.detector) == (two.beam, two.detector)
    assert one.crystal.misset_deg != two.crystal.misset_deg
    spreads = image.drawn["crystal.mosaic_spread_deg"]
    assert isinstance(spreads, tuple)
    assert spreads[0] != spreads[1]
    assert image.drawn["beam.wavelength_A"] == pytest.approx(one.beam.wavelength_A, abs=0)
    assert one.crystal.cells is not None
    assert len(set(one.crystal.cells)) == 1


def test_a_rotation_series_samples_the_middle_of_each_step() -> None:
    plan = Plan(rotation_recipe())
    crystals = [plan.image(number).lattices[0].crystal for number in range(3)]
    assert [crystal.phi_start_deg for crystal in crystals] == pytest.approx([10.125, 10.625, 11.125])
    assert [plan.start_deg(number) for number in range(3)] == pytest.approx([10.0, 10.5, 11.0])
    assert len({crystal.misset_deg for crystal in crystals}) == 1


def test_matrices_give_cell_and_orientation(tmp_path: Path) -> None:
    direct = np.asarray(standard_direct(np.array([30.0, 40.0, 50.0]), np.radians([80.0, 95.0, 100.0])))
    rotations = Rotation.random(3, rng=1).as_matrix()
    matrices = [np.linalg.inv(direct @ rotation.T) for rotation in rotations]
    np.savetxt(tmp_path / "a.txt", [matrix.ravel() for matrix in matrices])
    plan = Plan(recipe(matrices_file=str(tmp_path / "a.txt")))
    for number, rotation in enumerate(rotations):
        crystal = plan.image(number).lattices[0].crystal
        assert crystal.cell_A == pytest.approx((30, 40, 50))
        assert crystal.cell_deg == pytest.approx((80, 95, 100))
        assert crystal.misset_deg is not None
        found = Rotation.from_euler("xyz", crystal.misset_deg, degrees=True).as_matrix()
        np.testing.assert_allclose(found, rotation, atol=1e-12)
    with pytest.raises(FileError, match="has 3 matrices, at least 4 are needed; simulate fewer images"):
        plan.image(3)


def test_columns_go_to_their_images(tmp_path: Path) -> None:
    (tmp_path / "jitter.txt").write_text("# wavelength distance\n1.0 100\n1.1 101\n")
    draws = (Draw(("detector.distance_mm",), "column", file=str(tmp_path / "jitter.txt"), column=1),)
    plan = Plan(recipe(draws=draws))
    assert [plan.image(number).lattices[0].detector.distance_mm for number in (1, 0)] == [101.0, 100.0]
    with pytest.raises(FileError, match=r"jitter\.txt: has 2 lines, image 2 has none; simulate fewer images"):
        plan.image(2)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("1 2\n3\n", "needs equally many finite numbers on every line"),
        ("1 nan\n", "needs equally many finite numbers"),
        ("", "needs equally many finite numbers"),
        ("1\n", "has 1 columns, column 1"),
    ],
)
def test_faulty_columns_are_named(tmp_path: Path, content: str, problem: str) -> None:
    (tmp_path / "c.txt").write_text(content)
    draws = (Draw(("detector.distance_mm",), "column", file=str(tmp_path / "c.txt"), column=1),)
    with pytest.raises(FileError, match=problem):
        Plan(recipe(draws=draws)).image(0)


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("sampling.oversample", r"sampling\.oversample cannot be drawn; choose from detector"),
        ("crystal.cell_A", r"got crystal\.cell_A, wants crystal\.cell_A\.0, \.1 or \.2"),
        ("crystal.cell_A.3", r"got crystal\.cell_A\.3, wants"),
        ("beam.wavelength_A.0", r"got beam\.wavelength_A\.0, wants beam\.wavelength_A$"),
    ],
)
def test_keys_that_cannot_be_drawn_are_named(key: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        Plan(recipe(draws=(Draw((key,), "uniform", low=1.0, high=2.0),)))


def test_what_can_be_fitted_can_be_drawn() -> None:
    draws = (
        Draw(("detector.pixel_mm",), "uniform", low=0.2, high=0.3),
        Draw(("detector.origin_shift_mm.2",), "normal", mean=0.0, sigma=0.1),
    )
    plan = Plan(recipe(draws=draws))
    images = [plan.image(number).lattices[0] for number in range(2)]
    assert images[0].detector.pixel_mm != images[1].detector.pixel_mm
    assert [config.detector.pixels_fast for config in images] == [plan.resolved.detector.pixels_fast] * 2
    with jax.enable_x64(True):
        base, *others = (prepare_resolved(resolve(config)) for config in (plan.base, *images))
    for config, experiment in zip(images, others, strict=True):
        assert float(experiment.panel.pixel_size_m) == pytest.approx(1e-3 * (config.detector.pixel_mm or 0.0))
        assert experiment.grid == base.grid


def test_a_drawn_number_replaces_what_would_contradict_it() -> None:
    base = recipe(draws=(Draw(("beam.energy_eV",), "uniform", low=9000.0, high=9100.0),))
    beam = Plan(base).image(0).lattices[0].beam
    assert beam.wavelength_A is None
    assert 9000 < (beam.energy_eV or 0) < 9100


def test_widths_are_drawn_on_domains_that_stay() -> None:
    draws = (
        Draw(("crystal.mosaicity_deg",), "categorical", values=(0.0, 0.2)),
        Draw(("crystal.cell_spread_percent",), "uniform", low=0.1, high=0.3),
        Draw(("beam.divergence_sigma_mrad",), "uniform", low=0.2, high=0.4),
    )
    own = {"crystal": {"mosaic_spread_deg": None}, "sampling": {"mosaic_domains": None}}
    plan = Plan(recipe(own, draws=draws))
    images = [plan.image(number).lattices[0] for number in range(4)]
    assert {image.crystal.mosaicity_deg for image in images} == {0.0, 0.2}
    assert {image.sampling.mosaic_domains for image in images} == {10}
    with jax.enable_x64(True):
        experiments = [prepare_resolved(resolve(image)) for image in images]
    stack(experiments)
    for image, experiment in zip(images, experiments, strict=True):
        assert experiment.crystal.disorder is not None
        spread = 100 * float(experiment.crystal.disorder.cell_spread)
        assert spread == pytest.approx(image.crystal.cell_spread_percent, rel=1e-12)
        assert isinstance(experiment.beam.sources, SourceSpread)
        width = 1000 * float(experiment.beam.sources.vertical_rad)
        assert width == pytest.approx(FULL_WIDTHS * (image.beam.divergence_sigma_mrad or 0), rel=1e-12)


def test_a_width_is_drawn_relative_to_the_base_and_beside_another() -> None:
    base = {
        "crystal": {"mosaic_spread_deg": None, "mosaicity_deg": 0.2},
        "beam": {"divergence_sigma_mrad": 0.3},
    }
    draws = (
        Draw(("crystal.mosaicity_axes_deg.1",), "uniform", low=2.0, high=3.0, relative=True),
        Draw(("beam.divergence_vertical_mrad",), "uniform", low=2.0, high=3.0, relative=True),
    )
    config = Plan(recipe(base, draws=draws)).image(0).lattices[0]
    x, y, z = config.crystal.mosaicity_axes_deg or (0.0, 0.0, 0.0)
    assert (x, z) == (0.2, 0.2)
    assert 0.4 < y < 0.6
    horizontal, vertical = config.beam.divergence_horizontal_mrad, config.beam.divergence_vertical_mrad
    assert horizontal == pytest.approx(FULL_WIDTHS * 0.3)
    assert 2 * FULL_WIDTHS * 0.3 < (vertical or 0) < 3 * FULL_WIDTHS * 0.3
    resolve(config)
    nothing = (Draw(("beam.bandwidth_percent",), "uniform", low=0.5, high=2.0, relative=True),)
    with pytest.raises(ConfigError, match=r"beam\.bandwidth_percent is relative to what is not given"):
        Plan(recipe(draws=nothing)).image(0)


def test_a_series_may_turn_backwards() -> None:
    plan = Plan(rotation_recipe(width_deg=-0.5))
    crystals = [plan.image(number).lattices[0].crystal for number in range(3)]
    assert [crystal.phi_start_deg for crystal in crystals] == pytest.approx([9.875, 9.375, 8.875])
    assert [plan.start_deg(number) for number in range(3)] == pytest.approx([10.0, 9.5, 9.0])
    assert crystals[0].phi_range_deg == -0.5


def test_left_handed_matrices_are_refused(tmp_path: Path) -> None:
    np.savetxt(tmp_path / "a.txt", [np.diag([0.02, 0.02, -0.02]).ravel()])
    with pytest.raises(FileError, match=r"a\.txt: matrix 0: its axes are left-handed"):
        Plan(recipe(matrices_file=str(tmp_path / "a.txt"))).image(0)


def test_every_crystal_has_domains_of_its_own() -> None:
    """But those of a rotation series are the same in every image, and a given seed is that of all."""
    seeds = [[one.crystal.mosaic_seed for one in Plan(full_recipe()).image(number).lattices] for number in range(3)]
    assert len({seed for image in seeds for seed in image}) == 6
    turning = Plan(rotation_recipe(lattices=2))
    first, second = ([one.crystal.mosaic_seed for one in turning.image(number).lattices] for number in (0, 5))
    assert first == second
    assert first[0] != first[1]
    given = Plan(recipe({"crystal": {"mosaic_seed": 7}}))
    assert [given.image(number).lattices[0].crystal.mosaic_seed for number in (0, 1)] == [7, 7]


def test_the_number_of_lattices_follows_its_weights() -> None:
    plan = Plan(recipe(lattices=2, lattice_weights=(1.0, 0.0, 3.0)))
    counts = np.array([plan.image(number).count for number in range(400)])
    assert set(counts) == {0, 2}
    assert stats.binomtest(int((counts == 0).sum()), 400, 0.25).pvalue > 1e-3


def test_a_series_without_steps_takes_those_of_its_crystal() -> None:
    series = rotation_recipe(phi_steps=None, width_deg=2.0)
    made = Plan(
        Recipe(replace(series.config, crystal=replace(series.config.crystal, cells=(80, 80, 80))), series.dataset)
    )
    steps = made.resolved.crystal.phi.count
    assert steps > 4
    assert made.image(0).lattices[0].sampling.phi_steps == steps
    assert made.image(1).lattices[0].crystal.phi_start_deg == pytest.approx(12.0 + 1.0 / steps)


def test_each_image_has_a_random_factor_of_its_backgrounds_and_draws_their_numbers() -> None:
    table = Background(material="air", thickness_mm=10.0, variation_percent=10.0)
    draws = (Draw(("background.1.thickness_mm",), "uniform", low=5.0, high=15.0),)
    described = recipe(draws=draws)
    config = replace(described.config, background=(table, replace(table, variation_seed=7)))
    plan = Plan(replace(described, config=config))
    first, second, again = (plan.image(number).lattices[0].background for number in (0, 1, 0))
    assert first == again
    assert first[0].variation_seed != second[0].variation_seed
    assert first[1].variation_seed == second[1].variation_seed == 7
    assert first[0].thickness_mm == 10.0
    assert first[1].thickness_mm != second[1].thickness_mm
    assert 5 <= first[1].thickness_mm <= 15


def test_a_draw_of_a_table_that_is_not_there_is_refused() -> None:
    draws = (Draw(("background.0.scale",), "uniform", low=0.5, high=1.5),)
    with pytest.raises(ConfigError, match=r"background.0.scale names no table of the configuration; write \[\[back"):
        Plan(recipe(draws=draws))
