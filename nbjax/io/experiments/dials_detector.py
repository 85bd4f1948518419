"""Detectors of DIALS's experiment lists: panels in a hierarchy, each told in the frame of its group."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nbjax.io.experiments.grouping import arranged
from nbjax.io.experiments.json_tree import Node
from nbjax.io.experiments.recorded import RecordedGroup, RecordedPanel, RecordedPlace

_DEEPEST = 20
_MOST_PIXELS = 1 << 30


def panels(detector: Node) -> tuple[RecordedPanel, ...]:
    """Panels in the laboratory.

    Raises:
        FileError: a number that is none, or a hierarchy that does not end.
    """
    listed, frames = detector.at("panels").items(), frames_of(detector)
    # of several panels, those of one image have their place in it told
    is_told = len(listed) == 1 or any(_offset(panel) != (0, 0) for panel in listed)
    return tuple(_panel(panel, i, *frames[i], is_told) for i, panel in enumerate(listed))


def frames_of(detector: Node) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Axes as columns, and origin in mm, in which each panel is told.

    Raises:
        FileError: a number that is none, or a hierarchy that does not end.
    """
    frames = {i: (np.eye(3), np.zeros(3)) for i in range(len(detector.at("panels").items()))}
    if detector.has("hierarchy"):
        _collect(detector.at("hierarchy"), np.eye(3), np.zeros(3), frames, 0)
    return frames


def groups(detector: Node) -> tuple[RecordedGroup, ...]:
    """Groups of the hierarchy by their names; those without one are counted.

    Raises:
        FileError: a group that has no panels, or names one that is not there.
    """
    if not detector.has("hierarchy"):
        return ()
    count = len(detector.at("panels").items())
    found = list(_groups(detector.at("hierarchy")))
    named = [(name or f"group {i}", list(_members(node))) for i, (name, node) in enumerate(found)]
    for (_, node), (name, members) in zip(found, named, strict=True):
        wrong = [panel for panel in members if not 0 <= panel < count]
        if wrong or not members:
            problem = f"names the panel {wrong[0]}, of {count}" if wrong else "has no panels"
            raise node.fault(f"{problem}; correct the group {name[:40]!r}")
    return arranged(named, count)[0]


def _groups(group: Node) -> Iterator[tuple[str, Node]]:
    """Every group below one, the outer before the inner; a hierarchy's depth was limited by its frames."""
    for child in group.at("children").items() if group.has("children") else []:
        if not child.has("panel"):
            name = child.at("name").value if child.has("name") else ""
            yield (name if isinstance(name, str) else ""), child
            yield from _groups(child)


def _members(group: Node) -> Iterator[int]:
    for child in group.at("children").items() if group.has("children") else []:
        if child.has("panel"):
            yield child.at("panel").whole()
        else:
            yield from _members(child)


def _collect(
    group: Node, axes: np.ndarray, origin: np.ndarray, frames: dict[int, tuple[np.ndarray, np.ndarray]], depth: int
) -> None:
    """Note the frame of the group that each panel is in."""
    if depth > _DEEPEST:
        raise group.fault(f"is nested more than {_DEEPEST} groups deep; write the file again with its program")
    if group.has("origin"):
        fast, slow = unit_axis(group.at("fast_axis")), unit_axis(group.at("slow_axis"))
        origin = origin + axes @ group.at("origin").numbers(3)
        axes = axes @ np.stack([fast, slow, np.cross(fast, slow)], axis=1)
    for child in group.at("children").items() if group.has("children") else []:
        if child.has("panel"):
            frames[child.at("panel").whole()] = (axes, origin)
        else:
            _collect(child, axes, origin, frames, depth + 1)


def unit_axis(node: Node) -> np.ndarray:
    """Three numbers as a direction of length 1, shape (3,).

    Raises:
        FileError: they are none.
    """
    axis = node.numbers(3)
    length = float(np.linalg.norm(axis))
    if not 1e-30 < length < 1e30:
        raise node.fault("is no direction; correct it")
    return axis / length


def _panel(panel: Node, number: int, axes: np.ndarray, origin: np.ndarray, is_told: bool) -> RecordedPanel:
    pixel_mm, size = panel.at("pixel_size").numbers(2), panel.at("image_size")
    pixels = (size.item(0).whole(), size.item(1).whole())
    thickness, attenuation = (panel.at(key).number() if panel.has(key) else 0.0 for key in ("thickness", "mu"))
    has_sensor = thickness > 0 and attenuation > 0
    gain = panel.at("gain").number() if panel.has("gain") else 0.0
    # a range without extent is that of a panel whose limits are not known
    low, high = panel.at("trusted_range").numbers(2) if panel.has("trusted_range") else (0.0, 0.0)
    return RecordedPanel(
        name=_word(panel, "name") or str(number),
        origin_mm=origin + axes @ panel.at("origin").numbers(3),
        fast=axes @ panel.at("fast_axis").numbers(3),
        slow=axes @ panel.at("slow_axis").numbers(3),
        pixel_mm=(float(pixel_mm[0]), float(pixel_mm[1])),
        pixels=pixels,
        thickness_mm=thickness if has_sensor else None,
        attenuation_per_mm=attenuation if has_sensor else None,
        material=_word(panel, "material"),
        gain=gain if gain > 0 else None,
        saturation_counts=float(high) if high > low else None,
        bad=_bad(panel, pixels),
        place=RecordedPlace(None, first=_offset(panel)) if is_told else None,
    )


def _word(node: Node, key: str) -> str | None:
    word = node.at(key).value if node.has(key) else ""
    return word if isinstance(word, str) and word else None


def _offset(panel: Node) -> tuple[int, int]:
    """(fast, slow) of the panel's first pixel in the image."""
    if not panel.has("raw_image_offset"):
        return 0, 0
    offset = panel.at("raw_image_offset")
    return offset.item(0).whole(), offset.item(1).whole()


def _bad(panel: Node, pixels: tuple[int, int]) -> np.ndarray | None:
    """Bad pixels by rectangles of the first and the past-last pixel along fast and slow, shape (slow, fast)."""
    rectangles = panel.at("mask").items() if panel.has("mask") else []
    fast, slow = pixels
    if not rectangles or min(pixels) < 1:
        return None
    if fast * slow > _MOST_PIXELS:
        raise panel.at("image_size").fault(f"is {fast} x {slow} pixels; correct it")
    bad = np.zeros((slow, fast), bool)
    for rectangle in rectangles:
        left, top, right, bottom = (max(rectangle.item(i).whole(), 0) for i in range(4))
        bad[top:bottom, left:right] = True
    return bad if bad.any() else None
