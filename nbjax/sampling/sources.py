"""Incident rays: directions, wavelengths and weights of the beam's divergence and spectrum."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from nbjax.fields import STATIC
from nbjax.linear import cross_product
from nbjax.numerics import unit_vector
from nbjax.rotations import about_axis


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class SourceGrid:
    """Divergence grid times wavelength comb; the retained grid points are listed by their indices.

    Attributes:
        horizontal_range_rad, horizontal_step_rad: about the axis beam x polarization.
        vertical_range_rad, vertical_step_rad: about the polarization axis (applied first).
        horizontal_index, vertical_index, wavelength_index: grid indices of each source, shape (sources,).
        dispersion, dispersion_step: relative full range and spacing of the wavelengths.
        weights: relative intensities, shape (sources,).
    """

    horizontal_range_rad: Float[Array, ""]
    horizontal_step_rad: Float[Array, ""]
    vertical_range_rad: Float[Array, ""]
    vertical_step_rad: Float[Array, ""]
    dispersion: Float[Array, ""]
    dispersion_step: Float[Array, ""]
    horizontal_index: Float[Array, " sources"]
    vertical_index: Float[Array, " sources"]
    wavelength_index: Float[Array, " sources"]
    weights: Float[Array, " sources"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class SourceSpread:
    """Directions times wavelengths, placed in widths of their distributions about the central ray.

    Attributes:
        horizontal_rad, vertical_rad: widths of the divergence, about the same axes as those of ``SourceGrid``.
        band: relative width of the wavelengths; one where they are listed.
        horizontal, vertical, wavelength: places of each source in these widths, shape (sources,).
        weights: relative intensities, shape (sources,).
        kind: of the wavelengths.
        waves: number of the wavelengths, which follow each other in each direction.
        directions: "gaussian": points and weights by Gauss and Hermite; "grid": equally bright places.
    """

    horizontal_rad: Float[Array, ""]
    vertical_rad: Float[Array, ""]
    band: Float[Array, ""]
    horizontal: Float[Array, " sources"]
    vertical: Float[Array, " sources"]
    wavelength: Float[Array, " sources"]
    weights: Float[Array, " sources"]
    kind: Literal["comb", "gaussian", "listed"] = field(metadata=STATIC)
    waves: int = field(metadata=STATIC)
    directions: Literal["gaussian", "grid"] = field(metadata=STATIC)

    def spectrum(self, wavelength_m: Float[Array, ""]) -> tuple[Float[Array, " waves"], Float[Array, " waves"]]:
        """Wavelengths, and the sum of their weights over all directions."""
        weights = jnp.sum(self.weights.reshape(-1, self.waves), axis=0)
        return wavelength_m * (1.0 + self.band * self.wavelength[: self.waves]), weights / jnp.sum(weights)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class SourceTable:
    """Sources listed one by one.

    Attributes:
        directions: incident directions (from source to sample), shape (sources, 3).
        wavelengths_m: shape (sources,).
        weights: relative intensities, shape (sources,).
    """

    directions: Float[Array, "sources 3"]
    wavelengths_m: Float[Array, " sources"]
    weights: Float[Array, " sources"]


Sources = SourceGrid | SourceSpread | SourceTable


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Rays:
    """Incident unit directions (sources, 3), wavelengths in m and weights that sum to one (sources,)."""

    incident: Float[Array, "sources 3"]
    wavelength_m: Float[Array, " sources"]
    weight: Float[Array, " sources"]


def incident_rays(
    sources: Sources,
    beam: Float[Array, "3"],
    polarization_axis: Float[Array, "3"],
    wavelength_m: Float[Array, ""],
) -> Rays:
    """Every source's direction, wavelength and normalised weight.

    Args:
        sources: grid, spread or table.
        beam: unit direction of the central ray, shape (3,).
        polarization_axis: unit vector, shape (3,).
        wavelength_m: central wavelength.
    """
    weight = sources.weights / jnp.sum(sources.weights)
    if isinstance(sources, SourceTable):
        return Rays(jax.vmap(unit_vector)(sources.directions), sources.wavelengths_m, weight)
    if isinstance(sources, SourceSpread):
        s = sources
        horizontal_rad, vertical_rad = s.horizontal_rad * s.horizontal, s.vertical_rad * s.vertical
        ratio = 1.0 + s.band * s.wavelength
    else:
        g = sources
        horizontal_rad = g.horizontal_step_rad * g.horizontal_index - g.horizontal_range_rad / 2
        vertical_rad = g.vertical_step_rad * g.vertical_index - g.vertical_range_rad / 2
        ratio = 1.0 + g.dispersion_step * g.wavelength_index - g.dispersion / 2
    vertical_axis = unit_vector(cross_product(beam, polarization_axis))

    def direction(horizontal: Array, vertical: Array) -> Array:
        return about_axis(vertical_axis, horizontal) @ (about_axis(polarization_axis, vertical) @ beam)

    return Rays(jax.vmap(direction)(horizontal_rad, vertical_rad), wavelength_m * ratio, weight)
