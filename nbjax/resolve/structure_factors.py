"""Resolution of the structure factors: which file they come from, and how it fits the cell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from nbjax.config.tree import Crystal
from nbjax.geometry.unit_cell import standard_direct
from nbjax.io.dump import read_dump
from nbjax.io.hkl import Reflections, read_hkl
from nbjax.reference.hkl_stream import read_hkl_stream, reads_alike
from nbjax.reflections.table import StructureFactorTable, tabulate
from nbjax.resolve.beam import ResolvedBeam
from nbjax.resolve.coordinates import check_unused, model_of_coordinates
from nbjax.resolve.notes import Notes
from nbjax.resolve.reflections import check_reflections
from nbjax.resolve.unit_cell import Setting


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
    reflections: Reflections | None = None
    table: StructureFactorTable | None = None
    cell: np.ndarray | None = None


def _of_coordinates(crystal: Crystal, beam: ResolvedBeam, notes: Notes) -> FoundFactors:
    model = model_of_coordinates(crystal, beam, notes)
    return FoundFactors("crystal.coordinates_file", table=model.table, cell=np.array(model.cell.parameters))


def _of_list(crystal: Crystal, beam: ResolvedBeam, notes: Notes) -> FoundFactors:
    return FoundFactors("crystal.hkl_file", reflections=read_hkl(str(crystal.hkl_file)))


def _of_dump(crystal: Crystal, beam: ResolvedBeam, notes: Notes) -> FoundFactors:
    return FoundFactors("crystal.dump_file", table=StructureFactorTable(*read_dump(str(crystal.dump_file))))


READERS: Mapping[str, Callable[[Crystal, ResolvedBeam, Notes], FoundFactors]] = {
    "coordinates_file": _of_coordinates,
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
    if crystal.coordinates_file is not None and crystal.hkl_file is not None:
        notes.fault("crystal.coordinates_file", "given together with crystal.hkl_file; leave one of them out")
        return None
    for name, read in READERS.items():
        if getattr(crystal, name) is not None:
            notes.given(f"crystal.{name}", getattr(crystal, name))
            if as_stream and name == "hkl_file" and not reads_alike(str(crystal.hkl_file)):
                return FoundFactors("crystal.hkl_file", reflections=read_hkl_stream(str(crystal.hkl_file), default_F))
            return read(crystal, beam, notes)
    if default_F == 0:
        notes.fault(
            "crystal.hkl_file",
            "missing, and every structure factor would be zero; give crystal.hkl_file, crystal.coordinates_file, "
            "crystal.dump_file or a crystal.default_F other than 0",
        )
    return None


def fit_to_cell(
    found: FoundFactors | None, setting: Setting, wavelength_A: float, default_F: float, lenient: bool, notes: Notes
) -> StructureFactorTable | None:
    """The table, its list compared with the cell; None where there is none, or after a fault."""
    if found is None:
        return None
    table, reflections = found.table, found.reflections
    if reflections is not None:
        if not notes.faults:
            direct = np.asarray(standard_direct(np.array(setting.cell_A), np.radians(setting.cell_deg)))
            check_reflections(reflections, np.linalg.inv(direct).T, wavelength_A, found.key, lenient, notes)
        table = None if notes.faults else tabulate(reflections, default_F)
    if table is not None:
        notes.record("derived.hkl_range", f"{table.minimum} .. {table.maximum}", "structure factor table")
    return table
