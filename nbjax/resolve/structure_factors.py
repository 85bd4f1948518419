"""Resolution of the structure factors: which file they come from, and how it fits the cell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from nbjax.config.tree import Crystal
from nbjax.io.dump import read_dump
from nbjax.io.reflections import read_reflections
from nbjax.io.reflections.reflection_list import ReflectionList
from nbjax.io.reflections.text import read_hkl
from nbjax.reference.hkl_stream import read_hkl_stream, reads_alike
from nbjax.reflections.checks import check_listed, check_range
from nbjax.reflections.merging import as_amplitudes
from nbjax.reflections.sphere import choose_symmetry, whole_sphere
from nbjax.reflections.table import StructureFactorTable, tabulate
from nbjax.resolve.beam import ResolvedBeam
from nbjax.resolve.coordinates import check_unused, model_of_coordinates
from nbjax.resolve.notes import Notes
from nbjax.resolve.unit_cell import KnownCell, Setting, reciprocal_of

_ONLY_OF_REFLECTIONS = ("reflections_column", "space_group", "missing_reflections")


@dataclass(frozen=True)
class FoundFactors:
    """What a file gives.

    Attributes:
        key: the key that names it.
        reflections: a list, not yet compared with a cell; or
        table: the finished table.
        cell: lengths in Angstrom and angles in degrees, shape (6,), where the file has them.
    """

    key: str
    reflections: ReflectionList | None = None
    table: StructureFactorTable | None = None
    cell: np.ndarray | None = None


def _of_coordinates(crystal: Crystal, beam: ResolvedBeam, notes: Notes) -> FoundFactors:
    model = model_of_coordinates(crystal, beam, notes)
    return FoundFactors("crystal.coordinates_file", table=model.table, cell=np.array(model.cell.parameters))


def _of_list(crystal: Crystal, beam: ResolvedBeam, notes: Notes) -> FoundFactors:
    return FoundFactors("crystal.hkl_file", reflections=read_hkl(str(crystal.hkl_file)))


def _of_reflections(crystal: Crystal, beam: ResolvedBeam, notes: Notes) -> FoundFactors:
    found = read_reflections(str(crystal.reflections_file), crystal.reflections_column)
    notes.choose("crystal.reflections_column", crystal.reflections_column, found.column, "crystal.reflections_file")
    for sentence in found.remarks:
        notes.say(sentence)
    if found.measured:
        notes.say(
            f"{crystal.reflections_file}: column {found.column} was measured; its numbers are taken as electrons, "
            "whatever their scale is"
        )
    return FoundFactors("crystal.reflections_file", reflections=found, cell=found.cell)


def _of_dump(crystal: Crystal, beam: ResolvedBeam, notes: Notes) -> FoundFactors:
    return FoundFactors("crystal.dump_file", table=StructureFactorTable(*read_dump(str(crystal.dump_file))))


READERS: Mapping[str, Callable[[Crystal, ResolvedBeam, Notes], FoundFactors]] = {
    "coordinates_file": _of_coordinates,
    "reflections_file": _of_reflections,
    "hkl_file": _of_list,
    "dump_file": _of_dump,
}
"""Key of the crystal -> how its file is read; of several that are given the first."""


def find_structure_factors(
    crystal: Crystal, beam: ResolvedBeam, default_F: float, as_stream: bool, notes: Notes
) -> FoundFactors | None:
    """Read the file that was named; None where all amplitudes are ``default_F``, or after a fault.

    Args:
        crystal: what was said.
        beam: with the wavelength at which coordinates scatter.
        default_F: of reflections that no file has.
        as_stream: read lists as the C library does (``hkl_stream`` of the ledger).
        notes: takes faults and warnings.
    """
    check_unused(crystal, notes)
    sources = [name for name in READERS if name != "dump_file" and getattr(crystal, name) is not None]
    if len(sources) > 1:
        notes.fault(f"crystal.{sources[0]}", f"given together with crystal.{sources[1]}; leave one of them out")
        return None
    for name in _ONLY_OF_REFLECTIONS:
        if getattr(crystal, name) is not None and crystal.reflections_file is None:
            notes.fault(f"crystal.{name}", "given without crystal.reflections_file, whose reflections it is about")
    for name, read in READERS.items():
        if getattr(crystal, name) is not None:
            notes.given(f"crystal.{name}", getattr(crystal, name))
            if as_stream and name == "hkl_file" and not reads_alike(str(crystal.hkl_file)):
                return FoundFactors("crystal.hkl_file", reflections=read_hkl_stream(str(crystal.hkl_file), default_F))
            return read(crystal, beam, notes)
    if default_F == 0:
        notes.fault(
            "crystal.hkl_file",
            "missing, and every structure factor would be zero; give crystal.hkl_file, crystal.reflections_file, "
            "crystal.coordinates_file, crystal.dump_file or a crystal.default_F other than 0",
        )
    return None


def known_cell(found: FoundFactors | None) -> KnownCell | None:
    """The cell in the file of the structure factors, if it has one."""
    return None if found is None or found.cell is None else KnownCell(found.cell, found.key)


def fit_to_cell(
    found: FoundFactors | None,
    crystal: Crystal,
    setting: Setting,
    wavelength_A: float,
    default_F: float,
    lenient: bool,
    notes: Notes,
) -> StructureFactorTable | None:
    """The table, its list compared with the cell; None where there is none, or after a fault."""
    if found is None or (found.reflections is not None and notes.faults):
        return None
    table = found.table
    if found.reflections is not None:
        reciprocal_per_A = reciprocal_of(setting)
        wrong, odd = check_range(found.reflections.miller, reciprocal_per_A, wavelength_A)
        if wrong is not None and not lenient:
            notes.fault(found.key, wrong)
            return None
        for sentence in (wrong, odd):
            if sentence is not None:
                notes.warn(f"{found.key}: {sentence}")
        table = _tabulated(found.reflections, found.key, crystal, setting, reciprocal_per_A, default_F, notes)
    if table is not None:
        notes.record("derived.hkl_range", f"{table.minimum} .. {table.maximum}", "structure factor table")
    return table


def _tabulated(
    reflections: ReflectionList,
    key: str,
    crystal: Crystal,
    setting: Setting,
    reciprocal_per_A: np.ndarray,
    default_F: float,
    notes: Notes,
) -> StructureFactorTable | None:
    """What a list says, or the sphere that its symmetry makes of it."""
    cell = np.array([*setting.cell_A, *setting.cell_deg])
    if reflections.as_listed and crystal.space_group is None and crystal.missing_reflections is None:
        reflections = as_amplitudes(reflections)
        for sentence in check_listed(reflections.miller, reflections.values, reciprocal_per_A):
            notes.warn(f"{key}: {sentence}")
        return tabulate(reflections, default_F)
    name = str(crystal.reflections_file)
    symmetry, sentences = choose_symmetry(reflections, crystal.space_group, cell, name)
    if crystal.space_group is None:
        notes.record("crystal.space_group", symmetry.name, key if reflections.symmetry is not None else "default")
    else:
        notes.given("crystal.space_group", symmetry.name)
    if crystal.missing_reflections is not None:
        notes.given("crystal.missing_reflections", crystal.missing_reflections)
    sphere = whole_sphere(reflections, symmetry, cell, reciprocal_per_A, crystal.missing_reflections, default_F, name)
    for sentence in (*sentences, *sphere.remarks):
        notes.warn(sentence)
    return sphere.table
