"""Arrays of a file as images: which array, and which of its axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nbjax.errors import FileError
from nbjax.io.images.recorded import Recorded, Request, Stack

_SHOWN = 8


def is_image(shape: tuple[int, ...], kind: np.dtype, mask: bool = False) -> bool:
    """Whether an array may be an image or a stack of them."""
    return len(_stacked(shape)) in (2, 3) and kind.kind in ("fiub" if mask else "fiu") and 0 not in shape


def stack_of(request: Request, array: Any, record: Callable[[np.ndarray, int], Recorded]) -> Stack:
    """Images of an array of shape (slow, fast), (images, slow, fast) or (images, 1, slow, fast).

    Args:
        request: what was asked for.
        array: of NumPy or HDF5; read where it is indexed.
        record: (pixels, number) -> image.

    Raises:
        FileError: it has another shape, or holds no numbers.
    """
    if not is_image(array.shape, array.dtype, request.mask):
        shown = " x ".join(str(n) for n in array.shape) or "a single number"
        raise FileError(
            f"{request.name}: holds {array.dtype} of shape {shown}; give numbers of shape (slow, fast) or "
            "(images, slow, fast)"
        )
    if len(array.shape) == 2:
        return Stack(1, lambda index: record(np.asarray(array[()]), 0))
    shape = _stacked(array.shape)
    return Stack(shape[0], lambda index: record(np.asarray(array[index]).reshape(shape[1:]), index))


def which(request: Request, names: Sequence[str]) -> str:
    """The array that is meant, where there is no doubt.

    Raises:
        FileError: the wanted one is not there, or there are several, or none.
    """
    listed = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
    if request.dataset is not None:
        raise FileError(f"{request.name}: has no dataset {request.dataset}; it has {listed or 'no image'}")
    if not names:
        raise FileError(f"{request.name}: holds no image; give numbers of shape (slow, fast) or (images, slow, fast)")
    if len(names) > 1:
        remedy = "name it (data.dataset of a fit, dataset in Python), or give a file of its own"
        raise FileError(f"{request.name}: which dataset is the image? {remedy}; it has {listed}")
    return names[0]


def _stacked(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (shape[0], *shape[2:]) if len(shape) == 4 and shape[1] == 1 else tuple(shape)
