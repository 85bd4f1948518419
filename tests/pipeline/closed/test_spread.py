"""Covariances of reflections against the moves that they stand for."""

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
from nbjax.experiment import CrystalParameters, Experiment
from nbjax.pipeline.closed.spread import (
    BeamSpread,
    Lattice,
    closed_beam,
    covariance,
    mean_source,
    upright,
    variance_along,
)
from nbjax.rotations import about_vector
from nbjax.sampling.sources import SourceTable, incident_rays

CELL: dict[str, Any] = {"cell_A": (40.0, 50.0, 60.0), "cell_deg": (75.0, 85.0, 110.0), "misset_deg": (10.0, 20.0, 30.0)}
WIDTHS: dict[str, Any] = {"mosaicity_axes_deg": (0.1, 0.2, 0.3), "cell_spread_percent": 0.4}
HKL = np.array([3.0, -2.0, 5.0])
ANGLE = 0.7


def prepared(crystal: dict[str, Any], beam: dict[str, Any] | None = None, **sampling: Any) -> Experiment:
    given = {
        "shape": "gauss",
        "interpolate": False,
        "cells": (12.0, 15.0, 9.0),
        "default_F": 1.0,
        "fudge": 0.8,
        **CELL,
        **crystal,
    }
    detector = Detector(pixel_mm=1.0, pixels_fast=8, pixels_slow=8, distance_mm=100.0)
    return nbjax.prepare(
        Config(Beam(wavelength_A=1.2, **(beam or {})), Crystal(**given), detector, Sampling(**sampling))
    )


def crystal_of(**crystal: Any) -> CrystalParameters:
    return jax.tree.map(jnp.asarray, prepared(crystal, mosaic_domains=7).crystal)


_lattice, _closed = jax.jit(lambda crystal, angle: upright(crystal).at(angle)), jax.jit(closed_beam)
_mean, _rays = jax.jit(mean_source, static_argnums=1), jax.jit(incident_rays)


def turn_of(crystal: CrystalParameters) -> np.ndarray:
    """Of the spindle."""
    return Rotation.from_rotvec(ANGLE * np.asarray(crystal.spindle.axis)).as_matrix()


def axes_of(crystal: CrystalParameters) -> np.ndarray:
    """The crystal's Cartesian axes as columns, before its spindle turns."""
    misset = Rotation.from_euler("xyz", np.asarray(crystal.cell.misset_rad)).as_matrix()
    return misset @ np.asarray(crystal.cell.orientation)


def symmetric(seed: int, size: float) -> jax.Array:
    root = size * np.random.default_rng(seed).normal(size=(3, 3))
    return jnp.asarray(root @ root.T)


def lattice_and_beam() -> tuple[Lattice, BeamSpread]:
    """With every width."""
    stars = jnp.asarray(1e8 * np.random.default_rng(3).normal(size=(3, 3)))
    lattice = Lattice(stars, symmetric(1, 1e6), symmetric(2, 1e-3), jnp.asarray(2e-3), jnp.array([0.0, 1.0, 0.0]))
    return lattice, BeamSpread(symmetric(4, 1e-3), jnp.asarray(3e-6))


def test_a_reflection_is_smeared_by_its_moves() -> None:
    """A turn, the lengths, the wavelength and the direction of the beam move q - G; what they cause adds up."""
    lattice, beam = lattice_and_beam()
    wavelength_m = jnp.asarray(1.2e-10)

    def move(causes: jax.Array) -> jax.Array:
        turn, lengths, wave, direction = jnp.split(causes, [3, 6, 7])
        stars = lattice.stars / (1 + lengths)[:, None] @ about_vector(turn).T
        # where G is seen with another wavelength, whose beam has another direction
        return (HKL @ stars + direction / wavelength_m) * (1 + wave[0])

    slopes = np.asarray(jax.jit(jax.jacfwd(move))(jnp.zeros(10)))
    causes = np.zeros((10, 10))
    causes[:3, :3], causes[3:6, 3:6] = lattice.turns, lattice.cell_spread**2 * np.eye(3)
    causes[6, 6], causes[7:, 7:] = beam.bandwidth, beam.directions
    wanted = np.asarray(lattice.size) + slopes @ causes @ slopes.T
    found = jax.jit(covariance)(lattice, beam, wavelength_m, jnp.asarray(HKL))
    np.testing.assert_allclose(found, wanted, rtol=1e-12)
    normals = np.concatenate([np.eye(3), np.random.default_rng(5).normal(size=(3, 3))])
    along = jax.jit(jax.vmap(lambda n: variance_along(lattice, beam, wavelength_m, jnp.asarray(HKL), n)))(normals)
    np.testing.assert_allclose(along, [n @ wanted @ n for n in normals], rtol=1e-12)


def test_the_lattice_of_a_closed_crystal() -> None:
    crystal = replace(crystal_of(**WIDTHS), model="closed")
    found = _lattice(crystal, ANGLE)
    turn = turn_of(crystal) @ axes_of(crystal)
    a, b, c = np.array(CELL["cell_A"]) * 1e-10
    cosines = np.cos(np.radians(CELL["cell_deg"]))
    gram = np.array([[a * a, a * b * cosines[2], a * c * cosines[1]], [0, b * b, b * c * cosines[0]], [0, 0, c * c]])
    gram = np.triu(gram) + np.triu(gram, 1).T
    stars = np.asarray(found.stars)
    np.testing.assert_allclose(stars @ stars.T, np.linalg.inv(gram), rtol=1e-11)
    # a* lies along x of the crystal, and b* in its xy plane
    own = stars @ turn
    np.testing.assert_allclose(own[0, 1:] / own[0, 0], 0, atol=1e-12)
    assert own[1, 2] / own[1, 1] == pytest.approx(0, abs=1e-12)
    # the square of exp(-pi/2 fudge sum (N_i a_i . x)^2) is a Gaussian of x
    direct = np.linalg.inv(stars).T
    inverse = 2 * np.pi * 0.8 * sum(n**2 * np.outer(d, d) for n, d in zip((12.0, 15.0, 9.0), direct, strict=True))
    np.testing.assert_allclose(np.asarray(found.size) @ inverse, np.eye(3), atol=1e-11)
    wanted = turn @ np.diag(np.radians([0.1, 0.2, 0.3]) ** 2) @ turn.T
    np.testing.assert_allclose(found.turns, wanted, rtol=1e-10, atol=1e-18)
    assert float(found.cell_spread) == pytest.approx(4e-3, rel=1e-12)
    np.testing.assert_array_equal(found.axis, crystal.spindle.axis)
    perfect = _lattice(replace(crystal, disorder=None), ANGLE)
    np.testing.assert_array_equal(perfect.stars, found.stars)
    assert not np.any(perfect.turns)
    assert not np.any(perfect.cell_spread)


@pytest.mark.parametrize("kind", ["cap", "Gaussian", "both", "a single one"])
def test_the_lattice_of_a_sampled_crystal_has_the_moments_of_its_domains(kind: str) -> None:
    cap, gaussian = (crystal_of(**mosaic) for mosaic in ({"mosaic_spread_deg": 0.3}, WIDTHS))
    # whatever their mean is
    gaussian = replace(gaussian, disorder=replace(gaussian.disorder, turns=gaussian.disorder.turns + 0.3))
    single = replace(gaussian, disorder=replace(gaussian.disorder, turns=jnp.ones((1, 3)), sizes=jnp.zeros((1, 3))))
    both = replace(gaussian, mosaic=cap.mosaic)
    crystal = {"cap": cap, "Gaussian": gaussian, "both": both, "a single one": single}[kind]
    found = _lattice(crystal, ANGLE)
    caps = np.asarray(crystal.mosaic.spread_rad * crystal.mosaic.angle_ratios[:, None] * crystal.mosaic.axes)
    own = np.zeros((1, 3))
    if crystal.disorder is not None:
        axes = turn_of(crystal) @ axes_of(crystal)
        own = np.asarray(crystal.disorder.mosaicity_rad * crystal.disorder.turns) @ axes.T
    vectors = (caps[:, None] + own).reshape(-1, 3)
    assert np.abs(vectors).max() > 1e-3
    np.testing.assert_allclose(found.turns, np.cov(vectors.T, bias=True), rtol=1e-9, atol=1e-16)
    upright = np.asarray(_lattice(replace(crystal, model="closed", disorder=None), ANGLE).stars)
    mean = Rotation.from_rotvec(vectors.mean(0)).as_matrix()
    np.testing.assert_allclose(found.stars, upright @ mean.T, rtol=1e-10)
    assert float(found.cell_spread) == pytest.approx(4e-3 if kind in ("Gaussian", "both") else 0.0, rel=1e-12)


def moments(rays: Any) -> tuple[np.ndarray, float, np.ndarray, float]:
    """Mean direction and wavelength of rays, their covariance and relative variance."""
    weight, directions, waves = (np.asarray(part) for part in (rays.weight, rays.incident, rays.wavelength_m))
    mean, wave = weight @ directions, weight @ waves
    return mean, wave, (weight[:, None] * (directions - mean)).T @ (directions - mean), weight @ (waves / wave - 1) ** 2


GAUSSIAN = {"divergence_horizontal_mrad": 0.5, "divergence_vertical_mrad": 0.9, "divergence_shape": "gaussian"}
BEAMS: dict[str, dict[str, Any]] = {
    "band and directions": {"bandwidth_percent": 0.6, "channels": 9, **GAUSSIAN},
    "band": {"bandwidth_percent": 0.6, "channels": 9},
    "directions": GAUSSIAN,
    "band, grid of directions": {"bandwidth_percent": 0.6, "channels": 9, **GAUSSIAN, "divergence_shape": "square"},
}


@pytest.mark.parametrize("name", BEAMS)
def test_what_of_a_beam_is_averaged_has_its_moments(name: str) -> None:
    given = BEAMS[name]
    steps = {"divergence_horizontal_steps": 4, "divergence_vertical_steps": 3} if "divergence_shape" in given else {}
    beam = jax.tree.map(jnp.asarray, prepared({}, given, **steps).beam)
    central = (beam.direction, beam.polarization_axis, beam.wavelength_m)
    mean, wave, across, band = moments(_rays(beam.sources, *central))
    sources, spread = _closed(beam)
    rest = moments(_rays(sources, *central))
    np.testing.assert_allclose(rest[0], mean, atol=1e-6)
    assert rest[1] == pytest.approx(wave, rel=1e-9)
    # but for the bend of the sphere of directions
    np.testing.assert_allclose(rest[2] + np.asarray(spread.directions), across, atol=1e-5 * np.trace(across) + 1e-20)
    assert rest[3] + float(spread.bandwidth) == pytest.approx(band, rel=1e-6, abs=1e-18)
    if "bandwidth_percent" in given:
        assert float(spread.bandwidth) == pytest.approx(0.006**2 / (8 * np.log(2)), rel=1e-12)
    for closed in (True, False):
        one, own = _mean(beam, closed)
        assert isinstance(one, SourceTable)
        np.testing.assert_allclose(one.directions, [mean / np.linalg.norm(mean)], atol=1e-6)
        np.testing.assert_allclose(one.wavelengths_m, [wave], rtol=1e-9)
        np.testing.assert_allclose(own.directions, across, atol=1e-5 * np.trace(across) + 1e-20)
        assert float(own.bandwidth) == pytest.approx(band, rel=1e-6, abs=1e-18)


def test_a_gaussian_divergence_has_widths_along_and_across_the_polarization() -> None:
    beam = jax.tree.map(jnp.asarray, prepared({}, GAUSSIAN).beam)
    axis = np.asarray(beam.polarization_axis)
    across = np.cross(beam.direction, axis)
    horizontal, vertical = (np.array([0.5e-3, 0.9e-3]) ** 2) / (8 * np.log(2))
    wanted = horizontal * np.outer(axis, axis) + vertical * np.outer(across, across)
    np.testing.assert_allclose(_closed(beam)[1].directions, wanted, atol=1e-12 * vertical)


def test_listed_sources_stay_as_they_are() -> None:
    beam = jax.tree.map(jnp.asarray, prepared({}).beam)
    table = SourceTable(
        jnp.array([[1.0, 0.0, 1e-3], [1.0, 1e-3, 0.0]]), jnp.array([1e-10, 1.1e-10]), jnp.array([1.0, 3.0])
    )
    beam = replace(beam, sources=table)
    sources, spread = _closed(beam)
    jax.tree.map(np.testing.assert_array_equal, sources, table)
    assert not np.any(spread.directions)
    assert not np.any(spread.bandwidth)
    one, own = _mean(beam, True)
    assert float(one.wavelengths_m[0]) == pytest.approx(1.075e-10, rel=1e-14)
    assert float(own.bandwidth) == pytest.approx(0.25 * 0.75 * (0.1 / 1.075) ** 2, rel=1e-12)
    step = np.array([0.0, 1e-3, -1e-3])
    np.testing.assert_allclose(own.directions, 0.25 * 0.75 * np.outer(step, step), atol=1e-12)
