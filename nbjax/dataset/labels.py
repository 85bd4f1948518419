"""Labels for training: what each pixel and each spot of an image shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int, UInt16

from nbjax.dataset.images import Photons
from nbjax.dataset.section import Labels
from nbjax.dataset.shard import Field
from nbjax.dataset.spots import Shown, spots_of
from nbjax.experiment import Experiment, chosen, in_double
from nbjax.geometry.goniometer import phi_angles_rad
from nbjax.geometry.scattering import miller_indices, scattering_vector
from nbjax.geometry.unit_cell import direct_vectors_m
from nbjax.numerics import Components, components, cross, dot
from nbjax.pipeline.compilation import compiled
from nbjax.pipeline.image import complete_scene, simulate
from nbjax.pipeline.spots.prediction import predict
from nbjax.pipeline.spots.table import Spots
from nbjax.pipeline.view import look, seen_by
from nbjax.pipeline.window import pixels_named

_REACH = 7.0
"""Standard deviations up to which a spot's photons are of one angle."""
_MARGIN_PX = 64.0
"""How far off a panel the middle of a spot may lie whose photons reach it."""
_AT_ONCE = 1 << 14
"""Pixels whose nearest indices are computed at once."""
_MILLER_INDEX = (
    "h, k, l nearest to the pixel's centre, of its brightest lattice, at the mean spindle angle of the pixel's photons"
)


def labels_of(
    background: Callable[[Photons], np.ndarray], photons: Photons, wanted: Labels
) -> tuple[dict[str, Field], dict[str, Field]]:
    """The labels of one image.

    Args:
        background: photons of what is around the lattices of an image, of its shape.
        photons: the image, with its lattices.
        wanted: which labels.

    Returns:
        Maps, of the shape of the image or with a last axis of 3, and columns of the table of spots, a row for each.
    """
    maps: dict[str, Field] = {}
    spots: dict[str, Field] = {}
    if wanted.noise_free:
        maps["noise_free"] = Field(photons.total.astype(np.float32), "", "expected photons")
    water = background(photons) if photons.experiments[0].backgrounds else None
    if wanted.background:
        shown = np.zeros(photons.total.shape) if water is None else water
        maps["background"] = Field(shown.astype(np.float32), "", "expected photons of the water")
    if not (wanted.spots or wanted.miller_index or wanted.lattice):
        return maps, spots
    assert photons.lattices is not None
    bragg = photons.lattices
    if not photons.plan.count:
        # of a blank image, what a dark lattice shows
        bragg = np.zeros((1, *photons.total.shape))
    elif water is not None:
        bragg = bragg.copy()
        bragg[0] -= water
    brightest, most = _brightest(bragg)
    if wanted.lattice:
        shown = (brightest + np.uint16(1)) * (most > 0)
        maps["lattice"] = Field(shown, "", "number, from 1, of the lattice that gives a pixel the most; 0 for none")
    if not (wanted.spots or wanted.miller_index):
        return maps, spots
    with jax.enable_x64(True):
        experiments = [in_double(experiment) for experiment in photons.experiments[: len(bragg)]]
        turns = [mean_turn_rad(experiment) for experiment in experiments]
    if wanted.miller_index:
        maps["miller_index"] = Field(_nearest_of_brightest(experiments, turns, brightest), "", _MILLER_INDEX)
    if wanted.spots:
        tables = [
            spots_of(photons.plan.number, lattice, experiment, _shown(experiment, turns[lattice], bragg[lattice]))
            for lattice, experiment in enumerate(experiments)
        ]
        spots = {
            name: replace(field, values=np.concatenate([table[name].values for table in tables]))
            for name, field in tables[0].items()
        }
    return maps, spots


def _brightest(
    bragg: Float[np.ndarray, "lattices *image"],
) -> tuple[UInt16[np.ndarray, "*image"], Float[np.ndarray, "*image"]]:
    """Number, from 0, of the lattice that gives each pixel the most, the first of equals, and what it gives."""
    most, number = bragg[0], np.zeros(bragg.shape[1:], np.uint16)
    for lattice, photons in enumerate(bragg[1:], 1):
        number[photons > most] = lattice
        most = np.maximum(most, photons)
    return number, most


def _nearest_of_brightest(
    experiments: Sequence[Experiment],
    turns_rad: Sequence[Float[np.ndarray, "..."]],
    brightest: UInt16[np.ndarray, "*image"],
) -> Int[np.ndarray, "*image 3"]:
    """Of every pixel, the index of its brightest lattice."""
    with jax.enable_x64(True):
        images = [
            np.stack(_nearest_of_image(experiment, jnp.asarray(turn)), -1)
            for experiment, turn in zip(experiments, turns_rad, strict=True)
        ]
    nearest = images[0]
    for lattice, own in enumerate(images[1:], 1):
        np.copyto(nearest, own, where=(brightest == lattice)[..., None])
    return nearest


def _shown(experiment: Experiment, turn_rad: Float[np.ndarray, "..."], bragg: Float[np.ndarray, "*image"]) -> Shown:
    """What the pixels show that a lattice lights up."""
    lit = np.stack(np.nonzero(bragg > 0), -1).astype(np.int32)
    at = tuple(lit.T)
    turns = np.broadcast_to(turn_rad, bragg.shape)[at]
    return Shown(lit, _nearest_at(experiment, turns, lit), turns, bragg[at].astype(float))


def mean_turn_rad(experiment: Experiment) -> Float[np.ndarray, "..."]:
    """Mean spindle angle at which each pixel gets its photons; the middle of the exposure where there are none.

    One angle for all pixels where nothing turns.
    """
    spindle, shape = experiment.crystal.spindle, experiment.grid.shape
    middle = float(experiment.crystal.middle_rad)
    if spindle.steps == 1:
        return np.asarray(middle)
    if experiment.crystal.model == "closed":
        return _turn_of_spots_rad(experiment)
    angles = np.asarray(phi_angles_rad(spindle))
    total, turned = np.zeros(shape), np.zeros(shape)
    alone = chosen(experiment, backgrounds=())
    for angle in angles:
        still = replace(spindle, start_rad=jnp.asarray(angle), steps=1)
        image = np.asarray(simulate(alone.with_crystal(replace(alone.crystal, spindle=still))), float)
        total += image
        turned += (angle - middle) * image
    return middle + np.divide(turned, total, out=np.zeros(shape), where=total > 0)


def _turn_of_spots_rad(experiment: Experiment) -> Float[np.ndarray, "*image"]:
    """The same of a closed crystal, whose photons come at the mean angle of each spot that reaches a pixel."""
    shape, middle = experiment.grid.shape, float(experiment.crystal.middle_rad)
    spots: Spots = jax.tree.map(np.asarray, predict(experiment, margin_px=_MARGIN_PX))
    total, turned = np.zeros((2, experiment.grid.panels, *shape[-2:]))
    inverse = np.linalg.inv(spots.covariance)
    half = np.ceil(_REACH * np.sqrt(np.diagonal(spots.covariance, axis1=1, axis2=2)))
    first = np.clip(np.floor(spots.centre - half), 0, shape[:-3:-1]).astype(int)
    last = np.clip(np.ceil(spots.centre + half), 0, shape[:-3:-1]).astype(int)
    heights = spots.photons / np.sqrt(np.linalg.det(spots.covariance))
    for number, panel in enumerate(spots.panel):
        (fast0, slow0), (fast1, slow1) = first[number], last[number]
        off = np.mgrid[fast0:fast1, slow0:slow1].T + 0.5 - spots.centre[number]
        photons = heights[number] * np.exp(-0.5 * np.einsum("...i,ij,...j", off, inverse[number], off))
        total[panel, slow0:slow1, fast0:fast1] += photons
        turned[panel, slow0:slow1, fast0:fast1] += (spots.mean_angle_rad[number] - middle) * photons
    return (middle + np.divide(turned, total, out=np.zeros_like(total), where=total > 0)).reshape(shape)


def _nearest_at(
    experiment: Experiment, turn_rad: Float[np.ndarray, " n"], at: Int[np.ndarray, "n axes"]
) -> Int[np.ndarray, "n 3"]:
    """Whole Miller indices nearest to the centres of pixels, at a spindle angle for each."""
    found = np.zeros((len(at), 3), np.int16)
    for first in range(0, len(at), _AT_ONCE):
        part = slice(first, first + _AT_ONCE)
        count = len(at[part])
        # parts of one length share a program
        turns, places = np.zeros(_AT_ONCE), np.zeros((_AT_ONCE, at.shape[1]), np.int32)
        turns[:count], places[:count] = turn_rad[part], at[part]
        with jax.enable_x64(True):
            found[part] = np.stack(_nearest_of_pixels(experiment, turns, places), -1)[:count]
    return found


@compiled
def _nearest_of_pixels(experiment: Experiment, turn_rad: Any, at: Any) -> tuple[Int[Array, " n"], ...]:
    return _nearest(experiment, turn_rad, at)


@compiled
def _nearest_of_image(experiment: Experiment, turn_rad: Float[Array, "..."]) -> tuple[Int[Array, "*image"], ...]:
    shape = experiment.grid.shape
    at = jnp.indices(shape, dtype=jnp.int32).reshape(len(shape), -1).T
    return tuple(index.reshape(shape) for index in _nearest(experiment, turn_rad.ravel(), at))


def _nearest(experiment: Experiment, turn_rad: Float[Array, "..."], at: Int[Array, "n axes"]) -> tuple[Array, ...]:
    """H, k and l apart: XLA computes a stack of them once for each."""
    beam, crystal = experiment.beam, experiment.crystal
    half = jnp.asarray(0.5, beam.wavelength_m.dtype)
    seen = seen_by(experiment, complete_scene(experiment), pixels_named(experiment, at))
    view = look(*seen, (half, half), jnp.zeros_like(half))
    q = scattering_vector(view.diffracted, components(jnp.asarray(beam.direction)), beam.wavelength_m)
    turned = _turned(q, components(crystal.spindle.axis), -turn_rad)
    hkl = miller_indices(direct_vectors_m(crystal.cell), turned)
    return tuple(jnp.ceil(x - 0.5).astype(jnp.int16) for x in hkl)


def _turned(vector: Components, axis: Components, angle_rad: Array) -> Components:
    """A field of vectors, each turned by an angle of its own (Rodrigues)."""
    c, s = jnp.cos(angle_rad), jnp.sin(angle_rad)
    along, across = (1 - c) * dot(axis, vector), cross(axis, vector)
    x, y, z = (c * v + s * w + along * u for v, w, u in zip(vector, across, axis, strict=True))
    return x, y, z
