"""Shoeboxes of one still before and after refinement: the pixels, the model at the start and the model at the end.

``python examples/refined_spots.py`` writes ``refined_stills.png``.
"""

from __future__ import annotations

from pathlib import Path

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

from nbjax.refine.equations import equations
from nbjax.refine.inputs import read_frame, read_inputs
from nbjax.refine.parameters import COUNT
from nbjax.refine.run import Run, refine_still, shot_of
from nbjax.refine.settings import load_refine
from nbjax.refine.shoeboxes import Marks, cut
from nbjax.refine.start import shared_experiment, start_of

FOLDER = Path(__file__).parent / "dials_stills"
SHOWN, STILL, CROP = 10, 5, 3


def main() -> None:
    """Refine one still and draw its strongest spots."""
    told, settings = load_refine(FOLDER / "refine.toml")
    inputs = read_inputs(str(FOLDER / "indexed.expt"), str(FOLDER / "indexed.refl"), [], settings)
    run = Run(inputs, shared_experiment(inputs.stills[STILL], told), settings)
    found = refine_still(run, STILL)
    bright = np.argsort(-found.photons)[:SHOWN]
    spots = Marks(found.hkl[bright], found.panel[bright], found.centre[bright])
    photons, usable = read_frame(inputs, STILL, settings)
    boxes = cut(photons, usable, spots, spots.of(np.zeros(0, int)), settings.box_px, SHOWN)
    start = start_of(inputs.stills[STILL], run.experiment, settings)
    shot = shot_of(start, boxes)
    weights = shot.valid / (shot.data + 1.0)
    rows = [boxes.data]
    for departure in (np.zeros(COUNT), found.departure):
        # the scale at the start is unknown, and that of the end is as good
        departure = np.where(np.arange(COUNT) == 0, found.departure, departure)
        ones = jnp.ones(COUNT)
        heights = jnp.full(len(boxes.hkl), 1e-3)
        made = equations(run.experiment, shot, weights, jnp.asarray(departure), ones, jnp.asarray(1.0), heights)
        rows.append(np.asarray(made.boxes.model))
    figure, axes = plt.subplots(3, len(boxes.rows), figsize=(1.1 * len(boxes.rows), 3.7), squeeze=False)
    for row, (images, name) in enumerate(zip(rows, ("pixels", "start", "refined"), strict=True)):
        for column, axis in enumerate(axes[row]):
            axis.imshow(
                np.sqrt(np.maximum(images[column], 0)), cmap="cividis", vmin=0, vmax=np.sqrt(boxes.data[column].max())
            )
            axis.set_xticks([])
            axis.set_yticks([])
            if row == 0:
                axis.set_title(" ".join(map(str, boxes.hkl[column].astype(int))), fontsize=7)
        axes[row][0].set_ylabel(name, fontsize=8)
    figure.tight_layout(pad=0.4)
    figure.savefig("refined_stills.png", dpi=110)


if __name__ == "__main__":
    jax.config.update("jax_enable_x64", True)
    main()
