"""What is said of given reflections, by the formulas of each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nbjax
from nbjax.config.tree import Beam, Config, Crystal, Detector, Sampling
from nbjax.constants import THOMSON_CROSS_SECTION_M2
from nbjax.experiment import Experiment
from nbjax.pipeline.closed.crossing import Passage
from nbjax.pipeline.closed.spread import upright
from nbjax.pipeline.partiality import sampled_profiles
from nbjax.pipeline.scene import build_scene
from nbjax.pipeline.spots.equivalent import equivalent
from nbjax.pipeline.spots.listing import Rows, half_turns, passages_of, shares
from nbjax.pipeline.spots.section import section_of
from nbjax.pipeline.spots.table import Spots, _spacing_m, spots_at

FLUENCE, AMPLITUDE, WAVELENGTH_M = 1e26, 30.0, 1.1e-10
CELLS, OFF_DIAGONAL = (12.0, 15.0, 9.0), (3.0, -2.0, 1.0)
COUNT_OF_CELLS = np.linalg.det(np.array([[12.0, 3.0, 1.0], [3.0, 15.0, -2.0], [1.0, -2.0, 9.0]]))
LENGTHS_A, ANGLES_DEG = np.array([40.0, 50.0, 60.0]), np.array([75.0, 85.0, 110.0])
COSINES = np.cos(np.radians(ANGLES_DEG))
VOLUME_M3 = np.prod(LENGTHS_A * 1e-10) * np.sqrt(1 - COSINES @ COSINES + 2 * np.prod(COSINES))
COUNT = 3
B_A2 = 30.0
THICKNESS_M, ATTENUATION_PER_M, LAYERS = 400e-6, 4e3, 2


def experiment(range_deg: float, **crystal: Any) -> Experiment:
    given = {"cell_A": tuple(LENGTHS_A), "cell_deg": tuple(ANGLES_DEG), "misset_deg": (10.0, 20.0, 30.0), **crystal}
    made = nbjax.prepare(
        Config(
            Beam(wavelength_A=WAVELENGTH_M * 1e10, fluence_photons_per_m2=FLUENCE, polarization=0.9),
            Crystal(
                cells=CELLS,
                cells_off_diagonal=OFF_DIAGONAL,
                default_F=AMPLITUDE,
                shape="gauss",
                interpolate=False,
                mosaicity_deg=0.1,
                phi_range_deg=range_deg or None,
                phi_start_deg=12.0,
                b_factor_A2=B_A2,
                **given,
            ),
            Detector(
                pixel_mm=0.3,
                pixels_fast=60,
                pixels_slow=50,
                distance_mm=60.0,
                thickness_um=THICKNESS_M * 1e6,
                attenuation_depth_um=1e6 / ATTENUATION_PER_M,
            ),
            Sampling(oversample=1, mosaic_domains=5, phi_steps=4 if range_deg else None, thickness_layers=LAYERS),
        )
    )
    # seven blocks of it, where the beam has half of its fluence; point pixels see no obliquity
    beam = replace(made.beam, profile="gaussian", size_m=2e-5)
    volume_m3 = 7 * COUNT_OF_CELLS * VOLUME_M3
    made = made.with_crystal(replace(made.crystal, volume_m3=volume_m3, offset_m=np.array([6e-6, -8e-6])))
    made = made.with_panel(replace(made.panel, point_pixel=range_deg > 0))
    return jax.tree.map(jnp.asarray, replace(made, beam=beam))


def reflections(made: Experiment, angle_rad: float) -> np.ndarray:
    """Those nearest to the sphere at an angle."""
    hkl = np.stack(np.meshgrid(*[np.arange(-5, 6)] * 3, indexing="ij"), -1).reshape(-1, 3)
    stars = np.asarray(jax.jit(lambda angle: upright(made.crystal).at(angle))(jnp.asarray(angle_rad)).stars)
    off = np.linalg.norm(np.asarray(made.beam.direction) + WAVELENGTH_M * hkl @ stars, axis=1) - 1
    return hkl[np.argsort(np.abs(off))][1 : COUNT + 1].astype(float)


@jax.jit
def _spots(made: Experiment, hkl: jax.Array, passage: Passage) -> tuple[Any, ...]:
    """Spots; the section of each by the mean crystal and beam; and partialities and densities of its domains."""
    seen = equivalent(made)
    found = spots_at(made, Rows(hkl, passage, jnp.zeros(COUNT, jnp.int32)))

    def section(index: jax.Array, own: Passage) -> Any:
        return section_of(seen, upright(seen.crystal).at(own.angle_rad), index, own)

    profiles = sampled_profiles(made, hkl, (passage.start_rad, passage.end_rad))
    return found, jax.vmap(section)(hkl, passage), profiles, build_scene(made)


def place(panel: Any, towards: np.ndarray, depth_m: float) -> np.ndarray:
    """(fast, slow) in pixels where a ray meets the plane at a depth."""
    axes = np.stack([panel.fast, panel.slow, -towards], 1)
    return np.linalg.solve(axes, -panel.origin_m - depth_m * panel.normal)[:2] / 0.3e-3


@pytest.mark.parametrize("range_deg", [0.0, 2.0])
def test_a_row_is_what_its_formulas_say(range_deg: float) -> None:
    made = experiment(range_deg)
    first = np.radians(12 - (range_deg / 8 if range_deg else 0))
    hkl = reflections(made, np.radians(12 + range_deg / 2))
    start, end = (jnp.full(COUNT, first + part * np.radians(range_deg)) for part in (0, 1))
    passage = Passage(start, end, 0.5 * (start + end))
    found = jax.tree.map(np.asarray, _spots(made, jnp.asarray(hkl), passage))
    spots, cut, (shares_of, densities), scene = found
    panel = scene.panel
    assert (densities * range_deg > 0).all() if range_deg else (shares_of > 0.1).any()
    assert isinstance(spots, Spots)
    assert (len(spots), int(spots.count)) == (COUNT, COUNT)
    np.testing.assert_array_equal(spots.miller_index, hkl)
    np.testing.assert_allclose(spots.diffracted, cut.diffracted, rtol=1e-12)
    np.testing.assert_allclose(spots.s1_per_m, cut.diffracted / WAVELENGTH_M, rtol=1e-9)
    np.testing.assert_allclose(spots.excitation_per_m, cut.excitation, rtol=1e-9)
    np.testing.assert_allclose(spots.mean_angle_rad, np.asarray(passage.angle_rad) + cut.mean_rad, rtol=1e-12)
    np.testing.assert_allclose(spots.partiality, shares_of, rtol=1e-12)
    stars = np.linalg.norm(cut.star, axis=1)
    np.testing.assert_allclose(spots.spacing_m, 1 / stars, rtol=1e-12)
    incident, axis = np.asarray(made.beam.direction), np.asarray(made.beam.polarization_axis)
    for number, direction in enumerate(cut.diffracted):
        # each layer catches its part of what the one before leaves, and the mean is where most is caught
        through = ATTENUATION_PER_M * THICKNESS_M / LAYERS / (direction @ panel.normal)
        caught = np.exp(-through * np.arange(LAYERS)) * (1 - np.exp(-through))
        if range_deg:
            away_m = panel.origin_m @ panel.normal
            caught /= 0.3e-3**2 * (direction @ panel.normal) * away_m / (away_m + scene.rays.depth * THICKNESS_M)
        depth_m = caught @ scene.rays.depth / caught.sum() * THICKNESS_M

        np.testing.assert_allclose(spots.centre[number], place(panel, direction, depth_m), rtol=1e-9)
        steps = 1e-6 * np.eye(3)
        slopes = np.stack(
            [(place(panel, direction + s, depth_m) - place(panel, direction - s, depth_m)) / 2e-6 for s in steps], 1
        )
        wanted = slopes @ cut.smear[number] @ slopes.T
        np.testing.assert_allclose(spots.covariance[number], wanted, rtol=1e-6, atol=1e-6 * np.trace(wanted))
        # Kahn's polarization, of the electric vector along the axis
        cosine = incident @ direction
        across = direction - cosine * incident
        along = (across @ axis) ** 2 / (across @ across)
        polarization = 0.5 * (1 + cosine**2 - 0.9 * (2 * along - 1) * (1 - cosine**2))
        strength = FLUENCE * THOMSON_CROSS_SECTION_M2 * (WAVELENGTH_M * AMPLITUDE) ** 2
        left = np.exp(-0.5 * B_A2 * 1e-20 * stars[number] ** 2)
        photons = 7 / 2 * left * strength * COUNT_OF_CELLS / VOLUME_M3 * polarization * caught.sum() * densities[number]
        assert spots.photons[number] == pytest.approx(photons, rel=1e-9, abs=0)


def test_the_first_rows_keep_the_count() -> None:
    made = experiment(0.0)
    at = jnp.full(COUNT, np.radians(12.0))
    spots = _spots(made, jnp.asarray(reflections(made, np.radians(12.0))), Passage(at, at, at))[0]
    few = spots.first(2)
    assert (len(few), int(few.count), few.centre.shape) == (2, 3, (2, 2))
    np.testing.assert_array_equal(few.photons, spots.photons[:2])


def test_all_passages_of_a_reflection_make_up_its_partiality() -> None:
    made = experiment(2.0)
    spindle = replace(made.crystal.spindle, start_rad=jnp.asarray(0.3), step_rad=jnp.radians(jnp.asarray(92.5)))
    made = made.with_crystal(replace(made.crystal, spindle=spindle))
    assert half_turns(spindle) == 3
    assert half_turns(replace(spindle, step_rad=-0.4 * spindle.step_rad)) == 1
    assert half_turns(replace(spindle, steps=1)) == 1
    seen, hkl = jax.jit(equivalent)(made), reflections(made, 0.5)
    # a turn and a bit shows every reflection that meets the sphere at both of its angles
    found = np.asarray(jax.jit(shares, static_argnums=2)(seen, jnp.asarray(hkl), 3))
    np.testing.assert_allclose(found, np.round(found), atol=1e-6)
    assert found.max() >= 2
    both = jax.jit(passages_of, static_argnums=2)(seen, jnp.asarray(hkl), 4)
    assert both.angle_rad.shape == (3, 4)


def test_the_direct_beam_has_no_spacing_and_no_derivative_that_is_no_number() -> None:
    with jax.enable_x64(True):
        slope = jax.jit(jax.jacfwd(_spacing_m))
        assert np.isinf(_spacing_m(jnp.zeros(3)))
        np.testing.assert_array_equal(slope(jnp.zeros(3)), 0)
        np.testing.assert_allclose(slope(jnp.asarray([3.0, 0.0, 4.0])), [-3 / 125, 0, -4 / 125], rtol=1e-12)
