"""From the whole sphere back to one reflection of each set of equivalents, for the files of other programs."""

from __future__ import annotations

import gemmi
import numpy as np

from nbjax.io.reflections.writing import Factors
from nbjax.io.symmetry import TRIVIAL, Symmetry, symmetry_of
from nbjax.reflections.expansion import absences
from nbjax.reflections.table import StructureFactorTable


def unique_factors(
    table: StructureFactorTable,
    given: np.ndarray,
    symmetry: Symmetry,
    cell: np.ndarray,
    phased: np.ndarray | None = None,
    wavelength_A: float | None = None,
) -> Factors:
    """Structure factors to write.

    Args:
        table: amplitudes on a box that is symmetric about 0 0 0.
        given: which entries to write, boolean, shape of the table.
        symmetry: of the table; where only a point group is known, the whole sphere is written in P 1.
        cell: lengths in Angstrom and angles in degrees, shape (6,).
        phased: structure factors or numbers of their phases, complex, shape of the table, NaN where unknown.
        wavelength_A: at which they hold.
    """
    limits = np.array(table.maximum)
    sphere = np.argwhere(given).astype(np.int32) - limits.astype(np.int32)
    group = symmetry.space_group
    if group is None:
        found = gemmi.find_spacegroup_by_ops(symmetry.operators)
        symmetry = TRIVIAL if found is None else symmetry_of(found)
        group = gemmi.SpaceGroup(symmetry.name)
    unit_cell = gemmi.UnitCell(*map(float, cell))
    end = unit_cell.calculate_1_d2_array(sphere).max(initial=1e-12)
    unique = gemmi.make_miller_array(unit_cell, group, float(end**-0.5) * (1 - 1e-9))
    unique = unique[(np.abs(unique) <= limits).all(axis=1)]
    places = tuple((unique + limits).T)
    unique = unique[given[places]]
    unique = unique[~absences(unique, symmetry)]
    places, mates = tuple((unique + limits).T), tuple((limits - unique).T)
    phases = None if phased is None else np.degrees(np.angle(phased[places])) % 360.0
    return Factors(
        miller=unique,
        plus=table.values[places],
        minus=table.values[mates],
        phases_deg=phases,
        sphere=sphere,
        sphere_F=table.values[given],
        cell=cell,
        symmetry=symmetry,
        wavelength_A=wavelength_A,
    )
