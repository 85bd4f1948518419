"""One picture of several panels, laid out in space as seen along the beam."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from nbjax.geometry.frames import across, unit


@dataclass(frozen=True)
class Plate:
    """A panel as it lies in the picture's plane.

    Attributes:
        origin, fast, slow: outer corner of the first pixel, and edges of a pixel, as (right, down) in m, shape (2,).
        pixels: (slow, fast) that it has.
    """

    origin: np.ndarray
    fast: np.ndarray
    slow: np.ndarray
    pixels: tuple[int, int]


def plates(
    origins_m: Float[np.ndarray, "panels 3"],
    fast_m: Float[np.ndarray, "panels 3"],
    slow_m: Float[np.ndarray, "panels 3"],
    pixels: Sequence[tuple[int, int]],
    beam: Float[np.ndarray, "3"],
    electric: Float[np.ndarray, "3"],
) -> list[Plate]:
    """Panels as they project onto a plane across the beam.

    The electric vector lies across the picture, towards the side to which most pixels count along fast.

    Args:
        origins_m: outer corner of the first pixel of each.
        fast_m, slow_m: edges of a pixel.
        pixels: (slow, fast) of each.
        beam, electric: directions of the beam, and of the electric vector.
    """
    away = unit(np.asarray(beam, float))
    right = across(np.asarray(electric, float), away)
    right = -right if fast_m.sum(axis=0) @ right < 0 else right
    view = np.stack([right, np.cross(away, right)])
    return [
        Plate(view @ origin, view @ fast, view @ slow, count)
        for origin, fast, slow, count in zip(origins_m, fast_m, slow_m, pixels, strict=True)
    ]


@dataclass(frozen=True)
class Canvas:
    """The pixels of a picture of panels.

    Attributes:
        low: upper left corner as (right, down) in m, shape (2,).
        step: edge of a pixel in m.
        binned: pixels of the finest panel along it.
        shape: (down, right).
    """

    low: np.ndarray
    step: float
    binned: int
    shape: tuple[int, int]


def canvas(panels: Sequence[Plate], most: int = 2000) -> Canvas:
    """What holds all panels.

    Args:
        panels: where each lies.
        most: pixels along the longer edge; more are put together.
    """
    corners = np.concatenate([_corners(plate) for plate in panels])
    low, high = corners.min(axis=0), corners.max(axis=0)
    smallest = min(float(np.linalg.norm(edge)) for plate in panels for edge in (plate.fast, plate.slow))
    binned = max(1, int(np.ceil((high - low).max() / smallest / most)))
    step = smallest * binned
    width, height = (int(np.ceil(extent / step)) + 1 for extent in high - low)
    return Canvas(low, step, binned, (height, width))


def assembled(
    image: Float[np.ndarray, "panels slow fast"], panels: Sequence[Plate], most: int = 2000
) -> Float[np.ndarray, "down right"]:
    """The picture: the brightest pixel that falls on each of its own, NaN between panels.

    Args:
        image: any numbers of each pixel.
        panels, most: as for ``canvas``, whose pixels it has.
    """
    ground = canvas(panels, most)
    picture = np.full(ground.shape, np.nan)
    for values, plate in zip(image, panels, strict=True):
        _draw(picture, np.asarray(values, float), plate, ground)
    return picture


def _corners(plate: Plate) -> np.ndarray:
    slow, fast = plate.pixels
    ends = np.array([[0, 0], [fast, 0], [0, slow], [fast, slow]], float)
    return np.asarray(plate.origin + ends @ np.stack([plate.fast, plate.slow]))


def _draw(picture: np.ndarray, values: np.ndarray, plate: Plate, ground: Canvas) -> None:
    """Look up, for each point of the picture that lies on the panel, the block of pixels that it falls on."""
    slow, fast = plate.pixels
    low, step, binned = ground.low, ground.step, ground.binned
    blocks = brightest(values[:slow, :fast], binned)
    corners = (_corners(plate) - low) / step
    first = np.maximum(np.floor(corners.min(axis=0)).astype(int), 0)
    end = np.minimum(np.ceil(corners.max(axis=0)).astype(int) + 1, picture.shape[::-1])
    right, down = np.meshgrid(np.arange(first[0], end[0]), np.arange(first[1], end[1]))
    points = low + step * (np.stack([right, down], axis=-1) + 0.5) - plate.origin
    at = points @ np.linalg.inv(np.stack([plate.fast, plate.slow]))
    on = (at >= 0).all(axis=-1) & (at[..., 0] < fast) & (at[..., 1] < slow)
    column, row = (at[on] // binned).astype(int).T
    picture[down[on], right[on]] = np.fmax(picture[down[on], right[on]], blocks[row, column])


def brightest(values: Float[np.ndarray, "slow fast"], binned: int) -> Float[np.ndarray, "down right"]:
    """The largest number of each block of ``binned`` x ``binned`` pixels; NaN where none of them has one."""
    if binned == 1:
        return values
    slow, fast = (-(-size // binned) * binned for size in values.shape)
    padded = np.full((slow, fast), np.nan)
    padded[: values.shape[0], : values.shape[1]] = values
    blocks = padded.reshape(slow // binned, binned, fast // binned, binned)
    return np.asarray(np.fmax.reduce(np.fmax.reduce(blocks, axis=3), axis=1))
