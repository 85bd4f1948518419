"""HDF5: NXmx and Eiger files, masters that point to other files, and any file with a dataset of images."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nbjax.errors import FileError
from nbjax.io.files import open_binary
from nbjax.io.images.links import check_sources, look_up, unlinked
from nbjax.io.images.nexus import Described, default_datasets, described, pixel_mask
from nbjax.io.images.recorded import Recorded, Request, Stack
from nbjax.io.images.stacking import is_image, stack_of, which

SIGNATURE = b"\x89HDF\r\n\x1a\n"
"""The first bytes of every file of HDF5."""

_DEEPEST = 12


@dataclass(frozen=True)
class _Part:
    """Images of one dataset of a series.

    Attributes:
        dataset: its path.
        count: images.
    """

    dataset: str
    count: int


def read(request: Request) -> Stack:
    """Images of the wanted dataset, or of the one that the file declares as its data.

    The file is opened anew for each image, by its path, so that links to other files are followed.

    Raises:
        FileError: the file is damaged, its dataset is unknown or doubtful, or a file that it links to is missing.
    """
    with opened(request.path, request.name) as file:
        parts = [_Part(name, len(_stack(request, file, name))) for name in _datasets(request, file)]
    starts = np.cumsum([0, *(part.count for part in parts)])

    def image(index: int) -> Recorded:
        number = int(np.searchsorted(starts, index, "right")) - 1
        with opened(request.path, request.name) as file:
            inside = index - int(starts[number])
            return _stack(request, file, parts[number].dataset, index - inside, checked=True)[inside]

    return Stack(int(starts[-1]), image)


def _stack(request: Request, file: Any, name: str, before: int = 0, checked: bool = False) -> Stack:
    dataset = look_up(request, file, name)
    if not hasattr(dataset, "shape"):
        raise FileError(f"{request.name}: {name} is a group; name one of its datasets")
    if not checked:
        # once: it opens every source
        check_sources(request, dataset)
    marks = request.mask and name.rsplit("/", 1)[-1] == "pixel_mask"

    def record(pixels: np.ndarray, index: int) -> Recorded:
        said = Described() if marks else described(request, file, name, index + before)
        return Recorded(
            pixels,
            request.name,
            name,
            index + before,
            saturation_counts=said.saturation_counts,
            underload_counts=said.underload_counts,
            pedestal_counts=said.pedestal_counts,
            photons_per_count=said.photons_per_count,
            masked=None if marks else pixel_mask(request, file, name, pixels.shape, index + before),
            wavelength_A=said.wavelength_A,
            distance_mm=said.distance_mm,
            marks_bad=marks,
        )

    return stack_of(request, dataset, record)


def _datasets(request: Request, file: Any) -> list[str]:
    """Paths of the wanted datasets: one, or the parts of a series."""
    if request.dataset is not None:
        try:
            look_up(request, file, request.dataset)
        except KeyError:
            which(request, _images(request, file))
        return [request.dataset.strip("/")]
    found = default_datasets(request, file)
    return found or [which(request, _images(request, file))]


def _images(request: Request, file: Any) -> list[str]:
    """Paths of all datasets that may be images, each object once; broken links are passed over."""
    import h5py

    found: list[str] = []
    seen: set[tuple[int, int]] = set()

    def visit(group: Any, place: str, depth: int) -> None:
        for name in group:
            if unlinked(group, name):
                continue
            node = group[name]
            info = h5py.h5o.get_info(node.id)
            if (info.fileno, info.addr) in seen:
                continue
            seen.add((info.fileno, info.addr))
            if isinstance(node, h5py.Group) and depth < _DEEPEST:
                visit(node, f"{place}{name}/", depth + 1)
            elif isinstance(node, h5py.Dataset) and is_image(request, node.shape or (), node.dtype):
                found.append(place + name)

    visit(file, "", 0)
    return found


def is_hdf5(path: str | Path) -> bool:
    """Whether a file begins as HDF5.

    Raises:
        FileError: it cannot be read.
    """
    with open_binary(path) as handle:
        return handle.read(len(SIGNATURE)) == SIGNATURE


def has_dataset(path: str | Path, name: str) -> bool:
    """Whether a file of HDF5 has a dataset of a path.

    Raises:
        FileError: it cannot be read, or the dataset is in another file, which is missing.
    """
    with opened(path, str(path)) as file:
        try:
            return hasattr(look_up(Request(Path(path), str(path)), file, name), "shape")
        except KeyError:
            return False


@contextmanager
def opened(path: str | Path, name: str) -> Iterator[Any]:
    """A file of HDF5 to read from, with the compression filters of detectors.

    Args:
        path: the file.
        name: of it in messages.

    Raises:
        FileError: it is damaged, or what is read is compressed in an unknown way.
    """
    import h5py
    import hdf5plugin  # noqa: F401  registers the compression filters of detectors

    try:
        # detectors and clusters keep files on systems without locks
        with h5py.File(path, "r", locking="best-effort") as file:
            yield file
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        reason = str(error.args[0] if error.args else error).splitlines()[0]
        unknown = re.search(r"required filter '?([^']+)'? is not registered", reason)
        remedy = f"repack it without the filter {unknown[1]}" if unknown else "copy it again"
        raise FileError(f"{name}: is damaged HDF5 or compressed in an unknown way ({reason}); {remedy}") from None
