"""What materials scatter: limits that must hold, and numbers that were measured."""

from __future__ import annotations

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest

from nbjax.constants import AVOGADRO_PER_MOL, COMPTON_WAVELENGTH_M, HC_EV_A, THOMSON_CROSS_SECTION_M2
from nbjax.materials import MATERIALS, chains
from nbjax.materials.compton import incoherent
from nbjax.materials.material import GRID_PER_A, Lines, free_atom
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


PLACES = [0, 20, 50, 90, 130, 200, 300, 600]
"""Of ``GRID_PER_A`` at 0, 0.05, 0.125, 0.225, 0.325, 0.5, 0.75 and 1.5 per Angstrom."""
NUMBERS = {
    "water": (0.99705, 18.01528, [6.25, 6.258977, 26.533575, 39.076209, 12.586324, 4.9956189, 2.7684779, 0.98959088]),
    "air": (
        1.2041e-3,
        28.964107,
        [209.56732, 189.39015, 114.71537, 39.437805, 16.474564, 9.5040979, 4.5994349, 1.6200839],
    ),
    "ice": (0.933, 18.01528, [0, 0.55275699, 2.3274822, 3.3314783, 3.0536511, 2.4548913, 2.6792799, 0.99331641]),
    "nylon": (
        1.13,
        113.15764,
        [96.732849, 234.69388, 475.72565, 81.952299, 42.793932, 25.739872, 16.561879, 4.1340867],
    ),
    "lcp": (0.97, 594.23693, [212.99451, 554.94095, 1413.4574, 793.97919, 313.21253, 144.45352, 88.34252, 25.859989]),
}
ELECTRONS = {
    "H": [0, 0.042309372, 0.22985111, 0.54020132, 0.76417196, 0.93544436, 0.98898848, 0.99990691],
    "C": [0.0002, 0.36213965, 1.7021296, 3.2223222, 3.9611354, 4.4878553, 4.9641041, 5.7805772],
    "N": [0.0004, 0.30877796, 1.5406705, 3.2273741, 4.3133427, 5.180722, 5.7256793, 6.6320377],
    "O": [0.0002, 0.27070694, 1.4200869, 3.2215657, 4.5803524, 5.8273601, 6.5090306, 7.462855],
    "Si": [0.0047995886, 1.1060061, 4.6739205, 7.903294, 9.4797237, 11.218664, 12.80239, 13.81739],
}


@pytest.mark.parametrize("name", MATERIALS)
def test_a_material_keeps_its_numbers(name: str) -> None:
    """They are what fits to measurements have left: nothing else says what each has to be."""
    material = MATERIALS[name]()
    density, weight, numbers = NUMBERS[name]
    assert material.density_g_per_cm3 == density
    assert material.weight_g_per_mol == pytest.approx(weight, rel=1e-6)
    np.testing.assert_allclose(material.electrons_squared[PLACES], numbers, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("element", ELECTRONS)
def test_electrons_of_atoms_keep_their_numbers(element: str) -> None:
    np.testing.assert_allclose(incoherent({element: 2})[PLACES] / 2, ELECTRONS[element], rtol=1e-6, atol=1e-12)


def test_rings_of_ice_keep_their_strengths() -> None:
    lines = MATERIALS["ice"]().lines
    assert lines is not None
    assert len(lines.strengths) == 87
    wanted = [1.7576808, 0.97989153, 1.0487062, 0.50054827, 0.040740136, 0.032877731, 0.015521615, 2.1192297e-06]
    np.testing.assert_allclose(lines.strengths[[0, 1, 2, 3, 10, 30, 60, 86]], wanted, rtol=1e-6)


def test_the_width_of_a_ring_is_what_wavelengths_directions_and_pixels_make_of_it() -> None:
    rings = np.array([0.05, 0.2, 0.45])
    blur = Blur(300.0, 1.1, 0.003, 0.002, 0.0015)

    def place(wavelength_A: np.ndarray, two_theta: np.ndarray) -> np.ndarray:
        return np.sin(two_theta / 2) / wavelength_A

    two_theta, step = 2 * np.arcsin(rings * blur.wavelength_A), 1e-6
    by_angle = (place(blur.wavelength_A, two_theta + step) - place(blur.wavelength_A, two_theta - step)) / (2 * step)
    # the flat panel's radius is the tangent of the angle times its distance
    by_pixel = by_angle * step / (np.tan(two_theta + step / 2) - np.tan(two_theta - step / 2))
    by_wavelength = place(1.1 + step, two_theta) - place(1.1 - step, two_theta)
    parts = [by_wavelength / (2 * step) * 1.1 * 0.003, by_angle * 0.002, by_pixel * 0.0015]
    # Scherrer's width at half height is 0.9 over the size, in q
    grain = 0.9 / 300.0 / 2 / np.sqrt(8 * np.log(2))
    np.testing.assert_allclose(blur.sigmas_of(rings), np.sqrt(grain**2 + sum(part**2 for part in parts)), rtol=1e-6)
    # past the way back there is no angle to change
    assert float(blur.sigmas_of(np.array([0.95]))[0]) == pytest.approx(np.hypot(grain, 0.003 * 0.95), rel=1e-9)


@pytest.mark.parametrize(("grain_A", "direction_rad"), [(150.0, 0.003), (1e6, 0.0)])
def test_rings_are_gaussians_on_places_as_fine_as_the_grains_need(grain_A: float, direction_rad: float) -> None:
    ice, blur = MATERIALS["ice"](), Blur(grain_A, 1.0, 0.0, direction_rad, 0.0)
    assert ice.lines is not None
    first = Lines(ice.lines.stol_per_A[:5], ice.lines.strengths[:5])
    places, found = with_rings(replace(ice, lines=first), blur)
    assert len(places) == min(np.ceil(2.5 * 2.0 / blur.of_grain) + 1, 50_001)
    # no narrower than the places show
    sigmas = np.maximum(blur.sigmas_of(first.stol_per_A), 0.4 * places[1])[:, None]
    away = (places - first.stol_per_A[:, None]) / sigmas
    rings = first.strengths[:, None] / (np.sqrt(2 * np.pi) * sigmas) * np.exp(-0.5 * away**2)
    wanted = np.interp(places, GRID_PER_A, ice.electrons_squared) + rings.sum(0)
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6 * wanted.max())
