"""Several panels in one picture, and several crystals with sliders of their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from panel_files import PANELS, SHEETS, write_geometry

from nbjax.config.load import read_data
from nbjax.errors import FileError, UsageError
from nbjax.explore.changes import changed_config, changes_between, fitted_path
from nbjax.explore.ground import ground_of
from nbjax.explore.measured import read_measured
from nbjax.explore.model import Model
from nbjax.explore.overlay import outlines
from nbjax.explore.pixel import pixel_facts
from nbjax.explore.sliders import slider_values
from nbjax.plot import Marks, Wanted, layout_of, sheet_of
from nbjax.plot.spots import outline
from nbjax.resolve import resolve

CRYSTALS = {
    "beam": {"wavelength_A": 1.0},
    "crystal": {"cell_A": [40.0, 50.0, 60.0], "default_F": 100.0, "cells": [6, 6, 6], "mosaicity_deg": 0.1},
    "crystals": [{"misset_deg": [1.0, 2.0, 3.0], "twin_law": "h,-k,-l"}, {"cells": [5, 5, 5], "mosaicity_deg": 0.2}],
    "detector": {"distance_mm": 60.0, "pixel_mm": 2.0, "pixels_fast": 12, "pixels_slow": 10},
}


@pytest.fixture(scope="module")
def panels(tmp_path_factory: pytest.TempPathFactory) -> Model:
    folder = tmp_path_factory.mktemp("panels")
    (folder / "a.toml").write_text(PANELS.format(file=write_geometry(folder)))
    return Model(read_data(folder / "a.toml")[0])


def test_panels_lie_where_the_picture_of_show_has_them(panels: Model) -> None:
    layout = layout_of(panels.base)
    ground, sheet = ground_of(layout), sheet_of(np.zeros(layout.shape), layout)
    at = np.array([[0.0, 0.0], [3.5, 7.0]])
    for panel in range(len(SHEETS)):
        mm = ground.corner_mm + ground.place(panel, at) * ground.pixel_mm
        np.testing.assert_allclose(mm, sheet.place(panel, at), atol=1e-12)
    told = ground.described([each.name for each in SHEETS])
    assert [(one["name"], one["slow"], one["fast"]) for one in told["panels"]] == [
        (each.name, each.pixels[1], each.pixels[0]) for each in SHEETS
    ]


def test_sliders_of_a_file_move_all_its_panels(panels: Model) -> None:
    resolved, _ = panels.prepared(panels.base)
    values = slider_values(resolved)
    assert "detector.rotation_x_deg" not in values
    # the middles of three panels, of which one is tilted
    assert values["detector.distance_mm"] == pytest.approx([100.7], abs=0.1)
    moved = resolve(panels.config({"detector.distance_mm": "120", "detector.origin_shift_mm": "[3, 0, 0]"}))
    assert slider_values(moved)["detector.distance_mm"] == pytest.approx([120.0])
    shifts = ground_of(layout_of(moved.config)).corner_mm[0] - ground_of(layout_of(panels.base)).corner_mm[0]
    assert abs(shifts) == pytest.approx(3.0)


def test_a_pixel_of_a_panel_that_has_none_is_refused(panels: Model) -> None:
    for at in ([0, 10, 0], [2, 0, 8], [3, 0, 0], [-1, 0, 0], [0, 0]):
        with pytest.raises(UsageError, match=r"is outside of 3 x 12 x 12 pixels"):
            pixel_facts(panels, panels.base, at)


def test_measured_images_of_panels(panels: Model, tmp_path: Path) -> None:
    detector = panels.prepared(panels.base)[0].detector
    values = np.arange(3 * 12 * 12, dtype=float).reshape(3, 12, 12)
    np.save(tmp_path / "a.npy", values)
    found = read_measured(str(tmp_path / "a.npy"), detector, Wanted(unit="photons"))
    np.testing.assert_array_equal(found[1, :, :10], values[1, :, :10])
    assert np.isnan(found[1, :, 10:]).all()
    np.save(tmp_path / "b.npy", np.nan * values)
    with pytest.raises(FileError, match="has no pixel with a value"):
        read_measured(str(tmp_path / "b.npy"), detector, Wanted(unit="photons"))
    np.save(tmp_path / "b.npy", values[0])
    with pytest.raises(FileError, match=r"b\.npy"):
        read_measured(str(tmp_path / "b.npy"), detector, Wanted(unit="photons"))


def test_outlines_of_spots_turn_with_their_panel(panels: Model) -> None:
    layout = layout_of(panels.base)
    ground, sheet = ground_of(layout), sheet_of(np.zeros(layout.shape), layout)
    centre, covariance = np.array([[5.0, 6.0]]), np.array([[[4.0, 1.0], [1.0, 2.0]]])
    for panel in range(len(SHEETS)):
        marks = Marks(np.array([panel]), centre, covariance, ("1 2 3",), np.array([7.0]))
        ((x, y, long, short, turn, name, photons),) = outlines(ground, marks)
        assert (name, photons) == ("1 2 3", 7.0)
        angle = np.linspace(0, 2 * np.pi, 9)
        along, across = long * np.cos(angle), short * np.sin(angle)
        drawn = np.stack(
            [x + along * np.cos(turn) - across * np.sin(turn), y + along * np.sin(turn) + across * np.cos(turn)], -1
        )
        mm = ground.corner_mm + drawn * ground.pixel_mm
        # as near to the panel's own outline as its corners are to each other
        curve = sheet.place(panel, outline(centre[0], covariance[0]))
        assert np.linalg.norm(mm[:, None] - curve, axis=-1).min(axis=1).max() < 0.06 * sheet.pixel_mm[0] * 7


def test_each_crystal_has_its_sliders() -> None:
    resolved = resolve(changed_config(CRYSTALS, {}))
    values = slider_values(resolved)
    assert values["crystals.0.misset_deg"] == [1.0, 2.0, 3.0]
    # after the twin of the first
    assert values["crystals.1.cells"] == [5.0, 5.0, 5.0]
    assert values["crystals.1.mosaicity_deg"] == pytest.approx([0.2])
    assert not any(key.startswith("crystal.") for key in values)


def test_changes_of_one_crystal_leave_the_others() -> None:
    base = changed_config(CRYSTALS, {})
    changes = {"crystals.0.mosaicity_axes_deg": "[0.1, 0.2, 0.3]", "crystals.1.misset_deg": "[7, 8, 9]"}
    other = changed_config(CRYSTALS, changes)
    first, second = other.crystals
    # the key that said it in another way is that of all crystals
    assert (first.mosaicity_deg, first.mosaicity_axes_deg) == (None, (0.1, 0.2, 0.3))
    assert (second.mosaicity_deg, second.misset_deg, second.cells) == (0.2, (7.0, 8.0, 9.0), (5.0, 5.0, 5.0))
    assert first == other.crystal
    assert changed_config(CRYSTALS, changes_between(base, other)) == other


def test_an_only_crystal_of_a_list_moves() -> None:
    data = {**CRYSTALS, "crystals": CRYSTALS["crystals"][1:]}
    (key,) = [key for key in slider_values(resolve(changed_config(data, {}))) if key.endswith("misset_deg")]
    assert changed_config(data, {key: "[7, 8, 9]"}).crystal.misset_deg == (7.0, 8.0, 9.0)
    assert fitted_path(key, 1) == "crystal.misset_deg"
    assert fitted_path("crystals.1.misset_deg", 2) == "crystals[1].misset_deg"
