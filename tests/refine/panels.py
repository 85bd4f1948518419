"""A closed still on two panels."""

from __future__ import annotations

from pathlib import Path

from stills import CELL_A

from nbjax.config.load import config_from_dict
from nbjax.experiment import Experiment
from nbjax.preparation import prepare_resolved
from nbjax.resolve import resolve

GEOMETRY = """
photon_energy = 12398.42
clen = 0.06
res = 5000
min_fs = 0
max_fs = 79
min_ss = 0
max_ss = 159
fs = +1.0x
ss = +1.0y
corner_y = -80
left/corner_x = -82
right/corner_x = 2
"""


def experiment(folder: Path, geometry: str = GEOMETRY) -> Experiment:
    """Of the panels ``left`` and ``right``."""
    (folder / "pair.geom").write_text(geometry)
    made = resolve(
        config_from_dict(
            {
                "beam": {"wavelength_A": 1.0, "fluence_photons_per_m2": 1e28},
                "crystal": {
                    "cell_A": CELL_A,
                    "cell_deg": [90.0, 90.0, 90.0],
                    "default_F": 100.0,
                    "cells": [8, 8, 12],
                    "mosaicity_deg": 0.25,
                    "misset_deg": [20.0, 50.0, 70.0],
                    "model": "closed",
                    "shape": "gauss",
                },
                "detector": {"file": str(folder / "pair.geom")},
            }
        )
    )
    return prepare_resolved(made, counted=False)
