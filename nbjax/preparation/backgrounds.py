"""The backgrounds of a resolved configuration, and whether their tables reach as far as the panels see."""

from __future__ import annotations

import numpy as np

from nbjax.errors import ConfigError, Fault
from nbjax.physics.backgrounds.amorphous import Amorphous
from nbjax.physics.backgrounds.background import Background
from nbjax.physics.backgrounds.tabulated import Tabulated
from nbjax.physics.backgrounds.water import Water
from nbjax.preparation.detector import MakeArray
from nbjax.preparation.reach import spacings_on_panel
from nbjax.resolve import Resolved
from nbjax.resolve.backgrounds import ResolvedBackground

_EVEN = 1e-3
"""Of a spacing, by which those of an even table may differ."""


def backgrounds(resolved: Resolved, array: MakeArray) -> tuple[Background, ...]:
    """All backgrounds, in the order of the configuration, after the water around the crystal."""
    water_um = resolved.crystal.water_um
    water = (Water(array(water_um / 1e6)),) if water_um > 0 else ()
    return (*water, *(_amorphous(one, array) for one in resolved.backgrounds))


def _amorphous(one: ResolvedBackground, array: MakeArray) -> Amorphous:
    steps = np.diff(one.stol_per_A)
    return Amorphous(
        thickness_m=array(one.thickness_mm / 1e3),
        molecules_per_m3=array(one.molecules_per_mm3 * 1e9),
        area_m2=array(one.area_mm2 / 1e6),
        edge_m=None if one.width_mm is None else array(one.width_mm / 1e3),
        scale=array(one.scale),
        amplitude=Tabulated(
            array(one.stol_per_A * 1e10), array(one.electrons), bool(np.ptp(steps) < _EVEN * steps.mean())
        ),
        name=one.name,
    )


def check_tables(resolved: Resolved) -> None:
    """Make sure that the tables reach as far as the panels see.

    Raises:
        ConfigError: one that does not.
    """
    if not resolved.backgrounds:
        return
    wavelengths_A = resolved.beam.source_wavelengths()
    stol_per_A = 0.5 / spacings_on_panel(resolved)
    shares = resolved.beam.wavelength_A / wavelengths_A
    low, high = float(stol_per_A.min() * shares.min()), float(stol_per_A.max() * shares.max())
    faults = []
    for number, one in enumerate(resolved.backgrounds):
        first, last = float(one.stol_per_A[0]), float(one.stol_per_A[-1])
        if first > low:
            missing = f"begins at {first:.4g} and the panel sees from {low:.4g}"
        elif last < high:
            missing = f"ends at {last:.4g} and the panel sees up to {high:.4g}"
        else:
            continue
        cure = "add lines to the table" if one.is_file else "move the detector, or give a file that reaches"
        faults.append(
            Fault(
                f"background.{number}.{'file' if one.is_file else 'material'}",
                f"got {one.name!r}, which {missing} in sin(theta)/wavelength per Angstrom; {cure}",
            )
        )
    if faults:
        raise ConfigError(faults)
