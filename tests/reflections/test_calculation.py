from __future__ import annotations

from functools import cache
from pathlib import Path

import gemmi
import numpy as np
import pytest
from crystal_models import MODELS, Made

import nbjax
from nbjax.errors import FileError
from nbjax.io.structure import read_structure
from nbjax.reflections.calculation import CoordinatesModel, Recipe, calculate
from nbjax.reflections.density import box_to, of_solvent
from nbjax.reflections.table import StructureFactorTable

SAMPLE = Path(nbjax.__file__).parent / "data" / "2erl.pdb"
RESOLUTION_A = 2.5


@cache
def model(resolution_A: float = RESOLUTION_A, solvent: bool = True) -> CoordinatesModel:
    return calculate(SAMPLE, Recipe(resolution_A, solvent=solvent))


def amplitudes(table: StructureFactorTable, miller: np.ndarray) -> np.ndarray:
    return table.values[tuple((miller - table.minimum).T)]


def indices(table: StructureFactorTable) -> np.ndarray:
    return np.argwhere(np.ones(table.values.shape, bool)) + np.array(table.minimum)


def directly_summed(structure: gemmi.Structure, miller: np.ndarray, wavelength_A: float | None) -> np.ndarray:
    """F of single reflections, atom by atom and without a grid, in electrons."""
    calculator = gemmi.StructureFactorCalculatorX(structure.cell)
    elements = {found.atom.element.atomic_number: found.atom.element for found in structure[0].all()}

    def total(weight: complex) -> np.ndarray:
        for number, element in elements.items():
            real, imaginary = gemmi.cromer_liberman(number, 12398.42 / wavelength_A) if wavelength_A else (0, 0)
            calculator.addends.set(element, real * weight.real + imaginary * weight.imag)
        return np.array([calculator.calculate_sf_from_model(structure[0], list(map(int, hkl))) for hkl in miller])

    # what f'' adds has the weight i
    return total(1) + 1j * (total(1 + 1j) - total(1))


def some(found: CoordinatesModel, count: int) -> np.ndarray:
    """Indices of a few reflections that are not absent, with their Friedel mates after them."""
    F = np.abs(found.F[0])
    allowed = np.argwhere(1e-3 * F.max() < F) + np.array(found.minimum)
    picked = np.random.default_rng(3).choice(allowed, count, replace=False)
    return np.concatenate([picked, -picked])


@pytest.mark.parametrize("wavelength_A", [None, 1.2])
@pytest.mark.parametrize("name", ["2erl", *MODELS])
def test_structure_factors_are_those_of_direct_summation(name: str, wavelength_A: float | None, tmp_path: Path) -> None:
    path = SAMPLE if name == "2erl" else MODELS[name].written(tmp_path / "a.cif")
    found = calculate(path, Recipe(2.0, (wavelength_A,) if wavelength_A else (), solvent=False))
    miller = some(found, 40)
    F = found.F[0][tuple((miller - found.minimum).T)]
    wanted = directly_summed(read_structure(path).structure, miller, wavelength_A)
    assert np.abs(F - wanted).sum() / np.abs(wanted).sum() < 3e-5
    assert np.abs(np.abs(F) - np.abs(wanted)).sum() / np.abs(wanted).sum() < 1e-5
    differences, wanted = (np.subtract(*np.split(np.abs(x), 2)) for x in (F, wanted))
    assert np.abs(differences - wanted).max() < 1e-4 * np.abs(F).mean()
    if wavelength_A is None:
        assert np.abs(wanted).max() < 1e-6 * np.abs(F).max()
    elif name != "2erl":
        assert np.abs(wanted).mean() > 5e-3 * np.abs(F).mean()


def test_scale_and_overall_b() -> None:
    plain = model()
    scaled = calculate(SAMPLE, Recipe(RESOLUTION_A, scale=1.5, B_A2=12.0))
    cell = plain.cell
    for hkl in ([2, 0, 1], [5, 3, -2], [-12, 4, 2]):
        place = tuple(np.array(hkl) - plain.minimum)
        wanted = 1.5 * np.exp(-12.0 * cell.calculate_1_d2(hkl) / 4)
        assert scaled.F[0][place] / plain.F[0][place] == pytest.approx(wanted, rel=1e-9)


def test_elements_beyond_the_tables_of_dispersion_are_named(tmp_path: Path) -> None:
    path = Made("P 1", (12.0, 13.0, 14.0, 90.0, 95.0, 90.0), "C N Np").written(tmp_path / "a.cif")
    found = calculate(path, Recipe(3.0, (1.0,)))
    assert [sentence for sentence in found.warnings if "f' and f'' of Np are not known" in sentence]


def test_a_low_resolution_keeps_the_amplitudes() -> None:
    coarse, fine = model(9.0).table, model().table
    kept = coarse.values > 0
    miller = np.argwhere(kept) + np.array(coarse.minimum)
    np.testing.assert_allclose(coarse.values[kept], amplitudes(fine, miller), rtol=1e-3)


def test_the_symmetry_of_the_crystal() -> None:
    table = model().table
    miller = indices(table)
    F = amplitudes(table, miller)
    brightest = F.max()
    np.testing.assert_allclose(amplitudes(table, miller * [-1, 1, -1]), F, atol=1e-4 * brightest)
    np.testing.assert_allclose(amplitudes(table, -miller), F, atol=1e-4 * brightest)
    centred = miller[:, :2].sum(axis=1) % 2 == 0
    assert F[~centred].max() < 1e-4 * brightest
    assert np.median(F[centred & (F > 0)]) > 1e-2 * brightest


def test_every_index_to_the_resolution_and_none_beyond() -> None:
    cell = gemmi.read_structure(str(SAMPLE)).cell
    table = model().table
    miller = indices(table)
    inside = np.array([cell.calculate_d([int(i) for i in row]) >= RESOLUTION_A for row in miller])
    centred = miller[:, :2].sum(axis=1) % 2 == 0
    F = amplitudes(table, miller)
    assert (F[~inside] == 0).all()
    assert (F[inside & centred & miller.any(axis=1)] > 0).all()
    assert amplitudes(table, np.zeros((1, 3), int)) == [0.0]
    assert table.minimum == tuple(-bound for bound in table.maximum)


def test_the_solvent_weakens_low_angles_only() -> None:
    wet, dry = model().table.values, model(solvent=False).table.values
    miller = indices(model().table)
    cell = gemmi.read_structure(str(SAMPLE)).cell
    spacing = np.array([cell.calculate_d([int(i) for i in row]) for row in miller]).reshape(wet.shape)
    low, high = (spacing > 10) & np.isfinite(spacing), (spacing >= RESOLUTION_A) & (spacing < 2.7)
    assert np.sqrt((wet[low] ** 2).mean()) < 0.8 * np.sqrt((dry[low] ** 2).mean())
    assert np.abs(wet - dry)[high].max() < 0.02 * dry.max()


def test_the_solvent_is_a_mask_of_35_electrons_in_100_cubic_angstroms_blurred_by_b_46() -> None:
    wet, dry = model().F[0], model(solvent=False).F[0]
    structure = read_structure(SAMPLE).structure
    box = box_to(structure.cell, RESOLUTION_A)
    mask = of_solvent(structure, box)
    wanted = np.where(wet == 0, 0, 0.35 * mask * np.exp(-46 / 4 * box.inverse_d2))
    np.testing.assert_allclose(wet - dry, wanted, atol=1e-9 * abs(wet).max())
    assert 0.1 < mask[box.limits].real / structure.cell.volume < 0.5


def test_cell_and_name() -> None:
    found = model()
    assert found.cell.parameters == pytest.approx((53.9, 23.1, 23.1, 90.0, 110.4, 90.0), abs=0.1)
    assert found.name.upper() == "2ERL"


def test_mmcif_gives_the_same(tmp_path: Path) -> None:
    structure = gemmi.read_structure(str(SAMPLE))
    structure.make_mmcif_block(gemmi.MmcifOutputGroups(False, atoms=True, cell=True, symmetry=True)).write_file(
        str(tmp_path / "a.cif")
    )
    np.testing.assert_allclose(
        calculate(tmp_path / "a.cif", Recipe(RESOLUTION_A)).table.values, model().table.values, atol=1e-3
    )


def test_copies_that_the_file_leaves_out_are_added(tmp_path: Path) -> None:
    def written(name: str, lines: list[str]) -> Path:
        (tmp_path / name).write_text("\n".join(["CRYST1   40.000   30.000   35.000  90.00  90.00  90.00 P 1", *lines]))
        return tmp_path / name

    atom = "ATOM  {:5d}  CA  GLY A{:4d}    {:8.3f}{:8.3f}{:8.3f}  1.00 20.00           C"
    shift = [
        f"MTRIX{i}   2{i == 1:10.6f}{i == 2:10.6f}{i == 3:10.6f}     {9 if i == 1 else 0:10.5f}" for i in (1, 2, 3)
    ]
    first, second = atom.format(1, 1, 5, 6, 7), atom.format(2, 2, 14, 6, 7)
    copied = calculate(written("copied.pdb", [*shift, first, "END", ""]), Recipe(4.0))
    listed = calculate(written("listed.pdb", [first, second, "END", ""]), Recipe(4.0))
    np.testing.assert_allclose(copied.table.values, listed.table.values, atol=1e-4)


@pytest.mark.parametrize(
    ("resolution_A", "problem"),
    [
        (0.0, "resolution 0 A is not a spacing"),
        (-1.0, "resolution -1 A is not a spacing"),
        (float("nan"), "resolution nan A is not a spacing"),
        (60.0, "has no reflection to a resolution of 60 A"),
        (0.01, "a resolution of 0.01 A needs .* grid points; give a larger spacing"),
    ],
)
def test_impossible_resolutions_are_refused(resolution_A: float, problem: str) -> None:
    with pytest.raises(FileError, match=rf"2erl\.pdb: {problem}"):
        calculate(SAMPLE, Recipe(resolution_A))


@pytest.mark.parametrize(
    ("drop", "problem"),
    [
        (("ATOM", "ANISOU", "HETATM"), "holds no atoms"),
        (("CRYST1",), "has no unit cell"),
    ],
)
def test_incomplete_coordinates_are_refused(drop: tuple[str, ...], problem: str, tmp_path: Path) -> None:
    lines = SAMPLE.read_text().splitlines(keepends=True)
    (tmp_path / "a.pdb").write_text("".join(line for line in lines if not line.startswith(drop)))
    with pytest.raises(FileError, match=rf"a\.pdb: {problem}"):
        calculate(tmp_path / "a.pdb", Recipe(3.0))


def test_an_unknown_space_group_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.pdb").write_text(SAMPLE.read_text().replace("110.40  90.00 C 2    ", "110.40  90.00 C 9 2 7"))
    with pytest.raises(FileError, match="unknown space group 'C 9 2 7'"):
        calculate(tmp_path / "a.pdb", Recipe(3.0))


@pytest.mark.parametrize("name", ["missing.pdb", "other.txt", "junk.cif"])
def test_other_files_are_refused(name: str, tmp_path: Path) -> None:
    for other in ("other.txt", "junk.cif"):
        (tmp_path / other).write_text("no data block\n")
    problem = r"cannot be read \(No such file" if name == "missing.pdb" else "cannot be read as coordinates"
    with pytest.raises(FileError, match=f"{name}: {problem}"):
        calculate(tmp_path / name, Recipe(3.0))
