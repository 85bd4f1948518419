"""Detectors for DIALS: what is read back is what was written."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from corners import corners_mm
from detectors import several
from hypothesis import given, settings
from hypothesis import strategies as st
from positions import rotation

from nbjax.errors import ArgumentError
from nbjax.io.experiments import read_experiment
from nbjax.io.experiments.dials_detector import groups, panels
from nbjax.io.experiments.dials_writing import detector_model, experiment_list
from nbjax.io.experiments.json_tree import Node


def written(*detector: Any) -> Node:
    return Node(json.loads(json.dumps(detector_model(*detector))), "a")


@settings(max_examples=50)
@given(st.integers(0, 1000))
def test_corners_come_back(seed: int) -> None:
    found = several(seed)
    model = written(found.panels, found.groups)
    for mine, theirs in zip(found.panels, panels(model), strict=True):
        np.testing.assert_allclose(corners_mm(theirs), corners_mm(mine), atol=1e-9)
    assert groups(model) == found.groups


def test_everything_comes_back(tmp_path: Path) -> None:
    found = several()
    (tmp_path / "a.expt").write_text(experiment_list(found))
    back = read_experiment(str(tmp_path / "a.expt"))
    assert back.beam.direction == pytest.approx(found.beam.direction)
    assert (back.beam.wavelength_A, back.beam.kahn_factor) == (found.beam.wavelength_A, pytest.approx(0.98))
    assert abs(back.beam.electric_axis @ found.beam.electric_axis) == pytest.approx(1)  # type: ignore[operator, union-attr]
    for mine, theirs in zip(found.panels, back.panels, strict=True):
        for name in ("name", "pixels", "pixel_mm", "thickness_mm", "attenuation_per_mm", "material", "gain"):
            assert getattr(theirs, name) == getattr(mine, name)
        assert theirs.saturation_counts == (mine.saturation_counts or 1e9)
        np.testing.assert_array_equal(theirs.bad, mine.bad)


def test_groups_stand_among_their_panels() -> None:
    found = several()
    tree = detector_model(found.panels, found.groups)["hierarchy"]
    arm, other, alone = tree["children"]
    pair = arm["children"][0]
    assert (arm["name"], pair["name"], other["name"], alone) == ("arm", "pair", "other", {"panel": 6})
    middles = [corners_mm(panel).mean(axis=0) for panel in found.panels]
    np.testing.assert_allclose(arm["origin"], np.mean([middles[i] for i in (0, 1, 2, 4)], axis=0))
    axes = np.array([arm["fast_axis"], arm["slow_axis"], np.cross(arm["fast_axis"], arm["slow_axis"])])
    inside = np.mean([middles[i] for i in (1, 4)], axis=0) - arm["origin"]
    np.testing.assert_allclose(pair["origin"], axes @ inside)
    json.dumps(tree)


def test_axes_that_are_off_by_digits_are_turned_about_the_middle() -> None:
    found = several()
    skewed = replace(
        found.panels[0],
        slow=rotation(np.cross(found.panels[0].fast, found.panels[0].slow), 1e-4) @ found.panels[0].slow,
    )
    (back,) = panels(written([skewed]))
    assert abs(back.fast @ back.slow) < 1e-15
    np.testing.assert_allclose(corners_mm(back).mean(axis=0), corners_mm(skewed).mean(axis=0), atol=1e-12)
    angle = np.radians(1e-4)
    limit_mm = 0.26 * angle * sum(count * edge for count, edge in zip(skewed.pixels, skewed.pixel_mm, strict=True))
    assert np.linalg.norm(corners_mm(back) - corners_mm(skewed), axis=1).max() < limit_mm
    with pytest.raises(ArgumentError, match=r"panel 'p0' has axes at a cosine of .*; DIALS has right angles only"):
        detector_model([replace(skewed, slow=skewed.slow + 0.01 * skewed.fast)])


def test_what_is_missing() -> None:
    with pytest.raises(ArgumentError, match="made lacks panels, beam or wavelength"):
        experiment_list(replace(several(), panels=(), groups=()))
