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


def pixels_of(grid: Grid, pixels: Any) -> Int[Array, "n axes"]:
    """(slow, fast) of pixels, or (panel, slow, fast) where the detector has several panels.

    Where they are traced, only their shape and type are known, and checked.

    Raises:
        ArgumentError: their shape is not (n, 2), or (n, 3), they are not whole numbers, or one lies outside the image.
    """
    axes = ("slow", "fast") if grid.panels == 1 else ("panel", "slow", "fast")
    wanted = f"pixels must have the shape (n, {len(axes)}), {', '.join(axes[:-1])} and fast of each pixel"
    if isinstance(pixels, Sequence) and not pixels:
        pixels = np.zeros((0, len(axes)), int)
    traced = any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(pixels))
    try:
        given: Any = jnp.asarray(pixels) if traced else np.asarray(pixels)
    except (TypeError, ValueError):
        raise ArgumentError(f"{wanted}; got {pixels!r}") from None
    if given.ndim != 2 or given.shape[1] != len(axes):
        raise ArgumentError(f"{wanted}; got {given.shape}")
    whole = np.issubdtype(given.dtype, np.integer)
    if not traced and np.issubdtype(given.dtype, np.floating):
        whole = bool((given == np.floor(given)).all())
    if not whole:
        raise ArgumentError(f"pixels must be whole numbers; got {given.dtype}, round them")
    if traced:
        return given.astype(jnp.int32)
    outside = ((given < 0) | (given >= grid.shape)).any(axis=1)
    if outside.any():
        at = ", ".join(str(i) for i in given[outside.argmax()])
        valid = [f"{axis} 0 to {size - 1}" for axis, size in zip(axes, grid.shape, strict=True)]
        raise ArgumentError(
            f"pixel ({', '.join(axes)}) = ({at}) lies outside the image; give {', '.join(valid[:-1])} and {valid[-1]}"
        )
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
