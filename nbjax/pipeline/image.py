"""Images from experiments: the pixels of the rendered window, cut into tiles of one fixed size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float, Int

from nbjax.experiment import Experiment
from nbjax.pipeline.arguments import one_experiment, pixels_of, stacked_experiments
from nbjax.pipeline.backdrop import backdrop, interpolated_part, is_interpolated
from nbjax.pipeline.closed.image import add_spots, sampled_part
from nbjax.pipeline.compilation import compiled
from nbjax.pipeline.halos import with_halos
from nbjax.pipeline.program import program_of
from nbjax.pipeline.screens import transmission
from nbjax.pipeline.view import Pixels, seen_by
from nbjax.pipeline.window import pixels_at, pixels_named, position, tile_of, unpadded, window_size

TileFunction = Callable[[Experiment, Any, Pixels], Array]


def simulate(experiment: Experiment) -> Float[Array, "*image"]:
    """The diffraction image in photons.

    Pixels outside the region of interest and masked pixels are 0. Pure: it can be jitted, differentiated, and mapped
    over a batch of experiments of equal structure with ``jax.vmap``. So it cannot refuse what it computes: a pixel at
    the sample, or an intensity that overflows, is NaN or infinite here, which the command line refuses.

    Args:
        experiment: from ``nbjax.prepare``.

    Returns:
        Photons, shape (slow, fast); of several panels (panel, slow, fast).

    Raises:
        ArgumentError: it is no experiment, or the several of ``nbjax.stack``.
    """
    return _simulate(one_experiment(experiment))


@compiled
def _simulate(experiment: Experiment) -> Float[Array, "*image"]:
    experiment = with_halos(experiment)
    return add_spots(experiment, _sampled(sampled_part(experiment)))


def _sampled(experiment: Experiment) -> Float[Array, "*image"]:
    if is_dark(experiment):
        return jnp.zeros(experiment.grid.shape, jnp.result_type(experiment.beam.fluence_photons_per_m2))
    if is_interpolated(experiment):
        return interpolated(experiment)
    scene = complete_scene(experiment)
    return embed(experiment, photons_of_range(experiment, scene, jnp.int32(0), window_size(experiment.grid)))


def interpolated(experiment: Experiment) -> Float[Array, "*image"]:
    """The image of backgrounds alone, those interpolated that can be: see ``nbjax.pipeline.backdrop``."""
    regular, others = interpolated_part(experiment)
    scene = complete_scene(regular)

    def by_pixels(experiment: Experiment) -> Array:
        whole = photons_of_range(experiment, scene, jnp.int32(0), window_size(experiment.grid))
        return unpadded(experiment.grid, whole)

    def by_blocks() -> Array:
        image = found.image(regular)
        if not scene.screens:
            return image
        passed = map_window(regular, lambda *seen: jnp.asarray(transmission(*seen)), scene)
        return image * unpadded(experiment.grid, passed)

    found = backdrop(regular, scene)
    whole = jax.lax.cond(found.right, by_blocks, lambda: by_pixels(regular))
    return placed(experiment, whole if is_dark(others) else whole + by_pixels(others))


def is_dark(experiment: Experiment) -> bool:
    """Whether nothing scatters that has to be sampled."""
    return not experiment.crystals and not experiment.backgrounds


def simulate_batch(experiments: Experiment) -> Float[Array, "images *image"]:
    """The images of experiments that ``nbjax.stack`` put together, in photons: ``jax.vmap`` of ``simulate``.

    Called as it is, it is compiled with the same options as ``simulate``, which a ``jax.jit`` of one's own lacks.

    Args:
        experiments: every array has one more axis, the first.

    Returns:
        Photons, shape (images, slow, fast), or (images, panel, slow, fast).

    Raises:
        ArgumentError: they are not from ``nbjax.stack``.
    """
    return _simulate_batch(stacked_experiments(experiments))


@compiled
def _simulate_batch(experiments: Experiment) -> Float[Array, "images *image"]:
    return jax.vmap(_simulate)(experiments)


def simulate_pixels(experiment: Experiment, pixels: ArrayLike | Sequence[Sequence[int]]) -> Float[Array, " n"]:
    """Photons of single pixels, equal to the same entries of ``simulate``; but for 1e-5 of interpolated backgrounds.

    Args:
        experiment: from ``nbjax.prepare``.
        pixels: (slow, fast) of each pixel, shape (n, 2), or of several panels (panel, slow, fast), shape (n, 3). A
            pixel outside the region of interest is 0.

    Returns:
        Photons, shape (n,).

    Raises:
        ArgumentError: ``pixels`` is not of shape (n, 2), not of whole numbers, or outside the image.
    """
    at = pixels_of(one_experiment(experiment).grid, pixels)
    if not len(at):
        return jnp.zeros(0, jnp.result_type(experiment.beam.fluence_photons_per_m2))
    return _simulate_pixels(experiment, at)


@compiled
def _simulate_pixels(experiment: Experiment, pixels: Int[Array, "n axes"]) -> Float[Array, " n"]:
    experiment = with_halos(experiment)
    sampled = sampled_part(experiment)
    if sampled is experiment:
        return _sampled_pixels(experiment, pixels)
    nothing = jnp.zeros(experiment.grid.shape, jnp.result_type(experiment.beam.fluence_photons_per_m2))
    spots = add_spots(experiment, nothing)[tuple(pixels.T)]
    return spots if is_dark(sampled) else spots + _sampled_pixels(sampled, pixels)


def _sampled_pixels(experiment: Experiment, pixels: Int[Array, "n axes"]) -> Float[Array, " n"]:
    scene = complete_scene(experiment)

    def of_numbers(numbers: Array) -> Array:
        at = pixels_named(experiment, pixels[numbers])
        return program_of(experiment).pixel_sums(*seen_by(experiment, scene, at))

    photons = scene.photons_per_sr_per_electron * tiled(of_numbers, experiment.grid.tile, jnp.int32(0), len(pixels))
    first_fast, end_fast, first_slow, end_slow = experiment.grid.roi
    slow, fast = pixels[:, -2], pixels[:, -1]
    shown = (slow >= first_slow) & (slow < end_slow) & (fast >= first_fast) & (fast < end_fast)
    if experiment.mask is not None:
        shown &= experiment.mask[tuple(pixels.T)] > 0
    return jnp.where(shown, photons, 0.0)


def complete_scene(experiment: Experiment) -> Any:
    """What all pixels share, see ``nbjax.pipeline.program``."""
    return program_of(experiment).scene(experiment)


def photons_of_range(experiment: Experiment, scene: Any, start: Int[Array, ""], count: int) -> Float[Array, " count"]:
    """Photons of ``count`` pixels of the window by number from ``start``; past the end they are extrapolated."""
    # scaled here, where no tile has to keep its sums for the derivative by the scale
    return scene.photons_per_sr_per_electron * map_window(
        experiment, program_of(experiment).pixel_sums, scene, start, count
    )


def embed(experiment: Experiment, window: Any) -> Any:
    """The whole image from the window's pixels in row order; masked pixels become 0.

    Where nothing is added or masked, an array of NumPy stays one.
    """
    return placed(experiment, unpadded(experiment.grid, window))


def placed(experiment: Experiment, image: Any) -> Any:
    """The whole image from the window; masked pixels become 0."""
    grid = experiment.grid
    first_fast, end_fast, first_slow, end_slow = grid.roi
    if image.shape != grid.shape:
        whole = jnp.zeros((grid.slow, grid.fast), image.dtype)
        image = whole.at[first_slow:end_slow, first_fast:end_fast].set(image)
    if experiment.mask is not None:
        image = jnp.where(experiment.mask > 0, image, 0.0)
    return image


def map_window(
    experiment: Experiment, function: TileFunction, scene: Any, start: Array | None = None, count: int | None = None
) -> Array:
    """``function`` of ``count`` pixels of the window by number from ``start``; of all pixels by default.

    Of several panels, ``start`` is that of a tile if ``count`` is of whole tiles.
    """
    grid = experiment.grid
    tile, count = tile_of(grid), window_size(grid) if count is None else count

    def of_numbers(numbers: Array) -> Array:
        at = pixels_at(experiment, *position(grid, numbers, of_one_panel=count % tile == 0))
        return function(*seen_by(experiment, scene, at))

    return tiled(of_numbers, tile, jnp.int32(0) if start is None else start, count)


def tiled(function: Callable[[Array], Any], tile: int, start: Array, count: int) -> Any:
    """``function`` of the numbers start .. start + count - 1, tile by tile, and what the last tile has too many cut.

    The first axis of everything that ``function`` returns must be that of its numbers.
    """
    tile = min(tile, count)
    tiles = -(-count // tile)
    in_tile = jnp.arange(tile, dtype=jnp.int32)
    if tiles == 1:
        return function(start + in_tile)
    starts = start + tile * jnp.arange(tiles, dtype=jnp.int32)
    # gradients keep nothing of a tile but where it starts
    of_tile = jax.checkpoint(lambda first: function(first + in_tile), prevent_cse=False)
    parts = jax.lax.map(of_tile, starts)
    return jax.tree.map(lambda part: part.reshape(-1, *part.shape[2:])[:count], parts)
