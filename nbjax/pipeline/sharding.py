"""One image on several devices: each computes a run of the window's pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.sharding import Mesh, PartitionSpec
from jaxtyping import Float, Int

from nbjax.experiment import Experiment, Grid
from nbjax.pipeline.backdrop import is_interpolated
from nbjax.pipeline.closed.image import add_spots, sampled_part
from nbjax.pipeline.compilation import compiled
from nbjax.pipeline.halos import with_halos
from nbjax.pipeline.image import complete_scene, embed, interpolated, is_dark, photons_of_range
from nbjax.pipeline.window import tile_of, window_size

_AXIS = "pixels"

_LEAST_BLOCK = 2048
"""Pixels of a derivative's block that keep a core busy."""


def simulate_on(devices: Sequence[jax.Device], experiment: Experiment) -> Float[Array, "*image"]:
    """The image of ``simulate``, its pixels shared out among devices.

    Pure and differentiable, like ``simulate``. The experiment is copied to every device.

    Args:
        devices: for instance ``jax.devices()``.
        experiment: from ``nbjax.prepare``.

    Returns:
        Photons, shape (slow, fast).
    """
    return _simulate_on(mesh=pixel_mesh(devices), experiment=experiment)


def pixel_mesh(devices: Sequence[jax.Device]) -> Mesh:
    """Devices in a row, along which pixels are shared out."""
    return Mesh(np.array(devices), (_AXIS,))


def photons_on(
    mesh: Mesh, experiment: Experiment, scene: Any, start: Int[Array, ""], count: int
) -> Float[Array, " count"]:
    """``photons_of_range`` of ``count`` pixels from ``start``, each device computing an equal share.

    Args:
        mesh: from ``pixel_mesh``.
        experiment, scene: copied to every device.
        start: number of the first pixel of the window.
        count: a multiple of the number of devices.
    """
    share = count // mesh.size
    grid = experiment.grid
    if mesh.devices.flat[0].platform == "cpu":
        # they have one memory
        grid = replace(grid, block=max(grid.tile // (2 * mesh.size), _LEAST_BLOCK))

    @partial(
        jax.shard_map,
        mesh=mesh,
        in_specs=(PartitionSpec(), PartitionSpec(), PartitionSpec(_AXIS)),
        out_specs=PartitionSpec(_AXIS),
    )
    def of_device(experiment: Experiment, scene: Any, first: Int[Array, "1"]) -> Float[Array, " share"]:
        # each device has copies of its own from here on: their cotangents are added up once, and not in every loop
        experiment, scene = jax.tree.map(lambda leaf: jax.lax.pcast(leaf, _AXIS, to="varying"), (experiment, scene))
        return photons_of_range(replace(experiment, grid=grid), scene, first[0], share)

    return of_device(experiment, scene, start + share * jnp.arange(mesh.size, dtype=jnp.int32))


def share_of_device(grid: Grid, devices: int, most: int | None = None) -> int:
    """Pixels of the window that a device computes at once; of several panels, whole tiles.

    Args:
        grid: which pixels there are.
        devices: that share them.
        most: no more than these, whole tiles or not.
    """
    share = -(-window_size(grid) // devices)
    if grid.panels > 1:
        tile = tile_of(grid)
        share = tile * -(-share // tile)
        most = most if most is None or most < tile else most // tile * tile
    return share if most is None else min(share, most)


@partial(compiled, static_argnames=("mesh",))
def _simulate_on(mesh: Mesh, experiment: Experiment) -> Float[Array, "*image"]:
    total, share = window_size(experiment.grid), share_of_device(experiment.grid, mesh.size)
    experiment = with_halos(experiment)
    sampled = sampled_part(experiment)
    if is_dark(sampled):
        return add_spots(experiment, jnp.zeros(experiment.grid.shape, experiment.beam.fluence_photons_per_m2.dtype))
    if is_interpolated(sampled):
        return add_spots(experiment, interpolated(sampled))
    window = photons_on(mesh, sampled, complete_scene(sampled), jnp.int32(0), share * mesh.size)
    return add_spots(experiment, embed(sampled, window[:total]))
