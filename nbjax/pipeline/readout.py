"""Recording of images of numbers, compiled."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from nbjax.physics.noise import EXPANSION_FROM, expanded_counts, summed_counts, uniforms_at
from nbjax.physics.readout import Poisson, Readout, keys_of, record
from nbjax.pipeline.compilation import compiled

_AT_ONCE = 1 << 10, 1 << 13
"""Pixels that are counted at once, where these are few and where they are many."""
_FEW_LIT = 0.25
"""The part of an image up to which its lit pixels are counted by themselves, as gathering them takes time too."""
_FEWER = {0.5: 18, 2.0: 27, 8.0: 47, EXPANSION_FROM: 96}
"""Terms of the sum up to each number of photons; what is not among them is less likely than 2^-53."""


def recorded(
    stages: Sequence[Readout], key: Array, photons: Float[np.ndarray, "*image"]
) -> Float[np.ndarray, "*image"]:
    """As ``nbjax.physics.readout.record``, number for number, in 64 bits.

    Where Poisson counts come first and most pixels are dark, these cost nothing, and faint ones little.

    Args:
        stages: in the order in which they act.
        key: a JAX random key of Threefry, of the image.
        photons: expected photons of each pixel.
    """
    with jax.enable_x64(True):
        if stages and type(stages[0]) is Poisson and np.count_nonzero(photons > 0) < _FEW_LIT * np.size(photons):
            first, *rest = _keys_of(stages, key)
            counts = _counts(first, photons)
            return np.asarray(_after(stages[1:], rest, counts)) if rest else counts
        return np.asarray(_record(stages, key, jnp.asarray(photons, float)))


_record = compiled(record)
_keys_of = compiled(keys_of)


@compiled
def _after(stages: Sequence[Readout], keys: Sequence[Array], image: Any) -> Float[Array, "*image"]:
    for stage, key in zip(stages, keys, strict=True):
        image = stage.record(key, image)
    return image


def _counts(key: Array, photons: Float[np.ndarray, "*image"]) -> Float[np.ndarray, "*image"]:
    """As ``poisson_counts``, pixels of about equally many photons together."""
    flat = np.ravel(photons).astype(float, copy=False)
    counts = np.zeros(flat.shape)
    # what is no number is counted too
    lit = np.flatnonzero(~(flat <= 0))
    kinds = np.searchsorted(list(_FEWER), flat[lit], "right")
    for kind, terms in enumerate([*_FEWER.values(), None]):
        own = lit[kinds == kind]
        for first in range(0, len(own), _AT_ONCE[-1]):
            at = own[first : first + _AT_ONCE[-1]]
            padded = np.resize(at, next(size for size in _AT_ONCE if len(at) <= size))
            drawn = _counts_at(key, padded, flat[padded], terms=terms)
            counts[at] = np.asarray(drawn)[: len(at)]
    return counts.reshape(photons.shape)


@partial(compiled, static_argnames=("terms",))
def _counts_at(key: Array, places: Any, photons: Any, terms: int | None) -> Float[Array, " n"]:
    """Counts of pixels by their number, by so many terms of the sum, or by the expansion."""
    uniform = uniforms_at(key, places)
    return expanded_counts(photons, uniform) if terms is None else summed_counts(photons, uniform, terms)
