"""A still from a perfect crystal to what a CCD on a taper writes: the image after each step, and its histogram.

python examples/recorded_still.py [PICTURE.png]
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import jax
import matplotlib
import numpy as np

import nbjax
from nbjax.config.tree import Background, Beam, Config, Crystal, Detector, Shadow, Stage
from nbjax.physics.readout import moments, record
from nbjax.preparation.record import recording
from nbjax.resolve import resolve

matplotlib.use("Agg")
import matplotlib.pyplot as plt

STAGES = (
    Stage("flicker", sigma_percent=2.0),
    Stage("poisson"),
    Stage("point_spread", form="fiber", fwhm_um=170.0),
    Stage("calibration", gain_percent=3.0),
    Stage("dark_current", electrons_per_s=20.0, electrons_per_photon=7.0),
    Stage("gain", counts_per_photon=1.8, pedestal_counts=40.0),
    Stage("readout", sigma_counts=3.0),
    Stage("hot_and_dead", hot_percent=0.02, hot_counts=5000.0, dead_percent=0.02),
    Stage("saturation", limit_counts=20000.0, overload_counts=65535.0),
    Stage("quantize", bits=16, rounding="down"),
)
SHOWN = {"counted": 2, "spread in the phosphor": 3, "gain, pedestal, noise": 7, "recorded": len(STAGES)}
"""Pictures of the record, each after so many stages."""
PERFECT = Config(
    beam=Beam(wavelength_A=1.0, flux_photons_per_s=1e12, exposure_s=0.004, beamsize_mm=0.04, polarization=0.98),
    crystal=Crystal(
        coordinates_file=str(Path(__file__).parents[1] / "nbjax" / "data" / "2erl.pdb"),
        coordinates_resolution_A=1.4,
        misset_deg=(40.0, 10.0, 70.0),
        cells=(40.0, 80.0, 80.0),
        volume_um3=64000.0,
        model="closed",
    ),
    detector=Detector(convention="xds", distance_mm=70.0, pixel_mm=0.172, pixels_fast=400, pixels_slow=400),
    precision="mixed",
    record=STAGES,
)
REAL = replace(
    PERFECT,
    beam=replace(PERFECT.beam, bandwidth_percent=0.6),
    crystal=replace(PERFECT.crystal, mosaicity_deg=0.25),
)
IN_WATER = replace(
    REAL,
    background=(
        Background(material="water", thickness_mm=0.02),
        Background(material="air", thickness_mm=25.0),
        Background(material="ice", thickness_mm=0.0006),
    ),
)
BEHIND_STOP = replace(
    IN_WATER,
    shadow=(
        Shadow(distance_mm=25.0, diameter_mm=3.0),
        Shadow(kind="arm", distance_mm=25.0, width_mm=0.6, angle_deg=-70.0),
    ),
)
STILLS = {
    "a perfect crystal": PERFECT,
    "mosaicity and bandwidth": REAL,
    "water, air and ice": IN_WATER,
    "beamstop": BEHIND_STOP,
}


def main(picture: str = "recorded_still.png") -> None:
    """Draw the image after each step, and say what the stages say of a pixel of the background."""
    jax.config.update("jax_enable_x64", True)
    images = {name: nbjax.simulate(nbjax.prepare(config)) for name, config in STILLS.items()}
    photons = images["beamstop"]
    chain, key = recording(resolve(BEHIND_STOP)).stages, jax.random.key(1)
    images |= {name: record(chain[:count], key, photons) for name, count in SHOWN.items()}
    figure, axes = plt.subplots(4, 4, figsize=(12, 9.2), height_ratios=(4, 1, 4, 1), layout="constrained")
    for number, (name, image) in enumerate(images.items()):
        row, column = divmod(number, 4)
        draw(axes[2 * row, column], axes[2 * row + 1, column], name, np.asarray(image), counts=number > 5)
    figure.savefig(picture, dpi=80)
    faint = np.unravel_index(int(np.argmin(np.abs(photons - np.median(photons)))), photons.shape)
    said = moments(chain[:7], photons)
    print(
        f"a pixel of {photons[faint]:.3g} photons: {said.mean[faint]:.4g} counts, variance {said.variance[faint]:.4g}"
    )
    print(f"wrote {picture}")


def draw(shown: plt.Axes, counted: plt.Axes, name: str, image: np.ndarray, counts: bool) -> None:
    """An image above the histogram of its pixels; counts are shown above their pedestal."""
    above = image - 40.0 if counts else image
    per_photon = 1.8 if counts else 1.0
    shown.imshow(np.sqrt(np.clip(above / per_photon, 0, 60)), cmap="gray_r", vmin=0, vmax=np.sqrt(60))
    shown.set_title(name, fontsize=11)
    shown.set_axis_off()
    counted.hist(np.clip(image, -10, 210).ravel(), np.linspace(-10, 210, 111), color="0.3")
    counted.set_yscale("log")
    counted.set_ylim(0.7, 3e5)
    counted.set_xlabel("counts" if counts else "photons", fontsize=8)
    counted.tick_params(labelsize=7)


if __name__ == "__main__":
    main(*sys.argv[1:2])
