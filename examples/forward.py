"""Render a configuration, and see how the image changes with the distance of the detector.

Run from the project's folder: python examples/forward.py
"""

from __future__ import annotations

from pathlib import Path

import jax
import numpy as np

import nbjax
from nbjax.io.png import write_png

CONFIG = Path(__file__).parents[1] / "configs" / "simple_cubic.toml"


def main() -> None:
    experiment = nbjax.prepare(nbjax.load_config(CONFIG))
    image = nbjax.simulate(experiment)
    write_png("simple_cubic.png", np.asarray(image))
    print(f"{image.shape} pixels, {image.sum():.6g} photons, brightest {image.max():.6g}; see simple_cubic.png")

    def at(distance_m: jax.Array) -> jax.Array:
        return nbjax.simulate(nbjax.put(experiment, "panel.distance_m", distance_m))

    distance_m = experiment.panel.distance_m
    _, change = jax.jvp(at, (distance_m,), (jax.numpy.ones_like(distance_m) * 1e-3,))
    print(f"a detector 1 mm further away changes a pixel by up to {abs(change).max():.6g} photons")


if __name__ == "__main__":
    with jax.enable_x64(True):
        main()
