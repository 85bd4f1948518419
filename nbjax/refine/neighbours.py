"""Lattices that share an image: each is refined beside the photons of the others, in turns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from nbjax.errors import NbjaxError
from nbjax.pipeline.compilation import compiled
from nbjax.pipeline.spots.prediction import predict
from nbjax.pipeline.spots.table import Spots
from nbjax.refine.model import box_photons, features_of
from nbjax.refine.outcome import ShotResult, failed
from nbjax.refine.parameters import departed
from nbjax.refine.run import Run, finish_still, within_priors
from nbjax.refine.start import start_of

_TURNS = 2
_LEAST_PHOTONS = 0.1


def refine_beside(run: Run, shots: Sequence[ShotResult], say: Callable[[str], None]) -> list[ShotResult]:
    """Refine the lattices of images that have several once more, from where they are.

    Args:
        run: of which.
        shots: each lattice refined by itself, in the order of the inputs.
        say: is told what is being done.
    """
    found, frames = list(shots), run.inputs.frames
    lattices = Counter(frames)
    shared = [place for place, frame in enumerate(frames) if lattices[frame] > 1]
    for _ in range(_TURNS if shared else 0):
        for count, place in enumerate(shared, 1):
            if not found[place].departure.size:
                continue
            say(f"lattice {count} of {len(shared)} beside others")
            try:
                beside = photons_beside(run, place, found)
                found[place] = finish_still(run, place, found[place].departure, beside)
            except NbjaxError as error:
                found[place] = failed(found[place].number, str(error))
    return found


def photons_beside(run: Run, place: int, shots: Sequence[ShotResult]) -> Float[np.ndarray, "panel slow fast"] | None:
    """Photons of the other lattices on the image of a still; None where it has none.

    Args:
        run: of which.
        place: of the still in the inputs.
        shots: of all stills, in the order of the inputs.
    """
    frames = run.inputs.frames
    others = [i for i, frame in enumerate(frames) if frame == frames[place] and i != place]
    known = [i for i in others if shots[i].departure.size and within_priors(run.settings, shots[i].departure)]
    return sum(_lattice(run, i, shots[i]) for i in known) if known else None  # type: ignore[return-value]


def _lattice(run: Run, place: int, shot: ShotResult) -> Float[np.ndarray, "panel slow fast"]:
    """Photons of a lattice, whose spots are as high as they were seen."""
    size, still = run.settings.box_px, run.inputs.stills[place]
    start = start_of(still, run.experiment, run.settings)
    predicted = predict(departed(run.experiment, start, jnp.asarray(shot.departure)), capacity=run.capacity)
    spots, photons = jax.tree.map(np.asarray, (predicted, _photons(predicted, size)))
    heights = _heights(shot, run.settings.factor_error)
    panels = still.experiment.panels
    fast, slow = panels[0].pixels
    # wide enough for boxes that reach beyond the panel
    image = np.zeros((len(panels), slow + 2 * size, fast + 2 * size))
    for row in np.flatnonzero(spots.photons[: int(spots.count)] > _LEAST_PHOTONS):
        hkl = tuple(spots.miller_index[row].tolist())
        left, top = np.floor(spots.centre[row]).astype(int) - size // 2 + size
        inside = 0 <= left <= fast + size and 0 <= top <= slow + size
        if inside and any(hkl):
            image[spots.panel[row], top : top + size, left : left + size] += heights.get(hkl, 1.0) * photons[row]
    return image[:, size:-size, size:-size]


@partial(compiled, static_argnames=("size",))
def _photons(spots: Spots, size: int) -> Float[Array, "n s s"]:
    """Of spots on the pixels about them."""
    features = features_of(spots, jnp.floor(spots.centre) - size // 2, size)
    return jax.vmap(lambda feature: box_photons(feature, size)[0])(features)


def _heights(shot: ShotResult, height_sigma: float) -> dict[tuple[int, ...], float]:
    """Heights of the spots that were looked at over the model's, which hold them within a standard deviation."""
    model = np.maximum(shot.model, 1e-30)
    weight = np.maximum(shot.photons_sigma / model, 1e-6) ** -2
    height = (weight * shot.photons / model + height_sigma**-2) / (weight + height_sigma**-2)
    return dict(zip(map(tuple, shot.hkl.tolist()), np.maximum(height, 0).tolist(), strict=True))
