"""Images of several panels: every layout of a file becomes an array (panel, slow, fast)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool

from nbjax.errors import FileError
from nbjax.io.images.arrangement import Arrangement, arrangement
from nbjax.io.images.formats import chosen, open_with
from nbjax.io.images.hdf5 import has_dataset, is_hdf5
from nbjax.io.images.recorded import Recorded, Request, Stack, shown

if TYPE_CHECKING:
    from nbjax.io.experiments.recorded import RecordedPanel


def panel_images(
    path: str | Path,
    panels: Sequence[RecordedPanel],
    dataset: str | None = None,
    images: Sequence[int] | None = None,
) -> list[Recorded]:
    """Images of a detector of several panels, each of the shape (panel, slow, fast).

    What a panel that is smaller than the largest lacks has no value: it is NaN in ``counts`` and ``photons()``. An
    image of the file is an array (panel, slow, fast); or the array in which the geometry places the panels, by
    ``RecordedPanel.place``; or all panels below each other.

    Args:
        path: the file, of any format.
        panels: of the geometry, at least two.
        dataset: path of an HDF5 dataset or name of an array in .npz; else that of the geometry where the file has it,
            or the file's default one.
        images: numbers of those that are wanted, from 0; else all.

    Raises:
        FileError: as ``read_images``, or an image has no room for the panels.
    """
    return chosen(path, open_panels(path, panels, dataset), images)


def panel_mask(
    path: str | Path, panels: Sequence[RecordedPanel], dataset: str | None = None
) -> Bool[np.ndarray, "panel slow fast"]:
    """Where pixels of several panels may be used, by the rules of ``read_mask``; nowhere past the end of a panel.

    Args:
        path, panels, dataset: as for ``panel_images``.

    Raises:
        FileError: as ``panel_images``, or the file holds several masks or leaves no pixel.
    """
    stack = open_panels(path, panels, dataset, mask=True)
    if len(stack) > 1:
        raise FileError(f"{path}: holds {len(stack)} images of {len(panels)} panels; a mask is one image, give one")
    found = stack[0].usable() & ~arrangement(panels).padding
    if not found.any():
        raise FileError(f"{path}: leaves no pixel of {len(panels)} panels to use; give another mask")
    return found


def open_panels(
    path: str | Path, panels: Sequence[RecordedPanel], dataset: str | None = None, mask: bool = False
) -> Stack:
    """Images of a file by panels, each read when it is asked for.

    Args:
        path, panels, dataset: as for ``panel_images``.
        mask: the file's mask is wanted.

    Raises:
        FileError: as ``panel_images``.
    """
    layout = arrangement(panels)
    dataset = dataset if dataset is not None or mask else _told_dataset(path, panels)
    stack = open_with(Request(Path(path), str(path), dataset, layout.below, mask, layout))
    first = stack[0]
    if layout.inside(first.stored.shape) is not None:
        return Stack(len(stack), lambda index: _gathered(stack[index], layout))
    count, *frame = layout.shape
    if len(stack) % count or first.stored.shape != tuple(frame):
        raise FileError(
            f"{path}: has images of {shown(first.stored.shape)} pixels; the {count} panels of the detector are "
            f"{shown(layout.shape)} (panel, slow, fast), or {shown(layout.below)} below each other"
        )
    return Stack(len(stack) // count, lambda index: _of_frames(stack, index, layout))


def _told_dataset(path: str | Path, panels: Sequence[RecordedPanel]) -> str | None:
    """The dataset that the geometry names for all panels, where the file has it."""
    told = {None if panel.place is None else panel.place.dataset for panel in panels}
    (name,) = told if len(told) == 1 else (None,)
    return name if name is not None and is_hdf5(path) and has_dataset(path, name) else None


def _gathered(image: Recorded, layout: Arrangement) -> Recorded:
    padding = layout.padding
    masked = padding if image.masked is None else layout.gather(image.masked) | padding
    return replace(image, stored=layout.gather(image.stored), masked=masked)


def _of_frames(stack: Stack, index: int, layout: Arrangement) -> Recorded:
    """An image from as many of a file as there are panels, in their order."""
    count = len(layout.sizes)
    frames = [stack[number] for number in range(index * count, (index + 1) * count)]
    masked = layout.padding | np.stack([frame.bad for frame in frames])
    return replace(frames[0], stored=np.stack([frame.stored for frame in frames]), masked=masked, index=index)
