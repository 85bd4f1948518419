"""Several fits of a shot from starts around the given one, of which the best is kept.

Spots narrower than a pixel, with amplitudes that differ from one to the next, have a likelihood of many minima. Their
depths differ by orders of magnitude, so that the right one is known when it is met.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from nbjax.errors import Fault
from nbjax.fit.parameter_set import Free, ParameterSet
from nbjax.parameters import path_of


def check_tries(frees: Sequence[Free], tries: int) -> list[Fault]:
    """What is wrong with a number of tries."""
    if tries < 1:
        return [Fault("tries", f"got {tries}, must be one or more")]
    if tries == 1:
        return []
    shared = [free.path for free in frees if free.shared]
    if shared:
        return [Fault("tries", f"got {tries}, but {shared[0]} is shared; fit it without tries, or not shared")]
    if not any(free.scatter for free in frees):
        return [Fault("tries", f"got {tries} starts that are all the same; give a parameter a scatter")]
    return []


def scattered(chosen: ParameterSet, frees: Sequence[Free], tries: int, seed: int) -> Float[Array, "shots q"]:
    """Theta of every try: 0 for the first of each shot, the others drawn evenly within the scatter.

    Args:
        chosen: the parameters of all tries of all shots.
        frees: what was asked for.
        tries: of each shot.
        seed: of the draws.
    """
    reach = {free.path: free.scatter for free in frees}
    own = np.array([reach[path_of(name)] for name in chosen.own_names])
    scale = np.broadcast_to(np.asarray(chosen.own.scale), np.shape(chosen.own.start))
    drawn = np.random.default_rng(seed).uniform(-1, 1, scale.shape) * own / scale
    drawn[::tries] = 0.0
    return jnp.asarray(drawn)


def best(losses: np.ndarray, alive: np.ndarray, tries: int) -> list[int]:
    """The try of the least loss of each shot, as its number among all tries of all shots.

    Args:
        losses: of every try, shape (shots * tries,).
        alive: whether it ended with a finite loss.
        tries: of each shot.
    """
    each = np.where(alive, losses, np.inf).reshape(-1, tries)
    return [int(i) for i in each.argmin(axis=1) + tries * np.arange(len(each))]
