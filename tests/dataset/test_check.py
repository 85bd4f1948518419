"""Draws are refused before the first image where they change nothing, or would end a run."""

from __future__ import annotations

import warnings
from pathlib import Path

import jax
import pytest
from datasets import full_recipe, recipe, written

from nbjax.dataset.batch import Batch, estimate
from nbjax.dataset.check import check_draws
from nbjax.dataset.images import Simulator
from nbjax.dataset.plan import Plan
from nbjax.dataset.run import Share
from nbjax.dataset.section import Draw
from nbjax.errors import ConfigError, FileError


def check(draw: Draw, images: int = 50, **sections: dict[str, object]) -> None:
    check_draws(Simulator(Plan(recipe(sections, draws=(draw,)))), images)


@pytest.mark.parametrize(
    ("convention", "key", "acts"),
    [
        ("xds", "detector.org_x_px", True),
        ("xds", "detector.beam_x_mm", False),
        ("xds", "detector.close_x_mm", False),
        ("mosflm", "detector.org_y_px", False),
        ("mosflm", "detector.beam_y_mm", True),
        ("xds", "beam.exposure_s", False),
        ("xds", "crystal.fudge", False),
        ("xds", "detector.attenuation_depth_um", False),
        ("xds", "crystal.cells.0", True),
        ("xds", "crystal.water_um", True),
        ("xds", "beam.polarization", True),
    ],
)
def test_a_draw_that_changes_nothing_is_refused_by_name(convention: str, key: str, acts: bool) -> None:
    draw = Draw((key,), "uniform", low=0.5, high=0.9)
    if acts:
        check(draw, detector={"convention": convention})
        return
    with pytest.raises(ConfigError, match=rf"dataset\.draws\.keys: {key} changes nothing in the images"):
        check(draw, detector={"convention": convention})


@pytest.mark.parametrize("key", ["crystal.mosaicity_deg", "crystal.cell_spread_percent", "beam.divergence_sigma_mrad"])
def test_a_draw_of_a_width_acts(key: str) -> None:
    beam = {"divergence_sigma_mrad": 0.1} if key.startswith("beam") else {}
    check(Draw((key,), "uniform", low=0.1, high=0.2), 3, crystal={"mosaic_spread_deg": None}, beam=beam)


def test_a_draw_that_another_replaces_is_refused() -> None:
    draws = (
        Draw(("beam.wavelength_A",), "uniform", low=1.0, high=1.1),
        Draw(("beam.energy_eV",), "uniform", low=12000.0, high=12100.0),
    )
    with pytest.raises(ConfigError, match=r"beam\.wavelength_A changes nothing"):
        check_draws(Simulator(Plan(recipe(draws=draws))), 1)


def test_every_kind_of_draw_acts() -> None:
    """And is checked in the precision of the images, so that none is warned of."""
    with warnings.catch_warnings(), jax.enable_x64(False):
        warnings.simplefilter("error")
        check_draws(Simulator(Plan(full_recipe())), 1000)


def test_an_impossible_number_of_any_image_is_found_before_the_first() -> None:
    draw = Draw(("crystal.mosaic_spread_deg",), "normal", mean=0.3, sigma=0.1)
    wanted = r"image 740: crystal\.mosaic_spread_deg: got -0\.0\d+, must not be negative; .*cut the distribution with"
    with pytest.raises(ConfigError, match=wanted):
        check(draw, 1000)


def test_cut_distributions_are_possible() -> None:
    check(Draw(("crystal.mosaic_spread_deg",), "normal", mean=0.1, sigma=0.1, low=0.01), 1000)


def test_numbers_that_are_impossible_together_are_found() -> None:
    draw = Draw(("crystal.cell_deg.0",), "categorical", values=(80.0, 170.0), weights=(0.8, 0.2))
    with pytest.raises(ConfigError, match=r"image \d+: crystal\.cell_deg"):
        check(draw, 40)


def test_short_columns_are_found(tmp_path: Path) -> None:
    (tmp_path / "c.txt").write_text("100\n101\n")
    draw = Draw(("detector.distance_mm",), "column", file=str(tmp_path / "c.txt"), column=0)
    check(draw, 2)
    with pytest.raises(FileError, match="has 2 lines, image 2 has none"):
        check(draw, 3)


def test_runs_and_estimates_check(tmp_path: Path) -> None:
    made = recipe(draws=(Draw(("crystal.cell_A.0",), "categorical", values=(20.0, -1.0), weights=(0.99, 0.01)),))
    with pytest.raises(ConfigError, match=r"image \d+: crystal\.cell_A\.0: got -1, must be above zero"):
        written(tmp_path / "run", made, images=1000)
    assert list((tmp_path / "run").iterdir()) == []
    with pytest.raises(ConfigError, match=r"crystal\.cell_A\.0: got -1"):
        estimate(Batch(made, Share(tmp_path, "x", 1000, 10), 1))
