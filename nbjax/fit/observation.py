"""The measured pixels of some shots, and which of them a fit uses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from nbjax.experiment import Experiment
from nbjax.pipeline.image import simulate

_CHUNK = 8192


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Observation:
    """Chosen pixels of every shot, in chunks of equal length; what fills the last chunk has weight 0.

    Attributes:
        pixels: (slow, fast), shape (shots, chunks, n, 2).
        data: photons, shape (shots, chunks, n).
        weight: 1 where a pixel counts, else 0, shape (shots, chunks, n).
    """

    pixels: Int[Array, "shots chunks n 2"]
    data: Float[Array, "shots chunks n"]
    weight: Float[Array, "shots chunks n"]

    def used(self) -> np.ndarray:
        """Number of pixels that count, of each shot."""
        return np.asarray(self.weight.sum(axis=(1, 2)))


def observe(images: Sequence[np.ndarray], used: Sequence[np.ndarray], chunk: int = _CHUNK) -> Observation:
    """Collect the used pixels of each image.

    Args:
        images: photons, shape (slow, fast) each.
        used: boolean, same shapes.
        chunk: most pixels computed at once, for each shot.

    An image without used pixels has no weight at all.
    """
    places = [np.argwhere(mask) for mask in used]
    longest = max(len(p) for p in places)
    chunks = -(-longest // chunk)
    size = -(-longest // chunks)
    shape = (len(images), chunks * size)
    pixels, data, weight = np.zeros((*shape, 2), np.int32), np.zeros(shape), np.zeros(shape)
    for i, (image, place) in enumerate(zip(images, places, strict=True)):
        n = len(place)
        pixels[i] = place[0] if n else 0
        pixels[i, :n], data[i, :n], weight[i, :n] = place, image[tuple(place.T)], 1.0
    split = (len(images), chunks, size)
    return Observation(
        jnp.asarray(pixels.reshape(*split, 2)), jnp.asarray(data.reshape(split)), jnp.asarray(weight.reshape(split))
    )


def unusable(image: np.ndarray, used: np.ndarray, least: float) -> str | None:
    """Why an image cannot be fitted, or None.

    Args:
        image: photons.
        used: boolean, same shape.
        least: photons that a pixel of the loss may have at least.
    """
    if not used.any():
        return "no pixel is left after masking; check mask and region"
    for bad, what, remedy in (
        (~np.isfinite(image), "NaN or infinite", "mask them"),
        (image < least, "negative", "mask them, subtract no pedestal, or use a loss with readout noise"),
    ):
        places = np.argwhere(bad & used)
        if len(places):
            first = tuple(int(i) for i in places[0])
            return f"{len(places)} pixels are {what}, the first at (slow, fast) = {first}; {remedy}"
    values = image[used]
    if len(values) > 1 and (values == values[0]).all():
        return f"is blank: all of its {len(values)} pixels hold {values[0]:g}; check the file, the mask and the region"
    return None


def boxes(experiment: Experiment, half_width: int, threshold: float, most: int | None = None) -> np.ndarray:
    """Boxes around the spots that the model predicts, as a boolean image.

    Args:
        experiment: the model; broaden its spots first where orientation or cell are rough.
        half_width: pixels from a box's centre to its edge.
        threshold: a spot is a local maximum of the model above this many times its median.
        most: only the brightest so many spots.
    """
    from scipy.ndimage import binary_dilation, maximum_filter

    photons = np.asarray(simulate(experiment))
    peak = photons == maximum_filter(photons, size=2 * half_width + 1)
    peak &= photons > threshold * max(float(np.median(photons)), 0.0)
    if most is not None and peak.sum() > most:
        peak &= photons >= np.partition(photons[peak], -most)[-most]
    return binary_dilation(peak, np.ones((2 * half_width + 1,) * 2, bool))
