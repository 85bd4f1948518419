"""Refine orientation, cell, crystal size and scale from one still with Poisson noise.

Run from the project's folder: python examples/refine_still.py. Writes refine_still.png.
"""

from __future__ import annotations

from dataclasses import replace

import jax
import numpy as np

import nbjax
from nbjax.config.tree import Beam, Config, Crystal, Detector, Sampling
from nbjax.fit import COARSE_TO_FINE, Free, fit
from nbjax.fit.report.figures import images, png
from nbjax.physics.noise import poisson_counts
from nbjax.pipeline.render import render

TRUE_CELL_A = np.array([62.0, 71.0, 83.0])
TRUE_MISSET_DEG = np.array([10.0, 20.0, 30.0])


def still(cell_A: np.ndarray, misset_deg: np.ndarray, cells: tuple[float, float, float]) -> Config:
    return Config(
        Beam(wavelength_A=1.0, fluence_photons_per_m2=1e28),
        Crystal(cell_A=tuple(cell_A), misset_deg=tuple(misset_deg), default_F=300.0, cells=cells, water_um=0.04),
        Detector(distance_mm=120.0, pixel_mm=0.234375, pixels_fast=256, pixels_slow=256),
        Sampling(oversample=1),
    )


def main() -> None:
    truth = nbjax.prepare(still(TRUE_CELL_A, TRUE_MISSET_DEG, (12.0, 12.0, 12.0)))
    data = np.asarray(poisson_counts(nbjax.simulate(truth), jax.random.key(1)))

    wrong = still(TRUE_CELL_A * [1.005, 0.995, 1.005], TRUE_MISSET_DEG + np.array([0.5, -0.5, 0.5]), (16.0, 8.0, 16.0))
    frees = [
        Free("crystal.misset_deg"),
        Free("crystal.cell"),
        Free("crystal.cells", transform="log"),
        Free("scale", transform="log"),
    ]
    stages = (replace(COARSE_TO_FINE[0], parameters=("crystal.misset_deg", "scale")), *COARSE_TO_FINE[1:])
    result = fit([nbjax.prepare(wrong)], [data], frees, stages, convention="mosflm", system="orthorhombic")
    (shot,) = result.shots
    print(f"{shot.outcome.value}: {shot.reason}")
    for name, value, sigma, unit in zip(result.names, shot.values, shot.sigmas, result.units, strict=True):
        print(f"  {name:22} {value:12.5f} +- {sigma:.5f} {unit}")

    figure = images(data, render(result.experiments[0]), np.ones(data.shape, bool))
    with open("refine_still.png", "wb") as file:
        file.write(png(figure))
    print("see refine_still.png")


if __name__ == "__main__":
    with jax.enable_x64(True):
        main()
