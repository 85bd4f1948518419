"""What materials scatter: limits that must hold, and numbers that were measured."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from nbjax.constants import AVOGADRO_PER_MOL, COMPTON_WAVELENGTH_M, HC_EV_A, THOMSON_CROSS_SECTION_M2
from nbjax.materials import MATERIALS, chains
from nbjax.materials.compton import incoherent
from nbjax.materials.material import GRID_PER_A, free_atom
from nbjax.materials.rings import Blur, with_rings
from nbjax.materials.water import free_water
from nbjax.physics.compton import compton_ratio


@pytest.mark.parametrize("name", MATERIALS)
def test_every_material_is_positive_and_ends_as_free_atoms(name: str) -> None:
    material = MATERIALS[name]()
    assert material.electrons_squared.shape == GRID_PER_A.shape
    assert (material.electrons_squared[1:] > 0).all()
    assert material.source
    assert set(material.formula) <= {"H", "C", "N", "O", "Ar"}
    # at the end of the tables atoms scatter on their own
    free = sum(count * free_atom(symbol) ** 2 for symbol, count in material.formula.items())
    assert material.electrons_squared[-40:].mean() == pytest.approx(float(free[-40:].mean()), rel=0.1)


def test_water_has_its_ring_and_the_forward_scattering_of_its_compressibility() -> None:
    water = MATERIALS["water"]()
    assert water.weight_g_per_mol == pytest.approx(18.015, abs=1e-3)
    ring = 4 * np.pi * GRID_PER_A[water.electrons_squared.argmax()]
    assert ring == pytest.approx(2.02, abs=0.02)
    # density times kT times compressibility, times ten electrons squared
    forward = 3.3368e28 * 1.380649e-23 * 298.15 * 4.525e-10 * 100
    assert water.electrons_squared[0] == pytest.approx(forward, rel=0.02)


def test_air_scatters_forward_as_its_molecules_do() -> None:
    air = MATERIALS["air"]()
    assert air.weight_g_per_mol == pytest.approx(28.96, abs=0.01)
    assert air.electrons_squared[0] == pytest.approx(0.7808 * 14**2 + 0.2095 * 16**2 + 0.0097 * 18**2, rel=2e-3)


@pytest.mark.parametrize("element", ["H", "C", "N", "O", "Si"])
@pytest.mark.parametrize("energy_eV", [8000.0, 20000.0])
def test_compton_scattering_over_all_angles_is_the_tabulated_cross_section(element: str, energy_eV: float) -> None:
    import xraydb

    wavelength_A = HC_EV_A / energy_eV
    cosine = np.linspace(-1, 1, 4001)
    stol = np.sqrt((1 - cosine) / 2) / wavelength_A
    polarization = (1 + cosine**2) / 2
    ratio = np.asarray(compton_ratio(*map(jnp.asarray, (stol * 1e10, wavelength_A * 1e-10, polarization))))
    electrons = np.interp(stol, GRID_PER_A, incoherent({element: 1}))
    per_atom_m2 = 2 * np.pi * THOMSON_CROSS_SECTION_M2 * np.trapezoid(electrons * polarization * ratio, cosine)
    weight = xraydb.atomic_mass(element)
    tabulated = float(xraydb.incoherent_cross_section_elam(element, energy_eV)) * 1e-4 * weight / AVOGADRO_PER_MOL
    assert per_atom_m2 == pytest.approx(tabulated, rel=0.04 if element != "Si" else 0.2)


def test_free_electrons_scatter_by_klein_and_nishina() -> None:
    # integral over all angles, with the first two terms of the expansion in the energy
    for wavelength_m in (1e-10, 2e-11):
        cosine = np.linspace(-1, 1, 20001)
        polarization = (1 + cosine**2) / 2
        stol = np.sqrt((1 - cosine) / 2) / wavelength_m
        total = np.trapezoid(
            polarization * np.asarray(compton_ratio(*map(jnp.asarray, (stol, wavelength_m, polarization)))), cosine
        )
        energy = COMPTON_WAVELENGTH_M / wavelength_m
        series = 4 / 3 * (1 - 2 * energy + 26 / 5 * energy**2 - 133 / 10 * energy**3 + 1144 / 35 * energy**4)
        assert total == pytest.approx(series, rel=3e-3 if wavelength_m < 5e-11 else 1e-6)


@pytest.mark.parametrize("instrument", [(0.0, 0.0, 0.0), (0.002, 0.0005, 0.0005)])
@pytest.mark.parametrize("grain_A", [200.0, 1000.0])
def test_a_blur_moves_no_photons_from_ring_to_ring(instrument: tuple[float, float, float], grain_A: float) -> None:
    ice = MATERIALS["ice"]()
    assert ice.lines is not None
    places, intensity = with_rings(ice, Blur(grain_A, 1.0, *instrument))
    rings = intensity - np.interp(places, GRID_PER_A, ice.electrons_squared)
    for low, high in ((0.118, 0.155), (0.17, 0.2), (0.1, 0.6)):
        inside = (places > low) & (places < high)
        strength = ice.lines.strengths[(ice.lines.stol_per_A > low) & (ice.lines.stol_per_A < high)].sum()
        assert np.trapezoid(rings[inside], places[inside]) == pytest.approx(strength, rel=2e-2)


def test_ice_has_its_rings_and_scatters_in_the_mean_as_its_molecules_do() -> None:
    ice = MATERIALS["ice"]()
    assert ice.lines is not None
    np.testing.assert_allclose(0.5 / ice.lines.stol_per_A[:6], [3.895, 3.661, 3.438, 2.667, 2.249, 2.068], atol=2e-3)
    strong = ice.lines.strengths[:4]
    # per electron squared and ring, as powder diffraction has them: 100, 002, 101 and 102
    np.testing.assert_allclose(strong / strong[0], [1, 0.56, 0.60, 0.28], atol=0.03)
    low, high = 0.3, 0.6
    inside = (ice.lines.stol_per_A > low) & (ice.lines.stol_per_A < high)
    mean = ice.lines.strengths[inside].sum() / (high - low)
    places = (low < GRID_PER_A) & (high > GRID_PER_A)
    free = free_water()
    assert mean == pytest.approx(float((free - ice.electrons_squared)[places].mean()), rel=0.1)


@pytest.mark.parametrize(("name", "spacing_A"), [("lcp", 4.5), ("nylon", 4.15)])
def test_chains_have_their_ring(name: str, spacing_A: float) -> None:
    material = MATERIALS[name]()
    place = GRID_PER_A[material.electrons_squared[:140].argmax()]
    assert 0.5 / place == pytest.approx(spacing_A, rel=0.05)


def test_the_structure_of_chains_fulfils_the_sum_rule() -> None:
    q = 4 * np.pi * GRID_PER_A
    rise = chains._structure(1.48, 0.047) - chains._structure(1.48, 0.037)
    assert np.trapezoid(q**2 * rise, q) / (-2 * np.pi**2) == pytest.approx(0.01, rel=1e-3)
