"""``nbjax structure-factors``: what it writes is read back, and gives the same structure factors."""

from __future__ import annotations

import re
from pathlib import Path

import gemmi
import numpy as np
import pytest
from reflection_files import CELL, amplitudes, mtz_bytes, unique

import nbjax
from nbjax.cli import main
from nbjax.config.tree import Beam, Config, Crystal
from nbjax.io.reflections import read_reflections
from nbjax.reflections.table import StructureFactorTable
from nbjax.resolve import resolve

HEXAGONAL = (40.0, 40.0, 50.0, 90.0, 90.0, 120.0)
RHOMBOHEDRAL = (40.43, 40.43, 40.43, 80.25, 80.25, 80.25)
MODEL = str(Path(nbjax.__file__).parent / "data" / "2erl.pdb")
DIGITS = {"x.mtz": 1e-6, "x.crystfel.hkl": 1e-6, "x.hkl": 1e-8}


def table_of(file: Path, cell: tuple[float, ...]) -> StructureFactorTable:
    crystal = Crystal(reflections_file=str(file), cell_A=cell[:3], cell_deg=cell[3:], cells=(5, 5, 5))  # type: ignore[arg-type]
    found = resolve(Config(Beam(wavelength_A=1.0), crystal)).crystal.table
    assert found is not None
    return found


def check_same(one: StructureFactorTable, other: StructureFactorTable, rtol: float) -> None:
    limits = np.maximum(np.abs([one.minimum, other.minimum]).max(axis=0), np.max([one.maximum, other.maximum], axis=0))
    boxes = np.zeros((2, *(2 * limits + 1)))
    for box, table in zip(boxes, (one, other), strict=True):
        low = limits + np.array(table.minimum)
        box[tuple(slice(a, a + n) for a, n in zip(low, table.values.shape, strict=True))] = table.values
    np.testing.assert_allclose(boxes[0], boxes[1], rtol=rtol, atol=0)


@pytest.mark.parametrize("name", list(DIGITS))
@pytest.mark.parametrize(
    ("space_group", "cell", "apart"),
    [
        ("P 21 21 21", CELL, True),
        ("C 1 2 1", (50.3, 24.8, 30.7, 90.0, 101.7, 90.0), True),
        ("P 32 2 1", HEXAGONAL, False),
        ("R 3:H", HEXAGONAL, True),
        ("R 3:R", RHOMBOHEDRAL, False),
    ],
)
def test_what_is_written_is_read_back(
    name: str, space_group: str, cell: tuple[float, ...], apart: bool, tmp_path: Path
) -> None:
    hkl = unique(space_group, cell)
    F = amplitudes(len(hkl))
    centric = gemmi.SpaceGroup(space_group).operations().centric_flag_array(hkl)
    pair = [("F(+)", "G", F), ("F(-)", "G", np.where(centric, F, F + 3))]
    columns = pair if apart else [("FP", "F", F), ("SIGFP", "Q", F)]
    (tmp_path / "in.mtz").write_bytes(mtz_bytes(hkl, columns, space_group, cell))
    assert main(["structure-factors", str(tmp_path / "in.mtz"), "--out", str(tmp_path / name)]) == 0
    check_same(table_of(tmp_path / name, cell), table_of(tmp_path / "in.mtz", cell), DIGITS[name])


def test_phases_follow_their_reflections(tmp_path: Path) -> None:
    hkl = unique("P 32 2 1", HEXAGONAL)
    group = gemmi.SpaceGroup("P 32 2 1")
    phases = np.random.default_rng(1).uniform(0, 360, len(hkl))
    turned, shifts = [], []
    for miller in hkl.tolist():
        operator = group.operations().sym_ops[1]
        turned.append(operator.apply_to_hkl(miller))
        shifts.append(np.degrees(operator.phase_shift(miller)))
    columns = [("FC", "F", amplitudes(len(hkl))), ("PHIC", "P", (phases + shifts) % 360)]
    (tmp_path / "in.mtz").write_bytes(mtz_bytes(np.array(turned), columns, "P 32 2 1", HEXAGONAL))
    assert main(["structure-factors", str(tmp_path / "in.mtz"), "--out", str(tmp_path / "x.mtz")]) == 0
    mtz = gemmi.read_mtz_file(str(tmp_path / "x.mtz"))
    found = dict(zip(map(tuple, mtz.make_miller_array().tolist()), mtz.column_with_label("PHI").array, strict=True))
    # those of special positions come from either of two equivalents
    general = ~group.operations().centric_flag_array(hkl)
    wanted = np.array([found[tuple(miller)] for miller in hkl.tolist()])
    assert np.abs((wanted - phases + 180) % 360 - 180)[general].max() < 1e-3


def test_coordinates_become_an_mtz(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["structure-factors", MODEL, "--resolution", "4", "--out", str(tmp_path / "x.mtz")]
    assert main(words) == 0
    said = capsys.readouterr()
    assert "no wavelength is given" in said.err
    last = said.out.splitlines()[-2].split()
    mtz = gemmi.read_mtz_file(str(tmp_path / "x.mtz"))
    assert mtz.column_labels() == ["H", "K", "L", "F", "PHI"]
    assert (last[2], last[3], last[4], last[6]) == (str(mtz.nreflections), str(mtz.nreflections), "100.0", "0")
    assert mtz.resolution_high() == pytest.approx(float(last[1]), abs=1e-3)
    cell = tuple(mtz.cell.parameters)
    model = Crystal(coordinates_file=MODEL, coordinates_resolution_A=4.0, anomalous=False, cells=(5, 5, 5))
    table = resolve(Config(Beam(wavelength_A=1.0), model)).crystal.table
    assert table is not None
    check_same(table_of(tmp_path / "x.mtz", cell), table, 1e-3)
    assert main([*words, "--wavelength", "1.5"]) == 0
    mtz = gemmi.read_mtz_file(str(tmp_path / "x.mtz"))
    assert mtz.column_labels() == ["H", "K", "L", "F", "PHI", "F(+)", "F(-)"]
    assert mtz.datasets[-1].wavelength == pytest.approx(1.5)
    (remark,) = read_reflections(tmp_path / "x.mtz").remarks
    assert "the calculated amplitude of column F(+), F(-) is taken" in remark


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--out", "x.png"], r"x\.png: its name ends like none of \.crystfel\.hkl"),
        (["--out", "x.hkl", "--column", "FP"], "has no column 'FP'; did you mean 'F'"),
        (["--out", "x.hkl", "--space-group", "P 4"], "does not allow the cell .*; give the --space-group"),
        (["--out", "x.hkl", "--cell", "31", "41", "52", "90", "90", "90"], "--cell: its cell is 31 41 52"),
        (["--out", "x.hkl", "--resolution", "100"], "has no reflection to 100 A"),
        (["--out", "x.hkl", "--missing", "error"], '1 of .* unique reflections .* or --missing = "shell_mean"'),
    ],
)
def test_faults_are_told_in_the_words_of_the_options(
    words: list[str],
    problem: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    hkl = unique("P 21 21 21")[1:]
    (tmp_path / "in.mtz").write_bytes(mtz_bytes(hkl, [("F", "F", amplitudes(len(hkl)))]))
    assert main(["structure-factors", "in.mtz", *words]) == 2
    assert re.search(problem, capsys.readouterr().err)
    assert [path.name for path in tmp_path.iterdir()] == ["in.mtz"]


@pytest.mark.parametrize(
    "words",
    [
        ["--column", "F"],
        ["--space-group", "P 1"],
        ["--missing", "error"],
        ["--cell", *["10", "10", "10", "90", "90", "90"]],
    ],
)
def test_options_of_reflections_have_no_place_with_coordinates(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.pdb").write_text("CRYST1   50.000   61.000   72.000\n")
    assert main(["structure-factors", str(tmp_path / "a.pdb"), "--out", str(tmp_path / "x.mtz"), *words]) == 2
    assert re.search(rf"{words[0]}: has no place with .*a\.pdb, which holds coordinates", capsys.readouterr().err)


def test_a_list_without_a_cell_asks_for_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.hkl").write_text("1 0 0 5.0\n0 1 0 6.0\n")
    assert main(["structure-factors", str(tmp_path / "a.hkl"), "--out", str(tmp_path / "x.mtz")]) == 2
    assert re.search(r"--cell: missing, and .*a\.hkl has no cell; give it", capsys.readouterr().err)
