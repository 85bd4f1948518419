"""How the fluence of a beam falls off across it, one class a profile."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import jax.numpy as jnp
from jax import Array
from jax.scipy.special import erf
from jaxtyping import Float


class BeamProfile(ABC):
    """The fluence across a beam over that of its centre."""

    @abstractmethod
    def at(self, place_m: Float[Array, "2"], size_m: Float[Array, ""]) -> Float[Array, ""]:
        """The share that a point across the beam sees, measured from its centre."""

    @abstractmethod
    def over_square(self, edge_m: Float[Array, ""], size_m: Float[Array, ""]) -> Float[Array, ""]:
        """The mean over a square about the centre."""

    @abstractmethod
    def area(self, size: float) -> float:
        """Of a beam of constant fluence that has the same peak and the same flux."""


@dataclass(frozen=True)
class Gaussian(BeamProfile):
    """A round Gaussian, whose size is its full width at half maximum."""

    def at(self, place_m: Float[Array, "2"], size_m: Float[Array, ""]) -> Float[Array, ""]:
        """Of the place, two to the power of -4 (distance / size)^2."""
        return jnp.exp2(-4 * jnp.sum(jnp.square(place_m / size_m)))

    def over_square(self, edge_m: Float[Array, ""], size_m: Float[Array, ""]) -> Float[Array, ""]:
        """The square of its mean over an edge."""
        half = math.sqrt(math.log(2)) * edge_m / size_m
        # near zero the ratio is one less a third of the square
        small = half < 1e-4
        ratio = math.sqrt(math.pi) / 2 * erf(half) / jnp.where(small, 1.0, half)
        return jnp.square(jnp.where(small, 1 - jnp.square(half) / 3, ratio))

    def area(self, size: float) -> float:
        """Its integral over the plane."""
        return math.pi / (4 * math.log(2)) * size * size


@dataclass(frozen=True)
class TopHat(BeamProfile):
    """A disc of constant fluence, whose size is its diameter."""

    def at(self, place_m: Float[Array, "2"], size_m: Float[Array, ""]) -> Float[Array, ""]:
        """One inside and zero outside: without a gradient."""
        return jnp.where(jnp.sum(jnp.square(place_m)) <= jnp.square(size_m / 2), 1.0, 0.0).astype(size_m.dtype)

    def over_square(self, edge_m: Float[Array, ""], size_m: Float[Array, ""]) -> Float[Array, ""]:
        """The part of the square that the disc covers."""
        # half of the edge in radii of the disc; the disc holds the square, they cut each other, or the square holds it
        half = edge_m / size_m
        holds, held = half <= math.sqrt(0.5), half >= 1.0
        cut = jnp.where(holds | held, 0.8, half)
        sagitta = jnp.sqrt(1 - cut * cut)
        covered = math.pi - 4 * (jnp.arctan2(sagitta, cut) - cut * sagitta)
        area = jnp.square(2 * jnp.where(holds, 1.0, half))
        return jnp.where(holds, 1.0, jnp.where(held, math.pi, covered) / area)

    def area(self, size: float) -> float:
        """The disc's."""
        return math.pi / 4 * size * size


BEAM_PROFILES: dict[str, BeamProfile] = {"gaussian": Gaussian(), "top_hat": TopHat()}
"""Profiles by the name that a configuration gives them."""
