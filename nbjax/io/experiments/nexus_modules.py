"""Detectors of NeXus files: modules, each with the chain of its pixel directions, or a panel across the beam."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nbjax.errors import FileError
from nbjax.io.experiments.grouping import arranged
from nbjax.io.experiments.nexus_chain import Chains, Link
from nbjax.io.experiments.recorded import RecordedGroup, RecordedPanel, RecordedPlace
from nbjax.io.images.nexus import SATURATION, masks, number_at, of_class, signals, text_of

_MATERIALS = {"silicon": "Si"}
_MOST_PIXELS = 1 << 20
"""Along an edge."""


@dataclass(frozen=True)
class Detector:
    """Panels and groups of an entry."""

    panels: tuple[RecordedPanel, ...]
    groups: tuple[RecordedGroup, ...]


@dataclass(frozen=True)
class _Readout:
    """What a detector says of all of its modules."""

    dataset: str | None
    axes: int
    thickness_mm: float | None
    material: str | None
    saturation_counts: float | None
    mask: np.ndarray | None
    beam_centre_px: tuple[float, float] | None


def detector_of(name: str, file: Any, entry: str, image: int, known: Chains, remarks: list[str]) -> Detector | None:
    """All panels of an entry, or None where it tells of none.

    Args:
        name: of the file, for messages.
        file: the file.
        entry: path of the entry.
        image: number of the image, from 0, where the detector moves.
        known: chains of the file.
        remarks: what is to be said is added here.

    Raises:
        FileError: a module that is none.
    """
    detectors = list(of_class(file, entry, "NXdetector"))
    panels: list[RecordedPanel] = []
    chains: list[list[Link]] = []
    for detector in detectors:
        modules = list(of_class(file, detector, "NXdetector_module", 1))
        readout = _readout(name, file, entry, detector, image)
        for module in modules:
            links = _links(name, file, detector, module, known)
            panel = _panel(name, file, module, links, image, known, readout, remarks)
            panels.append(panel if len(detectors) == 1 else _renamed(panel, detector))
            chains.append([*links.origin])
        if not modules:
            across = _across_beam(file, entry, detector, image, readout, remarks)
            panels += [across] if across is not None else []
            chains += [[]] if across is not None else []
    if not panels:
        return None
    if any(len(each.values) > 1 and np.ptp(each.values) > 0 for links in chains for each in links):
        remarks.append(f"the detector moves from image to image; it is taken where it is in image {image + 1}")
    groups, _ = arranged(_along(chains), len(panels))
    return Detector(tuple(panels), groups)


@dataclass(frozen=True)
class _Links:
    """Chains of a module: of its corner, and of its pixel directions themselves without their own links."""

    fast: Link
    slow: Link
    origin: list[Link]
    of_fast: list[Link]
    of_slow: list[Link]


def _links(name: str, file: Any, detector: str, module: str, known: Chains) -> _Links:
    group = file[module]
    directions = []
    for key in ("fast_pixel_direction", "slow_pixel_direction"):
        if key not in group:
            raise FileError(f"{name}: {module} has no {key}; write the file again")
        directions.append(known.start(group[key]))
    (fast, of_fast), (slow, of_slow) = directions
    origin = of_fast
    if "module_offset" in group and all(each.path != f"/{module}/module_offset" for each in of_fast):
        # the corner is told beside the directions
        origin = known.of(f"/{module}", "module_offset")
    if not origin and f"{detector}/depends_on" in file:
        origin = known.of(f"/{detector}", file[f"{detector}/depends_on"][()])
        of_fast, of_slow = of_fast or origin, of_slow or origin
    return _Links(fast, slow, origin, of_fast, of_slow)


def _along(chains: list[list[Link]]) -> Iterator[tuple[str, list[int]]]:
    """Panels that depend on a transformation, by its name; the transformations next to the panels first."""
    members: dict[str, tuple[str, int, list[int]]] = {}
    for panel, links in enumerate(chains):
        for depth, each in enumerate(links):
            members.setdefault(each.path, (each.name, depth, []))[2].append(panel)
    for group, _, panels in sorted(members.values(), key=lambda member: member[1]):
        yield group, panels


def _panel(
    name: str,
    file: Any,
    module: str,
    links: _Links,
    image: int,
    known: Chains,
    readout: _Readout,
    remarks: list[str],
) -> RecordedPanel:
    first, size = (_whole(name, file, f"{module}/{key}") for key in ("data_origin", "data_size"))
    if len(first) != len(size) or len(size) < 2:
        raise FileError(f"{name}: {module} has a data_origin of {len(first)} and a data_size of {len(size)} numbers")
    pixels = (int(size[-1]), int(size[-2]))
    if min(pixels) < 1 or max(pixels) > _MOST_PIXELS:
        raise FileError(f"{name}: {module} has {pixels[0]} x {pixels[1]} pixels; correct its data_size")
    turn, shift = known.placed(links.origin, image)
    fast, slow = (
        known.placed(of_axis, image)[0] @ axis.vector
        for axis, of_axis in ((links.fast, links.of_fast), (links.slow, links.of_slow))
    )
    pixel_mm = (abs(float(links.fast.values[0])), abs(float(links.slow.values[0])))
    origin_mm = turn @ links.fast.offset_mm + shift
    centre = readout.beam_centre_px
    if centre is not None and not origin_mm[:2].any():
        remarks.append(f"{module} has its corner on the beam; beam_center_x and beam_center_y are taken for it")
        unit_fast, unit_slow = fast / np.linalg.norm(fast), slow / np.linalg.norm(slow)
        origin_mm = origin_mm - centre[0] * pixel_mm[0] * unit_fast - centre[1] * pixel_mm[1] * unit_slow
    fixed = tuple(int(number) for number in first[:-2])
    images = ("%",) if readout.axes != len(first) else ()
    place = RecordedPlace(readout.dataset, (*images, *fixed, "ss", "fs"), (int(first[-1]), int(first[-2])))
    return RecordedPanel(
        name=module.rsplit("/", 1)[-1],
        origin_mm=origin_mm,
        fast=fast,
        slow=slow,
        pixel_mm=pixel_mm,
        pixels=pixels,
        thickness_mm=readout.thickness_mm,
        material=readout.material,
        saturation_counts=readout.saturation_counts,
        bad=_bad(name, module, readout, place, pixels),
        place=place,
    )


def _renamed(panel: RecordedPanel, detector: str) -> RecordedPanel:
    return replace(panel, name=f"{detector.rsplit('/', 1)[-1]}/{panel.name}")


def _across_beam(
    file: Any, entry: str, detector: str, image: int, readout: _Readout, remarks: list[str]
) -> RecordedPanel | None:
    """A panel of a file without modules, as the first Eiger detectors wrote them; rows run downwards."""
    distance_m = _first(file, detector, ("distance", "detector_distance"), image, 1.0)
    edges_m = [_first(file, detector, (f"{axis}_pixel_size",), image, 1.0) for axis in "xy"]
    centre = readout.beam_centre_px
    shape = _image_shape(file, entry, detector)
    if distance_m is None or centre is None or shape is None or edges_m[0] is None or edges_m[1] is None:
        return None
    remarks.append(f"{detector} has no modules; it is taken to stand across the beam, by its beam centre and distance")
    pixel_mm = (1000 * edges_m[0], 1000 * edges_m[1])
    fast, slow = np.array([-1.0, 0.0, 0.0]), np.array([0.0, -1.0, 0.0])
    corner = np.array([0.0, 0.0, 1000 * distance_m]) - centre[0] * pixel_mm[0] * fast - centre[1] * pixel_mm[1] * slow
    place = RecordedPlace(readout.dataset, ("%", "ss", "fs") if readout.axes != 2 else ("ss", "fs"))
    pixels = (shape[1], shape[0])
    return RecordedPanel(
        name=detector.rsplit("/", 1)[-1],
        origin_mm=corner,
        fast=fast,
        slow=slow,
        pixel_mm=pixel_mm,
        pixels=pixels,
        thickness_mm=readout.thickness_mm,
        material=readout.material,
        saturation_counts=readout.saturation_counts,
        bad=_bad(detector, detector, readout, place, pixels),
        place=place,
    )


def _readout(name: str, file: Any, entry: str, detector: str, image: int) -> _Readout:
    dataset, axes = None, 0
    for place in signals(file, entry):
        dataset, axes = f"/{place}", len(getattr(file.get(place), "shape", None) or ())
        break
    material = text_of(file[f"{detector}/sensor_material"][()]) if f"{detector}/sensor_material" in file else None
    thickness_m = _first(file, detector, ("sensor_thickness",), image, 1.0)
    mask = None
    for place in masks(file, detector):
        node = file.get(place)
        if node is not None and node.dtype.kind in "iub":
            mask = np.asarray(node[()])
    return _Readout(
        dataset=dataset,
        axes=axes,
        thickness_mm=None if thickness_m is None else 1000 * thickness_m,
        material=None if not material else _MATERIALS.get(material.lower(), material),
        saturation_counts=_first(file, detector, SATURATION, image, None),
        mask=mask,
        beam_centre_px=_beam_centre(file, detector, image),
    )


def _bad(name: str, module: str, readout: _Readout, place: RecordedPlace, pixels: tuple[int, int]) -> np.ndarray | None:
    """What the detector's mask marks in a module, by any of its bits."""
    mask, index = readout.mask, place.of_image(pixels)
    if mask is None:
        return None
    # of masks of each image the first
    while mask.ndim > len(index):
        mask = mask[0]
    try:
        bad = mask[index] != 0
    except IndexError:
        bad = np.zeros(0, bool)
    if bad.shape != pixels[::-1]:
        shown = " x ".join(map(str, mask.shape))
        raise FileError(f"{name}: {module} has no place in the detector's pixel_mask of {shown}; write the file again")
    return bad if bad.any() else None


def _image_shape(file: Any, entry: str, detector: str) -> tuple[int, int] | None:
    """(slow, fast) pixels of a detector without modules."""
    sizes = [_first(file, f"{detector}/detectorSpecific", (f"{axis}_pixels_in_detector",), 0, None) for axis in "yx"]
    if sizes[0] and sizes[1]:
        return int(sizes[0]), int(sizes[1])
    for place in signals(file, entry):
        shape: tuple[int, ...] = getattr(file.get(place), "shape", None) or ()
        if len(shape) >= 2:
            return int(shape[-2]), int(shape[-1])
    return None


def _beam_centre(file: Any, detector: str, image: int) -> tuple[float, float] | None:
    """(fast, slow) in pixels from the corner of the first; None where it is not told, or 0 0."""
    x, y = (_first(file, detector, (f"beam_center_{axis}",), image, None) for axis in "xy")
    return None if x is None or y is None or (x == 0 and y == 0) else (x, y)


def _first(file: Any, group: str, names: tuple[str, ...], image: int, unit_m: float | None) -> float | None:
    found = (number_at(file, f"{group}/{name}", image, unit_m) for name in names)
    return next((number for number in found if number is not None), None)


def _whole(name: str, file: Any, place: str) -> np.ndarray:
    node = file.get(place)
    if node is None or getattr(node, "dtype", np.dtype("S")).kind not in "iuf":
        raise FileError(f"{name}: {place} is missing or holds no numbers; write the file again")
    found = np.asarray(node[()]).reshape(-1)
    if (found < 0).any() or (found != np.rint(found)).any():
        raise FileError(f"{name}: {place} holds {found.tolist()}, and no numbers of pixels; correct it")
    return found.astype(int)
