"""Geometries of CrystFEL: every panel, group and bad pixel by what crystfel_geometry(5) defines, in NumPy."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from corners import corners_mm, spanned
from hypothesis import given, settings
from hypothesis import strategies as st
from written import stream

from nbjax.errors import FileError
from nbjax.io.experiments import read_experiment
from nbjax.io.experiments.crystfel_geom import panels
from nbjax.io.experiments.crystfel_lines import parse
from nbjax.io.experiments.recorded import RecordedExperiment

PHOTON_EV = 9500.0
FOUR = """; made by hand
photon_energy = 9.5 keV ; of all
adu_per_eV = 0.01
clen = 80.5 mm
coffset = 0.002
res = 5000
min_fs = 0
max_fs = 5
min_ss = 0
max_ss = 3
fs = x
ss = y
max_adu = 9000
corner_y = -7.5

a/corner_x = 3.25
b/corner_x = -9.0
b/fs = +0.8x -0.6y
b/ss = .6x + 0.8y
coffset = -0.001
res = 10000.0
adu_per_photon = 4
c/corner_x = 20
c/ss = -0.6z +0.8y
d/corner_x = -40
d/corner_y = 12
d/coffset = 0
d/min_fs = 6
d/max_fs = 13
"""
"""(corner_x, corner_y, z in m, res, fs, ss) of each."""
DEFINED = {
    "a": (3.25, -7.5, 0.0825, 5000, (1, 0, 0), (0, 1, 0)),
    "b": (-9.0, -7.5, 0.0825, 5000, (0.8, -0.6, 0), (0.6, 0.8, 0)),
    "c": (20, -7.5, 0.0795, 10000, (1, 0, 0), (0, 0.8, -0.6)),
    "d": (-40, 12, 0.0805, 10000, (1, 0, 0), (0, 1, 0)),
}
GROUPS = "rigid_group_q0 = a,b,c\nrigid_group_q1 = a, b\nrigid_group_collection_half = q1\n"


def read(folder: Path, content: str) -> RecordedExperiment:
    (folder / "a.geom").write_text(content)
    return read_experiment(str(folder / "a.geom"))


def refusal(folder: Path, content: str) -> str:
    with pytest.raises(FileError) as caught:
        read(folder, content)
    assert "\n" not in str(caught.value)
    return str(caught.value).replace(f"{folder}/", "")


def defined_mm(x: float, y: float, z_m: float, res: float, fs: object, ss: object, pixels: tuple) -> np.ndarray:
    """The four outer corners by the manual: corner, axes and pixels in units of 1/res, z in metres."""
    return 1000 * spanned([x / res, y / res, z_m], pixels[0] * np.array(fs) / res, pixels[1] * np.array(ss) / res)


def bad_of(found: RecordedExperiment) -> dict[str, list[tuple[int, int]]]:
    """(fs, ss) of the bad pixels of each panel that has any."""
    return {
        panel.name: [(int(fs), int(ss)) for ss, fs in np.argwhere(panel.bad)]
        for panel in found.panels
        if panel.bad is not None
    }


def test_corners(tmp_path: Path) -> None:
    found = read(tmp_path, FOUR)
    assert [panel.name for panel in found.panels] == list(DEFINED)
    for panel in found.panels:
        size = (8, 4) if panel.name == "d" else (6, 4)
        assert panel.pixels == size
        np.testing.assert_allclose(corners_mm(panel), defined_mm(*DEFINED[panel.name], size), atol=1e-12)
    assert found.remarks == ()


NUMBERS = st.floats(-2000, 2000).map(lambda value: round(value, 4))


@settings(max_examples=50)
@given(
    st.lists(st.tuples(NUMBERS, NUMBERS, st.floats(-0.5, 0.5), st.floats(500, 2e4)), min_size=1, max_size=4),
    st.floats(0, 2 * np.pi),
    st.floats(-1, 1),
)
def test_corners_of_any(drawn: list[tuple[float, float, float, float]], angle: float, tilt: float) -> None:
    fs = (np.cos(angle), np.sin(angle), 0.0)
    ss = (-np.sin(angle) * np.cos(tilt), np.cos(angle) * np.cos(tilt), np.sin(tilt))
    text = ["min_fs = 3", "max_fs = 9", "min_ss = 1", "max_ss = 2", "clen = 0.3"]
    text += [
        f"{name} = " + " ".join(f"{v:+.15f}{c}" for v, c in zip(axis, "xyz", strict=True))
        for name, axis in (("fs", fs), ("ss", ss))
    ]
    for i, (x, y, offset, res) in enumerate(drawn):
        text += [f"p{i}/corner_x = {x}", f"p{i}/corner_y = {y}", f"p{i}/coffset = {offset!r}", f"p{i}/res = {res!r}"]
    for panel, (x, y, offset, res) in zip(panels(parse("a", text)), drawn, strict=True):
        np.testing.assert_allclose(corners_mm(panel), defined_mm(x, y, 0.3 + offset, res, fs, ss, (7, 2)), atol=1e-9)


def test_gain_and_saturation(tmp_path: Path) -> None:
    found = read(tmp_path, FOUR)
    np.testing.assert_allclose([panel.gain for panel in found.panels], [95, 95, 4, 4])
    assert {panel.saturation_counts for panel in found.panels} == {9000}
    found = read(tmp_path, FOUR.replace("9.5 keV", "/LCLS/energy eV").replace("d/fs", "d/adu_per_eV = 1\nd/fs"))
    assert [panel.gain for panel in found.panels] == [None, None, 4, 4]
    assert found.beam.wavelength_A is None
    assert found.remarks == ("line 3: adu_per_eV is not taken, the photon energy is not told",)


def test_values_of_the_whole_detector_hold_wherever_they_are(tmp_path: Path) -> None:
    moved = FOUR.replace("clen = 80.5 mm\n", "").replace("photon_energy = 9.5 keV ; of all\n", "")
    moved += "clen = 0.0805\nphoton_energy = 9500\ndetector_shift_x = 1.5 mm\ndetector_shift_y = -0.002\n"
    for panel, before in zip(read(tmp_path, moved).panels, read(tmp_path, FOUR).panels, strict=True):
        np.testing.assert_allclose(panel.origin_mm, before.origin_mm + np.array([1.5, -2, 0]))
        assert panel.gain == before.gain
    # before 0.10 each panel could have its own
    found = read(tmp_path, FOUR + "d/clen = 0.5\n")
    assert [panel.origin_mm[2] for panel in found.panels] == pytest.approx([82.5, 82.5, 79.5, 500.0])


def test_rigid_groups(tmp_path: Path) -> None:
    found = read(tmp_path, FOUR.replace("a/corner_x", GROUPS + "a/corner_x") + "c/rigid_group = q1\n")
    # q0, the collection and q1 are the same three panels
    assert [(group.name, group.panels) for group in found.groups] == [("q0", (0, 1, 2))]
    found = read(tmp_path, FOUR + GROUPS + "rigid_group_one = d\nrigid_group_all = a,b,c,d\n")
    assert [(group.name, group.panels) for group in found.groups] == [("q0", (0, 1, 2)), ("q1", (0, 1))]
    assert found.remarks == ()


def test_groups_that_overlap(tmp_path: Path) -> None:
    found = read(tmp_path, FOUR + GROUPS + "rigid_group_x_y = d,c\n")
    assert [group.name for group in found.groups] == ["q0", "q1"]
    line = (FOUR + GROUPS).count("\n") + 1
    assert found.remarks == (
        f"line {line}: the group x_y shares some panels with a larger one and is not in it; it is left out",
    )


def test_the_hierarchy_goes_before_rigid_groups(tmp_path: Path) -> None:
    lines = "group_q1 = a,b\ngroup_q0 = q1,c\ngroup_all = q0,d\n"
    found = read(tmp_path, lines + FOUR + "rigid_group_z = c,d\n")
    assert [(group.name, group.panels) for group in found.groups] == [("q0", (0, 1, 2)), ("q1", (0, 1))]


def test_where_panels_are_in_the_images(tmp_path: Path) -> None:
    cube = np.arange(3 * 8 * 20).reshape(3, 8, 20)
    layout = "data = /e/data ;\ndim0 = %\ndim2 = ss\ndim3 = fs\nmin_fs = 2\nmin_ss = 1\n"
    text = FOUR.replace("a/corner_x", "a/dim1 = 2\na/corner_x").replace("b/corner_x", "b/dim1 = 0\nb/corner_x")
    text = text.replace("c/corner_x", "c/dim1 = 1\nc/corner_x").replace("d/corner_x", "d/dim1 = 1\nd/corner_x")
    text = text.replace("min_fs = 0\n", layout, 1).replace("min_ss = 0\n", "", 1)
    found = read(tmp_path, text)
    wanted = {"a": cube[2, 1:4, 2:6], "b": cube[0, 1:4, 2:6], "c": cube[1, 1:4, 2:6], "d": cube[1, 1:4, 6:14]}
    for panel in found.panels:
        assert panel.place is not None
        assert panel.place.dataset == "/e/data"
        np.testing.assert_array_equal(cube[panel.place.of_image(panel.pixels)], wanted[panel.name])
    slab = read(tmp_path, FOUR).panels[3]
    assert slab.place is not None
    np.testing.assert_array_equal(cube[0][slab.place.of_image(slab.pixels)], cube[0, :4, 6:14])


def test_bad_regions_in_the_data(tmp_path: Path) -> None:
    region = "bad_r/min_fs = 7\nbad_r/max_fs = 8\nbad_r/min_ss = 2\nbad_r/max_ss = 2\n"
    assert bad_of(read(tmp_path, FOUR + region + "bad_r/panel = d\n")) == {"d": [(1, 2), (2, 2)]}
    found = read(tmp_path, FOUR + region.replace("min_fs = 7", "min_fs = 5"))
    assert bad_of(found) == {name: [(5, 2)] for name in "abc"} | {"d": [(0, 2), (1, 2), (2, 2)]}
    line = FOUR.count("\n") + 4
    assert found.remarks == (
        f"line {line}: a bad region names no panel; it is taken for all panels that have its fs and ss",
    )
    found = read(tmp_path, FOUR + region + "bad_r/panel = a\n")
    assert bad_of(found) == {}
    assert found.remarks == (f"line {line + 1}: a bad region reaches beyond its panel, and is cut off there",)


def test_bad_regions_in_the_laboratory(tmp_path: Path) -> None:
    limits = (-8.1, 21.7, -9.6, -5.3)
    names = ("min_x", "max_x", "min_y", "max_y")
    lines = "".join(f"bad/{name} = {value}\n" for name, value in zip(names, limits, strict=True))
    wanted = {}
    for name, (x, y, _, _, fs, ss) in DEFINED.items():
        inside = [
            (i, j)
            for j in range(4)
            for i in range(8 if name == "d" else 6)
            if limits[0] < x + i * fs[0] + j * ss[0] < limits[1] and limits[2] < y + i * fs[1] + j * ss[1] < limits[3]
        ]
        wanted |= {name: inside} if inside else {}
    assert len(wanted) == 3
    assert bad_of(read(tmp_path, FOUR + lines)) == wanted
    found = read(tmp_path, FOUR + lines.replace("bad/max_y", "bad/max_q"))
    assert bad_of(found) == {}
    assert any("a bad region has no max_y, and marks no pixel" in remark for remark in found.remarks)


def test_bad_panels_and_edges(tmp_path: Path) -> None:
    found = read(tmp_path, FOUR + "b/no_index = True\nc/no_index = 0\nd/mask_edge_pixels = 1\na/mask_edge_pixels = 9\n")
    bad = bad_of(found)
    assert set(bad) == {"a", "b", "d"}
    assert len(bad["b"]) == len(bad["a"]) == 24
    assert set(bad["d"]) == {(i, j) for i in range(8) for j in range(4)} - {(i, j) for i in range(1, 7) for j in (1, 2)}


def test_masks(tmp_path: Path) -> None:
    stored = np.random.default_rng(3).integers(0, 8, (2, 4, 14))
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file["flat"], file["deep"] = stored[0], stored
    lines = (
        "dim0 = %\ndim1 = ss\ndim2 = fs\nmask_file = m.h5\nmask = /flat\nmask_good = 0x1\n"
        "mask3_file = m.h5\nmask3_data = deep\nmask3_badbits = 4\n"
    )
    found = read(tmp_path, lines + FOUR)
    bad = ((stored[0] & 1) == 0) | ((stored[0] & 4) == 4)
    for panel, first in zip(found.panels, (0, 0, 0, 6), strict=True):
        np.testing.assert_array_equal(panel.bad, bad[:, first : first + panel.pixels[0]])
    found = read(tmp_path, lines.replace("_file = m.h5", "_file = no.h5") + "mask5_data = /mask\n" + FOUR)
    assert bad_of(found) == {}
    assert found.remarks == (
        "line 4 and 1 more: the mask no.h5 is not there and is not taken",
        "line 10: the mask /mask is in the images and is not taken",
    )
    assert "line 2: the mask has 2 x 4 x 14 pixels, in which panel a has no place" in refusal(
        tmp_path, lines.replace("/flat", "/deep").replace("dim0 = %\ndim1 = ss\ndim2 = fs\n", "") + FOUR
    )
    assert "a.geom: line 5: " in refusal(tmp_path, lines.replace("/flat", "/none") + FOUR)
    assert "line 6: the goodbits '0xq' are no whole number" in refusal(tmp_path, lines.replace("0x1", "0xq") + FOUR)


def test_what_is_not_taken_is_said(tmp_path: Path) -> None:
    found = read(tmp_path, "n_panels = 4\nbandwidth = 0.01\n" + FOUR + "a/tilt = 1\nb/tilt = 2\nres = 4\n")
    line = FOUR.count("\n") + 3
    assert found.remarks == (
        "line 1: the key n_panels is not taken",
        "line 2: the key bandwidth is not taken",
        f"line {line} and 1 more: the key tilt is not taken",
        f"line {line + 2}: res comes after all panels and holds for none; move it before the first",
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a/min_fs 3", r"'a/min_fs 3' gives no key a value; write KEY = value"),
        ("rigid_group_q = a,e", "there is no panel 'e' in the file; correct the name"),
        ("rigid_group_q =", "the group has no members"),
        ("rigid_group_collection_q = w", "there is no rigid group 'w' in the file"),
        ("group_q = w", "there is no panel or group 'w' before it"),
        ("group_a = b", "there are two groups or panels of the name a"),
        ("bad_x/min_x = 1\nbad_x/min_fs = 2", "the bad region bad_x mixes fs and ss with x and y"),
        ("bad_x/panel = a", "the bad region bad_x has no limits"),
        ("bad_x/min_fs = 1\nbad_x/panel = e", "there is no panel 'e' for the bad region"),
        ("d/dim1 = %", "panel d has dim0 = ss, dim1 = %; give it all, with one ss and one fs after it"),
        ("d/dim0 = fs\nd/dim1 = ss", "panel d has dim0 = fs, dim1 = ss"),
        ("d/dim3 = 0", "panel d has dim0 = ss, dim1 = fs, dim3 = 0"),
        ("d/dim2 = q", "dim2: 'q' is no finite number"),
    ],
)
def test_faults_name_the_line(tmp_path: Path, line: str, message: str) -> None:
    number = FOUR.count("\n") + 1 + line.count("\n")
    refused = refusal(tmp_path, FOUR + line + "\n")
    assert f"line {number}: " in refused
    assert message in refused


def test_a_panel_without_end(tmp_path: Path) -> None:
    assert "panel d has 1000000 x 1000000 pixels; correct its limits" in refusal(
        tmp_path, FOUR + "d/min_fs = 0\nd/max_fs = 999999\nd/max_ss = 999999\n"
    )


def test_a_stream_has_all_of_its_geometry(tmp_path: Path) -> None:
    more = "  bad_edge/max_fs = 12\nbad_edge/panel = q\n\n"
    more += "0/corner_x = 9\n 0/corner_y = -9\nz/corner_x = 1\nz/corner_y = 1\n"
    more += "".join(
        f"{n}/{key} = {v}\n"
        for n in "0z"
        for key, v in (
            ("min_fs", 0),
            ("max_fs", 3),
            ("min_ss", 0),
            ("max_ss", 3),
            ("fs", "x"),
            ("ss", "y"),
            ("coffset", 0.001),
        )
    )
    text = stream().replace("----- End geometry", more + "rigid_group_r = 0,z\nadu_per_eV = 0.1\n----- End geometry")
    text = text.replace("rigid_group_a", "adu_per_eV = 0.001\nrigid_group_a")
    (tmp_path / "a").write_text(text)
    found = read_experiment(f"{tmp_path / 'a'}#3")
    assert [panel.name for panel in found.panels] == ["q", "0", "z"]
    assert [(group.name, group.panels) for group in found.groups] == [("r", (1, 2))]
    assert found.panels[0].bad is not None
    assert np.argwhere(found.panels[0].bad).tolist() == [[0, 0], [0, 1], [0, 2]]
    assert found.panels[1].gain == pytest.approx(11.2713)
    assert [panel.origin_mm[2] for panel in found.panels] == pytest.approx([71.0] * 3)
