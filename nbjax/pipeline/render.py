"""Rendering in bands from the host, so that a long run can show its progress."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from nbjax.errors import NonFiniteError
from nbjax.experiment import Experiment
from nbjax.pipeline.image import complete_scene, embed, photons_of_range

_BANDS = 50

_scene = jax.jit(complete_scene)
_band = partial(jax.jit, static_argnames="count")(photons_of_range)


def render(experiment: Experiment, progress: Callable[[int, int], None] | None = None) -> np.ndarray:
    """The image of ``simulate``, computed band by band.

    Args:
        experiment: from ``nbjax.prepare``.
        progress: called with (pixels done, pixels in all) after every band.

    Returns:
        Photons, shape (slow, fast).

    Raises:
        NonFiniteError: a pixel is NaN or infinite.
    """
    slow, fast = experiment.grid.roi_shape
    total, tile = slow * fast, experiment.grid.tile
    tiles = -(-total // tile)
    count = min(total, tile * max(1, -(-tiles // _BANDS)))
    scene = _scene(experiment)
    window = np.empty(total)
    for start in range(0, total, count):
        end = min(start + count, total)
        window[start:end] = np.asarray(_band(experiment, scene, jnp.int32(start), count=count))[: end - start]
        if progress is not None:
            progress(end, total)
    image = np.asarray(embed(experiment, jnp.asarray(window)))
    bad = np.argwhere(~np.isfinite(image))
    if len(bad):
        first = tuple(int(i) for i in bad[0])
        raise NonFiniteError(
            f"{len(bad)} pixels are not finite, the first at (slow, fast) = {first}: a pixel lies at the sample, or "
            "the intensity overflows; check distance, fluence and structure factors"
        )
    return image
