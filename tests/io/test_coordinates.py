from __future__ import annotations

import gzip
import re
from pathlib import Path

import gemmi
import numpy as np
import pytest
from crystal_models import MODELS

from nbjax.errors import FileError
from nbjax.io.coordinates import parse_coordinates
from nbjax.io.structure import read_structure

CELL = "CRYST1   30.000   40.000   50.000  90.00 100.00  90.00 P 1 2 1      2\n"
ATOM = "ATOM      1  CA  GLY A   1       3.000  11.000   7.000  1.00 20.00           C  \n"
ANISOU = "ANISOU    1  CA  GLY A   1     2000   2500   1500    100    -50     30       C  \n"
SMALL = """data_salt
_cell_length_a 5.0
_cell_length_b 5.0
_cell_length_c 6.0
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 120
_space_group_name_H-M_alt 'P -3 m 1'
loop_
_space_group_symop_operation_xyz
x,y,z
-y,x-y,z
y,x,-z
-x+y,-x,z
-x,-x+y,-z
x-y,-y,-z
-x,-y,-z
y,-x+y,-z
-y,-x,z
x-y,x,-z
x,x-y,z
-x+y,y,z
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_U_iso_or_equiv
_atom_site_occupancy
Mg1 Mg2+ 0 0 0 0.01 1
I1 I1- 0.3333 0.6667 0.25 0.02 1
H1 H ? ? ? 0.03 1
loop_
_atom_site_aniso_label
_atom_site_aniso_U_11
_atom_site_aniso_U_22
_atom_site_aniso_U_33
_atom_site_aniso_U_12
_atom_site_aniso_U_13
_atom_site_aniso_U_23
I1 0.02 0.02 0.03 0.01 0 0
"""


def given(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (CELL + ATOM.replace("  11.000", "********"), r"line 2 has '\*{8}' in columns 39 to 46"),
        (CELL + ATOM.replace("  11.000", "     nan"), "line 2 has 'nan' in columns 39 to 46"),
        (CELL + ATOM.replace("  1.00 20.00", "  1.00******"), r"line 2 has '\*{6}' in columns 61 to 66"),
        (CELL + ATOM.replace("  1.00 20.00", "       20.00"), "line 2 has '' in columns 55 to 60"),
        (CELL.replace("100.00", "1oo.00") + ATOM, "line 1 has '1oo.00' in columns 41 to 47"),
        (CELL + ATOM + ANISOU.replace("   2500", "*******"), r"line 3 has '\*{7}' in columns 36 to 42"),
        (CELL + ATOM + ATOM[:50], "line 3 is cut short"),
        (CELL, "holds no atoms"),
        (ATOM, "has no unit cell"),
        (
            CELL.replace("100.00", "170.00").replace("P 1 2 1 ", "P 4     ") + ATOM,
            ".*which cannot have the cell 30 40 50",
        ),
        (CELL.replace("30.000", "3000e4") + ATOM, "has the cell 3e.07 40 50 90 100 90, which no crystal has"),
        (CELL.replace(" 90.00 100.00  90.00", " 20.00 100.00  30.00") + ATOM, "has the cell 30 40 50 20 100 30"),
        (CELL + ATOM.replace("           C", "           X"), r".*do not know the element of CA of A/GLY 1 \(X\)"),
        (CELL + ATOM.replace("           C", "          Es"), r".*do not know the element of CA of A/GLY 1 \(Es\)"),
        (SMALL.replace("0.3333", "?").replace("Mg1 Mg2+ 0 0 0", "Mg1 Mg2+ ? ? ?"), "holds no atoms"),
        (SMALL.replace("-y,x-y,z\n", "-y,x-y,z+1/5\n").replace("'P -3 m 1'", "'P -3 m 7'"), "has unknown space group"),
        (gzip.compress((CELL + ATOM).encode(), mtime=0)[:-12], "cannot be unpacked"),
        (b"\x1f\x8bnot gzip at all", "cannot be unpacked"),
        ("data_a\nloop_\n_atom_site.id\n_atom_site.Cartn_x\n1 2.0 3\n", "cannot be read as coordinates"),
    ],
)
def test_faulty_files_are_refused(content: str | bytes, problem: str, tmp_path: Path) -> None:
    with pytest.raises(FileError, match=rf"given\.ent: {problem}"):
        read_structure(given(tmp_path / "given.ent", content))


@pytest.mark.parametrize("text", ["?", "abc", "nan", "1e400"])
@pytest.mark.parametrize("name", ["Cartn_x", "B_iso_or_equiv", "occupancy"])
def test_numbers_of_mmcif_that_are_none_are_refused(text: str, name: str, tmp_path: Path) -> None:
    document = MODELS["monoclinic"].structure().make_mmcif_document()
    column = document[0].find_values(f"_atom_site.{name}")
    column[1] = text
    path = given(tmp_path / "a.cif", document.as_string())
    if text == "?" and name != "Cartn_x":
        read_structure(path)
    else:
        with pytest.raises(FileError, match=rf"a\.cif: atom 2 has '{re.escape(text)}' as _atom_site.{name}"):
            read_structure(path)


def test_packed_files_are_unpacked_whatever_their_name(tmp_path: Path) -> None:
    path = given(tmp_path / "plain", gzip.compress((CELL + ATOM).encode(), mtime=0))
    assert read_structure(path).structure[0].count_atom_sites() == 1


def test_displacements_and_sites_of_a_small_molecule(tmp_path: Path) -> None:
    path = given(tmp_path / "salt.cif", SMALL)
    model = read_structure(path)
    magnesium, iodine = (found.atom for found in model.structure[0].all())
    assert model.is_small
    assert model.warnings == (f"{path}: 1 atoms without a position are left out",)
    assert [atom.element.name for atom in (magnesium, iodine)] == ["Mg", "I"]
    # a twelfth and a sixth of the twelve places that the operators give
    assert [magnesium.occ, iodine.occ] == pytest.approx([1 / 12, 1 / 6])
    assert magnesium.b_iso == pytest.approx(8 * np.pi**2 * 0.01)
    # isotropic in the plane: 11 = 22 = 2 * 12 on hexagonal axes
    np.testing.assert_allclose(iodine.aniso.elements_pdb(), [0.02, 0.02, 0.03, 0, 0, 0], atol=1e-7)


def test_a_small_molecule_scatters_as_its_own_sum_says(tmp_path: Path) -> None:
    path = given(tmp_path / "salt.cif", SMALL.replace("H1 H ? ? ? 0.03 1\n", ""))
    structure = read_structure(path).structure
    small = gemmi.read_small_structure(str(path))
    small.setup_cell_images()
    small.change_occupancies_to_crystallographic()
    calculator = gemmi.StructureFactorCalculatorX(small.cell)
    for hkl in ([1, 0, 0], [2, -1, 1], [0, 3, 2], [1, 1, -4]):
        wanted = calculator.calculate_sf_from_small_structure(small, hkl)
        found = calculator.calculate_sf_from_model(structure[0], hkl)
        assert found == pytest.approx(wanted, abs=1e-4)


def test_one_model_is_left(tmp_path: Path) -> None:
    second = ATOM.replace("   3.000", "   4.000")
    path = given(tmp_path / "two.pdb", f"{CELL}MODEL        3\n{ATOM}ENDMDL\nMODEL        7\n{second}ENDMDL\nEND\n")
    first, other = read_structure(path), read_structure(path, 7)
    assert [len(model.structure) for model in (first, other)] == [1, 1]
    assert [model.structure[0][0][0][0].pos.x for model in (first, other)] == [3.0, 4.0]
    assert first.warnings == (f"{path}: holds 2 models; model 3 is taken, crystal.coordinates_model picks another",)
    assert not other.warnings
    with pytest.raises(FileError, match=r"has no model 1; give crystal.coordinates_model as one of 3, 7"):
        read_structure(path, 1)


def test_content_decides_and_not_the_name() -> None:
    _, is_small, _ = parse_coordinates("a.pdb", SMALL.encode())
    assert is_small
    with pytest.raises(FileError, match="neither records of a PDB file nor a CIF data block"):
        parse_coordinates("a.pdb", b"1 2 3 4\n")
