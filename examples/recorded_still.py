"""A still from expected photons to what a CCD on a taper writes: the image after each stage, and its histogram.

python examples/recorded_still.py [PICTURE.png]
"""

from __future__ import annotations

import sys

import jax
import matplotlib
import numpy as np

import nbjax
from nbjax.config.tree import Beam, Config, Crystal, Detector, Sampling, Stage
from nbjax.physics.readout import moments, record
from nbjax.preparation.record import recording
from nbjax.resolve import resolve

matplotlib.use("Agg")
import matplotlib.pyplot as plt

STAGES = (
    Stage("flicker", sigma_percent=2.0),
    Stage("calibration", gain_percent=3.0),
    Stage("poisson"),
    Stage("point_spread", form="fiber", fwhm_um=150.0),
    Stage("dark_current", electrons_per_s=20.0, electrons_per_photon=7.0),
    Stage("gain", counts_per_photon=1.8, pedestal_counts=40.0),
    Stage("readout", sigma_counts=3.0),
    Stage("hot_and_dead", hot_percent=0.1, hot_counts=5000.0, dead_percent=0.1),
    Stage("saturation", limit_counts=2000.0, overload_counts=65535.0),
    Stage("quantize", bits=16, rounding="down"),
)
CONFIG = Config(
    beam=Beam(wavelength_A=1.0, fluence_photons_per_m2=1e28),
    crystal=Crystal(
        cell_A=(62.0, 71.0, 83.0),
        cell_deg=(90.0, 90.0, 90.0),
        misset_deg=(10.0, 20.0, 30.0),
        cells=(8.0, 8.0, 8.0),
        default_F=300.0,
        water_um=0.04,
    ),
    detector=Detector(distance_mm=120.0, pixel_mm=0.15, pixels_fast=256, pixels_slow=256),
    sampling=Sampling(oversample=3),
    record=STAGES,
)


def main(picture: str = "recorded_still.png") -> None:
    """Draw the image after each stage, and say what the stages say of a pixel of the background."""
    jax.config.update("jax_enable_x64", True)
    photons = nbjax.simulate(nbjax.prepare(CONFIG))
    chain, key = recording(resolve(CONFIG)).stages, jax.random.key(1)
    images = [("photons", photons)]
    images += [(str(stage.stage), record(chain[: n + 1], key, photons)) for n, stage in enumerate(STAGES)]
    figure, axes = plt.subplots(2, len(images), figsize=(2.4 * len(images), 5.0), height_ratios=(2, 1))
    for (name, image), (shown, counted) in zip(images, axes.T, strict=True):
        pixels = np.asarray(image)
        low, high = np.percentile(pixels, (0.5, 99.0))
        shown.imshow(pixels[64:192, 64:192], cmap="gray_r", vmin=low, vmax=high)
        shown.set_title(name, fontsize=9)
        shown.set_axis_off()
        counted.hist(pixels.ravel(), np.linspace(low - 0.2 * (high - low), high, 80), color="0.3")
        counted.set_yscale("log")
        counted.tick_params(labelsize=7)
    figure.tight_layout()
    figure.savefig(picture, dpi=110)
    faint = np.unravel_index(int(np.argmin(np.abs(photons - np.median(photons)))), photons.shape)
    said = moments(chain[:7], photons)
    print(
        f"a pixel of {photons[faint]:.3g} photons: {said.mean[faint]:.4g} counts, variance {said.variance[faint]:.4g}"
    )
    print(f"wrote {picture}")


if __name__ == "__main__":
    main(*sys.argv[1:2])
