"""Arrays of a file as images: which array, and which of its axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nbjax.errors import FileError
from nbjax.io.images.recorded import Recorded, Request, Stack, shown

_SHOWN = 8


def is_image(request: Request, shape: tuple[int, ...], kind: np.dtype) -> bool:
    """Whether an array may be an image that was asked for, or a stack of them."""
    return _image_axes(request, shape) is not None and kind.kind in ("fiub" if request.mask else "fiu")


def stack_of(request: Request, array: Any, record: Callable[[np.ndarray, int], Recorded]) -> Stack:
    """Images of an array: one, or a stack (images, ...) or (images, 1, ...) of them.

    An image is (slow, fast); of several panels it is any of the arrays of their ``Arrangement``.

    Args:
        request: what was asked for.
        array: of NumPy or HDF5; read where it is indexed.
        record: (pixels, number) -> image.

    Raises:
        FileError: it has another shape, or holds no numbers.
    """
    axes = _image_axes(request, array.shape)
    if axes is None or not is_image(request, array.shape, array.dtype):
        shape = shown(array.shape) or "a single number"
        raise FileError(f"{request.name}: holds {array.dtype} of shape {shape}; give {_wanted(request)}")
    if len(array.shape) == axes:
        return Stack(1, lambda index: record(np.asarray(array[()]), 0))
    shape_of_one = array.shape[-axes:]
    return Stack(array.shape[0], lambda index: record(np.asarray(array[index]).reshape(shape_of_one), index))


def which(request: Request, names: Sequence[str]) -> str:
    """The array that is meant, where there is no doubt.

    Raises:
        FileError: the wanted one is not there, or there are several, or none.
    """
    listed = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
    if request.dataset is not None:
        raise FileError(f"{request.name}: has no dataset {request.dataset}; it has {listed or 'no image'}")
    if not names:
        raise FileError(f"{request.name}: holds no image; give {_wanted(request)}")
    if len(names) > 1:
        remedy = "name it (--dataset, data.dataset of a fit, dataset in Python), or give a file of its own"
        raise FileError(f"{request.name}: which dataset is the image? {remedy}; it has {listed}")
    return names[0]


def _image_axes(request: Request, shape: tuple[int, ...]) -> int | None:
    """How many of the last axes of an array are those of an image, or None where it holds none."""
    if 0 in shape or len(shape) < 2:
        return None
    axes = 2 if request.arrangement is None else request.arrangement.image_axes(shape)
    if axes is None:
        return None
    before = shape[: len(shape) - axes]
    return axes if len(before) < 2 or before[1:] == (1,) else None


def _wanted(request: Request) -> str:
    """What was asked for, in words."""
    if request.arrangement is None:
        return "numbers of shape (slow, fast) or (images, slow, fast)"
    one, below = shown(request.arrangement.shape), shown(request.arrangement.below)
    return f"numbers of shape {one} (panel, slow, fast), {below} with the panels below each other, or a stack of such"
