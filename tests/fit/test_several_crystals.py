"""Crystals that scatter into one image, or none, are fitted as one alone is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import h5py
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from problems import SHARP, config

from nbjax import Experiment, prepare, put, simulate, style
from nbjax.errors import ConfigError, FileError, StructureError
from nbjax.fit import Free, Stage, boxes, fit, write_result
from nbjax.fit.configuration import fitted_config
from nbjax.fit.limits import limits_of, spot_gap_deg, spot_width_px
from nbjax.fit.parameter_set import parameter_set
from nbjax.fit.problem import problem
from nbjax.parameters import alone, parameters_of
from nbjax.physics.noise import poisson_counts

MISSETS = ((10.0, 20.0, 30.0), (50.0, -35.0, 12.0))
OFF = np.array([0.15, -0.12, 0.18])
TURNS = (Free("crystals[0].misset_deg"), Free("crystals[1].misset_deg"))


def both(off_deg: np.ndarray | float = 0.0, pixels: int = 48) -> Experiment:
    """Two lattices in one volume of water, off to opposite sides."""
    first, second = (prepare(config(misset_deg=misset)) for misset in MISSETS)
    whole = replace(first, crystals=(*first.crystals, *second.crystals))
    whole = replace(whole, grid=replace(whole.grid, roi=(8, 8 + pixels, 8, 8 + pixels)))
    for number, sign in enumerate((1, -1)):
        place = f"crystals.{number}.cell.misset_rad"
        whole = put(whole, place, jnp.radians(jnp.asarray(MISSETS[number])) + sign * np.radians(off_deg))
    return whole


def test_two_crystals_that_overlap_are_recovered_within_their_standard_deviations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # pictures have a test of their own, and take longer than the fit
    monkeypatch.setattr(style, "rendered", lambda figure: b"")
    truth = both()
    spots = [np.asarray(simulate(replace(alone(truth, number), backgrounds=()))) for number in range(2)]
    assert ((spots[0] > 5) & (spots[1] > 5)).sum() > 100
    counts = np.asarray(poisson_counts(simulate(truth), jax.random.key(4)))
    result = fit([both(OFF)], [counts], TURNS, SHARP, background="none")
    (shot,) = result.shots
    assert result.converged, shot.reason
    assert result.names == tuple(f"crystals[{number}].misset_deg {axis}" for number in range(2) for axis in "xyz")
    pulls = (shot.values - np.concatenate(MISSETS)) / shot.sigmas
    assert (np.abs(pulls) < 4).all(), pulls
    assert (shot.sigmas < 0.003).all()
    assert shot.goodness is not None
    assert shot.goodness.reduced_deviance == pytest.approx(1, abs=0.1)
    with pytest.raises(StructureError, match="says 1 of the 2 crystals of the fitted experiment"):
        fitted_config(config(), result.experiments[0], ["crystals[0].misset_deg"])
    names = [path.name for path in write_result(tmp_path / "new", result, [counts], title="Two <lattices>")]
    assert sorted(names) == sorted(path.name for path in (tmp_path / "new").iterdir())
    tree = json.loads((tmp_path / "new" / "parameters.json").read_text())
    assert [parameter["name"] for parameter in tree["parameters"]] == list(result.names)
    assert tree["shots"][0]["values"] == shot.values.tolist()
    assert tree["loss"]["kind"] == "poisson"
    with h5py.File(tmp_path / "new" / "parameters.h5") as file:
        assert file["names"].asstr()[:].tolist() == list(result.names)
        np.testing.assert_array_equal(file["sigmas"][0], shot.sigmas)
    page = (tmp_path / "new" / "report.html").read_text()
    assert "Two &lt;lattices&gt;" in page
    assert all(name in page for name in result.names)
    (tmp_path / "file").touch()
    with pytest.raises(FileError, match="cannot be made a folder"):
        write_result(tmp_path / "file", result, [counts])


def test_the_water_of_an_image_without_crystals_is_fitted() -> None:
    truth = put(replace(both(), crystals=()), "backgrounds.0.size_m", jnp.asarray(1e-7))
    start = put(truth, "backgrounds.0.size_m", 1.3 * truth.backgrounds[0].size_m)
    counts = np.asarray(poisson_counts(simulate(truth), jax.random.key(2)))
    for free, wanted in ((Free("crystal.water_um"), 0.1), (Free("scale", transform="log"), 1 / 1.3**3)):
        result = fit([start], [counts], [free], SHARP)
        (shot,) = result.shots
        assert result.converged, shot.reason
        assert abs(shot.values[0] - wanted) < 4 * shot.sigmas[0]
        assert shot.background is None


def test_a_crystal_of_several_is_named() -> None:
    with pytest.raises(ConfigError, match=r"use crystals\[0\].misset_deg or crystals\[1\].misset_deg"):
        parameter_set([Free("crystal.misset_deg")], [both()])
    with pytest.raises(ConfigError, match=r"crystals\[1\].cell_A: moves the same as crystals\[1\].cell;"):
        parameter_set([Free("crystals[1].cell"), Free("crystals[1].cell_A")], [both()])
    assert parameter_set([Free("crystals[0].cell"), Free("crystals[1].cell_A")], [both()]).names[6] == (
        "crystals[1].cell_A a"
    )
    flat = replace(both(), crystals=(both().crystals[0], replace(both().crystals[1], shape="tophat")))
    with pytest.raises(ConfigError, match="tophat"):
        fit([flat], [np.ones((64, 64))], TURNS)


def test_a_stage_names_one_crystal_or_the_quantity_of_all() -> None:
    assert not Stage(without=("crystal.cells",)).moves("crystals[1].cells")
    assert Stage(parameters=("crystal.cells",)).moves("crystals[1].cells")
    assert Stage(parameters=("crystals[1].cells",)).moves("crystals[1].cells")
    assert not Stage(parameters=("crystals[0].cells",)).moves("crystals[1].cells")
    image = np.asarray(simulate(both()))
    posed = problem([both()], [image], TURNS, [Stage(parameters=("crystal.misset_deg",))])
    assert posed.focus(posed.stages[0]).own.tolist() == [True] * 6
    posed = problem([both()], [image], TURNS, [Stage(parameters=("crystals[1].misset_deg",))])
    assert posed.focus(posed.stages[0]).own.tolist() == [False] * 3 + [True] * 3
    with pytest.raises(ConfigError, match=r"crystal\.cells is not among the free parameters"):
        problem([both()], [image], TURNS, [Stage(parameters=("crystal.cells",))])


def test_limits_are_those_of_the_crystal() -> None:
    whole = put(both(), "crystals.1.cell.lengths_m", 2 * both().crystals[1].cell.lengths_m)
    gaps = [limits_of(parameters_of(whole)[f"crystals[{i}].mosaic_spread_deg"], whole)[0].upper for i in range(2)]
    assert gaps == [spot_gap_deg(alone(whole, i)) for i in range(2)]
    assert gaps[1] < 0.7 * gaps[0]
    assert spot_width_px(whole) == spot_width_px(alone(whole, 0)) > spot_width_px(alone(whole, 1))
    assert spot_width_px(replace(whole, crystals=())) == 0.0


def test_boxes_are_told_from_the_median_of_what_is_shown() -> None:
    water = replace(both(pixels=16), crystals=())
    assert not boxes(water, 3, 3.0).any()
    assert not boxes(replace(water, mask=jnp.zeros((64, 64))), 3, 3.0).any()
    assert boxes(both(), 3, 3.0).any()


def test_an_only_crystal_of_a_list_is_written_as_it_was_fitted() -> None:
    listed = replace(config(), crystals=(config().crystal,))
    place = parameters_of(prepare(listed))["crystal.misset_deg"]
    moved = place.set(prepare(listed), jnp.array([12.0, 21.0, 29.0]))
    fitted = fitted_config(listed, moved, ["crystal.misset_deg"])
    assert fitted.crystals == (fitted.crystal,)
    np.testing.assert_allclose(place.get(prepare(fitted)), [12.0, 21.0, 29.0])
