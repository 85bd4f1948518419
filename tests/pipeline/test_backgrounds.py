"""Backgrounds in images: nonBragg's numbers, sums, derivatives, and what a mean ray costs."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import jax
import numpy as np
import pytest
from cases import GOLDEN, small_config
from several_panels import alone, three_panels

from nbjax import Experiment, prepare, put, simulate, simulate_pixels, trace
from nbjax.config.tree import Absorber, Background, Beam, Config, Crystal, Detector, Sampling, Shadow
from nbjax.experiment import chosen
from nbjax.fields import look_up
from nbjax.tracing.factors import pixel_factors

GLASS = str(GOLDEN / "nonbragg" / "glass.stol")
LABORATORY = {"direction": (1.0, 0.0, 0.0), "polarization_axis": (0.0, 0.0, 1.0)}
PANEL = {
    "convention": "custom",
    "fast_axis": (0.0, 0.0, 1.0),
    "slow_axis": (0.0, -1.0, 0.0),
    "normal_axis": (1.0, 0.0, 0.0),
    "pixels_fast": 40,
    "pixels_slow": 36,
}
CRYSTAL = Crystal(cell_A=(50.0, 50.0, 50.0), default_F=1.0, spindle_axis=(0.0, 0.0, 1.0))
FLAT = Config(
    beam=Beam(
        wavelength_A=0.9795,
        flux_photons_per_s=1e12,
        exposure_s=0.1,
        beamsize_mm=0.08,
        polarization=0.9,
        **LABORATORY,
    ),
    crystal=CRYSTAL,
    detector=Detector(distance_mm=90.0, pixel_mm=2.0, beam_x_mm=40.5, beam_y_mm=33.2, **PANEL),
    background=(Background(file=GLASS, thickness_mm=0.05, density_g_per_cm3=1.1, molecular_weight_g_per_mol=18.5),),
)
TILTED = Config(
    beam=Beam(wavelength_A=1.2, fluence_photons_per_m2=3e24, polarization_correction=False, **LABORATORY),
    crystal=CRYSTAL,
    detector=Detector(
        distance_mm=60.0,
        pixel_mm=1.0,
        beam_x_mm=17.3,
        beam_y_mm=11.9,
        rotation_x_deg=5.0,
        rotation_y_deg=-8.0,
        rotation_z_deg=3.0,
        pivot="beam",
        **PANEL,
    ),
    background=(
        Background(file=GLASS, thickness_mm=1.5, width_mm=0.03, density_g_per_cm3=0.9, molecular_weight_g_per_mol=20.0),
    ),
)
SAMPLED = replace(
    TILTED,
    beam=Beam(
        wavelength_A=1.2,
        fluence_photons_per_m2=3e24,
        polarization=0.9,
        divergence_horizontal_mrad=2.0,
        divergence_vertical_mrad=1.0,
        dispersion_percent=1.0,
        **LABORATORY,
    ),
    sampling=Sampling(oversample=2, divergence_horizontal_steps=3, divergence_vertical_steps=3, dispersion_steps=3),
)


def scattered(config: Config) -> Experiment:
    return chosen(prepare(config), crystals=())


@cache
def golden(name: str) -> np.ndarray:
    with np.load(GOLDEN / "nonbragg" / "images.npz") as stored:
        return stored[name]


@pytest.mark.parametrize(("config", "name"), [(FLAT, "flat"), (TILTED, "tilted")])
def test_a_table_scatters_what_it_does_in_nonbragg(config: Config, name: str) -> None:
    np.testing.assert_allclose(simulate(scattered(config)), golden(name), rtol=1e-7)


def test_the_mean_ray_stands_for_all_subpixels_and_sources() -> None:
    image = np.asarray(simulate(scattered(SAMPLED)))
    # a pixel is a degree wide here, and the rings three
    np.testing.assert_allclose(image, golden("sampled"), rtol=1.1e-2)
    assert np.median(np.abs(image / golden("sampled") - 1)) < 1.5e-3


@pytest.mark.parametrize("material", ["water", "air"])
def test_derivatives_by_everything_that_a_fit_may_move(material: str) -> None:
    config = replace(FLAT, background=(Background(material=material, thickness_mm=0.05),))
    experiment, pixels = scattered(config), np.array([[3, 4], [20, 30]])
    (term,) = experiment.backgrounds

    @jax.jit
    def photons(term: object) -> jax.Array:
        return simulate_pixels(replace(experiment, backgrounds=(term,)), pixels).sum()

    slopes = jax.grad(photons)(term)
    for place, step in (("thickness_m", 1e-6), ("scale", 1e-3), ("amplitude.values", 1e-4)):
        value = look_up(term, place)
        # all values of a table at once
        above, below = (photons(put(term, place, value + change)) for change in (step, -step))
        assert float(look_up(slopes, place).sum()) == pytest.approx(float(above - below) / (2 * step), rel=1e-6)
    assert float(slopes.scale * term.scale) == pytest.approx(float(photons(term)), rel=1e-12)


def test_backgrounds_add_up_and_each_has_its_part_of_a_trace() -> None:
    tables = (
        Background(material="water", thickness_mm=0.05),
        Background(material="air", thickness_mm=20.0, scale=0.5),
    )
    config = replace(small_config(crystal={"water_um": 0.02}), background=tables)
    whole, pixels = prepare(config), np.array([[0, 0], [5, 17]])
    parts = [replace(whole, crystals=(), backgrounds=(term,)) for term in whole.backgrounds]
    bragg = simulate_pixels(replace(whole, backgrounds=()), pixels)
    photons = [simulate_pixels(part, pixels) for part in parts]
    assert len(photons) == 3
    np.testing.assert_allclose(simulate_pixels(whole, pixels), bragg + sum(photons), rtol=1e-12)
    stages = trace(whole, pixels)
    each = pixel_factors(stages)["I_backgrounds"]
    np.testing.assert_allclose(each.sum(axis=1), stages.background_electrons_squared, rtol=1e-12)
    np.testing.assert_allclose(each[:, 1] / each[:, 2], photons[1] / photons[2], rtol=1e-12)


def test_a_beam_that_falls_off_lights_the_slab_with_its_own_photons() -> None:
    beam = replace(FLAT.beam, profile="gaussian")
    whole = np.asarray(simulate(scattered(replace(FLAT, beam=beam))))
    # so many photons hit the slab whatever the profile
    np.testing.assert_allclose(whole, simulate(scattered(FLAT)), rtol=1e-12)
    wide = replace(FLAT.background[0], width_mm=1.0)
    np.testing.assert_allclose(simulate(scattered(replace(FLAT, beam=beam, background=(wide,)))), whole, rtol=1e-9)
    narrow = replace(FLAT.background[0], width_mm=1e-3)
    few = np.asarray(simulate(scattered(replace(FLAT, beam=beam, background=(narrow,)))))
    # the peak of the Gaussian, 4 ln 2 / pi of the constant fluence
    np.testing.assert_allclose(few / whole, 4 * np.log(2) / np.pi * (1e-3 / 0.08) ** 2, rtol=1e-3)


def test_a_profile_and_a_picture_are_the_photons_of_their_files(tmp_path: Path) -> None:
    small = small_config(sampling={"oversample": 1}, detector={"thickness_um": 300.0, "attenuation_depth_um": 200.0})
    dark = replace(prepare(small), crystals=())
    picture = np.random.default_rng(1).uniform(0, 9, dark.grid.shape)
    picture[2, 3] = np.nan
    np.save(tmp_path / "picture.npy", picture)
    (tmp_path / "profile.txt").write_text("".join(f"{angle} {7 + 2 * angle}\n" for angle in range(0, 91, 5)))
    files = (
        Background(image_file=str(tmp_path / "picture.npy"), scale=2.0),
        Background(profile_file=str(tmp_path / "profile.txt")),
    )
    whole = replace(prepare(replace(small, background=files)), crystals=())
    first, second = (np.asarray(simulate(replace(whole, backgrounds=(term,)))) for term in whole.backgrounds)
    np.testing.assert_allclose(first, 2 * np.nan_to_num(picture), rtol=1e-12)
    view = trace(prepare(small), np.argwhere(np.ones(first.shape))).last
    angles = np.degrees(np.arccos(np.asarray(view.diffracted) @ np.asarray(dark.beam.direction)))
    np.testing.assert_allclose(second.ravel(), 7 + 2 * angles, rtol=2e-3)
    slope = jax.grad(lambda scale: simulate(put(whole, "backgrounds.0.scale", scale)).sum())(2.0)
    assert float(slope) == pytest.approx(np.nansum(picture), rel=1e-9)


def test_a_random_factor_varies_over_the_panel_and_keeps_the_rest() -> None:
    plain = FLAT.background[0]
    one, other = (
        np.asarray(
            simulate(scattered(replace(FLAT, background=(replace(plain, variation_percent=10.0, variation_seed=i),))))
        )
        for i in (1, 2)
    )
    ratio = one / np.asarray(simulate(scattered(FLAT)))
    assert 0.03 < ratio.std() < 0.2
    assert np.abs(np.diff(ratio, axis=1)).max() < 0.1
    assert np.abs(one / other - 1).max() > 0.05


@pytest.mark.parametrize(("precision", "near"), [("mixed", 2e-6), ("single", 1e-4)])
def test_backgrounds_and_screens_in_fewer_bits(precision: str, near: float) -> None:
    config = replace(
        FLAT,
        background=(Background(material="ice", thickness_mm=0.1, variation_percent=5.0), FLAT.background[0]),
        shadow=(Shadow(distance_mm=20.0, diameter_mm=3.0, penumbra_mm=0.5),),
        absorber=(Absorber(shape="cylinder", diameter_mm=0.2, attenuation_per_mm=2.0),),
    )
    exact = np.asarray(simulate(scattered(config)))
    found = np.asarray(simulate(scattered(replace(config, precision=precision))))
    np.testing.assert_allclose(found, exact, rtol=near, atol=near * exact.mean())


def test_each_of_several_panels_sees_backgrounds_and_screens_as_one_alone() -> None:
    config = replace(
        small_config(detector={"thickness_um": 300.0, "attenuation_depth_um": 200.0}),
        background=(Background(material="water", thickness_mm=0.1, variation_percent=5.0),),
        shadow=(Shadow(distance_mm=20.0, diameter_mm=3.0, penumbra_mm=0.5),),
        absorber=(Absorber(diameter_mm=0.2, attenuation_per_mm=2.0),),
    )
    one = scattered(config)
    whole = np.asarray(simulate(three_panels(one)))
    for number, panel in enumerate(whole):
        np.testing.assert_allclose(panel, simulate(alone(one, number)), rtol=1e-9)
    pixels = np.array([[0, 1, 2], [2, 5, 7]])
    np.testing.assert_allclose(simulate_pixels(three_panels(one), pixels), whole[tuple(pixels.T)], rtol=1e-9)
