"""NumPy's files: .npy, and .npz with one or more arrays."""

from __future__ import annotations

import numpy as np

from nbjax.errors import FileError
from nbjax.io.images.recorded import Recorded, Request, Stack
from nbjax.io.images.stacking import is_image, stack_of, which


def read(request: Request) -> Stack:
    """An image, or a stack of them.

    Raises:
        FileError: the file is damaged, or holds no image.
    """
    try:
        with open(request.path, "rb") as handle:
            packed = handle.read(2) == b"PK"
            handle.seek(0)
            dataset = None
            if packed:
                with np.load(handle, allow_pickle=False) as content:
                    dataset = _chosen(request, content)
                    array = content[dataset]
            else:
                array = np.load(request.path, mmap_mode="r", allow_pickle=False)
    except FileError:
        raise
    except Exception as error:  # the reader raises whatever a damaged header provokes
        raise FileError(f"{request.name}: is a faulty NumPy file ({error}); write it again") from None
    return stack_of(request, array, lambda pixels, index: Recorded(pixels, request.name, dataset, index))


def _chosen(request: Request, content: np.lib.npyio.NpzFile) -> str:
    if request.dataset is not None and request.dataset in content:
        return request.dataset
    found = {name: content[name] for name in content.files}
    return which(request, [name for name, array in found.items() if is_image(request, array.shape, array.dtype)])
