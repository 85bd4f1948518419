"""The pixels that are rendered, by number: the rows of the window one after the other, or one panel after the other.

Several panels are rendered whole. Each takes a whole number of tiles, so that a tile sees one panel, whose numbers are
scalars to it; what the last tile of a panel has too many is computed past its end and dropped.
"""

from __future__ import annotations

from typing import Any

from jax import Array
from jaxtyping import Int

from nbjax.experiment import Experiment, Grid
from nbjax.pipeline.view import Pixels


def window_size(grid: Grid) -> int:
    """How many numbers there are."""
    return grid.panels * _numbers_of_panel(grid)


def tile_of(grid: Grid) -> int:
    """Pixels computed at once; a panel has a whole number of such tiles if there are several."""
    if grid.panels == 1:
        return grid.tile
    pixels = grid.slow * grid.fast
    return -(-pixels // -(-pixels // grid.tile))


def _numbers_of_panel(grid: Grid) -> int:
    slow, fast = grid.roi_shape
    if grid.panels == 1:
        return slow * fast
    tile = tile_of(grid)
    return tile * -(-slow * fast // tile)


def position(grid: Grid, numbers: Int[Array, "*n"], of_one_panel: bool = False) -> tuple[Array | None, Array, Array]:
    """Panel (None where there is one), slow and fast of pixels by their numbers.

    Args:
        grid: which pixels there are.
        numbers: from 0.
        of_one_panel: whether all numbers are of the panel of the first.
    """
    width = grid.roi_shape[1]
    if grid.panels == 1:
        return None, grid.roi[2] + numbers // width, grid.roi[0] + numbers % width
    each = _numbers_of_panel(grid)
    panel = (numbers[0] if of_one_panel else numbers) // each
    rest = numbers - panel * each
    return panel, rest // width, rest % width


def pixels_at(experiment: Experiment, panel: Array | None, slow: Array, fast: Array) -> Pixels:
    """The pixels of whole indices, in the types that the pipeline asks for."""
    dtype, grid = experiment.beam.wavelength_m.dtype, experiment.grid
    row = slow if panel is None else panel * grid.slow + slow
    return Pixels(slow.astype(dtype), fast.astype(dtype), row * grid.fast + fast, panel)


def pixels_named(experiment: Experiment, at: Int[Array, "n axes"]) -> Pixels:
    """The pixels of rows (slow, fast), or (panel, slow, fast)."""
    panel = None if experiment.grid.panels == 1 else at[:, 0]
    return pixels_at(experiment, panel, at[:, -2], at[:, -1])


def unpadded(grid: Grid, window: Any) -> Any:
    """The window's pixels without those past the end of a panel, shape (slow, fast), or (panel, slow, fast)."""
    if grid.panels == 1:
        return window.reshape(grid.roi_shape)
    pixels = grid.slow * grid.fast
    return window.reshape(grid.panels, -1)[:, :pixels].reshape(grid.shape)
