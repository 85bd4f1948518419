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
        depends_on: path of the next one, or None.
    """

    file: str
    path: str
    is_rotation: bool
    vector: np.ndarray
    values: np.ndarray
    offset_mm: np.ndarray
    depends_on: str | None

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
    told = dict(node.attrs)
    is_rotation = text_of(told.get("transformation_type")) == "rotation"
    units = _ANGLES_DEG if is_rotation else LENGTHS_M
    factor = unit_of(place, told.get("units"), units) * (1.0 if is_rotation else 1000.0)
    vector = _three(place, "vector", told.get("vector"))
    if is_rotation and not np.linalg.norm(vector) > 0:
        raise FileError(f"{place} turns about 0 0 0, which is no axis; correct its vector")
    offset_mm = np.zeros(3) if told.get("offset") is None else _three(place, "offset", told["offset"])
    if offset_mm.any():
        # files without a unit of the offset mean that of the value, where it is a length
        unit = told.get("offset_units", None if is_rotation else told.get("units"))
        offset_mm = offset_mm * unit_of(place, unit, LENGTHS_M) * 1000.0
    return Link(
        file=name,
        path=node.name,
        is_rotation=is_rotation,
        vector=vector,
        values=np.asarray(node[()], float).reshape(-1) * factor,
        offset_mm=offset_mm,
        depends_on=text_of(told.get("depends_on")),
    )


class Chains:
    """The chains of a file; each transformation is read once.

    Args:
        name: of the file, for messages.
        file: the file.
    """

    def __init__(self, name: str, file: Any):
        self._name = name
        self._file = file
        self._read: dict[str, Link] = {}
        self._placed: dict[tuple[str, int], tuple[np.ndarray, np.ndarray]] = {}

    def start(self, node: Any) -> tuple[Link, list[Link]]:
        """The transformation that a dataset is, and those that it depends on.

        Raises:
            FileError: as ``of``.
        """
        found = link(self._name, node)
        return found, self.of(posixpath.dirname(found.path), found.depends_on)

    def of(self, group: str, depends_on: Any) -> list[Link]:
        """The transformations from one on, to the laboratory.

        Args:
            group: path of the group that a relative path begins in.
            depends_on: path of the first, or "." or None for no transformation.

        Raises:
            FileError: one of them is missing, or they go round in a circle.
        """
        found: list[Link] = []
        path = text_of(depends_on)
        while path not in (None, "", "."):
            assert path is not None
            place = posixpath.normpath(posixpath.join(group, path))
            if place not in self._read:
                node = self._file.get(place)
                if node is None:
                    raise FileError(
                        f"{self._name}: {group} depends on {path[:200]}, which is not in the file; write it again"
                    )
                self._read[place] = link(self._name, node)
            found.append(self._read[place])
            path, group = found[-1].depends_on, posixpath.dirname(place)
            if len(found) > _LONGEST:
                raise FileError(f"{self._name}: {place[:200]} depends on itself in the end; correct its depends_on")
        return found

    def placed(self, links: list[Link], image: int) -> tuple[np.ndarray, np.ndarray]:
        """Rotation and shift in mm of a chain to its end, that take a point to the laboratory.

        Args:
            links: of the chain, from any on.
            image: number of the image, from 0.
        """
        if not links:
            return np.eye(3), np.zeros(3)
        key = (links[0].path, image)
        if key not in self._placed:
            turn, shift = np.eye(3), np.zeros(3)
            for each in links:
                its_turn, its_shift = each.frame(image)
                turn, shift = its_turn @ turn, its_turn @ shift + its_shift
            self._placed[key] = turn, shift
        return self._placed[key]


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
