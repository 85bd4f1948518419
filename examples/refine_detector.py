"""Refine the place of the detector jointly from 20 stills.

Run from the project's folder: python examples/refine_detector.py. Writes refine_detector.png.
"""

from __future__ import annotations

import jax
import numpy as np
from matplotlib.figure import Figure

import nbjax
from nbjax.config.tree import Beam, Config, Crystal, Detector, Sampling
from nbjax.fit import Free, Stage, fit
from nbjax.fit.report.figures import png
from nbjax.physics.noise import poisson_counts

PIXEL_MM = 0.234375
TRUTH = {
    "distance_mm": 120.0,
    "beam_x_mm": 30.0,
    "beam_y_mm": 30.0,
    "rotation_x_deg": 0.0,
    "rotation_y_deg": 0.0,
    "rotation_z_deg": 0.0,
}
START = {
    "distance_mm": 121.0,
    "beam_x_mm": 30.0 + 3 * PIXEL_MM,
    "beam_y_mm": 30.0 - 3 * PIXEL_MM,
    "rotation_x_deg": 0.3,
    "rotation_y_deg": -0.3,
    "rotation_z_deg": 0.3,
}


def still(misset_deg: np.ndarray, detector: dict[str, float]) -> Config:
    return Config(
        Beam(wavelength_A=1.0, fluence_photons_per_m2=1e28),
        Crystal(
            cell_A=(62.0, 71.0, 83.0), misset_deg=tuple(misset_deg), default_F=300.0, cells=(12, 12, 12), water_um=0.04
        ),
        Detector(pixel_mm=PIXEL_MM, pixels_fast=256, pixels_slow=256, **detector),
        Sampling(oversample=1),
    )


def main() -> None:
    missets = np.random.default_rng(3).uniform(-180, 180, (20, 3))
    truths = [nbjax.prepare(still(misset, TRUTH)) for misset in missets]
    data = [np.asarray(poisson_counts(nbjax.simulate(e), jax.random.key(i))) for i, e in enumerate(truths)]
    starts = [nbjax.prepare(still(misset, START)) for misset in missets]

    frees = [*(Free(f"detector.{key}", shared=True) for key in TRUTH), Free("scale", transform="log")]
    stages = [Stage(broaden=6.0, tolerance=1e-2), Stage(broaden=2.5, tolerance=1e-2), Stage()]
    path: list[np.ndarray] = []
    result = fit(
        starts, data, frees, stages, convention="mosflm", on_step=lambda _, s, __: path.append(np.array(s.theta.shared))
    )
    print(f"{sum(shot.outcome.value == 'converged' for shot in result.shots)} of {len(result.shots)} shots converged")
    for name in result.names[: result.shared]:
        print(f"  {name:24} {result.value(name):12.6f} +- {result.sigma(name):.6f}")

    # theta counts changes by a parameter's scale from the start
    start, end = np.array(list(START.values())), np.array([result.value(n) for n in result.names[: result.shared]])
    share = np.array(path) / np.array(path)[-1]
    off = np.abs((start + share * (end - start)) - np.array(list(TRUTH.values())))
    figure = Figure(figsize=(6.5, 3.8), layout="constrained")
    axis = figure.subplots()
    for name, errors in zip(TRUTH, off.T, strict=True):
        axis.plot(np.maximum(errors, 1e-7), marker="o", markersize=3, label=name)
    axis.set(yscale="log", xlabel="step", ylabel="distance from the truth (mm, degrees)")
    axis.legend(frameon=False, fontsize=8, ncols=2)
    axis.spines[["top", "right"]].set_visible(False)
    with open("refine_detector.png", "wb") as file:
        file.write(png(figure))
    print("see refine_detector.png")


if __name__ == "__main__":
    with jax.enable_x64(True):
        main()
