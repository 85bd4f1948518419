"""Stills on three small panels, of which two are a group, for tests of fits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from panel_files import Sheet, geometry_text

from nbjax.config.tree import Beam, Config, Crystal, Detector, Sampling

_C, _S = float(np.cos(0.1)), float(np.sin(0.1))
SHEETS = (
    Sheet("left", (-44.0, -18.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (36, 36), edge_um=250.0),
    Sheet("right", (6.0, -20.0), (_C, _S, 0.0), (-_S, _C, 0.0), (36, 32), edge_um=250.0, offset_m=0.002),
    Sheet("upper", (-10.0, 24.0), (1.0, 0.0, 0.0), (0.0, _C, _S), (30, 36), edge_um=250.0),
)
PIXEL_MM = 0.25
SHAPE = (3, 36, 36)


def write_config(folder: Path, panels: int = 3) -> Config:
    """The configuration of a still with some hundred spots, the brightest of some ten thousand photons."""
    file = folder / f"panels_{panels}.geom"
    text = geometry_text(SHEETS[:panels], "clen = 0.06 m")
    file.write_text(text if panels > 2 else "".join(line for line in text.splitlines(True) if "rigid" not in line))
    return Config(
        Beam(fluence_photons_per_m2=4e28),
        Crystal(
            cell_A=(41.0, 47.0, 53.0),
            cell_deg=(90.0, 90.0, 90.0),
            misset_deg=(10.0, 20.0, 30.0),
            default_F=300.0,
            cells=(6.0, 6.0, 6.0),
            water_um=0.012,
        ),
        Detector(file=str(file)),
        Sampling(oversample=1),
    )
