"""What the Ewald sphere cuts out of a reflection, against sums over many angles."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import nbjax
from nbjax.config.tree import Beam, Config, Crystal, Detector, Sampling
from nbjax.pipeline.closed.crossing import Passage
from nbjax.pipeline.closed.spread import covariance, upright
from nbjax.pipeline.spots.equivalent import Equivalent, equivalent
from nbjax.pipeline.spots.section import Section, section_of

WAVELENGTH_M = 1.1e-10
WIDTHS = (("mosaicity_axes_deg", (0.1, 0.2, 0.15)), ("cell_spread_percent", 0.2))


def seen_by(start_deg: float, range_deg: float, steps: int = 40) -> Equivalent:
    """A crystal with every width, in a beam that has some too; with Gaussian spots."""
    crystal: dict[str, Any] = dict(WIDTHS)
    crystal |= {"cell_A": (40.0, 50.0, 60.0), "cell_deg": (75.0, 85.0, 110.0), "misset_deg": (10.0, 20.0, 30.0)}
    made = nbjax.prepare(
        Config(
            Beam(wavelength_A=WAVELENGTH_M * 1e10, bandwidth_percent=0.3, channels=5),
            Crystal(cells=(12.0,) * 3, default_F=1.0, shape="gauss", interpolate=False, phi_range_deg=1.0, **crystal),
            Detector(pixel_mm=1.0, pixels_fast=8, pixels_slow=8, distance_mm=100.0),
            Sampling(mosaic_domains=30, phi_steps=2),
        )
    )
    start, step = (jnp.asarray(np.radians(angle)) for angle in (start_deg, range_deg / steps))
    spindle = replace(made.crystal.spindle, start_rad=start, step_rad=step, steps=steps)
    return equivalent(jax.tree.map(jnp.asarray, made.with_crystal(replace(made.crystal, spindle=spindle))))


@jax.jit
def _section(seen: Equivalent, hkl: jax.Array, passage: Passage) -> tuple[Section, jax.Array, jax.Array]:
    lattice = upright(seen.crystal).at(passage.angle_rad)
    return (
        section_of(seen, lattice, hkl, passage),
        hkl @ lattice.stars,
        covariance(lattice, seen.spread, seen.wavelength_m, hkl),
    )


def cut(seen: Equivalent, star: np.ndarray, smear: np.ndarray, offs: np.ndarray) -> tuple[np.ndarray, ...]:
    """Of a Gaussian whose middle has turned by some angles: the errors over their deviation at no turn, the mean on
    the sphere, and the covariance across it.
    """
    incident, ball = np.asarray(seen.incident), 1 / float(seen.wavelength_m)
    turned = Rotation.from_rotvec(offs[:, None] * np.asarray(seen.crystal.spindle.axis)).apply(np.array(star))
    errors = np.linalg.norm(incident * ball + turned, axis=1) - ball
    leaving = incident * ball + star
    normal = leaving / np.linalg.norm(leaving)
    sigma = np.sqrt(normal @ smear @ normal)
    # the least pull that brings the middle to the plane across the normal
    pulled = turned - errors[:, None] * (smear @ normal) / sigma**2
    across = np.eye(3) - np.outer(normal, smear @ normal) / sigma**2
    return errors / sigma, incident * ball + pulled, across.T @ smear @ across, sigma


ANGLES = {"through it": (-0.25, 0.25, 0.0), "begins in it": (0.02, 0.5, 0.02), "ends in it": (-0.5, -0.03, -0.03)}
"""Start and end of the part, and where the passage is, from where the reflection meets the sphere, in degrees."""


def reflection(seen: Equivalent) -> tuple[np.ndarray, float]:
    """Indices, and the angle at which they meet the sphere, in the exposure."""
    hkl = np.stack(np.meshgrid(*[np.arange(-5, 6)] * 3, indexing="ij"), -1).reshape(-1, 3)
    angles = np.radians(np.linspace(-3, 3, 61))
    ball = 1 / float(seen.wavelength_m)
    stars = hkl @ np.asarray(jax.jit(lambda angle: upright(seen.crystal).at(angle))(jnp.asarray(0.0)).stars)
    turns = Rotation.from_rotvec(angles[:, None] * np.asarray(seen.crystal.spindle.axis)).as_matrix()
    moved = np.einsum("aij,hj->ahi", turns, stars)
    errors = np.linalg.norm(np.asarray(seen.incident) * ball + moved, axis=2) - ball
    rates = np.abs(errors[-1] - errors[0])
    chosen = np.argmax(rates * (errors[0] * errors[-1] < 0))
    return hkl[chosen].astype(float), float(np.interp(0, *_rising(errors[:, chosen], angles)))


def _rising(values: np.ndarray, angles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return (values, angles) if values[-1] > values[0] else (values[::-1], angles[::-1])


@pytest.mark.parametrize("name", ANGLES)
def test_a_rotation_cuts_a_gaussian(name: str) -> None:
    seen = seen_by(-3.0, 6.0)
    check(seen, *reflection(seen), *np.radians(ANGLES[name]))


@pytest.mark.parametrize("way", [1, -1])
def test_a_reflection_that_turns_back_is_cut_on_one_side(way: int) -> None:
    seen = seen_by(-30.0, 60.0)
    incident, axis, ball = (
        np.asarray(seen.incident),
        np.asarray(seen.crystal.spindle.axis),
        1 / float(seen.wavelength_m),
    )
    # it is nearest to the sphere where it lies in the plane of the beam and the axis
    star = (ball + 1e7) * (np.cos(0.7) * incident + np.sin(0.7) * axis) - incident * ball
    hkl = star @ np.linalg.inv(
        np.asarray(jax.jit(lambda angle: upright(seen.crystal).at(angle))(jnp.asarray(0.0)).stars)
    )
    first, last = sorted((0.0, way * 0.4))
    check(seen, hkl, 0.0, first, last, 0.0)


def check(seen: Equivalent, hkl: np.ndarray, met: float, first: float, last: float, at: float) -> None:
    """The section in a part of the rotation, whose ends and passage are told from an angle on."""
    passage = Passage(*(jnp.asarray(met + angle) for angle in (first, last, at)))
    found, star, smear = jax.tree.map(np.asarray, _section(seen, jnp.asarray(hkl), passage))
    offs = np.linspace(first - at, last - at, 20001)
    errors, points, across, sigma = cut(seen, star, smear, offs)
    heights = np.exp(-0.5 * errors**2)
    weights = heights / heights.sum()
    weights[[0, -1]] /= 2
    weights /= weights.sum()
    np.testing.assert_allclose(found.star, star)
    assert found.excitation == pytest.approx(np.interp(0, offs, errors) * sigma, abs=1e-6 * sigma)
    # all that passes of a Gaussian, by its density along the way
    passed = np.abs(np.trapezoid(heights, errors)) / np.sqrt(2 * np.pi)
    assert found.share == pytest.approx(passed, rel=1e-6)
    assert passed > 0.2
    exposure = float(np.diff(seen.window_rad)[0])
    density = np.trapezoid(heights, offs) / (np.sqrt(2 * np.pi) * sigma * exposure)
    assert found.density == pytest.approx(density, rel=1e-6)
    assert found.mean_rad == pytest.approx(weights @ offs, abs=1e-6 * (last - first))
    middle = weights @ points
    np.testing.assert_allclose(found.diffracted, middle / np.linalg.norm(middle), atol=1e-9)
    spread = across + (weights[:, None] * (points - middle)).T @ (points - middle)
    wanted = spread * float(seen.wavelength_m) ** 2
    np.testing.assert_allclose(found.smear, wanted, atol=2e-6 * np.trace(wanted))


def test_a_still_cuts_it_where_it_is() -> None:
    seen = seen_by(0.4, 0.0, steps=1)
    hkl, met = reflection(seen)
    angle = jnp.asarray(met + np.radians(0.1))
    found, star, smear = jax.tree.map(np.asarray, _section(seen, jnp.asarray(hkl), Passage(angle, angle, angle)))
    errors, points, across, sigma = cut(seen, star, smear, np.zeros(1))
    assert 0.3 < abs(errors[0]) < 4
    height = float(np.exp(-0.5 * errors[0] ** 2))
    assert found.share == pytest.approx(height, rel=1e-12)
    assert found.density == pytest.approx(height / (np.sqrt(2 * np.pi) * sigma), rel=1e-12)
    assert found.excitation == pytest.approx(errors[0] * sigma, rel=1e-9)
    assert float(found.mean_rad) == 0
    np.testing.assert_allclose(found.diffracted, points[0] / np.linalg.norm(points[0]), rtol=1e-12)
    np.testing.assert_allclose(found.smear, across * float(seen.wavelength_m) ** 2, atol=1e-12 * np.trace(found.smear))


def test_steps_stand_for_the_angles_about_them() -> None:
    sampled = seen_by(2.0, 6.0, steps=3)
    assert np.degrees(sampled.window_rad) == pytest.approx([1.0, 7.0], rel=1e-12)
    assert np.degrees(seen_by(2.0, -6.0, steps=2).window_rad) == pytest.approx([-2.5, 3.5], rel=1e-12)
    assert np.degrees(seen_by(2.0, 0.0, steps=1).window_rad) == pytest.approx([2.0, 2.0], rel=1e-12)
    assert float(sampled.wavelength_m) == pytest.approx(WAVELENGTH_M, rel=1e-9)
