"""Stills of a stream: their crystals, images and detectors, and which spots are of which crystal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from nbjax.errors import FileError
from nbjax.io.experiments.crystfel_stills import read_stream_stills
from nbjax.io.experiments.dials_list import Change, with_changes
from nbjax.io.experiments.dials_list import read_stills as read_list
from nbjax.io.experiments.dials_refl import INDEXED
from nbjax.io.experiments.dials_writing import still_list
from nbjax.io.experiments.json_tree import Node

ENERGY_EV, WAVELENGTH_A, CLEN_MM, EDGE_MM = 12398.419843320026, 1.0, 80.0, 0.2
SIZE, SHIFT_MM = 150, (0.1, -0.05)
CORNERS = {"a": (-160.0, -75.0), "b": (10.0, -75.0)}
FIRST_SS = {"a": 0, "b": 150}
GEOMETRY = (
    "clen = /LCLS/clen\nres = 5000\nadu_per_photon = 2\nmin_fs = 0\nmax_fs = 149\nfs = +1.0x\nss = +1.0y\n"
    + "".join(
        f"{name}/min_ss = {FIRST_SS[name]}\n{name}/max_ss = {FIRST_SS[name] + 149}\n"
        f"{name}/corner_x = {x}\n{name}/corner_y = {y}\n"
        for name, (x, y) in CORNERS.items()
    )
)
PLAIN = np.diag([40.0, 50.0, 60.0])
DIRECT = [
    PLAIN @ Rotation.from_euler("xyz", angles, degrees=True).as_matrix().T for angles in ((20, 30, 40), (70, 5, 9))
]


def spots_of(direct: np.ndarray, clen_mm: float = CLEN_MM) -> list[tuple[tuple[int, ...], str, float, float]]:
    """Indices of reflections near the sphere, and their panels and places in the array of the file."""
    hkl = np.stack(np.meshgrid(*[np.arange(-15, 16)] * 3, indexing="ij"), -1).reshape(-1, 3)
    wave = np.array([0, 0, 1 / WAVELENGTH_A]) + hkl @ np.linalg.inv(direct).T
    near = (np.abs(np.linalg.norm(wave, axis=1) * WAVELENGTH_A - 1) < 3e-4) & hkl.any(1)
    found = []
    for index, (x, y, z) in zip(hkl[near].tolist(), wave[near], strict=True):
        for name, corner in CORNERS.items():
            fast, slow = ((clen_mm * each / z - shift) / EDGE_MM for each, shift in zip((x, y), SHIFT_MM, strict=True))
            fast, slow = fast - corner[0], slow - corner[1]
            if 0 <= fast < SIZE and 0 <= slow < SIZE:
                found.append((tuple(index), name, fast, slow + FIRST_SS[name]))
    return found


def peaks(spots: Sequence[tuple[Any, str, float, float]]) -> str:
    rows = "".join(f"{fast:.3f} {slow:.3f} 3.5 900.0 {name}\n" for _, name, fast, slow in spots)
    return f"Peaks from peak search\n  fs/px   ss/px (1/d)/nm^-1   Intensity  Panel\n{rows}End of peak list\n"


def crystal(direct: np.ndarray, more: str = "", lattice: str = "orthorhombic", axis: str = "*") -> str:
    rows = (
        f"{a}star = {' '.join(f'{10 * x:.9f}' for x in row)} nm^-1\n"
        for a, row in zip("abc", np.linalg.inv(direct).T, strict=True)
    )
    return (
        f"--- Begin crystal\n{''.join(rows)}lattice_type = {lattice}\ncentering = C\nunique_axis = {axis}\n"
        f"predict_refine/det_shift x = {SHIFT_MM[0]} y = {SHIFT_MM[1]} mm\n{more}--- End crystal\n"
    )


def reflections(spots: Sequence[tuple[tuple[int, ...], str, float, float]], intensity: float = 100.0) -> str:
    rows = "".join(
        f"{' '.join(map(str, hkl))} {intensity} 10.0 0.0 0.0 {fast:.3f} {slow:.3f} {name}\n"
        for hkl, name, fast, slow in spots
    )
    head = "   h    k    l          I   sigma(I)       peak background  fs/px  ss/px panel\n"
    return f"Reflections measured after indexing\n{head}{rows}End of reflections\n"


def chunk(content: str, event: str = "//", file: str = "run/x.h5", clen_mm: float = CLEN_MM) -> str:
    return (
        f"----- Begin chunk -----\nImage filename: {file}\nEvent: {event}\nImage serial number: 5\n"
        f"photon_energy_eV = {ENERGY_EV}\naverage_camera_length = {clen_mm / 1000} m\n{content}----- End chunk -----\n"
    )


def stream(folder: Path, *chunks: str, geometry: str = GEOMETRY) -> str:
    text = f"CrystFEL stream format 2.3\n----- Begin geometry file -----\n{geometry}----- End geometry file -----\n"
    (folder / "a.stream").write_text(text + "".join(chunks))
    return str(folder / "a.stream")


def test_each_spot_is_of_the_crystal_that_explains_it(tmp_path: Path) -> None:
    own = [spots_of(direct) for direct in DIRECT]
    assert min(map(len, own)) > 10
    stray = (None, "b", 20.3, 160.7)
    both = [*own[0], *own[1], stray]
    found, table = read_stream_stills(
        stream(tmp_path, chunk(""), chunk(peaks(both) + "".join(map(crystal, DIRECT)), "//3"))
    )
    assert [bool(still.fault) for still in found] == [True, False, False]
    assert [(still.image, still.index) for still in found[1:]] == [("run/x.h5", 3)] * 2
    for still, direct, spots in zip(found[1:], DIRECT, own, strict=True):
        np.testing.assert_allclose(still.experiment.crystal.direct_A, direct, rtol=1e-6, atol=1e-6)
        assert still.space_group == "C 2 2"
        assert still.shift_mm == (*SHIFT_MM, 0.0)
        rows = table.at("id") == still.number
        assert (table.at("flags")[rows] == INDEXED).all()
        told = dict(zip(map(tuple, table.at("miller_index")[rows].tolist()), np.flatnonzero(rows), strict=True))
        common = [spot for spot in spots if spot[0] in told]
        assert len(common) > 0.9 * len(spots)
        for hkl, name, fast, slow in common:
            np.testing.assert_allclose(
                table.at("xyzobs.px.value")[told[hkl]], (fast, slow - FIRST_SS[name], 0.5), atol=1e-3
            )
            assert "ab"[table.at("panel")[told[hkl]]] == name
    assert (table.at("id") == -1).sum() + (table.at("id") >= 0).sum() == len(both)
    (left,) = np.flatnonzero(np.abs(table.at("xyzobs.px.value")[:, 0] - 20.3) < 1e-3)
    assert table.at("id")[left] == -1
    assert table.at("imageset_id")[left] == 1


def test_spots_are_of_predicted_reflections_or_stand_for_them(tmp_path: Path) -> None:
    spots = spots_of(DIRECT[0])
    found, table = read_stream_stills(
        stream(tmp_path, chunk(peaks(spots) + crystal(DIRECT[0], reflections(spots[:6]))))
    )
    assert sorted(map(tuple, table.at("miller_index")[table.at("id") == 0].tolist())) == sorted(s[0] for s in spots[:6])
    more = reflections(spots[:6]).replace("100.0 10.0", "9.0 10.0", 2)
    _, table = read_stream_stills(stream(tmp_path, chunk(crystal(DIRECT[0], more))))
    assert list(map(tuple, table.at("miller_index").tolist())) == [spot[0] for spot in spots[2:6]]
    assert found[0].experiment.panels[0].gain == 2


def test_distances_of_images_are_shifts_of_one_detector(tmp_path: Path) -> None:
    chunks = [chunk(peaks(spots_of(DIRECT[0], mm)) + crystal(DIRECT[0]), clen_mm=mm) for mm in (CLEN_MM, CLEN_MM + 1.5)]
    found, table = read_stream_stills(stream(tmp_path, *chunks))
    assert found[0].experiment.panels is found[1].experiment.panels
    assert [still.shift_mm[2] for still in found] == pytest.approx([0.0, 1.5])
    count = [(table.at("id") == number).sum() for number in (0, 1)]
    assert count[1] > 0.8 * count[0] > 8
    made = with_changes(Node(still_list(found), "a"), {1: Change(PLAIN, shift_mm=(0.0, 0.0, 0.25))})
    (tmp_path / "b.expt").write_text(made)
    (written,) = read_list(tmp_path / "b.expt")
    assert written.experiment.panels[1].origin_mm[2] == pytest.approx(CLEN_MM + 1.5 + 0.25)
    assert written.experiment.panels[1].origin_mm[0] == pytest.approx(CORNERS["b"][0] * EDGE_MM + SHIFT_MM[0])
    assert (written.image, written.space_group) == ("run/x.h5", "C 2 2")


@pytest.mark.parametrize(
    ("lattice", "axis", "hall"),
    [("tetragonal", "c", "C 4"), ("tetragonal", "a", "P 1"), ("monoclinic", "b", "C 2y"), ("hexagonal", "c", "C 3")],
)
def test_a_lattice_has_its_lowest_group(tmp_path: Path, lattice: str, axis: str, hall: str) -> None:
    found, _ = read_stream_stills(stream(tmp_path, chunk(crystal(DIRECT[0], lattice=lattice, axis=axis))))
    assert found[0].space_group == hall


def test_events_name_data_sets_and_images(tmp_path: Path) -> None:
    events = ("shot7//4", "//", "shot7//1/2", "a/b//1")
    path = stream(
        tmp_path, *(chunk(crystal(DIRECT[0]), event) for event in events), geometry="data = /runs/%/data\n" + GEOMETRY
    )
    found, _ = read_stream_stills(path)
    assert [(still.dataset, still.index) for still in found[:2]] == [("/runs/shot7/data", 4), (None, 0)]
    assert "has more numbers than one" in found[2].fault
    assert "names no place in the data sets" in found[3].fault


@pytest.mark.parametrize(
    ("chunks", "geometry", "given", "words"),
    [
        ([chunk("")], GEOMETRY, None, "a.stream: has no crystal"),
        ([chunk(crystal(PLAIN))], "", None, "a.stream: has no geometry; give that of its run with --geometry"),
        ([chunk(crystal(PLAIN))], GEOMETRY, GEOMETRY.replace("149", "99"), "b.geom: panel a has other pixels than the"),
        (
            [chunk(crystal(PLAIN))],
            GEOMETRY,
            GEOMETRY.replace("b/", "c/"),
            "b.geom: has other panels than the geometry in",
        ),
        (
            [chunk(peaks([(None, "q", 1.0, 2.0)]) + crystal(PLAIN))],
            "",
            GEOMETRY,
            "line 12: is on panel q, which .*b.geom has not",
        ),
        (
            [chunk(peaks([(None, "a", np.nan, 2.0)]).replace("nan", "x") + crystal(PLAIN))],
            GEOMETRY,
            None,
            "begins a list",
        ),
        ([chunk(crystal(-PLAIN))], GEOMETRY, None, "no crystal that can be used; the first one: .*left-handed"),
    ],
)
def test_what_does_not_fit_is_told(
    tmp_path: Path, chunks: list[str], geometry: str, given: str | None, words: str
) -> None:
    path = stream(tmp_path, *chunks, geometry=geometry)
    if given is not None:
        (tmp_path / "b.geom").write_text(given)
    with pytest.raises(FileError, match=words):
        read_stream_stills(path, None if given is None else str(tmp_path / "b.geom"))
