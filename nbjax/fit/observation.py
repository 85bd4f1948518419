"""The measured pixels of some shots, and which of them a fit uses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from nbjax.experiment import Experiment, chosen, shown_pixels
from nbjax.fit.background import FittedBackground, Kind, undisturbed
from nbjax.fit.groups import Groups
from nbjax.fit.losses import Loss
from nbjax.fit.places import in_words, split
from nbjax.pipeline.closed.image import is_closed
from nbjax.pipeline.closed.survey import with_capacity
from nbjax.pipeline.compilation import compiled
from nbjax.pipeline.image import simulate
from nbjax.pipeline.spots.prediction import predict

CHUNK = 8192


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Observation:
    """Chosen pixels of every shot, in chunks of equal length; what fills the last chunk has weight 0.

    Attributes:
        pixels: (slow, fast), or (panel, slow, fast), shape (shots, chunks, n, axes).
        data: photons, shape (shots, chunks, n).
        weight: 1 where a pixel counts, else 0, shape (shots, chunks, n).
        background: how the pixels of a chunk, group by group, share a background, or None.
    """

    pixels: Int[Array, "shots chunks n axes"]
    data: Float[Array, "shots chunks n"]
    weight: Float[Array, "shots chunks n"]
    background: FittedBackground | None = None

    def with_calm(self, loss: Loss) -> Observation:
        """With the background that pixels without spots show."""
        if self.background is None:
            return self
        calm = _calm(loss, self.background, self.data, self.weight)
        return replace(self, background=replace(self.background, calm=calm))

    def used(self) -> np.ndarray:
        """Number of pixels that count, of each shot."""
        return np.asarray(self.weight.sum(axis=(1, 2)))


@partial(compiled, static_argnames=("loss",))
def _calm(loss: Loss, background: FittedBackground, data: Array, weight: Array) -> Array:
    return jax.vmap(partial(undisturbed, loss))(background, data, weight)


def observe(
    images: Sequence[np.ndarray], groups: Sequence[Groups], kind: Kind, functions: int, chunk: int = CHUNK
) -> Observation:
    """Collect the used pixels of each image.

    Args:
        images: photons, shape (slow, fast), or (panel, slow, fast), each.
        groups: their pixels that count.
        kind: of their background; not "auto".
        functions: basis functions of it.
        chunk: most pixels computed at once, for each shot.

    An image without used pixels has no weight at all.
    """
    most = max(max((len(group) for group in shot.pixels), default=1) for shot in groups)
    longest = max(len(shot.pixels) for shot in groups)
    # all chunks hold as many groups, and all groups as many pixels
    chunks = max(-(-longest * most // chunk), 1)
    together = max(-(-longest // chunks), 1)
    chunks = max(-(-longest // together), 1)
    shape = (len(images), chunks * together, most)
    width, axes = 2 if kind in ("plane", "radial") else 0, images[0].ndim
    pixels, data, weight = np.zeros((*shape, axes), np.int32), np.zeros(shape), np.zeros(shape)
    place = np.zeros((*shape, width))
    for i, (image, shot) in enumerate(zip(images, groups, strict=True)):
        for j, (at, where) in enumerate(zip(shot.pixels, shot.places, strict=True)):
            n = len(at)
            if n:
                pixels[i, j] = at[0]
            pixels[i, j, :n], data[i, j, :n], weight[i, j, :n], place[i, j, :n] = at, image[tuple(at.T)], 1.0, where
        # what fills up is computed too, and should not be far from the others
        pixels[i, len(shot.pixels) :] = pixels[i, :1, :1]
    rows = (len(images), chunks, together * most)
    places = jnp.asarray(place.reshape(len(images), chunks, together, most, width))
    return Observation(
        jnp.asarray(pixels.reshape(*rows, axes)),
        jnp.asarray(data.reshape(rows)),
        jnp.asarray(weight.reshape(rows)),
        None if kind == "none" else FittedBackground(places, None, kind, functions),
    )


_FOR_NEGATIVE = 'a loss with readout noise (loss.kind "poisson_gaussian", "gaussian" or "robust", or a record)'


def unusable(image: np.ndarray, used: np.ndarray, least: float, panels: Sequence[str] = ()) -> str | None:
    """Why an image cannot be fitted, or None.

    Args:
        image: photons.
        used: boolean, same shape.
        least: photons that a pixel of the loss may have at least.
        panels: names of several.
    """
    if not used.any():
        return "no pixel is left after masking; check mask and region"
    for bad, what, remedy in (
        (~np.isfinite(image), "NaN or infinite", "mask them"),
        (image < least, "negative", f"mask them, subtract no pedestal, or use {_FOR_NEGATIVE}"),
    ):
        places = np.argwhere(bad & used)
        if len(places):
            number = "1 pixel is" if len(places) == 1 else f"{len(places)} pixels are"
            return f"{number} {what}, the first {in_words(*split(places[0], panels))}; {remedy}"
    values = image[used]
    if len(values) > 1 and (values == values[0]).all():
        return f"is blank: all of its {len(values)} pixels hold {values[0]:g}; check the file, the mask and the region"
    return None


def boxes(experiment: Experiment, half_width: int, threshold: float, most: int | None = None) -> np.ndarray:
    """Boxes around the spots that the model predicts, as a boolean image; of several panels each has its own.

    Args:
        experiment: the model; broaden its spots first where orientation or cell are rough.
        half_width: pixels from a box's centre to its edge.
        threshold: a spot is a local maximum of the model above this many times its median, of the pixels that it shows.
        most: only the brightest so many spots.
    """
    from scipy.ndimage import binary_dilation, maximum_filter

    box = (1,) * (len(experiment.grid.shape) - 2) + (2 * half_width + 1,) * 2
    if experiment.crystals and all(map(is_closed, experiment.crystals)):
        photons = _predicted(experiment)
        under = np.asarray(simulate(chosen(experiment, crystals=())))[shown_pixels(experiment)]
        peak = photons > 0
    else:
        photons = np.asarray(simulate(with_capacity(experiment)))
        under = photons[shown_pixels(experiment)]
        peak = photons == maximum_filter(photons, size=box)
    peak &= photons > threshold * max(float(np.median(under)) if under.size else 0.0, 0.0)
    if most is not None and peak.sum() > most:
        peak &= photons >= np.partition(photons[peak], -most)[-most]
    return binary_dilation(peak, np.ones(box, bool))


def _predicted(experiment: Experiment) -> np.ndarray:
    """Photons of the brightest pixel of each predicted spot, at its middle; 0 elsewhere."""
    image = np.zeros((experiment.grid.panels, experiment.grid.slow, experiment.grid.fast))
    for number in range(len(experiment.crystals)):
        spots = jax.tree.map(np.asarray, predict(experiment, number))
        fast, slow = np.floor(spots.centre).astype(int).T
        # smeared by the pixel
        spread = np.linalg.det(spots.covariance + np.eye(2) / 12)
        on = (fast >= 0) & (slow >= 0) & (fast < image.shape[2]) & (slow < image.shape[1])
        heights = spots.photons / (2 * np.pi * np.sqrt(spread))
        np.maximum.at(image, (spots.panel[on], slow[on], fast[on]), heights[on])
    return image.reshape(experiment.grid.shape)
