"""The table of the spots of one lattice: what its pixels say, and what its geometry predicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from nbjax.dataset.partiality import partialities
from nbjax.dataset.shard import Field
from nbjax.dataset.truth import middle_direct_m
from nbjax.experiment import Experiment
from nbjax.geometry.unit_cell import invert_basis
from nbjax.pipeline.compilation import compiled
from nbjax.pipeline.image import complete_scene

_FAINTEST_SPOT = 1.0
"""Photons of the faintest spot of the table."""


@dataclass(frozen=True)
class Shown:
    """What the pixels of an image show of one lattice.

    Attributes:
        indices: nearest Miller indices.
        turn_rad: mean spindle angle of the photons.
        photons: expected, of this lattice alone.
    """

    indices: Int[np.ndarray, "slow fast 3"]
    turn_rad: Float[np.ndarray, "slow fast"]
    photons: Float[np.ndarray, "slow fast"]


def spots_of(number: int, lattice: int, experiment: Experiment, shown: Shown) -> Mapping[str, Field]:
    """The table of one lattice: its pixels gathered by their nearest index.

    Args:
        number: of the image.
        lattice: its number, from 0.
        experiment: of this lattice alone.
        shown: what its pixels show.
    """
    low = shown.indices.min((0, 1))
    sizes = shown.indices.max((0, 1)) - low + 1
    place = np.ravel_multi_index(tuple(np.moveaxis(shown.indices - low, -1, 0)), tuple(sizes)).ravel()
    photons = np.asarray(shown.photons, float)
    sums = np.bincount(place, photons.ravel(), int(np.prod(sizes)))
    found = np.flatnonzero(sums >= _FAINTEST_SPOT)
    slow, fast = np.indices(photons.shape) + 0.5

    def mean(values: np.ndarray) -> np.ndarray:
        return np.asarray(np.bincount(place, (photons * values).ravel(), len(sums))[found] / sums[found])

    hkl = np.stack(np.unravel_index(found, tuple(sizes)), -1) + low
    predicted, wavelength_A, partiality = _predictions(experiment, hkl)
    count = len(hkl)
    return {
        "image": Field(np.full(count, number, np.int64), "", "number of the image in the dataset"),
        "lattice": Field(np.full(count, lattice + 1, np.uint16), "", "number of the lattice, from 1"),
        "miller_index": Field(hkl.astype(np.int32), "", "h, k, l"),
        "centroid": Field(
            np.stack([mean(fast), mean(slow)], -1),
            "pixel",
            "(fast, slow) of the expected photons, the first pixel from 0 to 1",
        ),
        "phi": Field(np.degrees(mean(shown.turn_rad)), "degree", "mean spindle angle of the expected photons"),
        "intensity": Field(sums[found], "", "expected photons, summed over the pixels that are nearest to the index"),
        "partiality": Field(
            partiality,
            "",
            "fraction of the reflection's rocking curve that a rotation exposure records; of a still, its height over "
            "the largest",
        ),
        "predicted": Field(
            predicted,
            "pixel",
            "(fast, slow), the first pixel from 0 to 1: where the ray along incident plus reciprocal vector meets the "
            "panel, in the middle of the exposure and at the central wavelength",
        ),
        "wavelength": Field(wavelength_A, "angstrom", "at which the reflection meets Bragg's condition exactly"),
    }


def _predictions(experiment: Experiment, hkl: Int[np.ndarray, "n 3"]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    # a table of one length for many images shares its program
    padded = np.zeros((max(256, 1 << (len(hkl) - 1).bit_length() if len(hkl) else 0), 3))
    padded[: len(hkl)] = hkl
    with jax.enable_x64(True):
        places, wavelength_A, partiality = (np.asarray(part) for part in _predict(experiment, jnp.asarray(padded)))
    return places[: len(hkl)], wavelength_A[: len(hkl)], partiality[: len(hkl)]


@compiled
def _predict(
    experiment: Experiment, hkl: Float[Array, "n 3"]
) -> tuple[Float[Array, "n 2"], Float[Array, " n"], Float[Array, " n"]]:
    """Place (fast, slow) in pixels, wavelength in A, and partiality."""
    beam, panel, size = experiment.beam, complete_scene(experiment).panel, experiment.panel.pixel_size_m
    incident = jnp.asarray(beam.direction)
    reciprocal = hkl @ invert_basis(middle_direct_m(experiment))
    squared = (reciprocal**2).sum(-1)
    wavelength_m = jnp.where(squared > 0, -2 * reciprocal @ incident / jnp.where(squared > 0, squared, 1), 0)
    diffracted = incident / beam.wavelength_m + reciprocal
    point = diffracted * (panel.origin_m @ panel.normal / (diffracted @ panel.normal))[:, None] - panel.origin_m
    place = jnp.stack([point @ panel.fast / size, point @ panel.slow / size], -1)
    return place, wavelength_m * 1e10, partialities(experiment, hkl)
