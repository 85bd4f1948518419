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
    """What the pixels of an image show of one lattice.

    Attributes:
        indices: nearest Miller indices.
        turn_rad: mean spindle angle of the photons.
        photons: expected, of this lattice alone.
    """

    indices: Int[np.ndarray, "*image 3"]
    turn_rad: Float[np.ndarray, "*image"]
    photons: Float[np.ndarray, "*image"]

    @property
    def panels(self) -> list[Shown]:
        """What each of several panels shows, or all of it for one."""
        if self.photons.ndim == 2:
            return [self]
        return [Shown(*parts) for parts in zip(self.indices, self.turn_rad, self.photons, strict=True)]


def spots_of(number: int, lattice: int, experiment: Experiment, shown: Shown) -> Mapping[str, Field]:
    """The table of one lattice: its pixels gathered by their nearest index, on each panel apart.

    Args:
        number: of the image.
        lattice: its number, from 0.
        experiment: of this lattice alone.
        shown: what its pixels show.
    """
    several = shown.photons.ndim == 3
    tables = [_gathered(of_panel) for of_panel in shown.panels]
    hkl, sums, centroid, turn_rad = map(np.concatenate, zip(*tables, strict=True))
    panel = np.repeat(np.arange(len(tables)), [len(table[0]) for table in tables]) if several else None
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
        "centroid": Field(centroid, "pixel", "(fast, slow) of the expected photons, the first pixel from 0 to 1"),
        "phi": Field(np.degrees(turn_rad), "degree", "mean spindle angle of the expected photons"),
        "intensity": Field(sums, "", "expected photons, summed over the pixels that are nearest to the index"),
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


def _gathered(shown: Shown) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Spots of one panel: h, k, l, photons, centroid (fast, slow) and mean spindle angle."""
    whole = np.asarray(shown.photons, float).ravel()
    lit = np.flatnonzero(whole)
    photons, index = whole[lit], shown.indices.reshape(-1, 3)[lit].astype(np.int64)
    low = index.min(0, initial=0)
    sizes = index.max(0, initial=0) - low + 1
    place = np.ravel_multi_index(tuple((index - low).T), tuple(sizes))
    sums = np.bincount(place, photons, int(np.prod(sizes)))
    found = np.flatnonzero(sums >= _FAINTEST_SPOT)
    slow, fast = np.divmod(lit, shown.photons.shape[1])

    def mean(values: np.ndarray) -> np.ndarray:
        return np.asarray(np.bincount(place, photons * values, len(sums))[found] / sums[found])

    hkl = np.stack(np.unravel_index(found, tuple(sizes)), -1) + low
    return hkl, sums[found], np.stack([mean(fast + 0.5), mean(slow + 0.5)], -1), mean(shown.turn_rad.ravel()[lit])


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
