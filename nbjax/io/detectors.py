"""Detectors by their names, as pyFAI lists them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbjax.errors import ArgumentError

_NEAREST = 3
_SAME_EXTENT = 0.01


@dataclass(frozen=True)
class KnownDetector:
    """What is the same for all detectors of a name.

    Attributes:
        name: as pyFAI spells it.
        pixels: (fast, slow).
        pixel_mm: edges of a pixel along fast and slow.
        bad: True in the gaps between its modules, shape (slow, fast), or None where it has none.
        material: of the sensor, as in ``Si``; None where there are several, or none is known.
        thickness_mm: of the sensor, likewise.
    """

    name: str
    pixels: tuple[int, int]
    pixel_mm: tuple[float, float]
    bad: np.ndarray | None = None
    material: str | None = None
    thickness_mm: float | None = None


def detector_by_name(name: str, config: Mapping[str, Any] | None = None) -> KnownDetector:
    """A detector by its name, such as ``Eiger2 16M`` or ``Pilatus 6M``; blanks, hyphens and cases do not matter.

    Args:
        name: any that pyFAI knows.
        config: settings of it in the terms of pyFAI, such as ``{"pixel1": 2e-4}`` of one that is binned.

    Raises:
        ArgumentError: no detector has the name, its settings are none, or its pixels are no flat grid of equal ones.
    """
    from pyFAI.detectors import Detector, detector_factory

    known = {_plain(alias): kind for alias, kind in Detector.registry.items() if kind is not Detector}
    kind = known.get(_plain(name))
    if kind is None:
        spellings = {_plain(each.aliases[0]): each.aliases[0] for each in known.values() if each.aliases}
        near = difflib.get_close_matches(_plain(name), spellings, _NEAREST, 0.0)
        listed = ", ".join(spellings[each] for each in near)
        raise ArgumentError(f"no detector has the name {name[:60]!r}; the nearest are {listed}")
    shown = kind.aliases[0] if kind.aliases else kind.__name__
    try:
        found = detector_factory(kind.__name__, None if config is None else dict(config))
    except (TypeError, ValueError, RuntimeError, KeyError, AttributeError, AssertionError) as error:
        reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        raise ArgumentError(f"the settings of the detector {shown} cannot be used ({reason}); correct them") from None
    regular = found.IS_FLAT and found.IS_CONTIGUOUS and found.uniform_pixel and found.CORNERS == 4
    if not regular or found.shape is None or not found.pixel1 or not found.pixel2:
        raise ArgumentError(f"the detector {shown} is no flat grid of equal pixels, and cannot be taken; give another")
    slow, fast = found.shape
    usual = kind()
    # of sizes that a detector does not have, pyFAI keeps the number of pixels
    if abs(slow * found.pixel1 / (usual.shape[0] * usual.pixel1) - 1) > _SAME_EXTENT:
        sizes = f"{1e6 * found.pixel1:g} x {1e6 * found.pixel2:g} um"
        raise ArgumentError(f"the detector {shown} has no pixels of {sizes}; correct pixel1 and pixel2")
    material, thickness_m = _sensor(found)
    mask = found.mask
    return KnownDetector(
        name=shown,
        pixels=(int(fast), int(slow)),
        pixel_mm=(1000 * float(found.pixel2), 1000 * float(found.pixel1)),
        bad=np.asarray(mask, bool) if mask is not None and np.any(mask) else None,
        material=material,
        thickness_mm=None if thickness_m is None else 1000 * thickness_m,
    )


def _plain(name: str) -> str:
    return re.sub(r"[\s_:.-]", "", name.lower())


def _sensor(found: Any) -> tuple[str | None, float | None]:
    """Material and thickness in m: those of its own sensor, or what all that it may have share."""
    own = getattr(found, "sensor", None)
    sensors = [own] if own is not None else list(getattr(found, "SENSORS", None) or ())
    materials = {getattr(each.material, "name", each.material) for each in sensors}
    thicknesses = {each.thickness for each in sensors}
    material = materials.pop() if len(materials) == 1 else None
    thickness = thicknesses.pop() if len(thicknesses) == 1 else None
    return (str(material) if material else None), (float(thickness) if thickness else None)
