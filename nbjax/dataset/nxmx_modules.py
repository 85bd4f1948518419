"""Modules of an NXmx detector, each with the chain of its pixel directions.

A group of panels is a rotation by 0 about the beam, through the middle of the group: whoever changes its angle, vector
or offset moves all of its panels.
"""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from dataclasses import dataclass

import h5py
import numpy as np

from nbjax.dataset.nodes import group, put, put_axis
from nbjax.io.experiments.recorded import RecordedGroup

_BEAM = (0.0, 0.0, 1.0)

Owner = tuple[str, np.ndarray]
"""Path of a transformation, and where its origin is, in m."""


@dataclass(frozen=True)
class Module:
    """A panel in the NeXus laboratory.

    Attributes:
        name: of the panel.
        origin_m: corner of the first pixel.
        fast, slow: unit axes.
        pixel_m: (fast, slow) edges of a pixel.
        shape: (slow, fast) pixels.
        material: of the sensor, or None.
    """

    name: str
    origin_m: np.ndarray
    fast: np.ndarray
    slow: np.ndarray
    pixel_m: tuple[float, float]
    shape: tuple[int, int]
    material: str | None = None

    @property
    def middle_m(self) -> np.ndarray:
        """Its middle."""
        height, width = (count * edge for count, edge in zip(self.shape, self.pixel_m[::-1], strict=True))
        return np.asarray(self.origin_m + width / 2 * self.fast + height / 2 * self.slow)


def write_modules(
    detector: h5py.Group,
    modules: Sequence[Module],
    groups: Sequence[RecordedGroup],
    root_m: float,
    along_m: np.ndarray,
    shape: tuple[int, ...],
) -> None:
    """The detector's transformations and its modules.

    Args:
        detector: group of the detector, with everything else in it.
        modules: the panel, or several.
        groups: of panels, the largest first.
        root_m: place of ``detector_z`` on the beam where the modules are as told.
        along_m: what ``detector_z`` is, once or in each image.
        shape: of an image: (slow, fast), of several panels below each other, or (panel, slow, fast).
    """
    moves = group(detector, "transformations", "NXtransformations")
    put_axis(moves, "detector_z", along_m, "translation", _BEAM, "m", ".")
    owners: list[Owner] = [(f"{moves.name}/detector_z", np.array([0.0, 0.0, root_m]))] * len(modules)
    for members in groups:
        name = _free(members.name, moves)
        centre_m = np.mean([modules[i].middle_m for i in members.panels], axis=0)
        outer, outer_m = owners[members.panels[0]]
        put_axis(moves, name, np.zeros(1), "rotation", _BEAM, "degree", outer, tuple(centre_m - outer_m))
        for i in members.panels:
            owners[i] = (f"{moves.name}/{name}", centre_m)
    for number, (module, owner) in enumerate(zip(modules, owners, strict=True)):
        first = (number, 0, 0) if len(shape) == 3 else (number * (shape[0] // len(modules)), 0)
        _write_module(detector, module, owner, first)


def _write_module(detector: h5py.Group, module: Module, owner: Owner, first: tuple[int, ...]) -> None:
    """A module; ``first`` is its first pixel in an image."""
    made = group(detector, _free(module.name, detector), "NXdetector_module")
    put(made, "data_origin", np.array(first))
    put(made, "data_size", np.array([*(1 for _ in first[2:]), *module.shape]))
    chain, from_m = owner
    offset = module.origin_m - from_m
    length = float(np.linalg.norm(offset))
    vector = tuple(offset / length) if length else (1.0, 0.0, 0.0)
    put_axis(made, "module_offset", np.array([length]), "translation", vector, "m", chain)
    chain = f"{made.name}/module_offset"
    for name, axis, edge_m in zip(("fast", "slow"), (module.fast, module.slow), module.pixel_m, strict=True):
        put_axis(made, f"{name}_pixel_direction", np.array([edge_m]), "translation", tuple(axis), "m", chain)


def _free(name: str, taken: Container[str]) -> str:
    """A name that a group may have, and that is not taken."""
    plain = re.sub(r"[^\w.+-]", "_", name, flags=re.ASCII).strip(".") or "panel"
    found, number = plain, 1
    while found in taken:
        number += 1
        found = f"{plain}_{number}"
    return found
