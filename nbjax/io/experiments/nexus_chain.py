"""Chains of transformations of NeXus (NXtransformations): each is told in the frame of the one that it depends on.

A point is turned or shifted by a transformation, then shifted by its offset, then handed to the next of its chain; the
last one stands in the laboratory.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from nbjax.errors import FileError
from nbjax.io.images.nexus import LENGTHS_M, text_of

_LONGEST = 100
_ANGLES_DEG = {"deg": 1.0, "degree": 1.0, "degrees": 1.0, "rad": float(np.degrees(1)), "radian": float(np.degrees(1))}
_ANGLES_DEG |= {"radians": _ANGLES_DEG["rad"], "mrad": _ANGLES_DEG["rad"] / 1000}


@dataclass(frozen=True)
class Link:
    """One transformation.

    Attributes:
        file: name of its file.
        path: of its dataset.
        is_rotation: whether it turns, or shifts.
        vector: its axis, shape (3,).
        values: of all images, in degrees or mm.
        offset_mm: shape (3,).
    """

    file: str
    path: str
    is_rotation: bool
    vector: np.ndarray
    values: np.ndarray
    offset_mm: np.ndarray

    def value(self, image: int) -> float:
        """Of an image, counted from 0; the same where the file tells one."""
        return float(self.values[image if image < len(self.values) else 0])

    def frame(self, image: int) -> tuple[np.ndarray, np.ndarray]:
        """Rotation and shift in mm, that take a point to the frame which it depends on."""
        if self.is_rotation:
            axis = self.vector / np.linalg.norm(self.vector)
            return Rotation.from_rotvec(np.radians(self.value(image)) * axis).as_matrix(), self.offset_mm
        return np.eye(3), self.value(image) * self.vector + self.offset_mm

    @property
    def name(self) -> str:
        """The last part of its path."""
        return posixpath.basename(self.path)


def link(name: str, node: Any) -> Link:
    """The transformation that a dataset is.

    Args:
        name: of the file, for messages.
        node: the dataset.

    Raises:
        FileError: it is none, or has a unit that is none.
    """
    place = f"{name}: {node.name}"
    if not hasattr(node, "dtype") or node.dtype.kind not in "fiu" or node.size < 1:
        raise FileError(f"{place} holds no numbers, and cannot be a transformation; write the file again")
    is_rotation = text_of(node.attrs.get("transformation_type")) == "rotation"
    units = _ANGLES_DEG if is_rotation else LENGTHS_M
    factor = unit_of(place, node.attrs.get("units"), units) * (1.0 if is_rotation else 1000.0)
    vector = _three(place, "vector", node.attrs.get("vector"))
    if is_rotation and not np.linalg.norm(vector) > 0:
        raise FileError(f"{place} turns about 0 0 0, which is no axis; correct its vector")
    # files without a unit of the offset mean that of the value, where it is a length
    offset_unit = node.attrs.get("offset_units", None if is_rotation else node.attrs.get("units"))
    offset = node.attrs.get("offset")
    return Link(
        file=name,
        path=node.name,
        is_rotation=is_rotation,
        vector=vector,
        values=np.asarray(node[()], float).reshape(-1) * factor,
        offset_mm=np.zeros(3)
        if offset is None
        else _three(place, "offset", offset) * unit_of(place, offset_unit, LENGTHS_M) * 1000.0,
    )


def chain(name: str, file: Any, start: Any, depends_on: Any) -> list[Link]:
    """The transformations from one on, to the laboratory.

    Args:
        name: of the file, for messages.
        file: the file.
        start: group that a relative path begins in.
        depends_on: path of the first, or "." or None for no transformation.

    Raises:
        FileError: one of them is missing, or they go round in a circle.
    """
    found: list[Link] = []
    path, group = text_of(depends_on), start
    while path not in (None, "", "."):
        assert path is not None
        try:
            node = (file if path.startswith("/") else group)[path]
        except KeyError:
            raise FileError(
                f"{name}: {group.name} depends on {path[:200]}, which is not in the file; write it again"
            ) from None
        found.append(link(name, node))
        if len(found) > _LONGEST:
            raise FileError(f"{name}: {path[:200]} depends on itself in the end; correct its depends_on")
        path, group = text_of(node.attrs.get("depends_on")), node.parent
    return found


def placed(links: list[Link], image: int) -> tuple[np.ndarray, np.ndarray]:
    """Rotation and shift in mm of a whole chain, that take a point to the laboratory."""
    turn, shift = np.eye(3), np.zeros(3)
    for each in links:
        its_turn, its_shift = each.frame(image)
        turn, shift = its_turn @ turn, its_turn @ shift + its_shift
    return turn, shift


def unit_of(place: str, unit: Any, units: dict[str, float]) -> float:
    """Factor of a unit; without one the first of those that are known counts.

    Raises:
        FileError: it is not among those that are known.
    """
    word = text_of(unit)
    if word is None:
        return next(iter(units.values()))
    if word.lower() not in units:
        raise FileError(f"{place} has the unit {word[:20]!r}, which is not known; give one of {', '.join(units)}")
    return units[word.lower()]


def _three(place: str, name: str, value: Any) -> np.ndarray:
    try:
        found = np.asarray(value, float).reshape(-1)
    except (TypeError, ValueError):
        found = np.zeros(0)
    if found.shape != (3,) or not np.isfinite(found).all():
        raise FileError(f"{place} has no {name} of three numbers; write the file again")
    return found
