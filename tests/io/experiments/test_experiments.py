"""Files of processing programs that are damaged, of another kind, or say what cannot be."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from written import DIRECT, expt, mosflm, stream, xds_inp, xparm

from nbjax.errors import FileError
from nbjax.exchange.importing import import_files
from nbjax.io.experiments import is_experiment, read_experiment, split_choice

CELL = "CrystFEL unit cell file version 1.0\na = 50 A\nb = 60 A\nc = 70 A\nal = 90 deg\nbe = 90 deg\nga = 90 deg\n"
GEOMETRY = (
    stream().split("-----\n")[1].replace("/LCLS/detector", "0.07 m").replace("----- End geometry file ", "")
    + "photon_energy = 9.7 keV\n"
)
PLAIN = "0.01 0.001 0\n0 0.02 0\n0 0.002 0.03\n"
PONI = (
    'poni_version: 2.1\nDetector: Detector\nDetector_config: {"pixel1": 1e-4, "pixel2": 1e-4, "max_shape": [30, 50], '
    '"orientation": 2}\nDistance: 0.1\nPoni1: 0.01\nPoni2: -0.02\nRot1: 0.1\nRot2: 0.0\nRot3: 0.2\nWavelength: 1e-10\n'
)
SEGMENTS = (
    "SEGMENT= 1 150 1 260\nSEGMENT_ORGX= 0.5\nDIRECTION_OF_SEGMENT_X-AXIS= 1 0.001 0\nUNTRUSTED_RECTANGLE= 3 9 2 8\n"
)
REGIONS = "group_g = q\nq/mask_edge_pixels = 2\nbad_r/min_x = -9\nbad_r/max_x = 9\nbad_r/min_y = -99\nbad_r/max_y = 9\n"
FILES = {
    "expt": (json.dumps(expt()), "#1"),
    "xparm 1": (xparm(1), ""),
    "xparm 3": (xparm(3), ""),
    "xds_inp": (xds_inp() + SEGMENTS, ""),
    "stream": (stream(), "#8.2"),
    "geom": (GEOMETRY + REGIONS, ""),
    "poni": (PONI, ""),
    "cell": (CELL, ""),
    "mosflm": (mosflm(0.9), ""),
    "plain": (PLAIN, ""),
}


def refusal(folder: Path, content: str, choice: str = "") -> str:
    (folder / "a").write_text(content)
    with pytest.raises(FileError) as caught:
        read_experiment(f"{folder / 'a'}{choice}")
    assert "\n" not in str(caught.value)
    return str(caught.value).replace(str(folder) + "/", "")


@pytest.mark.parametrize("kind", FILES)
def test_each_kind_is_known_by_its_content(tmp_path: Path, kind: str) -> None:
    content, choice = FILES[kind]
    (tmp_path / "a").write_text(content.replace("\n", "\r\n"))
    assert is_experiment(f"{tmp_path / 'a'}{choice}")
    read_experiment(f"{tmp_path / 'a'}{choice}")


@pytest.mark.parametrize("content", ["", "hello", "{}", "1 2 3 4.5\n", "h k l\n", "MTZ \0", "!FORMAT=XDS_ASCII\n"])
def test_files_of_other_kinds_are_not(tmp_path: Path, content: str) -> None:
    what = {"MTZ": "is an MTZ file", "!FO": "is a reflection file of XDS"}.get(content[:3], "is of no known kind")
    assert f"a: {what}, and tells of no orientation; give an experiment list" in refusal(tmp_path, content)


def changed(change: Callable[[dict[str, Any]], Any]) -> str:
    tree = expt()
    change(tree)
    return json.dumps(tree)


def set_at(*path: Any) -> Callable[[dict[str, Any]], None]:
    """Set the value at a path; the value is its last entry."""

    def change(tree: Any) -> None:
        for key in path[:-2]:
            tree = tree[key]
        tree[path[-2]] = path[-1]

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tree: tree["experiment"][1].pop("crystal"), None),
        (set_at("experiment", []), "a: lists no experiment; give the list that indexing"),
        (set_at("experiment", 1, "crystal", 7), r"a: crystal has 2 entries and no number 7"),
        (set_at("crystal", 0, "real_space_a", [1.0, 2.0]), r"a: crystal\[0\]\.real_space_a has 2 numbers where 3"),
        (set_at("crystal", 0, "real_space_a", ["x", 0, 0]), r"real_space_a\[0\] is 'x', and no number"),
        (set_at("crystal", 0, "real_space_a", [0.0, 0.0, 0.0]), r"a#1: gives a cell of 0 "),
        (
            lambda tree: tree["crystal"][0].pop("real_space_c"),
            r"a: crystal\[0\] has no real_space_c; write",
        ),
        (set_at("beam", 0, "wavelength", 0.0), r"a#1: gives the wavelength 0 A, no diffraction has it"),
        (set_at("beam", 0, "wavelength", float("nan")), r"a: beam\[0\]\.wavelength is nan, and not finite"),
        (set_at("beam", 0, "direction", [0, 0, 0]), r"a#1: gives -?0 -?0 -?0 for the direction of the beam"),
        (set_at("beam", 0, "polarization_fraction", 3.0), r"a#1: gives a fraction of polarization of 3"),
        (set_at("goniometer", 0, "fixed_rotation", [1.0] * 9), r"goniometer\[0\]\.fixed_rotation is no rotation"),
        (set_at("detector", 0, "panels", 0, "pixel_size", [0.0, 0.1]), r"panel 'p' has pixels of 0 x 0.1 mm"),
        (set_at("detector", 0, "panels", 0, "slow_axis", [0.0, 1.0, 0.0]), r"panel 'p' has a fast axis along its slow"),
    ],
)
def test_faults_of_an_experiment_list(tmp_path: Path, change: Callable[..., Any], message: str | None) -> None:
    if message is None:
        (tmp_path / "a").write_text(changed(change))
        assert read_experiment(f"{tmp_path / 'a'}#1").crystal is None
        assert read_experiment(str(tmp_path / "a")).crystal is not None
    else:
        assert re.search(message, refusal(tmp_path, changed(change), "#1"))


def test_faults_that_every_kind_may_have(tmp_path: Path) -> None:
    left = changed(set_at("crystal", 0, "real_space_a", (-DIRECT[0]).tolist()))
    assert "left-handed cell axes" in refusal(tmp_path, left, "#1")
    tree = expt()
    tree["crystal"][0]["real_space_c"] = tree["crystal"][0]["real_space_b"]
    assert "lie in a plane" in refusal(tmp_path, json.dumps(tree), "#1")
    assert "is not JSON" in refusal(tmp_path, json.dumps(tree)[:900], "#1")
    assert "holds 2 crystals in 2 experiments, numbers 0 to 1; pick one as a#0" in refusal(tmp_path, json.dumps(tree))
    assert "holds 2 experiments, numbers 0 to 1, and no 5; pick one" in refusal(tmp_path, json.dumps(tree), "#5")
    for content in (xparm(1), xds_inp(), mosflm(1.0), PLAIN):
        assert "a: holds one crystal, which needs no #3; leave it out" in refusal(tmp_path, content, "#3")


@pytest.mark.parametrize(
    ("content", "choice", "message"),
    [
        (xparm(2)[:300], "", r"a: (ends after \d+ lines of numbers|line \d+: has \d+ numbers where)"),
        (xparm(1).replace("0.172 0.172", "0.172 x"), "", r"a: line 3: 'x' is no finite number"),
        (xparm(1).replace("1.1 ", "0.0 ", 1), "", r"a: gives the wavelength 0 A"),
        (xds_inp().replace("QX=0.172", "QX=-"), "", r"a: line 2: QX=: '-' is no finite number"),
        (xds_inp().replace("DATA_RANGE= 5", "DATA_RANGE= 5.5"), "", r"DATA_RANGE=: '5.5' is no whole number"),
        (stream(), "", r"a: holds 3 crystals, in the images 3, 8; pick one as a#3"),
        (stream(), "#8", r"a: image 8 has 2 crystals; pick one as a#8\.1"),
        (stream(), "#8.3", r"a: image 8 has 2 crystals and no number 3"),
        (stream(), "#4", r"a: image 4 has no crystal; crystals are in the images 3, 8"),
        (stream(), "#5", r"a: image 5 is not there"),
        (stream(), "#x", r"a: #x is no choice; give the serial number"),
        (stream().split("--- Begin crystal")[0], "", r"a: has no crystal; give the stream of images that were indexed"),
        (stream().replace("bstar", "b"), "#3", r"a: a crystal has no bstar; the stream is cut off"),
        (stream().replace("res = 5813.953488", "res = 0"), "#3", r"a: line \d+: res must be above zero"),
        (stream().replace("11271.3", "-1"), "#3", r"a: line \d+: photon_energy_eV is -1, must be above zero"),
        (GEOMETRY.replace("q/corner_y", "q/corner_z"), "", r"a: panel q has no corner_y; complete it"),
        (
            GEOMETRY.replace("0.07 m", "/x"),
            "",
            r"a: clen of panel q is '/x', to be found in the images",
        ),
        (GEOMETRY.replace("keV", "J"), "", r"the unit 'J' of photon_energy is not known; give one of eV, keV"),
        (GEOMETRY.replace("+0.01x", "+0.01w"), "", r"fs = .* is no axis; write it as in"),
        (CELL.replace("b = 60 A\n", ""), "", r"a: the cell has no b; complete it"),
        (CELL.replace("be = 90", "be = 190"), "", r"a: gives the cell 50 60 70 90 190 90, which no crystal has"),
        (CELL.replace("60 A", "60 deg"), "", r"a: line 3: the unit 'deg' of b is not known"),
        ("1 0 0\n0 1 0\n0 0 1\n", "", r"a: is a rotation U without a cell; multiply it by B"),
        (PLAIN + "0.1 0.2 0.3\n", "", r"a: holds 12 numbers; give the nine of A = U B"),
        ("0.01 0 0\n0 0.01 0\n0.01 0.01 0\n", "", r"a: its three columns lie in a plane"),
        (mosflm(1.0).replace(f"{np.hypot(0, 50):.9f}", "90.0"), "", r"a: gives the cell .*, which .* at no wavelength"),
        ("-0.01 0 0\n0 0.02 0\n0 0 0.03\n", "", r"a: gives left-handed cell axes"),
    ],
)
def test_faults_of_text(tmp_path: Path, content: str, choice: str, message: str) -> None:
    assert re.search(message, refusal(tmp_path, content, choice))


def test_a_name_with_a_number_sign(tmp_path: Path) -> None:
    (tmp_path / "a#1").write_text(PLAIN)
    assert split_choice(f"{tmp_path}/a#1") == (f"{tmp_path}/a#1", None)
    assert split_choice("b#c/x.expt#12") == ("b#c/x.expt", "12")
    assert split_choice("b#c/x.expt") == ("b#c/x.expt", None)


_PUT = [b"", b"nan", b"-1", b"0", b"1e999", b"{", b"]", b"\n", b"\0", b"\xff", b"9" * 400, b"null", b"[]", b"=", b" 7 "]


@pytest.mark.parametrize("kind", FILES)
def test_no_mutation_ends_in_a_traceback(tmp_path: Path, kind: str) -> None:
    content, choice = FILES[kind]
    words, path, random = content.encode(), tmp_path / "a", np.random.default_rng(7)
    for number in range(500):
        start, length = random.integers(len(words)), random.integers(40)
        end = b"" if number % 10 == 0 else words[start + length :]
        path.write_bytes(words[:start] + _PUT[random.integers(len(_PUT))] + end)
        with suppress(FileError):
            read_experiment(f"{path}{choice}")
            if number % 50 == 1:
                import_files([f"{path}{choice}"])
