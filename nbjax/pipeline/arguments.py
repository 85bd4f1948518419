"""What the public functions of the pipeline are given, checked before anything is traced."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Int

from nbjax.errors import ArgumentError
from nbjax.experiment import Experiment, Grid


def one_experiment(value: Any) -> Experiment:
    """The experiment.

    Raises:
        ArgumentError: it is none, or several.
    """
    if _stacked(_experiment(value)):
        raise ArgumentError(
            "got the experiments of nbjax.stack, one is wanted; nbjax.simulate_batch renders them, and jax.vmap maps "
            "any function over them"
        )
    return value


def stacked_experiments(value: Any) -> Experiment:
    """Experiments that ``nbjax.stack`` put together.

    Raises:
        ArgumentError: it is none, or a single one.
    """
    if not _stacked(_experiment(value)):
        raise ArgumentError(
            "got a single experiment; nbjax.simulate renders one, nbjax.stack([experiment]) makes it many"
        )
    return value


def pixels_of(grid: Grid, pixels: Any) -> Int[Array, "n 2"]:
    """(slow, fast) of pixels.

    Where they are traced, only their shape and type are known, and checked.

    Raises:
        ArgumentError: their shape is not (n, 2), they are not whole numbers, or one lies outside the image.
    """
    if isinstance(pixels, Sequence) and not pixels:
        pixels = np.zeros((0, 2), int)
    traced = any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(pixels))
    try:
        given: Any = jnp.asarray(pixels) if traced else np.asarray(pixels)
    except (TypeError, ValueError):
        raise ArgumentError(f"pixels must have the shape (n, 2), slow and fast of each pixel; got {pixels!r}") from None
    if given.ndim != 2 or given.shape[1] != 2:
        raise ArgumentError(f"pixels must have the shape (n, 2), slow and fast of each pixel; got {given.shape}")
    whole = np.issubdtype(given.dtype, np.integer)
    if not traced and np.issubdtype(given.dtype, np.floating):
        whole = bool((given == np.floor(given)).all())
    if not whole:
        raise ArgumentError(f"pixels must be whole numbers; got {given.dtype}, round them")
    if traced:
        return given.astype(jnp.int32)
    outside = ((given < 0) | (given >= (grid.slow, grid.fast))).any(axis=1)
    if outside.any():
        slow, fast = given[outside.argmax()]
        valid = f"slow 0 to {grid.slow - 1} and fast 0 to {grid.fast - 1}"
        raise ArgumentError(f"pixel (slow, fast) = ({slow}, {fast}) lies outside the image; give {valid}")
    return jnp.asarray(given, jnp.int32)


def _experiment(value: Any) -> Experiment:
    if not isinstance(value, Experiment):
        raise ArgumentError(f"got {_name(value)}, an Experiment is wanted; {_remedy(value)}")
    for noun, terms in (("crystals", value.crystals), ("backgrounds", value.backgrounds)):
        if not isinstance(terms, tuple | list):
            raise ArgumentError(f"{noun} of the experiment: got {_name(terms)}, a tuple is wanted, () for none")
    return value


def _stacked(experiment: Experiment) -> bool:
    return np.ndim(experiment.beam.fluence_photons_per_m2) > 0


def _name(value: Any) -> str:
    return repr(value) if isinstance(value, str) else type(value).__name__


def _remedy(value: Any) -> str:
    if isinstance(value, str | os.PathLike):
        return "read and prepare it: nbjax.prepare(nbjax.load_config(path))"
    if isinstance(value, list | tuple):
        return "nbjax.simulate_batch(nbjax.stack(experiments)) renders several of equal structure"
    return "nbjax.prepare(config) makes one"
