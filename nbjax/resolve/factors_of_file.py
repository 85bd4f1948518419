"""The structure factors of one file, reflections or coordinates, without an experiment around them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nbjax.config.load import config_from_dict, override
from nbjax.config.tree import Config
from nbjax.errors import FileError
from nbjax.io.files import read_unpacked
from nbjax.io.foreign import Content, content_in
from nbjax.io.reflections import read_reflections
from nbjax.io.reflections.reflection_list import ReflectionList
from nbjax.io.symmetry import Symmetry, symmetry_of
from nbjax.reflections.checks import check_range
from nbjax.reflections.expansion import absences, expand, fill_mates, inverse_d2
from nbjax.reflections.shells import Shell, count_shells
from nbjax.reflections.sphere import choose_symmetry, whole_sphere
from nbjax.reflections.table import StructureFactorTable
from nbjax.resolve.beam import resolve_beam
from nbjax.resolve.coordinates import model_of_coordinates
from nbjax.resolve.notes import Notes
from nbjax.resolve.plausibility import check_ranges
from nbjax.resolve.unit_cell import KnownCell, reciprocal_of, resolve_cell

_OF_REFLECTIONS = ("reflections_column", "space_group", "missing_reflections", "cell_A")
"""What coordinates have themselves, or have no choice of."""
_COORDINATES = (Content.COORDINATES, Content.SMALL_MOLECULE)


@dataclass(frozen=True)
class FileFactors:
    """What a file gives.

    Attributes:
        table: amplitudes of the whole sphere in P1.
        given: entries that have an amplitude, boolean, shape of the table.
        phased: complex numbers with the phases, shape of the table, NaN where unknown; or None.
        symmetry: that makes equivalents.
        cell: lengths in Angstrom and angles in degrees, shape (6,).
        wavelength_A: at which the amplitudes hold, or None.
        shells: of the sphere.
        warnings, remarks: sentences for the user.
    """

    table: StructureFactorTable
    given: np.ndarray
    phased: np.ndarray | None
    symmetry: Symmetry
    cell: np.ndarray
    wavelength_A: float | None
    shells: tuple[Shell, ...]
    warnings: tuple[str, ...]
    remarks: tuple[str, ...]


def factors_of_file(
    path: str | Path,
    crystal: Mapping[str, Any],
    resolution_A: float | None,
    wavelength_A: float | None,
    overrides: Sequence[str] = (),
) -> FileFactors:
    """Read reflections or coordinates, told apart by their content.

    Args:
        path: the file.
        crystal: keys of the crystal and their values; None for what was not said.
        resolution_A: smallest spacing; of coordinates 2 by default, of reflections that of the file.
        wavelength_A: of the beam; without it coordinates scatter without f' and f''.
        overrides: further keys, ``section.key=value``.

    Raises:
        ConfigError: a key that does not exist, cannot have this value, or contradicts the file.
        FileError: see ``read_reflections``, ``whole_sphere`` and ``calculate``.
    """
    known = content_in(read_unpacked(path))
    of_coordinates = known is not None and known[1] in _COORDINATES
    section = {key: value for key, value in crystal.items() if value is not None}
    section["coordinates_file" if of_coordinates else "reflections_file"] = str(path)
    if of_coordinates and resolution_A is not None:
        section["coordinates_resolution_A"] = resolution_A
    if of_coordinates and wavelength_A is None:
        section["anomalous"] = False
    data: dict[str, Any] = {"crystal": section, "beam": {} if wavelength_A is None else {"wavelength_A": wavelength_A}}
    override(data, overrides)
    notes = Notes({})
    config = check_ranges(config_from_dict(data), notes)
    for key in _OF_REFLECTIONS if of_coordinates else ():
        if getattr(config.crystal, key) is not None:
            notes.fault(f"crystal.{key}", f"has no place with {path}, which holds coordinates; leave it out")
    notes.raise_faults()
    if of_coordinates:
        return _of_coordinates(config, wavelength_A, notes)
    return _of_reflections(config, resolution_A or 0.0, wavelength_A, notes)


def _of_coordinates(config: Config, wavelength_A: float | None, notes: Notes) -> FileFactors:
    beam = resolve_beam(config.beam, config.sampling, config.parity, notes)
    if (config.crystal.anomalous_channels or 1) > 1:
        notes.fault("crystal.anomalous_channels", "has no place in a list, which is of one wavelength; leave it out")
        notes.raise_faults()
    model = model_of_coordinates(config.crystal, beam, notes)
    notes.raise_faults()
    if wavelength_A is None and config.crystal.anomalous is False:
        notes.say("no wavelength is given: the atoms scatter without f' and f''")
    (F,) = model.F
    limits = tuple(-low for low in model.minimum)
    reciprocal = np.array(model.cell.frac.mat.tolist())
    squares = inverse_d2((limits[0], limits[1], limits[2]), reciprocal)
    resolution_A = config.crystal.coordinates_resolution_A or 2.0
    inside = squares <= resolution_A**-2
    inside[limits] = False
    miller = np.argwhere(inside).astype(np.int32) - np.array(limits, np.int32)
    symmetry = symmetry_of(model.space_group)
    is_absent = absences(miller, symmetry)
    _, shells = count_shells(miller, squares[inside], symmetry, is_absent, ~is_absent, np.abs(F)[inside])
    given = np.zeros(F.shape, bool)
    given[inside] = ~is_absent
    cell = np.array(model.cell.parameters)
    return FileFactors(
        model.table, given, F, symmetry, cell, wavelength_A, shells, tuple(notes.warnings), tuple(notes.remarks)
    )


def _of_reflections(config: Config, resolution_A: float, wavelength_A: float | None, notes: Notes) -> FileFactors:
    crystal, name = config.crystal, str(config.crystal.reflections_file)
    found = read_reflections(name, crystal.reflections_column)
    known = None if found.cell is None else KnownCell(found.cell, "crystal.reflections_file")
    if known is None and crystal.cell_A is None:
        notes.fault("crystal.cell_A", f"missing, and {name} has no cell; give it")
        notes.raise_faults()
    setting = resolve_cell(crystal, wavelength_A or 1.0, known, None, False, notes)
    notes.raise_faults()
    cell, reciprocal = np.array([*setting.cell_A, *setting.cell_deg]), reciprocal_of(setting)
    wrong, odd = check_range(found.miller, reciprocal, wavelength_A or found.wavelength_A or 1.0)
    if wrong is not None:
        raise FileError(f"{name}: {wrong}")
    if odd is not None:
        notes.warn(f"{name}: {odd}")
    symmetry, sentences = choose_symmetry(found, crystal.space_group, cell, name)
    sphere = whole_sphere(
        found, symmetry, cell, reciprocal, crystal.missing_reflections, crystal.default_F or 0.0, name, resolution_A
    )
    return FileFactors(
        table=sphere.table,
        given=sphere.given,
        phased=_phased(found, symmetry, sphere.table),
        symmetry=symmetry,
        cell=cell,
        wavelength_A=wavelength_A or found.wavelength_A,
        shells=sphere.shells,
        warnings=(*notes.warnings, *sentences, *sphere.remarks),
        remarks=(*notes.remarks, *found.remarks),
    )


def _phased(reflections: ReflectionList, symmetry: Symmetry, table: StructureFactorTable) -> np.ndarray | None:
    """Numbers with the phases of a list on the box of its table, NaN where unknown; None without phases."""
    if reflections.phases_deg is None:
        return None
    limits = table.maximum
    kept = np.ones(len(reflections.miller), bool)
    for rotation in symmetry.rotations:
        kept &= (np.abs(reflections.miller @ rotation) <= np.array(limits)).all(axis=1)
    numbers = np.exp(1j * np.radians(reflections.phases_deg[kept]))
    return fill_mates(expand(reflections.miller[kept].astype(np.int64), numbers, symmetry, limits))
