"""How much of a reflection an image records, from the lattice factor's profile across the Ewald sphere."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from nbjax.experiment import CrystalParameters, Experiment
from nbjax.geometry.unit_cell import invert_basis
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
    crystal, beam = experiment.crystal, experiment.beam
    spindle = crystal.spindle
    rays = incident_rays(beam.sources, beam.direction, beam.polarization_axis, beam.wavelength_m)
    orientations_m = complete_scene(experiment).crystals[0].orientations_m
    profile = _profile(crystal)

    def of_ray(total: Array, ray: tuple[Array, Array, Array]) -> tuple[Array, None]:
        incident, wavelength_m, weight = ray

        def of_orientation(total: Array, direct_m: Array) -> tuple[Array, None]:
            stars = invert_basis(direct_m)
            q = hkl @ stars
            diffracted = incident / wavelength_m + q
            length = jnp.linalg.norm(diffracted, axis=-1)
            normal = diffracted / length[:, None]
            rates = jnp.abs(normal @ stars.T) / crystal.cells
            density, highest = profile(rates, length - 1 / wavelength_m)
            if spindle.steps == 1:
                return total + density / highest, None
            passed = spindle.step_rad * (normal * jnp.cross(spindle.axis, q)).sum(-1)
            return total + spindle.steps * density * jnp.abs(passed), None

        return total + weight * jax.lax.scan(of_orientation, jnp.zeros_like(total), orientations_m)[0], None

    scanned = rays.incident, rays.wavelength_m, rays.weight
    total, _ = jax.lax.scan(of_ray, jnp.zeros(len(hkl), hkl.dtype), scanned)
    return total / len(orientations_m)


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
    distance = jnp.linspace(0, _FURTHEST, 4001) / jnp.sqrt(fudge)
    squared = shape.of_radius(distance**2, jnp.ones_like(fudge), fudge) ** 2 * distance
    pieces = 0.5 * (squared[1:] + squared[:-1]) * jnp.diff(distance)
    plane = jnp.concatenate([jnp.cumsum(pieces[::-1])[::-1], jnp.zeros(1, pieces.dtype)])
    whole = 2 * jnp.trapezoid(plane, distance)

    def profile(rates: Array, error: Array) -> tuple[Array, Array]:
        width = jnp.linalg.norm(rates, axis=-1)
        density = jnp.interp(jnp.abs(error) / width, distance, plane, right=0.0)
        return density / (whole * width), plane[0] / (whole * width)

    return profile
