"""Rendering in tiles from the host, so that a long run can show its progress."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from nbjax.errors import NonFiniteError
from nbjax.experiment import Experiment
from nbjax.pipeline.backdrop import is_interpolated
from nbjax.pipeline.closed.image import add_spots, sampled_part
from nbjax.pipeline.compilation import compiled
from nbjax.pipeline.cost import cost_of
from nbjax.pipeline.halos import has_halos, with_halos
from nbjax.pipeline.image import complete_scene, embed, interpolated, is_dark, photons_of_range
from nbjax.pipeline.sharding import photons_on, pixel_mesh, share_of_device
from nbjax.pipeline.window import tile_of, window_size

_BANDS = 25
_LEAST_PIXELS = 1024
"""Fewer leave the lanes and cores of a device idle."""

_with_halos = compiled(with_halos)
_scene = compiled(complete_scene)
_band = compiled(photons_of_range, static_argnames=("count",))
_spots = compiled(add_spots)
_interpolated = compiled(interpolated)
_band_on = compiled(photons_on, static_argnames=("mesh", "count"))


def render(
    experiment: Experiment,
    progress: Callable[[int, int], None] | None = None,
    devices: Sequence[jax.Device] | None = None,
) -> np.ndarray:
    """The image of ``simulate``, computed tile by tile on all devices.

    Args:
        experiment: from ``nbjax.prepare``.
        progress: called with (pixels done, pixels in all) after every tile.
        devices: those of this process by default.

    Returns:
        Photons, of the shape of ``simulate``.

    Raises:
        NonFiniteError: a pixel is NaN or infinite.
    """
    experiment = _with_halos(experiment) if has_halos(experiment) else experiment
    sampled = sampled_part(experiment)
    if is_interpolated(sampled):
        image = np.asarray(_interpolated(sampled))
    else:
        image = np.zeros(experiment.grid.shape) if is_dark(sampled) else _sampled(sampled, progress, devices)
    if sampled is not experiment:
        image = np.asarray(_spots(experiment, jnp.asarray(image)))
    check_finite(image, sampled is not experiment)
    return image


def check_finite(image: np.ndarray, closed: bool) -> None:
    """Refuse an image that is not of numbers.

    Raises:
        NonFiniteError: a pixel is NaN or infinite.
    """
    bad = np.argwhere(~np.isfinite(image))
    if not len(bad):
        return
    if closed and len(bad) == image.size:
        raise NonFiniteError(
            "the closed crystals have more, larger or farther spots than the experiment was prepared for, as when its "
            "numbers were changed since; nbjax.with_capacity(experiment) makes room for them"
        )
    first = tuple(int(i) for i in bad[0])
    axes = "slow, fast" if image.ndim == 2 else "panel, slow, fast"
    raise NonFiniteError(
        f"{len(bad)} pixels are not finite, the first at ({axes}) = {first}: a pixel lies at the sample, or "
        "the intensity overflows; check distance, fluence and structure factors"
    )


def _sampled(
    experiment: Experiment, progress: Callable[[int, int], None] | None, devices: Sequence[jax.Device] | None
) -> np.ndarray:
    """The image of what is sampled, tile by tile."""
    total, tile = window_size(experiment.grid), tile_of(experiment.grid)
    devices = jax.local_devices() if devices is None else devices
    mesh = pixel_mesh(devices) if len(devices) > 1 else None
    tiles = -(-total // (tile * len(devices)))
    # a call into compiled code should take about a second: nothing is heard of it before it ends
    cost = cost_of(experiment)
    in_a_second = max(_LEAST_PIXELS, int(total / max(cost.seconds, 1e-9)) // len(devices))
    most = min(tile * max(1, -(-tiles // _BANDS)), in_a_second)
    count = share_of_device(experiment.grid, len(devices), most) * len(devices)
    scene = _scene(experiment)
    window = np.empty(total)
    for start in range(0, total, count):
        end = min(start + count, total)
        first = jnp.int32(start)
        if mesh is None:
            photons = _band(experiment, scene, first, count=count)
        else:
            photons = _band_on(mesh=mesh, experiment=experiment, scene=scene, start=first, count=count)
        window[start:end] = np.asarray(photons)[: end - start]
        if progress is not None:
            progress(end, total)
    return np.asarray(embed(experiment, window))
