"""The table of the spots of one lattice: what its pixels say, and what its geometry predicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from nbjax.dataset.shard import Field
from nbjax.dataset.truth import middle_direct_m
from nbjax.experiment import Experiment
from nbjax.geometry.unit_cell import invert_basis
from nbjax.pipeline.compilation import compiled
from nbjax.pipeline.image import complete_scene
from nbjax.pipeline.partiality import partialities
from nbjax.pipeline.spots.equivalent import equivalent
from nbjax.pipeline.spots.listing import half_turns, panels_met, placed_on_all, shares

_FAINTEST_SPOT = 1.0
"""Photons of the faintest spot of the table."""


@dataclass(frozen=True)
class Shown:
    """What the pixels of an image show that one lattice lights up.

    Attributes:
        at: (slow, fast), or (panel, slow, fast).
        indices: nearest Miller indices.
        turn_rad: mean spindle angle of the photons.
        photons: expected, of this lattice alone.
    """

    at: Int[np.ndarray, "n axes"]
    indices: Int[np.ndarray, "n 3"]
    turn_rad: Float[np.ndarray, " n"]
    photons: Float[np.ndarray, " n"]

    @property
    def panels(self) -> Int[np.ndarray, " n"] | None:
        """Number of the panel of each pixel where there are several."""
        return self.at[:, 0] if self.at.shape[1] > 2 else None


def spots_of(number: int, lattice: int, experiment: Experiment, shown: Shown) -> Mapping[str, Field]:
    """The table of one lattice: its pixels gathered by their nearest index, on each panel apart.

    Args:
        number: of the image.
        lattice: its number, from 0.
        experiment: of this lattice alone.
        shown: what its pixels show.
    """
    found = _gathered(shown)
    hkl, panel = found.hkl, None if shown.panels is None else found.panel
    seen = _predictions(experiment, hkl, panel)
    count = len(hkl)
    panels = (
        {}
        if panel is None
        else {
            "panel": Field(panel.astype(np.int32), "", "number of the panel, from 0, of the photons"),
            "predicted_panel": Field(
                seen.panel.astype(np.int32),
                "",
                "of the panel that the predicted ray meets; of one that meets none, panel",
            ),
        }
    )
    return {
        "image": Field(np.full(count, number, np.int64), "", "number of the image in the dataset"),
        "lattice": Field(np.full(count, lattice + 1, np.uint16), "", "number of the lattice, from 1"),
        "miller_index": Field(hkl.astype(np.int32), "", "h, k, l"),
        **panels,
        "centroid": Field(found.centroid, "pixel", "(fast, slow) of the expected photons, the first pixel from 0 to 1"),
        "phi": Field(np.degrees(found.turn_rad), "degree", "mean spindle angle of the expected photons"),
        "intensity": Field(found.photons, "", "expected photons, summed over the pixels that are nearest to the index"),
        "partiality": Field(
            seen.partiality,
            "",
            "fraction of the reflection's rocking curve that a rotation exposure records; of a still, its height over "
            "the largest",
        ),
        "predicted": Field(
            seen.place,
            "pixel",
            "(fast, slow), the first pixel from 0 to 1: where the ray along incident plus reciprocal vector meets the "
            "panel, in the middle of the exposure and at the central wavelength",
        ),
        "wavelength": Field(seen.wavelength_A, "angstrom", "at which the reflection meets Bragg's condition exactly"),
    }


@dataclass(frozen=True)
class _Gathered:
    """Of each spot: panel, index, photons, (fast, slow) and spindle angle of the mean photon."""

    panel: np.ndarray
    hkl: np.ndarray
    photons: np.ndarray
    centroid: np.ndarray
    turn_rad: np.ndarray


def _gathered(shown: Shown) -> _Gathered:
    """The pixels of each index on each panel together, where they are bright enough."""
    panels = np.zeros(len(shown.at), int) if shown.panels is None else shown.panels
    keys = np.concatenate([panels[:, None], shown.indices], 1, dtype=np.int64)
    low = keys.min(0, initial=0)
    sizes = tuple(keys.max(0, initial=0) - low + 1)
    place = np.ravel_multi_index(tuple((keys - low).T), sizes)
    sums = np.bincount(place, shown.photons, int(np.prod(sizes)))
    found = np.flatnonzero(sums >= _FAINTEST_SPOT)
    # most spots are too faint, and indices many more than spots
    row = np.zeros(len(sums), np.int32)
    row[found] = np.arange(1, len(found) + 1)
    of_pixels = row[place]
    kept = np.flatnonzero(of_pixels)
    rows, photons = of_pixels[kept] - 1, shown.photons[kept]

    def mean(values: np.ndarray) -> np.ndarray:
        return np.asarray(np.bincount(rows, photons * values[kept], len(found)) / sums[found])

    panel, *hkl = np.stack(np.unravel_index(found, sizes)) + low[:, None]
    slow, fast = shown.at[:, -2], shown.at[:, -1]
    centroid = np.stack([mean(fast + 0.5), mean(slow + 0.5)], -1)
    return _Gathered(panel, np.stack(hkl, -1), sums[found], centroid, mean(shown.turn_rad))


@dataclass(frozen=True)
class _Predicted:
    """Of each spot: place (fast, slow) in pixels, wavelength, partiality, and number of the panel of the place."""

    place: np.ndarray
    wavelength_A: np.ndarray
    partiality: np.ndarray
    panel: np.ndarray


def _predictions(experiment: Experiment, hkl: Int[np.ndarray, "n 3"], own: np.ndarray | None) -> _Predicted:
    """What the geometry says; ``own`` are the panels of the photons where there are several."""
    # a table of one length for many images shares its program
    padded = np.zeros((max(256, 1 << (len(hkl) - 1).bit_length() if len(hkl) else 0), 3))
    padded[: len(hkl)] = hkl
    with jax.enable_x64(True):
        turns = half_turns(experiment.crystal.spindle)
        found = (np.asarray(part)[: len(hkl)] for part in _predict(experiment, jnp.asarray(padded), turns))
    places, met, wavelength_A, partiality = found
    panel = np.where(met >= 0, met, np.zeros(len(hkl), int) if own is None else own)
    return _Predicted(places[np.arange(len(hkl)), panel], wavelength_A, partiality, panel)


@partial(compiled, static_argnames=("turns",))
def _predict(
    experiment: Experiment, hkl: Float[Array, "n 3"], turns: int
) -> tuple[Float[Array, "n panels 2"], Int[Array, " n"], Float[Array, " n"], Float[Array, " n"]]:
    """Place (fast, slow) in pixels on each panel's plane, the panel that is met, wavelength in A, and partiality."""
    beam = experiment.beam
    incident = jnp.asarray(beam.direction)
    reciprocal = hkl @ invert_basis(middle_direct_m(experiment))
    squared = (reciprocal**2).sum(-1)
    wavelength_m = jnp.where(squared > 0, -2 * reciprocal @ incident / jnp.where(squared > 0, squared, 1), 0)
    diffracted = incident / beam.wavelength_m + reciprocal
    diffracted /= jnp.linalg.norm(diffracted, axis=-1, keepdims=True)
    scene = complete_scene(experiment)
    places, _ = placed_on_all(experiment, scene, diffracted)
    closed = experiment.crystal.model == "closed"
    partiality = shares(equivalent(experiment), hkl, turns) if closed else partialities(experiment, hkl)
    met = panels_met(experiment, scene, diffracted)
    return places.swapaxes(0, 1), met, wavelength_m * 1e10, partiality
