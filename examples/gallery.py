"""The pictures of docs/gallery.md: one crystal, and what its image shows of crystal, beam, matter and detector.

python examples/gallery.py docs/images/gallery
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import jax
import numpy as np

import nbjax
from nbjax.config.edit import with_values
from nbjax.config.tree import Background, Beam, Config, Crystal, Detector
from nbjax.io.png import write_png
from nbjax.physics.readout import record
from nbjax.preparation.record import recording
from nbjax.resolve import resolve

STILL = Config(
    beam=Beam(wavelength_A=1.0, fluence_photons_per_m2=1e24),
    crystal=Crystal(
        model="closed",
        coordinates_file=str(Path(nbjax.__file__).parent / "data" / "2erl.pdb"),
        cells=(12.0, 26.0, 26.0),
        volume_um3=0.2,
        misset_deg=(40.0, 10.0, 70.0),
        mosaicity_deg=0.1,
        shape="gauss",
    ),
    detector=Detector(convention="xds", distance_mm=90.0, pixel_mm=0.35, pixels_fast=240, pixels_slow=240),
    precision="mixed",
)
BLOCK: dict[str, Any] = {
    "crystal.model": "sampled",
    "crystal.coordinates_file": None,
    "crystal.cell_A": (100.0, 100.0, 100.0),
    "crystal.cell_deg": (90.0, 90.0, 90.0),
    "crystal.default_F": 100.0,
    "crystal.cells": (6.0, 6.0, 6.0),
    "crystal.misset_deg": (3.0, 5.0, 10.0),
    "crystal.mosaicity_deg": None,
    "crystal.volume_um3": None,
    "beam.wavelength_A": 6.2,
    "sampling.oversample": 2,
}
"""A few cells, seen with soft X-rays: fringes, and the shape of the block."""

PICTURES: dict[str, dict[str, Any]] = {
    "still": {},
    "mosaic": {"crystal.mosaicity_deg": 1.0},
    "pink": {"beam.bandwidth_percent": 4.0},
    "rotation": {"crystal.phi_range_deg": 2.0},
    "divergent": {"beam.divergence_sigma_mrad": 3.0},
    "water": {"background": (Background(material="water", thickness_mm=0.3),)},
    "ice": {"background": (Background(material="ice", thickness_mm=0.05, grain_nm=20.0),)},
    "diffuse": {"crystal.diffuse_sigma_A": 0.4, "crystal.diffuse_gamma_A": 12.0},
    "tilted": {"detector.rotation_y_deg": 45.0},
    "curved": {"detector.curved": True, "detector.distance_mm": 30.0},
    "recorded": {"record": "jungfrau"},
    "square": BLOCK | {"crystal.shape": "square"},
    "round": BLOCK | {"crystal.shape": "round"},
    "gauss": BLOCK | {"crystal.shape": "gauss"},
}
"""Name of a picture -> what is changed for it."""


def image_of(config: Config) -> np.ndarray:
    """Photons, or what the detector makes of them."""
    resolved = resolve(config)
    image = nbjax.simulate(nbjax.prepare(config))
    if not resolved.record:
        return np.asarray(image)
    how = recording(resolved)
    return np.asarray(record(how.stages, jax.random.key(1), image))


def main(folder: str) -> None:
    jax.config.update("jax_enable_x64", True)
    Path(folder).mkdir(parents=True, exist_ok=True)
    for name, changes in PICTURES.items():
        with warnings.catch_warnings():
            # coarse on purpose
            warnings.simplefilter("ignore")
            image = image_of(with_values(STILL, changes))
        write_png(f"{folder}/{name}.png", image)
        print(name)


if __name__ == "__main__":
    main(sys.argv[1])
