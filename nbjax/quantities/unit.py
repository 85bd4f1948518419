"""Units of the table of quantities."""

from __future__ import annotations

from dataclasses import dataclass

from nbjax.constants import DEGREES_PER_RADIAN


@dataclass(frozen=True)
class Unit:
    """A unit.

    Attributes:
        si: one of it in SI units.
        suffix: end of the configuration keys that are in it; empty where none is usual.
        nexus: its name in NXmx files.
        shown: its name in the documentation.
        mistaken: units that numbers are given in by mistake, and one of each in this unit.
    """

    si: float
    suffix: str = ""
    nexus: str = ""
    shown: str = ""
    mistaken: tuple[tuple[str, float], ...] = ()


_DEGREE = 1 / DEGREES_PER_RADIAN

UNITS: dict[str, Unit] = {
    "1": Unit(1.0),
    "A": Unit(1e-10, "_A", "angstrom", "Angstrom", (("m", 1e10), ("nm", 10.0))),
    "eV": Unit(1.602176634e-19, "_eV", "eV", "eV", (("keV", 1e3), ("MeV", 1e6))),
    "mm": Unit(1e-3, "_mm", "mm", "mm", (("m", 1e3), ("um", 1e-3))),
    "um": Unit(1e-6, "_um", "um", "µm", (("m", 1e6), ("mm", 1e3))),
    "nm": Unit(1e-9, "_nm", "nm", "nm", (("m", 1e9), ("um", 1e3), ("A", 0.1))),
    "um^3": Unit(1e-18, "_um3", "um^3", "µm³", (("m^3", 1e18), ("mm^3", 1e9))),
    "degrees": Unit(_DEGREE, "_deg", "degree", "degree", (("radians", DEGREES_PER_RADIAN),)),
    "mrad": Unit(1e-3, "_mrad", "mrad", "mrad", (("radians", 1e3), ("degrees", 1e3 * _DEGREE))),
    "%": Unit(1e-2, "_percent", "percent", "%"),
    "s": Unit(1.0, "_s", "s", "s"),
    "px": Unit(1.0, "_px", "pixel", "pixel"),
    "e": Unit(1.0, "_F", "electron", "electron"),
    "photons/m^2": Unit(
        1.0, "_photons_per_m2", "1/m^2", "1/m²", (("photons/mm^2", 1e6), ("photons/um^2", 1e12), ("photons/A^2", 1e20))
    ),
    "photons/s": Unit(1.0, "_photons_per_s", "Hz", "1/s"),
    "A^2": Unit(1e-20, "_A2", "angstrom^2", "Angstrom²", (("nm^2", 100.0),)),
    "e/A^3": Unit(1e30, "", "", "electron/Angstrom³"),
    "keV": Unit(1.602176634e-16, "_keV", "keV", "keV", (("eV", 1e-3), ("MeV", 1e3))),
    "ns": Unit(1e-9, "_ns", "ns", "ns", (("s", 1e9), ("us", 1e3))),
    "photons": Unit(1.0, "_photons", "", "photon"),
    "electrons": Unit(1.0, "_electrons", "", "electron"),
    "electrons/s": Unit(1.0, "electrons_per_s", "", "electron/s"),
    "electrons/photon": Unit(1.0, "electrons_per_photon", "", "electron/photon"),
    "counts": Unit(1.0, "_counts", "", "count"),
    "counts/photon": Unit(1.0, "counts_per_photon", "", "count/photon"),
    "counts/keV": Unit(1.0, "counts_per_keV", "", "count/keV"),
    "1/photon": Unit(1.0, "", "", "1/photon"),
    "1/mm": Unit(1e3, "_per_mm", "1/mm", "1/mm", (("1/m", 1e-3), ("1/cm", 0.1), ("1/um", 1e3))),
    "g/cm^3": Unit(1e6, "_g_per_cm3", "g/cm^3", "g/cm³", (("kg/m^3", 1e-3),)),
    "g/mol": Unit(1.0, "_g_per_mol", "g/mol", "g/mol"),
    "cells": Unit(1.0),
    "vector": Unit(1.0, "", "", "vector"),
}
"""Units by the name that results and messages use."""
