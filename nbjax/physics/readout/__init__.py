"""What a detector makes of photons: a chain of stages, one kind a file.

A stage turns an image into the next one (``record``) and says what it does to the mean and the variance of a pixel
(``moments``), so that what is simulated and what a fit believes of its data come from one place.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import jax
from jax import Array

from nbjax.physics.readout.offset import Offset
from nbjax.physics.readout.poisson import Poisson
from nbjax.physics.readout.quantize import SMV_COUNTS, Quantize
from nbjax.physics.readout.stage import Moments, Readout

__all__ = ["SMV_COUNTS", "STAGES", "Moments", "Offset", "Poisson", "Quantize", "Readout", "moments", "record"]

STAGES: dict[str, type[Readout]] = {
    "poisson": Poisson,
    "offset": Offset,
    "quantize": Quantize,
}
"""Every kind of stage by its name."""

_NAMES = {kind: name for name, kind in STAGES.items()}


def record(stages: Sequence[Readout], key: Array, photons: Array) -> Array:
    """The image after all stages.

    Each kind of stage draws from a key of its own, so that the others leave its random numbers alone.

    Args:
        stages: in the order in which they act.
        key: a JAX random key.
        photons: expected photons of each pixel, any shape.
    """
    image = photons
    for stage in stages:
        image = stage.record(jax.random.fold_in(key, _number(type(stage))), image)
    return image


def moments(stages: Sequence[Readout], photons: Array) -> Moments:
    """Mean and variance of each pixel of ``record``, to first order in what is cut or rounded."""
    found = Moments(photons, photons * 0)
    for stage in stages:
        found = stage.moments(found)
    return found


def _number(kind: type) -> int:
    return zlib.crc32(_NAMES.get(kind, kind.__name__).encode())
