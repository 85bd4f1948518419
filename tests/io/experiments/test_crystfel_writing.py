"""Geometries for CrystFEL: what is read back is what was written."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from corners import corners_mm
from detectors import several
from hypothesis import given, settings
from hypothesis import strategies as st
from written import write_expt

from nbjax.errors import ArgumentError
from nbjax.exchange.combination import in_frame
from nbjax.io.experiments import read_experiment
from nbjax.io.experiments.crystfel_geom import panels
from nbjax.io.experiments.crystfel_lines import parse
from nbjax.io.experiments.crystfel_writing import geometry_text
from nbjax.io.experiments.recorded import CRYSTFEL, RecordedExperiment, RecordedPlace


def again(folder: Path, found: RecordedExperiment) -> RecordedExperiment:
    (folder / "a.geom").write_text(geometry_text(found))
    return read_experiment(str(folder / "a.geom"))


@settings(max_examples=50)
@given(st.integers(0, 1000))
def test_corners_come_back(seed: int) -> None:
    found = several(seed)
    back = panels(parse("a", geometry_text(found).split("\n")), wavelength_A=None)
    for mine, theirs in zip(found.panels, back, strict=True):
        np.testing.assert_allclose(corners_mm(theirs), corners_mm(mine), atol=1e-9)


def test_everything_comes_back(tmp_path: Path) -> None:
    found = several()
    back = again(tmp_path, found)
    assert back.groups == found.groups
    assert back.remarks == ()
    assert back.beam.wavelength_A == pytest.approx(1.2345678912, rel=1e-11)
    rows = 0
    for mine, theirs in zip(found.panels, back.panels, strict=True):
        assert (theirs.name, theirs.pixels) == (mine.name, mine.pixels)
        np.testing.assert_array_equal(theirs.bad, mine.bad)
        assert theirs.gain == pytest.approx(mine.gain)
        assert theirs.saturation_counts == mine.saturation_counts
        # one slab of panels below each other
        assert theirs.place == RecordedPlace("/data/data", first=(0, rows))
        rows += mine.pixels[1]


def test_places_in_the_images_stay(tmp_path: Path) -> None:
    found = several()
    placed = [
        replace(panel, place=RecordedPlace("/x/y", ("%", i, "ss", "fs"), (3, 2 * i)))
        for i, panel in enumerate(found.panels)
    ]
    back = again(tmp_path, replace(found, panels=tuple(placed)))
    assert [panel.place for panel in back.panels] == [panel.place for panel in placed]
    np.testing.assert_array_equal(back.panels[4].bad, found.panels[4].bad)


def test_older_versions_find_the_groups_too(tmp_path: Path) -> None:
    text = re.sub(r"(?m)^group_.*\n", "", geometry_text(several()))
    (tmp_path / "a.geom").write_text(text)
    assert read_experiment(str(tmp_path / "a.geom")).groups == several().groups


def test_names_that_are_none(tmp_path: Path) -> None:
    found = several()
    names = ["a b", "a/b", "bad", "rigid_group", "", "all", "pair"]
    named = tuple(replace(panel, name=name) for panel, name in zip(found.panels, names, strict=True))
    groups = tuple(replace(group, name=name) for group, name in zip(found.groups, ("all", "pair", "x y"), strict=True))
    back = again(tmp_path, replace(found, panels=named, groups=groups))
    assert [panel.name for panel in back.panels] == ["a_b", "a_b_2", "p_bad", "p_rigid_group", "panel", "all_2", "pair"]
    assert [(group.name, group.panels) for group in back.groups] == [
        ("all_3", (0, 1, 2, 4)),
        ("pair_2", (1, 4)),
        ("x_y", (3, 5)),
    ]


def test_pixels_for_a_mask_are_left_out(tmp_path: Path) -> None:
    found = several()
    bad = np.indices((100, 100)).sum(0) % 2 == 0
    panel = replace(found.panels[0], pixels=(100, 100), bad=bad)
    text = geometry_text(replace(found, panels=(panel,), groups=()))
    assert "; 5000 bad pixels of p0 are no few rectangles and are left out; give a mask" in text
    assert "bad_p0" not in text


def test_other_laboratories(tmp_path: Path) -> None:
    found = read_experiment(f"{write_expt(tmp_path)}#1")
    with pytest.raises(ArgumentError, match=r"the beam runs along -0\.01 0\.02 -1, that of CrystFEL along 0 0 1; turn"):
        geometry_text(found)
    (theirs,) = again(tmp_path, in_frame(found, CRYSTFEL)).panels
    (mine,) = found.panels
    beam = found.beam.direction
    assert beam is not None
    # heights along the beam and lengths are the same in every laboratory
    np.testing.assert_allclose(corners_mm(theirs)[:, 2], corners_mm(mine) @ beam / np.linalg.norm(beam), atol=1e-9)
    np.testing.assert_allclose(
        corners_mm(theirs) @ corners_mm(theirs).T, corners_mm(mine) @ corners_mm(mine).T, rtol=1e-9
    )
    assert np.linalg.det(corners_mm(theirs)[:3]) == pytest.approx(np.linalg.det(corners_mm(mine)[:3]))
    # the spindle is turned onto x as near as it goes
    assert found.scan is not None
    turned = in_frame(found, CRYSTFEL).scan
    assert turned is not None
    assert abs(turned.axis[1]) < 1e-12


def test_no_panel() -> None:
    with pytest.raises(ArgumentError, match="made has no panel"):
        geometry_text(replace(several(), panels=(), groups=()))
