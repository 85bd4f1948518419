"""Labels for training: what each pixel and each spot of an image shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from nbjax.dataset.images import Photons
from nbjax.dataset.section import Labels
from nbjax.dataset.shard import Field
from nbjax.dataset.truth import middle_direct_m
from nbjax.experiment import Experiment, in_double
from nbjax.geometry.scattering import miller_indices, scattering_vector
from nbjax.geometry.unit_cell import invert_basis
from nbjax.numerics import components
from nbjax.pipeline.compilation import compiled
from nbjax.pipeline.image import complete_scene, pixels_at
from nbjax.pipeline.sample import domain_of, sample_crystal, sample_ray
from nbjax.pipeline.scene import RayTable, Scene
from nbjax.pipeline.view import Pixels, look

_FAINTEST_SPOT = 1.0
"""Photons of the faintest spot of the table."""


def labels_of(
    background: Callable[[Photons], np.ndarray], photons: Photons, wanted: Labels
) -> tuple[dict[str, Field], dict[str, Field]]:
    """The labels of one image.

    Args:
        background: photons of what is around the lattices of an image, shape (slow, fast).
        photons: the image, with its lattices.
        wanted: which labels.

    Returns:
        Maps, shape (slow, fast) or (slow, fast, 3), and columns of the table of spots, a row for each spot.
    """
    maps: dict[str, Field] = {}
    spots: dict[str, Field] = {}
    if wanted.noise_free:
        maps["noise_free"] = Field(photons.total.astype(np.float32), "", "expected photons")
    has_background = bool(photons.experiments[0].backgrounds)
    water = background(photons) if has_background else np.zeros(photons.total.shape)
    if wanted.background:
        maps["background"] = Field(water.astype(np.float32), "", "expected photons of the water")
    if not (wanted.spots or wanted.miller_index or wanted.lattice):
        return maps, spots
    assert photons.lattices is not None
    if photons.plan.count:
        bragg = photons.lattices.copy()
        bragg[0] -= water
    else:
        # of a blank image, what a dark lattice shows
        bragg = np.zeros((1, *water.shape))
    brightest = bragg.argmax(0)
    if wanted.lattice:
        shown = np.where(bragg.max(0) > 0, brightest + 1, 0).astype(np.uint16)
        maps["lattice"] = Field(shown, "", "number, from 1, of the lattice that gives a pixel the most; 0 for none")
    if not (wanted.spots or wanted.miller_index):
        return maps, spots
    with jax.enable_x64(True):
        experiments = [in_double(experiment) for experiment in photons.experiments[: len(bragg)]]
        indices = [np.asarray(_nearest_indices(experiment)) for experiment in experiments]
    if wanted.miller_index:
        chosen = np.take_along_axis(np.stack(indices), brightest[None, ..., None], 0)[0]
        maps["miller_index"] = Field(chosen, "", "h, k, l nearest to the pixel's centre, of its brightest lattice")
    if wanted.spots:
        tables = [
            _spots(
                photons.plan.number, lattice, experiments[lattice], indices[lattice], np.maximum(bragg[lattice], 0.0)
            )
            for lattice in range(len(experiments))
        ]
        spots = {
            name: replace(field, values=np.concatenate([table[name].values for table in tables]))
            for name, field in tables[0].items()
        }
    return maps, spots


def _spots(
    number: int,
    lattice: int,
    experiment: Experiment,
    indices: Int[np.ndarray, "slow fast 3"],
    bragg: Float[np.ndarray, "slow fast"],
) -> Mapping[str, Field]:
    """The table of one lattice: its pixels gathered by their nearest index."""
    low = indices.min((0, 1))
    sizes = indices.max((0, 1)) - low + 1
    place = np.ravel_multi_index(tuple(np.moveaxis(indices - low, -1, 0)), tuple(sizes))
    sums = np.bincount(place.ravel(), bragg.ravel(), int(np.prod(sizes)))
    found = np.flatnonzero(sums >= _FAINTEST_SPOT)
    hkl = np.stack(np.unravel_index(found, tuple(sizes)), -1) + low
    # a table of one length for many images shares its program
    padded = np.zeros((max(256, 1 << (len(hkl) - 1).bit_length() if len(hkl) else 0), 3))
    padded[: len(hkl)] = hkl
    with jax.enable_x64(True):
        centroid, wavelength_A, partiality = (
            np.asarray(part)[: len(hkl)] for part in _predict(experiment, jnp.asarray(padded))
        )
    count = len(hkl)
    return {
        "image": Field(np.full(count, number, np.int64), "", "number of the image in the dataset"),
        "lattice": Field(np.full(count, lattice + 1, np.uint16), "", "number of the lattice, from 1"),
        "miller_index": Field(hkl.astype(np.int32), "", "h, k, l"),
        "centroid": Field(
            centroid,
            "pixel",
            "predicted (fast, slow), the first pixel from 0 to 1: where the ray along incident plus reciprocal vector "
            "meets the panel, in the middle of the exposure and at the central wavelength",
        ),
        "intensity": Field(sums[found], "", "expected photons, summed over the pixels that are nearest to the index"),
        "partiality": Field(
            partiality,
            "",
            "squared lattice factor at the centroid over its largest value, averaged over the samples of a pixel there",
        ),
        "wavelength": Field(wavelength_A, "angstrom", "at which the reflection meets Bragg's condition exactly"),
    }


@compiled
def _nearest_indices(experiment: Experiment) -> Int[Array, "slow fast 3"]:
    """Whole Miller indices nearest to each pixel's centre, in the middle of the exposure."""
    grid, beam = experiment.grid, experiment.beam
    slow, fast = jnp.indices((grid.slow, grid.fast), dtype=jnp.int32)
    half = jnp.asarray(0.5, beam.wavelength_m.dtype)
    scene = complete_scene(experiment)
    view = look(experiment, scene, pixels_at(experiment, slow, fast), (half, half), jnp.zeros_like(half))
    q = scattering_vector(view.diffracted, components(jnp.asarray(beam.direction)), beam.wavelength_m)
    hkl = miller_indices(middle_direct_m(experiment), q)
    return jnp.stack([jnp.ceil(x - 0.5) for x in hkl], -1).astype(jnp.int16)


@compiled
def _predict(
    experiment: Experiment, hkl: Float[Array, "n 3"]
) -> tuple[Float[Array, "n 2"], Float[Array, " n"], Float[Array, " n"]]:
    """Centroid (fast, slow) in pixels, wavelength in A, and partiality."""
    beam, scene = experiment.beam, complete_scene(experiment)
    panel, size = scene.panel, experiment.panel.pixel_size_m
    incident = jnp.asarray(beam.direction)
    reciprocal = hkl @ invert_basis(middle_direct_m(experiment))
    squared = (reciprocal**2).sum(-1)
    wavelength_m = jnp.where(squared > 0, -2 * reciprocal @ incident / jnp.where(squared > 0, squared, 1), 0)
    diffracted = incident / beam.wavelength_m + reciprocal
    point = diffracted * (panel.origin_m @ panel.normal / (diffracted @ panel.normal))[:, None] - panel.origin_m
    fast, slow = point @ panel.fast / size, point @ panel.slow / size
    pixels = Pixels(slow - 0.5, fast - 0.5, jnp.zeros(len(hkl), jnp.int32))
    return jnp.stack([fast, slow], -1), wavelength_m * 1e10, _partiality(experiment, scene, pixels, hkl)


def _partiality(experiment: Experiment, scene: Scene, pixels: Pixels, hkl: Float[Array, "n 3"]) -> Float[Array, " n"]:
    largest = jnp.prod(experiment.crystal.cells) ** 2
    domain, orientations_m = domain_of(experiment, scene, 0), scene.crystals[0].orientations_m

    def of_ray(total: Array, ray: RayTable) -> tuple[Array, None]:
        sample = sample_ray(experiment, scene, pixels, ray)

        def of_orientation(total: Array, direct_m: Array) -> tuple[Array, None]:
            crystal = sample_crystal(domain, direct_m, sample.scattering_per_m)
            same = (jnp.stack(crystal.index, -1) == hkl).all(-1)
            return total + jnp.where(same, crystal.lattice.astype(total.dtype) ** 2, 0.0), None

        return jax.lax.scan(of_orientation, total, orientations_m)[0], None

    total, _ = jax.lax.scan(of_ray, jnp.zeros(len(hkl), hkl.dtype), scene.rays)
    return total / (largest * len(scene.rays.number) * len(orientations_m))
