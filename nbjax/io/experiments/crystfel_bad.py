"""Bad pixels of CrystFEL's geometries: whole panels, their edges, regions in either coordinates, and masks in files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from nbjax.errors import FileError
from nbjax.io.experiments.crystfel_lines import Entry, Geometry, Keys, is_true, number, place
from nbjax.io.experiments.crystfel_masks import Masks
from nbjax.io.experiments.recorded import RecordedPanel
from nbjax.io.experiments.words import whole

_MOST_PIXELS = 1 << 30
_LIMITS = {True: ("min_fs", "max_fs", "min_ss", "max_ss"), False: ("min_x", "max_x", "min_y", "max_y")}


@dataclass(frozen=True)
class _Region:
    """A rectangle of bad pixels.

    Attributes:
        entry: its last line.
        panels: numbers of the panels that it may be in.
        in_data: whether its limits are those of fs and ss in the data, or of x and y in pixels of a panel.
        limits: least and largest of the first coordinate, then of the second.
    """

    entry: Entry
    panels: tuple[int, ...]
    in_data: bool
    limits: tuple[float, float, float, float]


def bad_pixels(geometry: Geometry, panels: Sequence[RecordedPanel]) -> list[RecordedPanel]:
    """The panels with their bad pixels.

    Args:
        geometry: the values.
        panels: without bad pixels, in the order of the geometry.

    Raises:
        FileError: a region or a mask that CrystFEL would refuse.
    """
    regions = [_region(geometry, name, keys) for name, keys in geometry.regions.items()]
    masks = Masks(geometry)
    found = []
    for index, (panel, keys) in enumerate(zip(panels, geometry.panels.values(), strict=True)):
        bad = _bad(geometry, panel, keys, [region for region in regions if region and index in region.panels], masks)
        found.append(panel if bad is None else replace(panel, bad=bad))
    return found


def _bad(
    geometry: Geometry, panel: RecordedPanel, keys: Keys, regions: list[_Region], masks: Masks
) -> np.ndarray | None:
    fast, slow = panel.pixels
    if min(fast, slow) < 1 or fast * slow > _MOST_PIXELS:
        raise FileError(f"{geometry.path}: panel {panel.name[:40]} has {fast} x {slow} pixels; correct its limits")
    if "no_index" in keys and is_true(keys["no_index"]):
        return np.ones((slow, fast), bool)
    bad = np.zeros((slow, fast), bool)
    if "mask_edge_pixels" in keys:
        entry = keys["mask_edge_pixels"]
        edge = whole(f"{place(geometry.path, entry)}: mask_edge_pixels", entry[1])
        if edge > 0:
            inside = (slice(edge, max(slow - edge, edge)), slice(edge, max(fast - edge, edge)))
            bad[:] = True
            bad[inside] = False
    for region in regions:
        _mark(region, panel, keys, geometry, bad)
    marked = masks.of_panel(panel, keys)
    if marked is not None:
        bad |= marked
    return bad if bad.any() else None


def _mark(region: _Region, panel: RecordedPanel, keys: Keys, geometry: Geometry, bad: np.ndarray) -> None:
    low, high, lower, upper = region.limits
    if region.in_data:
        assert panel.place is not None
        first_fs, first_ss = panel.place.first
        rows = slice(max(int(lower) - first_ss, 0), max(int(upper) - first_ss + 1, 0))
        bad[rows, max(int(low) - first_fs, 0) : max(int(high) - first_fs + 1, 0)] = True
        return
    # as CrystFEL does, by the corner of each pixel and in pixels of this panel
    edge_mm = 1000.0 / number(geometry.path, "res", keys["res"])
    corner = panel.origin_mm[:2] / edge_mm
    spans = [panel.fast[:2] * panel.pixels[0], panel.slow[:2] * panel.pixels[1]]
    ends = corner + np.array([np.zeros(2), spans[0], spans[1], spans[0] + spans[1]])
    if (ends.max(axis=0) <= (low, lower)).any() or (ends.min(axis=0) >= (high, upper)).any():
        return
    fs, ss = np.arange(panel.pixels[0]), np.arange(panel.pixels[1])[:, None]
    x = corner[0] + fs * panel.fast[0] + ss * panel.slow[0]
    y = corner[1] + fs * panel.fast[1] + ss * panel.slow[1]
    bad |= (x > low) & (x < high) & (y > lower) & (y < upper)


def _region(geometry: Geometry, name: str, keys: Keys) -> _Region | None:
    """A region, or None where it marks nothing."""
    last = max(keys.values())
    for key in keys:
        if key not in (*_LIMITS[True], *_LIMITS[False], "panel"):
            geometry.note(keys[key], f"the key {key[:40]} of a bad region is not taken")
    kinds = {in_data for in_data, limits in _LIMITS.items() if any(limit in keys for limit in limits)}
    if len(kinds) != 1:
        problem = "mixes fs and ss with x and y" if kinds else "has no limits"
        raise geometry.fault(last, f"the bad region {name[:40]} {problem}; give min_ and max_ of either pair")
    (in_data,) = kinds
    missing = [limit for limit in _LIMITS[in_data] if limit not in keys]
    if missing and not in_data:
        geometry.note(last, f"a bad region has no {', '.join(missing)}, and marks no pixel")
        return None
    limits = [number(geometry.path, limit, keys[limit]) if limit in keys else 0.0 for limit in _LIMITS[in_data]]
    panels = tuple(range(len(geometry.panels)))
    if "panel" in keys:
        named = keys["panel"][1]
        if named not in geometry.panels:
            raise geometry.fault(
                keys["panel"], f"there is no panel {named[:40]!r} for the bad region; correct the name"
            )
        panels = (list(geometry.panels).index(named),)
        if in_data and not _is_inside(geometry, limits, geometry.panels[named]):
            geometry.note(last, "a bad region reaches beyond its panel, and is cut off there")
    elif in_data and len(panels) > 1:
        geometry.note(last, "a bad region names no panel; it is taken for all panels that have its fs and ss")
    return _Region(last, panels, in_data, (limits[0], limits[1], limits[2], limits[3]))


def _is_inside(geometry: Geometry, limits: list[float], keys: Keys) -> bool:
    if any(limit not in keys for limit in _LIMITS[True]):
        return True
    low, high, lower, upper = (number(geometry.path, limit, keys[limit]) for limit in _LIMITS[True])
    return limits[0] >= low and limits[1] <= high and limits[2] >= lower and limits[3] <= upper
