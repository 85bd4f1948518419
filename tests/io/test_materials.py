"""Attenuation of materials against what anomalous scattering says of their absorption."""

from __future__ import annotations

import gemmi
import numpy as np
import pytest

from nbjax.constants import HC_EV_A
from nbjax.errors import ArgumentError
from nbjax.io.materials import attenuation_per_m

_ELECTRON_RADIUS_CM, _AVOGADRO = 2.8179403e-13, 6.02214076e23


@pytest.mark.parametrize("energy_keV", [8.0, 13.0, 20.0])
@pytest.mark.parametrize(
    ("material", "formula", "density"),
    [
        ("Si", {"Si": 1}, 2.329),
        ("Si@1.0", {"Si": 1}, 1.0),
        ("gaas", {"Ga": 1, "As": 1}, 5.3176),
        ("CdTe", {"Cd": 1, "Te": 1}, 5.85),
        ("Gd2O2S", {"Gd": 2, "O": 2, "S": 1}, 7.44),
        ("aluminum", {"Al": 1}, 2.7),
    ],
)
def test_coefficients_follow_from_anomalous_scattering(
    material: str, formula: dict[str, int], density: float, energy_keV: float
) -> None:
    elements = {gemmi.Element(symbol): count for symbol, count in formula.items()}
    wavelength_cm = HC_EV_A / 1000 / energy_keV * 1e-8
    imaginary = sum(
        count * gemmi.cromer_liberman(e.atomic_number, 1000 * energy_keV)[1] for e, count in elements.items()
    )
    molecules_per_cm3 = _AVOGADRO * density / sum(count * e.weight for e, count in elements.items())
    # the optical theorem: what is absorbed; scattering adds a few per cent
    absorbed_per_m = 100 * 2 * _ELECTRON_RADIUS_CM * wavelength_cm * imaginary * molecules_per_cm3
    (found,) = attenuation_per_m(material, np.array([1e8 * wavelength_cm]))
    assert 0.95 < found / absorbed_per_m < 1.15


def test_gadolinium_jumps_at_its_edges() -> None:
    below, above = attenuation_per_m("Gd2O2S", HC_EV_A / np.array([7230.0, 7270.0]))
    assert above > 1.5 * below


@pytest.mark.parametrize(
    ("material", "problem"),
    [
        ("silicium", r"got 'silicium', which is no material; did you mean"),
        ("Xx", r"got 'Xx', which is no material; give one of Si, Ge, CdTe"),
        ("GaAs@-1", r"got 'GaAs@-1', whose density in g/cm\^3 must be above zero"),
        ("Qq2@3", r"got 'Qq2@3', which is no material"),
        ("", r"got '', which is no material"),
    ],
)
def test_what_is_no_material(material: str, problem: str) -> None:
    with pytest.raises(ArgumentError, match=problem):
        attenuation_per_m(material, np.array([1.0]))


def test_no_table_reaches_everywhere() -> None:
    with pytest.raises(ArgumentError, match="the tables reach from 100 to 800000 eV"):
        attenuation_per_m("Si", np.array([1000.0]))
