"""What NeXus files (NXmx, and Eiger masters) say about their images."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbjax.io.images.links import linked, look_up, unlinked
from nbjax.io.images.recorded import Request
from nbjax.io.images.stacking import is_image

_SERIES = re.compile(r"data_\d+$")
LENGTHS_M = {"m": 1.0, "cm": 1e-2, "mm": 1e-3, "um": 1e-6, "nm": 1e-9, "angstrom": 1e-10, "a": 1e-10, "å": 1e-10}
_INNERMOST = ("NXdetector_module", "NXtransformations")
"""Classes of groups of which a file may have hundreds, and that hold no others."""
SATURATION = (
    "saturation_value",
    "detectorSpecific/saturation_value",
    "detectorSpecific/countrate_correction_count_cutoff",
)


@dataclass(frozen=True)
class Described:
    """Numbers of one image; None where the file does not say them."""

    saturation_counts: float | None = None
    underload_counts: float | None = None
    wavelength_A: float | None = None
    distance_mm: float | None = None
    pedestal_counts: float = 0.0
    photons_per_count: float = 1.0


def default_datasets(request: Request, file: Any) -> list[str]:
    """Paths of the datasets that a NeXus file declares as its data, or of its mask; empty if it declares none."""
    for entry in entries(file):
        if request.mask:
            for detector in of_class(file, entry, "NXdetector"):
                for name in masks(file, detector):
                    return [name]
        for place in signals(file, entry):
            group, _, name = place.rpartition("/")
            if _SERIES.match(name):
                return [f"{group}/{member}" for member in sorted(file[group]) if _SERIES.match(member)]
            found = look_up(request, file, place)
            if hasattr(found, "shape") and is_image(request, found.shape or (), found.dtype):
                return [place]
    return []


def described(request: Request, file: Any, dataset: str, index: int) -> Described:
    """What the file says of an image of a dataset."""
    entry = dataset.strip("/").split("/")[0]
    detectors = list(of_class(file, entry, "NXdetector"))
    beams = list(of_class(file, entry, "NXbeam"))

    def first(places: list[str], names: tuple[str, ...], unit_m: float | None = None) -> float | None:
        found = (number_at(file, f"{place}/{name}", index, unit_m) for place in places for name in names)
        return next((number for number in found if number is not None), None)

    data = [dataset.strip("/").rpartition("/")[0]]
    offset = first(data, ("data_offset",))
    factor = first(data, ("data_scaling_factor", "data_scale_factor"))
    wavelength_m = first(beams, ("incident_wavelength", "wavelength"), 1e-10)
    distance_m = first(detectors, ("distance", "detector_distance"), 1.0)
    return Described(
        first(detectors, SATURATION),
        first(detectors, ("underload_value",)),
        None if wavelength_m is None else wavelength_m * 1e10,
        None if distance_m is None else distance_m * 1e3,
        # NXmx: what is stored, plus the offset, times the factor
        0.0 if offset is None else -offset,
        1.0 if factor is None or not factor > 0 else factor,
    )


def pixel_mask(request: Request, file: Any, dataset: str, shape: tuple[int, ...], index: int) -> np.ndarray | None:
    """Bad pixels by the masks of the detectors of the image's size; any bit of ``pixel_mask`` marks one."""
    bad = None
    for detector in of_class(file, dataset.strip("/").split("/")[0], "NXdetector"):
        for name in masks(file, detector):
            mask = look_up(request, file, name)
            if mask.shape[-len(shape) :] != shape:
                continue
            marked = np.asarray(mask[()] if mask.ndim == len(shape) else mask[index if len(mask) > 1 else 0]) != 0
            bad = marked if bad is None else bad | marked
    return bad


def groups_of_class(file: Any, kind: str) -> list[str]:
    """Paths of all groups of a NeXus class, those of the default entry first."""
    return [place for entry in entries(file) for place in of_class(file, entry, kind)]


def entries(file: Any) -> list[str]:
    """Entries of a file, its default one first."""
    names = [name for name in file if not unlinked(file, name) and _class(file[name]) == "NXentry"]
    names += [name for name in ("entry",) if name in file and name not in names]
    default = text_of(file.attrs.get("default"))
    return sorted(names, key=lambda name: name != default)


def signals(file: Any, entry: str) -> Iterator[str]:
    """Paths of what an entry's data groups call their signal."""
    groups = list(of_class(file, entry, "NXdata"))
    if not groups and "data" in file[entry]:
        groups = [f"{entry}/data"]
    default = text_of(file[entry].attrs.get("default"))
    for place in sorted(groups, key=lambda place: place != f"{entry}/{default}"):
        group = file[place]
        signal = text_of(group.attrs.get("signal"))
        names = [signal] if signal and group.get(signal, getlink=True) is not None else []
        names += [name for name in ("data", *sorted(n for n in group if _SERIES.match(n))) if name in _links(group)]
        yield from (f"{place}/{name}" for name in names[:1])
    # the first Eiger files have no group of data
    yield from (f"{entry}/{name}" for name in sorted(_links(file[entry])) if _SERIES.match(name))


def _links(group: Any) -> list[str]:
    return list(group) if hasattr(group, "keys") else []


def of_class(file: Any, place: str, kind: str, depth: int = 3) -> Iterator[str]:
    """Paths of the groups of a NeXus class below a place, itself not included."""
    group = file.get(place)
    for name in _links(group):
        # the parts of a series are images, each in a file of its own
        node = None if _SERIES.match(name) else linked(group, name)
        if node is None or not hasattr(node, "keys"):
            continue
        found = _class(node)
        if found == kind:
            yield f"{place}/{name}"
        elif depth and found not in _INNERMOST:
            yield from of_class(file, f"{place}/{name}", kind, depth - 1)


def masks(file: Any, detector: str) -> list[str]:
    """Path of a detector's mask, if it has one."""
    places = (f"{detector}/pixel_mask", f"{detector}/detectorSpecific/pixel_mask")
    return [place for place in places if file.get(place, getlink=True) is not None][:1]


def number_at(file: Any, place: str, index: int, unit_m: float | None) -> float | None:
    """A number, or that of an image where there is one for each; lengths in m by their unit, or the usual one."""
    if place not in file:
        return None
    node = file[place]
    values = np.atleast_1d(np.asarray(node[()])) if getattr(node, "dtype", None) is not None else np.array([])
    if values.dtype.kind not in "fiu" or values.ndim != 1 or not (values.size == 1 or index < values.size):
        return None
    number = float(values[0 if values.size == 1 else index])
    if unit_m is None:
        return number if np.isfinite(number) else None
    length = number * LENGTHS_M.get((text_of(node.attrs.get("units")) or "").lower(), unit_m)
    return length if np.isfinite(length) and length > 0 else None


def _class(node: Any) -> str | None:
    return text_of(node.attrs.get("NX_class"))


def text_of(value: Any) -> str | None:
    """A string of HDF5, alone or in an array of one, as text; None of anything else."""
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.reshape(-1)[0]
    return value.decode(errors="replace") if isinstance(value, bytes) else value if isinstance(value, str) else None
