"""What every screen is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import jax
from jax import Array

from nbjax.numerics import Components


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Way:
    """From the sample to pixels.

    Attributes:
        point_m: where they end.
        diffracted: unit directions.
        beam, along, across: unit directions of the beam, of its electric vector, and across both.
    """

    point_m: Components
    diffracted: Components
    beam: Components
    along: Components
    across: Components


@runtime_checkable
class Screen(Protocol):
    """A pytree of arrays that is smooth over a pixel."""

    def transmission(self, way: Way) -> Array:
        """Fraction of the photons that pass on their way to each pixel."""


@runtime_checkable
class Charted(Protocol):
    """A screen of the direction alone that is worked out once for all pixels."""

    def chart(self, beam: Components, along: Components, across: Components) -> Screen:
        """What stands for it at single pixels.

        Args:
            beam, along, across: as of ``Way``.
        """
