"""Profiles of reflections across the Ewald sphere against integrals of the lattice factor, and their sums."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad

import nbjax
from nbjax.config.tree import Beam, Config, Crystal, Detector, Sampling
from nbjax.constants import NANOBRAGG_TOPHAT_RADIUS_SQUARED
from nbjax.experiment import Experiment
from nbjax.pipeline.image import complete_scene
from nbjax.pipeline.partiality import partialities, sampled_profiles, strength
from nbjax.sampling.sources import SourceTable

CELLS = np.array([7.0, 11.0, 16.0])
FUDGE = 0.8
STEPS, START, STEP = 3, 0.3, 0.02
AXIS = np.array([0.36, 0.48, 0.8])
SOURCES = np.array([[1.0, 0.0, 2e-3], [1.0, -1e-3, 0.0]]), np.array([1e-10, 1.02e-10]), np.array([1.0, 3.0])


def experiment(shape: str, steps: int) -> Experiment:
    """A crystal of four domains, in two sources."""
    crystal = Crystal(
        cell_A=(40.0, 50.0, 60.0),
        cell_deg=(75.0, 85.0, 110.0),
        cells=tuple(CELLS),
        default_F=1.0,
        shape=shape,  # type: ignore[arg-type]
        fudge=None if shape == "square" else FUDGE,
        interpolate=False,
        misset_deg=(10.0, 20.0, 30.0),
        mosaic_spread_deg=0.3,
        phi_range_deg=1.0,
    )
    detector = Detector(pixel_mm=1.0, pixels_fast=8, pixels_slow=8, distance_mm=100.0)
    made = nbjax.prepare(Config(Beam(wavelength_A=1.0), crystal, detector, Sampling(mosaic_domains=4, phi_steps=2)))
    axis, start, step = map(jnp.asarray, (AXIS, START, STEP))
    spindle = replace(made.crystal.spindle, axis=axis, start_rad=start, step_rad=step, steps=steps)
    made = made.with_crystal(replace(made.crystal, spindle=spindle))
    return replace(made, beam=replace(made.beam, sources=SourceTable(*map(jnp.asarray, SOURCES))))


_orientations_m = jax.jit(lambda one: complete_scene(one).crystals[0].orientations_m)


def orientations(one: Experiment) -> tuple[np.ndarray, np.ndarray]:
    """Reciprocal vectors of each domain at each angle, shape (steps, domains, 3, 3), and the angles."""
    steps = one.crystal.spindle.steps
    direct = np.asarray(_orientations_m(one)).reshape(steps, -1, 3, 3)
    return np.linalg.inv(direct).swapaxes(-1, -2), START + STEP * np.arange(steps)


def density_of(shape: str, rates: np.ndarray, error: float) -> float:
    """Integral of the squared lattice factor over a plane, over that over all planes.

    Args:
        shape: of the crystal.
        rates: of N delta, over the distance of planes along their normal.
        error: distance of the plane.
    """
    if shape == "gauss":
        width = np.linalg.norm(rates) / np.sqrt(FUDGE)
        return float(np.exp(-np.pi * (error / width) ** 2) / width)
    # the transform of how far the block and the block moved along the normal overlap
    reach = 1 / np.abs(rates).max()
    if abs(error) * reach > 20:
        return 0.0
    return (
        2
        * quad(
            lambda move: np.prod(1 - np.abs(rates) * move) * np.cos(2 * np.pi * error * move), 0, reach, epsabs=1e-16
        )[0]
    )


def near(one: Experiment) -> np.ndarray:
    """Reflections within a few widths of the sphere of the first source, and another."""
    stars = orientations(one)[0][0, 0]
    h = np.stack(np.meshgrid(*[np.arange(-6, 7)] * 3, indexing="ij"), -1).reshape(-1, 3)
    error = np.linalg.norm(SOURCES[0][0] / SOURCES[1][0] + h @ stars, axis=1) - 1 / SOURCES[1][0]
    order = np.argsort(np.abs(error))
    # and one that is far beyond
    return h[[*order[1:9], order[-1]]].astype(float)


@jax.jit
def _profiles(one: Experiment, hkl: jax.Array, start: jax.Array, end: jax.Array) -> tuple[jax.Array, jax.Array]:
    return sampled_profiles(one, hkl, (start, end))


@pytest.mark.parametrize("shape", ["gauss", "square"])
@pytest.mark.parametrize("steps", [1, STEPS])
def test_profiles_are_means_over_sources_domains_and_steps(shape: str, steps: int) -> None:
    one = experiment(shape, steps)
    hkl = near(one)
    stars, angles = orientations(one)
    # of the first reflection all angles count, of the others one or two of them
    starts, ends = np.full(len(hkl), START - STEP / 2), np.full(len(hkl), START + STEP)
    starts[0], ends[0] = -np.inf, np.inf
    starts[1] = START
    directions, waves, weights = SOURCES
    directions = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    shares, densities = np.zeros(len(hkl)), np.zeros(len(hkl))
    for incident, wave, weight in zip(directions, waves, weights / weights.sum(), strict=True):
        for angle, domains in zip(angles, stars, strict=True):
            for lattice in domains:
                for number, index in enumerate(hkl):
                    leaving = incident / wave + index @ lattice
                    normal, error = leaving / np.linalg.norm(leaving), np.linalg.norm(leaving) - 1 / wave
                    rates = lattice @ normal / CELLS
                    density = density_of(shape, rates, error)
                    mean = weight / stars[..., 0, 0].size
                    if steps == 1:
                        shares[number] += mean * density / density_of(shape, rates, 0.0)
                    elif starts[number] <= angle < ends[number]:
                        passed = STEP * normal @ np.cross(AXIS, index @ lattice)
                        shares[number] += mean * steps * density * abs(passed)
                    else:
                        density = 0.0
                    densities[number] += mean * density
    found = _profiles(one, *map(jnp.asarray, (hkl, starts, ends)))
    for values, wanted in zip(found, (shares, densities), strict=True):
        assert wanted.max() > 0
        # planes of radial shapes are interpolated
        np.testing.assert_allclose(values, wanted, rtol=0, atol=(3e-5 if shape == "gauss" else 1e-9) * wanted.max())
    # of a still, and of the first, every angle counts
    whole = slice(None) if steps == 1 else slice(1)
    np.testing.assert_allclose(partialities(one, jnp.asarray(hkl[whole])), found[0][whole], rtol=1e-12)


@pytest.mark.parametrize("shape", ["square", "gauss", "nanobragg_gauss", "nanobragg_tophat", "nanobragg_round"])
def test_strength_is_what_a_spot_adds_up_to(shape: str) -> None:
    crystal = replace(experiment("gauss", 1).crystal, shape=shape)
    wanted = {
        "nanobragg_gauss": (np.pi * 0.63 / 2 / FUDGE) ** 1.5,
        "nanobragg_tophat": 4 / 3 * np.pi * (NANOBRAGG_TOPHAT_RADIUS_SQUARED / FUDGE) ** 1.5,
        "nanobragg_round": FUDGE**-1.5,
    }.get(shape, 1.0)
    # what is interpolated, has an edge, or a part that lies further out than is looked at
    tolerance = {"nanobragg_gauss": 2e-5, "nanobragg_tophat": 3e-2, "nanobragg_round": 2e-2}.get(shape, 1e-14)
    assert float(jax.jit(strength)(crystal)) == pytest.approx(wanted, rel=tolerance)
