"""Refine 100 stills at once: one cell and one detector distance for all, an orientation and a scale for each.

One of the shots holds no crystal; it is set aside and the others go on.

Run from the project's folder: python examples/refine_100_shots.py. Writes refine_100_shots.png.
"""

from __future__ import annotations

import jax
import numpy as np

import nbjax
from nbjax.config.tree import Beam, Config, Crystal, Detector, Sampling
from nbjax.fit import Free, Outcome, Stage, boxes, fit
from nbjax.fit.report.figures import png, shot_overview
from nbjax.physics.noise import poisson_counts

SHOTS, EMPTY = 100, 41


def still(misset_deg: np.ndarray, cell_A: np.ndarray, distance_mm: float) -> Config:
    return Config(
        Beam(wavelength_A=1.0, fluence_photons_per_m2=1e29),
        Crystal(cell_A=tuple(cell_A), misset_deg=tuple(misset_deg), default_F=300.0, cells=(5, 5, 5), water_um=0.02),
        Detector(distance_mm=distance_mm, pixel_mm=0.46875, pixels_fast=128, pixels_slow=128),
        Sampling(oversample=1),
    )


def main() -> None:
    rng = np.random.default_rng(5)
    cell = np.array([62.0, 71.0, 83.0])
    missets = rng.uniform(-180, 180, (SHOTS, 3))
    truths = [nbjax.prepare(still(misset, cell, 120.0)) for misset in missets]
    data = [np.asarray(poisson_counts(nbjax.simulate(e), jax.random.key(i))) for i, e in enumerate(truths)]
    data[EMPTY] = rng.poisson(3.0, data[EMPTY].shape).astype(float)

    off = missets + rng.uniform(-0.2, 0.2, missets.shape)
    starts = [nbjax.prepare(still(misset, cell * [1.002, 0.998, 1.002], 120.2)) for misset in off]
    used = [boxes(start, half_width=4, threshold=10.0, most=30) for start in starts]
    print(f"{np.mean([mask.sum() for mask in used]):.0f} pixels a shot in boxes around the spots")
    frees = [
        Free("detector.distance_mm", shared=True),
        Free("crystal.cell", shared=True),
        Free("crystal.rotation_deg"),
        Free("scale", transform="log"),
    ]
    stages = [Stage(broaden=2.5, tolerance=1e-2), Stage()]
    result = fit(starts, data, frees, stages, used=used, convention="mosflm", system="orthorhombic", set_aside=5.0)
    for outcome in Outcome:
        numbers = [i for i, shot in enumerate(result.shots) if shot.outcome is outcome]
        if numbers:
            print(f"{len(numbers):4} {outcome.value}" + (f": {numbers}" if len(numbers) < 5 else ""))
    for name in result.names[: result.shared]:
        print(f"  {name:22} {result.value(name):12.6f} +- {result.sigma(name):.6f}")

    with open("refine_100_shots.png", "wb") as file:
        file.write(png(shot_overview(result)))
    print("see refine_100_shots.png")


if __name__ == "__main__":
    with jax.enable_x64(True):
        main()
