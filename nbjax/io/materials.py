"""How materials attenuate X-rays, by the tables of xraydb (Elam, Ravel and Sieber, Radiat. Phys. Chem. 63, 2002)."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from nbjax.constants import HC_EV_A
from nbjax.errors import ArgumentError

DENSITIES = {
    "Si": 2.329,
    "Ge": 5.323,
    "CdTe": 5.85,
    "CdZnTe": 5.78,
    "GaAs": 5.3176,
    "Se": 4.28,
    "Gd2O2S": 7.44,
    "CsI": 4.51,
}
"""Of sensors, in g/cm^3 (CRC Handbook; selenium amorphous)."""

_WITH_DENSITY = re.compile(r"([A-Za-z0-9().]+)@([0-9.eE+-]+)")
_LEAST_EV, _MOST_EV = 100.0, 8e5


def attenuation_per_m(material: str, wavelengths_A: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Photoelectric and scattering attenuation at wavelengths.

    Args:
        material: a sensor of ``DENSITIES``, a material that xraydb knows (air, helium, kapton, beryllium, ...), or a
            formula and its density in g/cm^3, as in ``Gd2O2S@4.2``.
        wavelengths_A: in Angstrom.

    Raises:
        ArgumentError: there is no such material, or no table reaches a wavelength.
    """
    import xraydb

    energies_eV = HC_EV_A / np.asarray(wavelengths_A, float)
    if not ((energies_eV >= _LEAST_EV) & (energies_eV <= _MOST_EV)).all():
        raise ArgumentError(f"got {energies_eV.min():g} eV, the tables reach from {_LEAST_EV:g} to {_MOST_EV:g} eV")
    formula, density = _formula(material, xraydb.get_material)
    try:
        per_cm = np.atleast_1d(xraydb.material_mu(formula, energies_eV, density=density))
    except (ValueError, KeyError, Warning):
        per_cm = np.array([np.nan])
    if not (np.isfinite(per_cm).all() and (per_cm > 0).all()):
        raise ArgumentError(_unknown(material))
    return 100.0 * np.asarray(per_cm, float)


def _formula(material: str, known: Callable[[str], tuple[str, float] | None]) -> tuple[str, float]:
    """Formula and density in g/cm^3."""
    match = _WITH_DENSITY.fullmatch(material)
    if match is not None:
        try:
            density = float(match[2])
        except ValueError:
            density = 0.0
        if not 0 < density < 30:
            raise ArgumentError(f"got {material!r}, whose density in g/cm^3 must be above zero, and below 30")
        return match[1], density
    by_name = {name.lower(): name for name in DENSITIES}
    if material.lower() in by_name:
        name = by_name[material.lower()]
        return name, DENSITIES[name]
    found = known(material.lower())
    if found is None:
        raise ArgumentError(_unknown(material))
    return found


def _unknown(material: str) -> str:
    names = [*DENSITIES, "air", "helium", "kapton", "mylar", "beryllium", "aluminum", "diamond"]
    near = difflib.get_close_matches(material, names, 1, 0.5)
    hint = f"did you mean {near[0]}?" if near else f"give one of {', '.join(names)}"
    return f"got {material[:40]!r}, which is no material; {hint} or a formula with its density in g/cm^3, as GaAs@5.32"
