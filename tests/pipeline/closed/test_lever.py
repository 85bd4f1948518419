"""The first order of what a Gaussian neglects, against causes that are alone."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nbjax.pipeline.closed.lever import lever
from nbjax.pipeline.closed.spread import BeamSpread, Lattice, covariance
from nbjax.rotations import about_vector

WAVELENGTH_M = jnp.asarray(1e-10)
INCIDENT = jnp.array([1.0, 0.0, 0.0])
HKL = jnp.array([3.0, -2.0, 4.0])


def spreads(turn: float, band: float) -> tuple[Lattice, BeamSpread]:
    """A cube of 50 Angstrom, of which the turns are about z alone."""
    lattice = Lattice(
        stars=jnp.eye(3) / 50e-10,
        size=1e12 * jnp.eye(3),
        turns=jnp.zeros((3, 3)).at[2, 2].set(turn**2),
        cell_spread=jnp.zeros(()),
        axis=jnp.array([0.0, 1.0, 0.0]),
    )
    return lattice, BeamSpread(jnp.zeros((3, 3)), jnp.asarray(band**2))


def found(turn: float, band: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The lever, S and G."""
    lattice, beam = spreads(turn, band)
    total = covariance(lattice, beam, WAVELENGTH_M, HKL)
    own = lever(lattice, beam, (INCIDENT, WAVELENGTH_M), HKL, (total, jnp.linalg.inv(total)))
    return np.asarray(own), np.asarray(total), np.asarray(HKL @ lattice.stars)


def mean(q: np.ndarray, star: np.ndarray, turn: float, band: float) -> tuple[float, float]:
    """Mean of the squared lattice factor by its integral, and its exponent at the likeliest cause."""
    cause = np.linspace(-8, 8, 20001)
    angle, ratio = turn * cause, 1 + band * cause
    cosine, sine = np.cos(angle), np.sin(angle)
    x, y, z = q
    seen = np.stack([cosine * x + sine * y, cosine * y - sine * x, np.full_like(cause, z)]) / ratio
    exponent = 0.5 * ((seen - star[:, None]) ** 2).sum(0) / 1e12 + 0.5 * cause**2
    return np.trapezoid(np.exp(-exponent), cause) / np.sqrt(2 * np.pi), exponent.min()


@pytest.mark.parametrize(("turn", "band"), [(3e-3, 0.0), (0.0, 3e-3)])
def test_height_along_a_spot(turn: float, band: float) -> None:
    own, total, star = found(turn, band)
    height = np.sqrt(1e36 / np.linalg.det(total))
    for way in (star / np.linalg.norm(star), np.array([0.6, 0.8, 0.0]), np.array([-0.8, 0.6, 0.0])):
        move = 1.5 * np.sqrt(way @ total @ way) * way
        pulled = np.linalg.solve(total, move)
        # what is even in the move is of second order
        logs = [
            np.log(integral) + least for integral, least in (mean(star + s * move, star, turn, band) for s in (1, -1))
        ]
        assert np.allclose(logs, np.log(height), atol=0.02)
        assert 0.5 * (logs[0] - logs[1]) == pytest.approx(own @ pulled, rel=0.01, abs=2e-5)
        assert np.abs(own @ pulled) < 0.02


def test_nothing_without_causes() -> None:
    np.testing.assert_array_equal(found(0.0, 0.0)[0], 0)


def test_it_is_the_slope_of_the_determinant_of_all_causes_together() -> None:
    """With every cause at once, from the moves alone, by derivatives of the exponent."""
    rng = np.random.default_rng(3)

    def symmetric(size: float) -> jax.Array:
        root = size * rng.normal(size=(3, 3))
        return jnp.asarray(root @ root.T)

    stars = jnp.asarray(np.eye(3) / 50e-10 + 4e7 * rng.normal(size=(3, 3)))
    lattice = Lattice(stars, symmetric(1e6), symmetric(1e-3), jnp.asarray(2e-3), jnp.array([0.0, 1.0, 0.0]))
    beam = BeamSpread(symmetric(1e-3), jnp.asarray(3e-6))
    wavelength_m, incident, hkl = jnp.asarray(1e-10), jnp.asarray(INCIDENT), jnp.asarray(HKL)
    star, direct = hkl @ stars, jnp.linalg.inv(stars).T
    known = jax.scipy.linalg.block_diag(
        lattice.cell_spread**2 * jnp.eye(3), lattice.turns, beam.bandwidth, beam.directions / wavelength_m**2
    )
    root, inverse = jnp.linalg.cholesky(known), jnp.linalg.inv(lattice.size)

    def exponent(causes: jax.Array, off: jax.Array) -> jax.Array:
        longer, turn, wave, tilt = jnp.split(root @ causes, [3, 6, 7])
        # the beam's direction falls back along it as it turns
        seen = (star + off - tilt + 0.5 * wavelength_m * (tilt @ tilt) * incident) / (1 + wave[0])
        seen = about_vector(turn).T @ seen
        y = seen + (longer * (direct @ seen)) @ stars - star
        return 0.5 * (y @ inverse @ y + causes @ causes)

    def logarithm(off: jax.Array) -> jax.Array:
        nowhere = jnp.zeros(10)
        hessian = jax.hessian(exponent)(nowhere, jnp.zeros(3))
        pull = jax.jacfwd(jax.grad(exponent), 1)(nowhere, jnp.zeros(3)) @ off
        likeliest = -jnp.linalg.solve(hessian, pull)
        return -0.5 * jnp.linalg.slogdet(jax.hessian(exponent)(likeliest, off))[1]

    slope = jax.jit(jax.grad(logarithm))(jnp.zeros(3))
    total = covariance(lattice, beam, wavelength_m, hkl)
    own = lever(lattice, beam, (incident, wavelength_m), hkl, (total, jnp.linalg.inv(total)))
    np.testing.assert_allclose(own, total @ slope, rtol=1e-7)
