"""What a detector makes of photons: a chain of stages, one kind a file.

A stage turns an image into the next one (``record``) and says what it does to the mean and the variance of a pixel
(``moments``), so that what is simulated and what a fit believes of its data come from one place.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Sequence

import jax
from jax import Array

from nbjax.physics.readout.calibration import Calibration
from nbjax.physics.readout.counting import Counting
from nbjax.physics.readout.dark import DarkCurrent
from nbjax.physics.readout.defects import HotAndDead
from nbjax.physics.readout.flicker import Flicker
from nbjax.physics.readout.gain import Gain
from nbjax.physics.readout.noise import ReadoutNoise
from nbjax.physics.readout.poisson import Poisson
from nbjax.physics.readout.quantize import SMV_COUNTS, SMV_SCALED, Quantize
from nbjax.physics.readout.saturation import Saturation
from nbjax.physics.readout.spread import ChargeSharing, PointSpread
from nbjax.physics.readout.stage import Moments, Readout
from nbjax.physics.readout.switching import GainSwitching

__all__ = [
    "SMV_COUNTS",
    "SMV_SCALED",
    "STAGES",
    "Calibration",
    "ChargeSharing",
    "Counting",
    "DarkCurrent",
    "Flicker",
    "Gain",
    "GainSwitching",
    "HotAndDead",
    "Moments",
    "PointSpread",
    "Poisson",
    "Quantize",
    "Readout",
    "ReadoutNoise",
    "Saturation",
    "keys_of",
    "moments",
    "record",
]

STAGES: dict[str, type[Readout]] = {
    "flicker": Flicker,
    "point_spread": PointSpread,
    "charge_sharing": ChargeSharing,
    "poisson": Poisson,
    "counting": Counting,
    "calibration": Calibration,
    "dark_current": DarkCurrent,
    "readout": ReadoutNoise,
    "gain": Gain,
    "gain_switching": GainSwitching,
    "saturation": Saturation,
    "hot_and_dead": HotAndDead,
    "quantize": Quantize,
}
"""Every kind of stage by its name."""

_NAMES = {kind: name for name, kind in STAGES.items()}


def record(stages: Sequence[Readout], key: Array, photons: Array) -> Array:
    """The image after all stages.

    Args:
        stages: in the order in which they act.
        key: a JAX random key, of the image.
        photons: expected photons of each pixel, shape (slow, fast) or (panel, slow, fast); any without stages that
            spread light.
    """
    image = photons
    for stage, own in zip(stages, keys_of(stages, key), strict=True):
        image = stage.record(own, image)
    return image


def keys_of(stages: Sequence[Readout], key: Array) -> list[Array]:
    """The key of each stage, by its kind and by how many of that kind are before it, so that the others leave its
    random numbers alone.
    """
    keys, seen = [], Counter[int]()
    for stage in stages:
        number = _number(type(stage))
        own = jax.random.fold_in(key, number)
        keys.append(jax.random.fold_in(own, seen[number]) if seen[number] else own)
        seen[number] += 1
    return keys


def moments(stages: Sequence[Readout], photons: Array) -> Moments:
    """Mean and variance of each pixel of ``record``, to first order in what is cut or rounded."""
    found = Moments(photons, photons * 0)
    for stage in stages:
        found = stage.moments(found)
    return found


def _number(kind: type) -> int:
    return zlib.crc32(_NAMES.get(kind, kind.__name__).encode())
