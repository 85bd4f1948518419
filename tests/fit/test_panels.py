"""Fits of several panels find what of them is displaced, and tell pixels by panel."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from panel_stills import PIXEL_MM, SHAPE, SHEETS, write_config

from nbjax import prepare, simulate
from nbjax.errors import ConfigError
from nbjax.experiment import Experiment, shown_pixels
from nbjax.fit import Free, Stage, boxes, fit
from nbjax.fit.goodness import goodness_of
from nbjax.fit.groups import groups_of, kind_for
from nbjax.fit.losses import Poisson
from nbjax.fit.observation import observe, unusable
from nbjax.fit.parameter_set import parameter_set, spelt_out
from nbjax.fit.problem import problem
from nbjax.fit.result import weaknesses
from nbjax.geometry.detector import place_detector
from nbjax.parameters import parameters_of
from nbjax.physics.noise import poisson_counts

NAMES = ("left", "right", "upper")
FREES = [Free("panels[*].shift_mm"), Free("panels[1].rotation_deg"), Free("crystal.misset_deg")]


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    with jax.enable_x64(True):
        return prepare(write_config(tmp_path_factory.mktemp("fit")))


def moved(experiment: Experiment, changes: dict[str, Any]) -> Experiment:
    table = parameters_of(experiment)
    for path, value in changes.items():
        experiment = table[path].set(experiment, table[path].get(experiment) + jnp.asarray(value))
    return experiment


def displacement_px(found: Experiment, truth: Experiment, number: int) -> float:
    """The farthest that a corner of a panel is off, across the beam."""
    panels = [place_detector(e.detector, e.beam.direction) for e in (found, truth)]
    off = []
    for fast, slow in np.ndindex(2, 2):
        along_m = np.multiply((fast, slow), SHEETS[number].pixels) * PIXEL_MM / 1000
        at = [p.origin_m[number] + along_m[0] * p.fast[number] + along_m[1] * p.slow[number] for p in panels]
        off.append(np.linalg.norm((at[0] - at[1])[:2]) * 1000 / PIXEL_MM)
    return max(off)


DISPLACED = {"panels[right].shift_mm": (0.2 * PIXEL_MM, 0.0, 0.0), "panels[right].rotation_deg": (0.0, 0.0, 0.05)}
ALL = {
    "panels[left].shift_mm": (0.03, -0.02, 0.05),
    "panels[right].shift_mm": (-0.02, 0.04, 0.0),
    "panels[upper].shift_mm": (0.01, 0.02, -0.05),
    "crystal.misset_deg": (0.05, -0.05, 0.05),
}


def test_displaced_panels_are_found_from_spots(start: Experiment) -> None:
    truths = [moved(start, changes) for changes in (DISPLACED, ALL)]
    assert displacement_px(start, truths[0], 1) > 0.2
    images = [np.asarray(poisson_counts(simulate(truth), jax.random.key(2))) for truth in truths]
    one = Stage(parameters=tuple(DISPLACED), name="one panel")
    (first,) = fit([start], images[:1], FREES, (one, Stage(name="all")), background="none").experiments
    assert displacement_px(first, truths[0], 1) < 0.01
    assert displacement_px(first, truths[0], 0) < 0.01
    result = fit([start], images[1:], FREES, (Stage(name="all"),), background="none")
    assert result.converged
    assert max(displacement_px(result.experiments[0], truths[1], number) for number in range(3)) < 0.02
    misset = [result.value(f"crystal.misset_deg {axis}") for axis in "xyz"]
    np.testing.assert_allclose(misset, (10.05, 19.95, 30.05), atol=0.006)


@pytest.mark.parametrize(
    ("free", "said"),
    [
        (
            ["groups[pair].shift_mm", "panels[*].shift_mm"],
            "groups[pair].shift_mm: moves the same as panels[left].shift_mm, panels[right].shift_mm together; leave it",
        ),
        (
            ["detector.distance_mm", "detector.origin_shift_mm"],
            "distance_mm: moves the same as detector.origin_shift_mm",
        ),
        (
            ["detector.origin_shift_mm", "groups[pair].shift_mm", "panels[upper].shift_mm"],
            "origin_shift_mm: moves the same as groups[pair].shift_mm, panels[upper].shift_mm together",
        ),
        (
            ["detector.rotation_z_deg", "panels[*].shift_mm", "panels[*].rotation_deg"],
            "moves the same as panels[left].shift_mm, panels[left].rotation_deg, panels[right].shift_mm and 3 more",
        ),
        (["panels[*].shift_mm", "panels[0].shift_mm"], "panels[left].shift_mm: is named twice"),
        (["panels[far].shift_mm"], "the panels of this detector are left, right, upper"),
    ],
)
def test_what_moves_the_same_is_refused(start: Experiment, free: list[str], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parameter_set(spelt_out([Free(path) for path in free], start), [start])
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("free", "shared"),
    [
        (["groups[pair].shift_mm", "panels[left].shift_mm"], ()),
        (["groups[pair].rotation_deg", "panels[*].rotation_deg", "detector.rotation_z_deg"], ()),
        # the beam may wander from shot to shot
        (["detector.origin_shift_mm", "panels[*].shift_mm"], ("panels[*].shift_mm",)),
    ],
)
def test_what_does_not_move_the_same_is_taken(start: Experiment, free: list[str], shared: tuple[str, ...]) -> None:
    frees = spelt_out([Free(path, shared=path in shared) for path in free], start)
    assert len(parameter_set(frees, [start] * 2).names) >= 6


def test_stages_name_panels_by_number_and_all_of_them(start: Experiment) -> None:
    image = np.asarray(simulate(start))
    stages = [Stage(parameters=("panels[*].shift_mm",)), Stage(without=("panels[0].shift_mm", "crystal.misset_deg"))]
    posed = problem([start], [image], FREES, stages, background="none")
    names = np.array(posed.parameters.own_names)
    first, second = (names[np.asarray(posed.focus(stage).own)].tolist() for stage in posed.stages)
    assert first == [f"panels[{name}].shift_mm {axis}" for name in NAMES for axis in "xyz"]
    assert {name.partition(" ")[0] for name in second} == {
        "panels[right].shift_mm",
        "panels[upper].shift_mm",
        "panels[right].rotation_deg",
    }
    with pytest.raises(ConfigError, match="not among the free parameters"):
        problem([start], [image], FREES, [Stage(parameters=("panels[2].rotation_deg",))], background="none")


def test_many_columns_are_taken_of_fewer_pixels_at_once(start: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbjax.fit.problem._COLUMNS", 1)
    posed = problem([start], [np.asarray(simulate(start))], FREES, [Stage()], background="none")
    shots, chunks, pixels = posed.shots.observation.data.shape
    assert pixels <= 8192 // 15 < chunks * pixels
    assert posed.shots.observation.used() == shown_pixels(start).sum()
    assert shots == 1


def test_an_experiment_of_32_bit_pairs_is_fitted_in_64(start: Experiment, tmp_path: Path) -> None:
    single = prepare(replace(write_config(tmp_path), precision="single"))
    (found,) = problem([single], [np.asarray(simulate(start))], FREES, [Stage()], background="none").experiments
    assert (single.precision, found.precision, found.low) == ("single", "double", None)
    np.testing.assert_allclose(found.detector.panels.near_point_m, start.detector.panels.near_point_m, rtol=1e-13)


def test_a_direction_in_which_many_panels_move_is_named() -> None:
    names = tuple(f"panels[{number}].shift_mm x" for number in range(30))
    even = np.full(30, 30**-0.5)
    (sentence,) = weaknesses(np.eye(30) + 1e6 * np.outer(even, even), names, ("mm",) * 30)
    assert sentence.count("panels[") == 8
    assert "and 22 more at once" in sentence


def test_backgrounds_and_boxes_keep_to_their_panels(start: Experiment) -> None:
    shown = shown_pixels(start)
    found = boxes(start, 2, 3.0, most=12) & shown
    assert 25 < found.sum() <= 12 * 25
    # a box at the same place of two panels that follow each other is two
    mask = np.zeros(SHAPE, bool)
    mask[:2, 3:12, 3:12] = True
    tiles = groups_of(mask, "plane", start, 4, 8192)
    assert sorted(len(pixels) for pixels in tiles.pixels) == [81, 81]
    assert [set(pixels[:, 0]) for pixels in tiles.pixels] == [{0}, {1}]
    image = np.arange(float(mask.size)).reshape(SHAPE)
    seen = observe([image], [tiles], "plane", 3, chunk=100)
    at = np.asarray(seen.pixels).reshape(-1, 3)[np.asarray(seen.weight).reshape(-1) > 0]
    assert {tuple(pixel) for pixel in at} == {tuple(pixel) for pixel in np.argwhere(mask)}
    assert kind_for("auto", [shown], ["scale"], True, int(shown.sum())) == "radial"


def test_a_radial_background_is_one_function_over_all_panels(start: Experiment) -> None:
    shown = shown_pixels(start)
    groups = groups_of(shown, "radial", start, 8, 500)
    at, place = np.concatenate(groups.pixels), np.concatenate(groups.places)
    panels = jax.tree.map(np.asarray, place_detector(start.detector, start.beam.direction))
    i, slow, fast = at.T
    points = (
        panels.origin_m[i]
        + (fast + 0.5)[:, None] * PIXEL_MM / 1000 * panels.fast[i]
        + (slow + 0.5)[:, None] * PIXEL_MM / 1000 * panels.slow[i]
    )
    away = points / np.linalg.norm(points, axis=1, keepdims=True) - np.asarray(start.beam.direction)
    q = np.linalg.norm(away, axis=1)
    np.testing.assert_allclose(place[:, 0], (q - q.min()) / np.ptp(q) * 5, atol=1e-9)


def test_residuals_are_compared_and_told_by_panel() -> None:
    pixels = np.argwhere(np.ones((3, 8, 9), bool))
    # panels that are alike, pixel by pixel, with noise that has no neighbours
    noise = np.random.default_rng(1).normal(size=(1, 8, 9)).repeat(3, axis=0)
    data = np.round(100 + 10 * noise.reshape(-1))
    data[(pixels == (2, 3, 4)).all(axis=1)] = 900.0
    found = goodness_of(Poisson(), data, np.full(len(data), 100.0), pixels, 0, panels=NAMES)
    worst = found.worst[0]
    assert (worst.panel, worst.slow, worst.fast, worst.data) == ("upper", 3, 4, 900.0)
    assert "at (slow, fast) = (3, 4) of panel upper" in found.sentence
    assert not found.structured
    image = np.ones((3, 8, 9))
    image[1, 2, 5] = -3.0
    said = unusable(image, np.ones(image.shape, bool), 0.0, NAMES)
    assert said is not None
    assert said.startswith("1 pixel is negative, the first at (slow, fast) = (2, 5) of panel right; mask them")
