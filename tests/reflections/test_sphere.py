"""Lists of reflections become the whole sphere: equivalents, mates, absences, what is missing."""

from __future__ import annotations

from dataclasses import replace

import gemmi
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from reflection_files import CELL, amplitudes, unique

from nbjax.errors import FileError
from nbjax.io.reflections.reflection_list import ReflectionList
from nbjax.io.space_group import contradicts
from nbjax.io.symmetry import symmetry_of
from nbjax.reflections.sphere import Sphere, choose_symmetry, whole_sphere

HEXAGONAL = (40.0, 40.0, 50.0, 90.0, 90.0, 120.0)
RHOMBOHEDRAL = (40.43, 40.43, 40.43, 80.25, 80.25, 80.25)
CUBIC = (45.0, 45.0, 45.0, 90.0, 90.0, 90.0)
MONOCLINIC = (50.3, 24.8, 30.7, 90.0, 101.7, 90.0)


def listed(space_group: str, cell: tuple[float, ...] = CELL, d_min: float = 6.0) -> ReflectionList:
    miller = unique(space_group, cell, d_min)
    symmetry = symmetry_of(gemmi.SpaceGroup(space_group))
    return ReflectionList(miller, amplitudes(len(miller)), cell=np.array(cell), symmetry=symmetry)


def sphere(reflections: ReflectionList, missing: str | None = None, default_F: float = 0.0) -> Sphere:
    assert reflections.cell is not None
    assert reflections.symmetry is not None
    reciprocal = np.array(gemmi.UnitCell(*reflections.cell).frac.mat.tolist())
    cell, symmetry = reflections.cell, reflections.symmetry
    return whole_sphere(reflections, symmetry, cell, reciprocal, missing, default_F, "x")  # type: ignore[arg-type]


def at(found: Sphere, miller: np.ndarray) -> np.ndarray:
    return found.table.values[tuple((miller - np.array(found.table.minimum)).T)]


@pytest.mark.parametrize(
    ("space_group", "cell"),
    [
        ("P 1", (30.0, 33.0, 37.0, 80.0, 95.0, 101.0)),
        ("P -1", (30.0, 33.0, 37.0, 80.0, 95.0, 101.0)),
        ("C 1 2 1", MONOCLINIC),
        ("P 1 21/c 1", MONOCLINIC),
        ("P 32 2 1", HEXAGONAL),
        ("P 65", HEXAGONAL),
        ("R 3:H", HEXAGONAL),
        ("R 3:R", RHOMBOHEDRAL),
        ("R -3 c:H", HEXAGONAL),
        ("F 4 3 2", CUBIC),
    ],
)
def test_every_index_has_the_amplitude_of_its_equivalent(space_group: str, cell: tuple[float, ...]) -> None:
    reflections = listed(space_group, cell)
    F = dict(zip(map(tuple, reflections.miller.tolist()), reflections.values, strict=True))
    found = sphere(reflections)
    group = gemmi.SpaceGroup(space_group)
    asu, operators = gemmi.ReciprocalAsu(group), group.operations()
    everything = gemmi.make_miller_array(gemmi.UnitCell(*cell), gemmi.SpaceGroup("P 1"), 6.0, unique=False)
    wanted = [
        0.0 if operators.is_systematically_absent(hkl) else F[tuple(asu.to_asu(hkl, operators)[0])]
        for hkl in everything.tolist()
    ]
    np.testing.assert_array_equal(at(found, everything), wanted)
    assert sum(shell.possible for shell in found.shells) == sum(shell.count for shell in found.shells) == len(F)
    assert found.remarks == ()
    assert found.given.sum() == np.count_nonzero(wanted)


def test_mates_keep_their_difference() -> None:
    reflections = listed("P 21 21 21")
    mates = np.where(np.arange(len(reflections.miller)) % 7 == 0, np.nan, reflections.values + 5)
    found = sphere(replace(reflections, mates=mates))
    centric = (reflections.miller == 0).any(axis=1)
    plus, minus = at(found, reflections.miller), at(found, -reflections.miller)
    np.testing.assert_array_equal(plus, reflections.values)
    np.testing.assert_array_equal(minus, np.where(centric | np.isnan(mates), plus, mates))
    # an operator turns h k l into -h -k l
    np.testing.assert_array_equal(at(found, reflections.miller * [-1, -1, 1]), plus)
    np.testing.assert_array_equal(at(found, reflections.miller * [1, 1, -1]), minus)


def test_absences_are_zero_whatever_is_listed() -> None:
    reflections = listed("P 21 21 21")
    extra = replace(
        reflections,
        miller=np.vstack([reflections.miller, [[3, 0, 0]]]),
        values=np.append(reflections.values, 50.0),
    )
    found = sphere(extra, default_F=9.0)
    assert at(found, np.array([[3, 0, 0], [-1, 0, 0], [0, 0, 0]])).tolist() == [0.0, 0.0, 0.0]
    assert "1 of its reflections are systematically absent in P 21 21 21, such as 3 0 0" in " ".join(found.remarks)


def test_missing_reflections_are_counted_and_filled() -> None:
    reflections = listed("P 21 21 21", d_min=4.0)
    inverse_d = np.linalg.norm(reflections.miller / CELL[:3], axis=1)
    gone = (inverse_d > 1 / 4.3) & (np.arange(len(inverse_d)) % 2 == 0)
    gone[np.argmax(inverse_d)] = False
    holes = reflections.selected(~gone)
    lost = reflections.miller[gone]
    said = f"x: {gone.sum()} of {len(gone)} unique reflections to 4.01 A are missing, most from 4."
    for missing, default_F, value in (("zero", 3.0, 0.0), (None, 3.0, 3.0), (None, 0.0, 0.0)):
        found = sphere(holes, missing, default_F)
        assert found.remarks[0].startswith(said)
        assert (at(found, lost) == value).all()
    filled = sphere(holes, "shell_mean")
    last = filled.shells[-1]
    assert at(filled, lost[-1:]) == pytest.approx(last.mean_F)
    assert last.count + last.missing == last.possible
    with pytest.raises(FileError, match=r'are missing, .*; give a complete list, or crystal.missing_reflections = "sh'):
        sphere(holes, "error")
    assert sphere(reflections, "error").remarks == ()


def test_unmerged_equivalents_are_averaged_with_a_warning() -> None:
    reflections = listed("P 21 21 21")
    noise = np.random.default_rng(1).normal(1, 0.05, len(reflections.values))
    twice = replace(
        reflections,
        miller=np.vstack([reflections.miller, reflections.miller * [-1, 1, -1]]),
        values=np.concatenate([reflections.values**2, noise * reflections.values**2]),
        kind="intensity",
    )
    found = sphere(twice)
    wanted = np.sqrt((1 + noise) / 2) * reflections.values
    np.testing.assert_allclose(at(found, reflections.miller), wanted, rtol=1e-12)
    assert (
        f"{2 * len(noise)} reflections are repeats or equivalents of {len(noise)}, and are averaged" in found.remarks[0]
    )
    weighted = sphere(replace(twice, sigma=np.repeat([1.0, 1e3], len(noise))))
    np.testing.assert_allclose(at(weighted, reflections.miller), reflections.values, rtol=1e-6)


def test_mates_of_one_value_are_averaged() -> None:
    reflections = listed("P 21 21 21")
    both = replace(
        reflections,
        miller=np.vstack([reflections.miller, -reflections.miller]),
        values=np.concatenate([reflections.values, 1.02 * reflections.values]),
    )
    centric = (reflections.miller == 0).any(axis=1)
    np.testing.assert_array_equal(at(sphere(both), reflections.miller)[~centric], reflections.values[~centric])
    found = sphere(replace(both, friedel=True))
    for miller in (reflections.miller, -reflections.miller):
        np.testing.assert_allclose(at(found, miller), 1.01 * reflections.values, rtol=1e-12)


def cell_of(group: gemmi.SpaceGroup) -> tuple[float, ...]:
    """A cell that a group allows, whatever its setting."""
    for angles in ((83.0, 95.0, 101.0), (90.0, 98.0, 90.0), (90.0, 90.0, 98.0), (98.0, 90.0, 90.0), (90.0, 90.0, 90.0)):
        cell = (24.0, 29.0, 33.0, *angles)
        if not contradicts(group.operations(), gemmi.UnitCell(*cell)):
            return cell
    more = ((24.0, 24.0, 33.0), (33.0, 24.0, 24.0), (24.0, 33.0, 24.0), (24.0, 24.0, 24.0))
    cells = [
        (*lengths, *angles) for lengths in more for angles in ((90.0, 90.0, 120.0), (90.0, 90.0, 90.0), (80.0,) * 3)
    ]
    return next(cell for cell in cells if not contradicts(group.operations(), gemmi.UnitCell(*cell)))


@settings(max_examples=25, database=None)
@given(number=st.integers(0, len(list(gemmi.spacegroup_table())) - 1), seed=st.integers(0, 1000))
def test_every_group_of_the_table_keeps_its_laws(number: int, seed: int) -> None:
    group = list(gemmi.spacegroup_table())[number]
    reflections = listed(group.xhm(), cell_of(group), 8.0)
    table = sphere(reflections).table
    limits = np.array(table.maximum)
    everything = np.argwhere(table.values >= 0) - limits
    operator = group.operations().sym_ops[seed % len(group.operations().sym_ops)]
    turned = everything @ np.array(operator.rot) // gemmi.Op.DEN
    kept = (np.abs(turned) <= limits).all(axis=1)
    F = table.values[tuple((everything + limits).T)]
    np.testing.assert_array_equal(table.values[tuple((turned[kept] + limits).T)], F[kept])
    np.testing.assert_array_equal(table.values, table.values[::-1, ::-1, ::-1])
    assert not F[group.operations().systematic_absences(everything.astype(np.int32))].any()
    np.testing.assert_array_equal(table.values[tuple((reflections.miller + limits).T)], reflections.values)


def test_conflicting_equivalents_are_named() -> None:
    reflections = listed("P 21 21 21")
    twice = replace(
        reflections,
        miller=np.vstack([reflections.miller, reflections.miller[-1:] * [-1, -1, 1]]),
        values=np.append(reflections.values, 10 * reflections.values[-1]),
    )
    h, k, l = reflections.miller[-1]  # noqa: E741
    with pytest.raises(
        FileError, match=rf"equivalent in P 21 21 21 contradict .*{-h} {-k} {l} .*; give the crystal.space"
    ):
        sphere(twice)


def test_negative_intensities_are_counted() -> None:
    reflections = listed("P 21 21 21")
    values = np.where(np.arange(len(reflections.values)) < 3, -2.0, reflections.values**2)
    found = sphere(replace(reflections, values=values, kind="intensity"))
    assert found.remarks == (f"x: 3 intensities of {len(values)} are negative; their amplitudes are 0",)
    np.testing.assert_allclose(at(found, reflections.miller[3:]), reflections.values[3:], rtol=1e-12)


@pytest.mark.parametrize(
    ("space_group", "cell", "remedy"),
    [
        ("P 43 21 2", CELL, "of this cell"),
        ("R 3:H", RHOMBOHEDRAL, "or R 3:R for rhombohedral axes"),
        ("P 1 21 1", (30.0, 41.0, 52.0, 90.0, 100.0, 95.0), "of this cell"),
    ],
)
def test_a_space_group_that_contradicts_the_cell(space_group: str, cell: tuple[float, ...], remedy: str) -> None:
    reflections = listed("P 1", cell)
    symmetry = symmetry_of(gemmi.SpaceGroup(space_group))
    with pytest.raises(FileError, match=f"the space group {space_group} does not allow the cell .*{remedy}"):
        sphere(replace(reflections, symmetry=symmetry))


def test_a_given_space_group_comes_first() -> None:
    reflections, cell = listed("P 21 21 21"), np.array(RHOMBOHEDRAL)
    assert choose_symmetry(reflections, None, cell, "x")[0] is reflections.symmetry
    assert choose_symmetry(reflections, "R 3", cell, "x")[0].name == "R 3:R"
    assert choose_symmetry(reflections, "R 3", np.array(HEXAGONAL), "x")[0].name == "R 3:H"
    symmetry, said = choose_symmetry(reflections, "96", cell, "x")
    assert symmetry.name == "P 43 21 2"
    assert "another class than the given" in said[0]
    symmetry, said = choose_symmetry(replace(reflections, symmetry=None), None, cell, "x")
    assert "names no space group; P 1 is taken" in said[0]
    with pytest.raises(FileError, match="'P 99' is no known space group"):
        choose_symmetry(reflections, "P 99", cell, "x")
