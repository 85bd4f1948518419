"""How much of a reflection an image records, from the lattice factor's profile across the Ewald sphere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from nbjax.experiment import CrystalParameters, Experiment
from nbjax.geometry.goniometer import phi_angles_rad
from nbjax.geometry.unit_cell import invert_basis
from nbjax.linear import cross_product
from nbjax.physics.block import narrowed
from nbjax.physics.shapes import SHAPES, Radial
from nbjax.pipeline.image import complete_scene
from nbjax.sampling.sources import incident_rays

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(48)
_FURTHEST = 20.0
"""Fringes from the middle of a spot up to which its profile counts; 0.5 % of it lies further out."""

Profile = Callable[[Array, Array], tuple[Array, Array]]
"""(rates, excitation error) -> density at the error, and at zero; both in m."""


def partialities(experiment: Experiment, hkl: Float[Array, "n 3"]) -> Float[Array, " n"]:
    """Fraction of each reflection's rocking curve that an exposure records; of a still, the height it stands at.

    A spot's photons are the squared lattice factor, integrated over the Ewald sphere, which is a plane at its size: a
    function of the plane's distance from the reciprocal lattice point, the excitation error. A rotation exposure
    records the sum of this profile over the errors it passes, of every domain and source: all of it where the
    reflection crosses the sphere within the exposure, so that the fractions in a series sum to one. A still records
    the profile at one error of each domain and source, over that at zero.

    Args:
        experiment: of one crystal.
        hkl: Miller indices.
    """
    everywhere = jnp.full(len(hkl), jnp.inf)
    return sampled_profiles(experiment, hkl, (-everywhere, everywhere))[0]


def sampled_profiles(
    experiment: Experiment, hkl: Float[Array, "n 3"], window_rad: tuple[Float[Array, " n"], Float[Array, " n"]]
) -> tuple[Float[Array, " n"], Float[Array, " n"]]:
    """Partiality of each reflection, and the mean of the profile's density in m over sources, steps and domains.

    Args:
        experiment: of one sampled crystal.
        hkl: Miller indices.
        window_rad: start and end of the spindle angles that count, of each reflection.
    """
    crystal, beam = experiment.crystal, experiment.beam
    spindle = crystal.spindle
    rays = incident_rays(beam.sources, beam.direction, beam.polarization_axis, beam.wavelength_m)
    orientations_m = complete_scene(experiment).crystals[0].orientations_m
    angles_rad = jnp.repeat(phi_angles_rad(spindle), len(orientations_m) // spindle.steps)
    profile = _profile(crystal)
    start, end = window_rad

    def of_ray(total: tuple[Array, Array], ray: tuple[Array, Array, Array]) -> tuple[tuple[Array, Array], None]:
        incident, wavelength_m, weight = ray
        weight = weight.astype(nothing.dtype)

        def of_orientation(total: tuple[Array, Array], orientation: tuple[Array, Array]) -> tuple[Any, None]:
            direct_m, angle_rad = orientation
            stars = invert_basis(direct_m)
            q = hkl @ stars
            diffracted = incident / wavelength_m + q
            length = jnp.linalg.norm(diffracted, axis=-1)
            normal = diffracted / length[:, None]
            rates = jnp.abs(narrowed(stars @ normal.T, crystal.cells, crystal.cells_off_diagonal)).T
            density, highest = (x.astype(nothing.dtype) for x in profile(rates, length - 1 / wavelength_m))
            if spindle.steps == 1:
                return (total[0] + density / highest, total[1] + density), None
            density = jnp.where((angle_rad >= start) & (angle_rad < end), density, 0)
            passed = spindle.step_rad * (normal * cross_product(spindle.axis, q)).sum(-1)
            share = (spindle.steps * density * jnp.abs(passed)).astype(nothing.dtype)
            return (total[0] + share, total[1] + density), None

        found, _ = jax.lax.scan(of_orientation, (nothing, nothing), (orientations_m, angles_rad))
        return (total[0] + weight * found[0], total[1] + weight * found[1]), None

    nothing = jnp.zeros_like(hkl[:, 0])
    scanned = rays.incident, rays.wavelength_m, rays.weight
    (shares, density), _ = jax.lax.scan(of_ray, (nothing, nothing), scanned)
    return shares / len(orientations_m), density / len(orientations_m)


def strength(crystal: CrystalParameters) -> Float[Array, ""]:
    """The squared lattice factor, added up over a cell of reciprocal space, over the number of unit cells."""
    shape = SHAPES[crystal.shape]
    if not isinstance(shape, Radial) or shape.normalised:
        return jnp.ones_like(crystal.fudge)
    _, _, whole = _planes(shape, crystal.fudge)
    return 2 * jnp.pi * shape.height**2 * whole


def _profile(crystal: CrystalParameters) -> Profile:
    shape = SHAPES[crystal.shape]
    return _radial(shape, crystal.fudge) if isinstance(shape, Radial) else _parallelepiped


def _parallelepiped(rates: Float[Array, "n 3"], error: Float[Array, " n"]) -> tuple[Array, Array]:
    """Fourier transform of the block's overlap with itself, shifted along the normal: a product of three triangles.

    Args:
        rates: components of the normal along a*, b*, c*, over the cells of each axis.
        error: excitation error.
    """
    reach = 1 / jnp.maximum(rates.max(-1), 1e-30)
    fringes = error * reach
    shift = 0.5 * (jnp.asarray(_NODES) + 1)
    overlap = jnp.prod(1 - (rates * reach[:, None])[:, None] * shift[:, None], -1) * (0.5 * jnp.asarray(_WEIGHTS))
    near = jnp.where(jnp.abs(fringes) < _FURTHEST, fringes, 0)
    waves = jnp.cos(2 * jnp.pi * near[:, None] * shift)
    density = jnp.where(jnp.abs(fringes) < _FURTHEST, (overlap * waves).sum(-1), 0)
    return 2 * reach * density, 2 * reach * overlap.sum(-1)


def _radial(shape: Radial, fudge: Array) -> Profile:
    """Integrals of the squared lattice factor over planes, by their distance in widths of the spot."""
    distance, plane, whole = _planes(shape, fudge)

    def profile(rates: Array, error: Array) -> tuple[Array, Array]:
        width = jnp.linalg.norm(rates, axis=-1)
        density = jnp.interp(jnp.abs(error) / width, distance, plane, right=0.0)
        return density / (whole * width), plane[0] / (whole * width)

    return profile


def _planes(shape: Radial, fudge: Array) -> tuple[Array, Array, Array]:
    """Distances of planes, the integrals over them over 2 pi, and the integral of these on both sides."""
    distance = jnp.linspace(0, _FURTHEST, 4001) / jnp.sqrt(fudge)
    squared = shape.of_radius(distance**2, jnp.ones_like(fudge), fudge) ** 2 * distance
    pieces = 0.5 * (squared[1:] + squared[:-1]) * jnp.diff(distance)
    plane = jnp.concatenate([jnp.cumsum(pieces[::-1])[::-1], jnp.zeros(1, pieces.dtype)])
    return distance, plane, 2 * jnp.trapezoid(plane, distance)
