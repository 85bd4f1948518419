"""A crystal with mosaicity: 10, 100 and 10,000 sampled domains beside the closed form, with the seconds of each.

python examples/closed_crystal.py [PICTURE.png]
"""

from __future__ import annotations

import sys
import time
import warnings

import jax
import numpy as np

import nbjax
from nbjax.config.tree import Beam, Config, Crystal, Detector, Sampling
from nbjax.io.png import grey, write_png

DOMAINS = (10, 100, 10_000)
GAP = 4


def config(model: str, domains: int | None = None) -> Config:
    """A still of a crystal like lysozyme's, its spots smeared by 0.3 degrees."""
    return Config(
        beam=Beam(wavelength_A=1.0, flux_photons_per_s=1e12, exposure_s=0.1, beamsize_mm=0.05),
        crystal=Crystal(
            model="closed" if model == "closed" else "sampled",
            cell_A=(79.0, 79.0, 38.0),
            default_F=100.0,
            cells=(40.0, 40.0, 40.0),
            shape="gauss",
            misset_deg=(10.0, 20.0, 30.0),
            mosaicity_deg=0.3,
            volume_um3=1e4,
        ),
        detector=Detector(
            distance_mm=150.0, pixel_mm=0.1, pixels_fast=256, pixels_slow=256, beam_x_mm=-10.0, beam_y_mm=-10.0
        ),
        sampling=Sampling(mosaic_domains=domains, oversample=None if model == "closed" else 4),
        precision="mixed",
    )


def timed(experiment: nbjax.Experiment) -> tuple[np.ndarray, float]:
    """The image, and the seconds that it takes once it is compiled."""
    nbjax.simulate(experiment).block_until_ready()
    start = time.perf_counter()
    image = nbjax.simulate(experiment).block_until_ready()
    return np.asarray(image), time.perf_counter() - start


def main(name: str) -> None:
    """Print the seconds and differences, and write the picture."""
    jax.config.update("jax_enable_x64", True)
    with warnings.catch_warnings():
        # few domains are warned of
        warnings.simplefilter("ignore")
        closed, seconds = timed(nbjax.prepare(config("closed")))
        images = [timed(nbjax.prepare(config("sampled", count))) for count in DOMAINS]
    for count, (image, taken) in zip(DOMAINS, images, strict=True):
        largest = np.abs(image - closed).max() / closed.max()
        total = image.sum() / closed.sum() - 1
        print(
            f"{count:6d} domains: {taken:8.3f} s, largest difference {largest:.1%} of the maximum, total {total:+.2%}"
        )
    print(f"closed form   : {seconds:8.4f} s")
    panes = [image for image, _ in images] + [closed]
    gap = np.full((closed.shape[0], GAP), closed.max())
    row = np.concatenate([part for pane in panes for part in (pane, gap)][:-1], axis=1)
    # square roots, so that faint spots show
    write_png(name, grey(np.sqrt(row)))
    print(f"wrote {name}: {', '.join(map(str, DOMAINS))} domains, and the closed form")


if __name__ == "__main__":
    main(*(sys.argv[1:] or ["closed_crystal.png"]))
