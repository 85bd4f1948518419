"""Geometries of several panels for tests, written as CrystFEL has them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

CLEN_M = 0.1
PANELS = """
[crystal]
cell_A = [60, 60, 60]
cell_deg = [90, 90, 90]
cells = [3, 3, 3]
default_F = 100
[detector]
file = "{file}"
[sampling]
oversample = 1
"""
"""A configuration of a cubic crystal and a detector file."""


@dataclass(frozen=True)
class Sheet:
    """A panel: corner and axes in pixels of ``edge_um``, whole pixels (fast, slow)."""

    name: str
    corner: tuple[float, float]
    fast: tuple[float, float, float]
    slow: tuple[float, float, float]
    pixels: tuple[int, int]
    edge_um: float = 500.0
    offset_m: float = 0.0

    @property
    def origin_mm(self) -> np.ndarray:
        """Outer corner of the first pixel."""
        edge_mm = self.edge_um / 1000
        return np.array([self.corner[0] * edge_mm, self.corner[1] * edge_mm, 1000 * (CLEN_M + self.offset_m)])

    def point_mm(self, fast: float, slow: float) -> np.ndarray:
        """A point at (fast, slow) pixels from the corner."""
        return self.origin_mm + self.edge_um / 1000 * (fast * np.array(self.fast) + slow * np.array(self.slow))


_C, _S = float(np.cos(0.1)), float(np.sin(0.1))
SHEETS = (
    Sheet("left", (-18.0, -6.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (12, 10)),
    Sheet("right", (3.5, -7.0), (_C, _S, 0.0), (-_S, _C, 0.0), (10, 12), offset_m=0.002),
    Sheet("upper", (8.0, 22.0), (0.0, 1.0, 0.0), (-_C, 0.0, _S), (8, 9), edge_um=400.0),
)
"""Two that are turned against each other, and a third of other pixels that is tilted out of the plane."""


def geometry_text(sheets: tuple[Sheet, ...] = SHEETS, clen: str = f"clen = {CLEN_M} m") -> str:
    """The lines of a ``.geom``; the first two panels are a group."""
    lines = [clen, "photon_energy = 9500 eV", "rigid_group_pair = left,right", "rigid_group_collection_all = pair"]
    for sheet in sheets:
        fast, slow = (
            " ".join(f"{x:+.15f}{axis}" for x, axis in zip(v, "xyz", strict=True)) for v in (sheet.fast, sheet.slow)
        )
        lines += [
            f"{sheet.name}/{key} = {value}"
            for key, value in {
                "corner_x": sheet.corner[0],
                "corner_y": sheet.corner[1],
                "fs": fast,
                "ss": slow,
                "res": 1e6 / sheet.edge_um,
                "coffset": sheet.offset_m,
                "min_fs": 0,
                "max_fs": sheet.pixels[0] - 1,
                "min_ss": 0,
                "max_ss": sheet.pixels[1] - 1,
            }.items()
        ]
    return "\n".join(lines) + "\n"


def write_geometry(folder: Path, text: str | None = None) -> str:
    """A ``.geom`` in a folder; its name."""
    path = folder / "panels.geom"
    path.write_text(geometry_text() if text is None else text)
    return str(path)
