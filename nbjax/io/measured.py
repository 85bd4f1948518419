"""Measured images as photons: HDF5, NumPy, SMV and CBF."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from nbjax.errors import FileError
from nbjax.io.files import read_bytes
from nbjax.io.smv import read_smv

_NPY, _HDF5, _CBF = b"\x93NUMPY", b"\x89HDF\r\n\x1a\n", b"###CBF"


def read_measured(path: str | Path, dataset: str | None = None) -> np.ndarray:
    """Read one image or a stack of them.

    Args:
        path: .npy, HDF5, SMV (ADSC) or CBF; told apart by their content.
        dataset: path of an HDF5 dataset; needed where the file has more than one image.

    Returns:
        Numbers as stored, as float64, shape (images, slow, fast). Pixels that the format marks as bad are NaN: negative
        ones of a CBF image, the largest value of an unsigned integer dataset.

    Raises:
        FileError: not one of the formats, damaged, or not images.
    """
    content = read_bytes(path)
    if content.startswith(_NPY):
        return _images(path, _npy(path, content))
    if content.startswith(_HDF5):
        return _images(path, _hdf5(path, content, dataset))
    if content.startswith(_CBF):
        return _images(path, _cbf(path))
    if content.lstrip().startswith(b"{") and b"HEADER_BYTES" in content[:512]:
        return _images(path, read_smv(path).pixels)
    raise FileError(f"{path}: is no image of a known kind; give HDF5, .npy, SMV or CBF")


def _images(path: str | Path, values: np.ndarray) -> np.ndarray:
    if values.ndim not in (2, 3) or values.dtype.kind not in "fiu" or not values.size:
        shown = " x ".join(str(n) for n in values.shape) or "a single number"
        raise FileError(f"{path}: holds {values.dtype} of shape {shown}; give numbers of shape (slow, fast)")
    found = values.astype(float)
    if values.dtype.kind == "u" and values.dtype.itemsize >= 4:
        found[values == np.iinfo(values.dtype).max] = np.nan
    return found if found.ndim == 3 else found[None]


def _npy(path: str | Path, content: bytes) -> np.ndarray:
    try:
        return np.asarray(np.load(io.BytesIO(content), allow_pickle=False))
    except (ValueError, EOFError) as error:
        raise FileError(f"{path}: is a faulty .npy file ({error}); write it again") from None


def _hdf5(path: str | Path, content: bytes, dataset: str | None) -> np.ndarray:
    import h5py

    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            names: list[str] = []
            file.visititems(lambda name, item: names.append(name) if _is_image(item) else None)
            if dataset is None and len(names) == 1:
                dataset = names[0]
            if dataset is None:
                listed = f"it has {', '.join(names)}" if names else "it has none"
                raise FileError(f"{path}: which dataset is the image? name it with data.dataset; {listed}")
            if dataset not in file:
                raise FileError(f"{path}: has no dataset {dataset}; it has {', '.join(names) or 'none'}")
            return np.asarray(file[dataset])
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        reason = str(error.args[0] if error.args else error).splitlines()[0]
        raise FileError(f"{path}: is damaged HDF5 or compressed in an unknown way ({reason}); copy it again") from None


def _is_image(item: object) -> bool:
    import h5py

    return isinstance(item, h5py.Dataset) and item.ndim in (2, 3) and item.dtype.kind in "fiu"


def _cbf(path: str | Path) -> np.ndarray:
    from fabio.cbfimage import CbfImage

    try:
        pixels = np.asarray(CbfImage().read(str(path)).data, float)
    except Exception as error:  # the reader raises whatever a damaged file provokes
        raise FileError(f"{path}: is a damaged CBF image ({type(error).__name__}: {error}); copy it again") from None
    return np.where(pixels < 0, np.nan, pixels)
