"""What is known of an image besides its pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from nbjax.dataset.draws import path_of
from nbjax.dataset.images import Photons
from nbjax.dataset.plan import ImagePlan
from nbjax.dataset.shard import Field, digest
from nbjax.experiment import Experiment, in_double
from nbjax.geometry.panel import Panel
from nbjax.geometry.unit_cell import direct_vectors_m, invert_basis
from nbjax.pipeline.compilation import compiled
from nbjax.pipeline.image import complete_scene
from nbjax.pipeline.scene import beam_share
from nbjax.quantities import QUANTITIES, UNITS
from nbjax.rotations import about_axis
from nbjax.sampling.sources import SourceSpread


def truth_of(
    photons: Photons, pixels: np.ndarray, overloads: int, rotation: np.ndarray, start_deg: float
) -> dict[str, Field]:
    """The truth of one image, field by field.

    Args:
        photons: the image without noise.
        pixels: the image as stored.
        overloads: how many of them are too bright.
        rotation: from nbjax's laboratory to that of the file, shape (3, 3).
        start_deg: spindle angle at which the image starts.
    """
    beam = photons.experiments[0].beam
    fields = {
        "image": Field(np.array(photons.plan.number), "", "number of the image in the dataset"),
        "lattices": Field(np.array(photons.plan.count, np.uint16), "", "number of lattices that the image shows"),
        "start": Field(np.array(start_deg), "degree", "spindle angle at which the image starts"),
        **_present(lattices_of(photons.experiments, rotation), photons.plan.count),
        "wavelength": Field(np.array(beam.wavelength_m * 1e10), "angstrom", "central wavelength"),
        "fluence": Field(np.array(beam.fluence_photons_per_m2), "1/m^2", "photons per area in the exposure"),
        **_light(photons.experiments, photons.plan.count),
        "photons": Field(np.array(photons.total.sum()), "", "expected photons in the whole image, without noise"),
        "overloads": Field(np.array(overloads), "", "pixels that are too bright for their type"),
        "sha256": Field(np.frombuffer(digest(pixels), np.uint8), "", "SHA-256 of the pixels, row by row"),
    }
    return {**fields, **_drawn(photons.plan)}


def _light(experiments: Sequence[Experiment], count: int) -> dict[str, Field]:
    """The spectrum of an image, and what each lattice sees of a beam with a profile."""
    found: dict[str, Field] = {}
    beam = experiments[0].beam
    has_spectrum = isinstance(beam.sources, SourceSpread) and beam.sources.kind != "comb"
    if not has_spectrum and beam.profile is None:
        return found
    with jax.enable_x64(True):
        beam = jax.tree.map(jnp.asarray, beam)
        if has_spectrum:
            wavelengths_m, weights = (np.asarray(x, float) for x in beam.sources.spectrum(beam.wavelength_m))
            found["spectrum_wavelength"] = Field(wavelengths_m * 1e10, "angstrom", "wavelengths of the spectrum")
            found["spectrum_weight"] = Field(weights, "", "fraction of the photons that has each wavelength")
        if beam.profile is not None:
            crystals = [jax.tree.map(jnp.asarray, experiment.crystal) for experiment in experiments]
            shares = np.array([beam_share(beam, crystal) for crystal in crystals], float)
            meaning = "fluence at each lattice over that of the beam's centre"
            found |= _present({"beam_share": Field(shares, "", meaning)}, count)
    return found


def lattices_of(experiments: Sequence[Experiment], rotation: np.ndarray) -> dict[str, Field]:
    """Cell and orientation of lattices, each the only crystal of its experiment; first axis: lattices.

    Args:
        experiments: one for each lattice.
        rotation: as for ``truth_of``.
    """
    with jax.enable_x64(True):
        reciprocal = np.stack([np.asarray(_reciprocal(in_double(experiment))) for experiment in experiments])
    cells = [experiment.crystal.cell for experiment in experiments]
    lengths = np.array([np.asarray(cell.lengths_m) * 1e10 for cell in cells])
    angles = np.degrees([np.asarray(cell.angles_rad) for cell in cells])
    return {
        "a_matrix": Field(
            rotation @ reciprocal,
            "1/angstrom",
            "columns a*, b*, c* of each lattice in the laboratory of this file, in the middle of the exposure",
        ),
        "unit_cell_lengths": Field(lengths, "angstrom", "a, b, c of each lattice"),
        "unit_cell_angles": Field(angles, "degree", "alpha, beta, gamma of each lattice"),
        "misset": Field(
            np.degrees([np.asarray(cell.misset_rad) for cell in cells]),
            "degree",
            "rotation of each lattice from the standard setting about x, then y, then z of nbjax's laboratory",
        ),
    }


def panels_of(experiment: Experiment, rotation: np.ndarray) -> dict[str, Field]:
    """Where several panels stand in an image; nothing of one panel.

    Args:
        experiment: of the image.
        rotation: as for ``truth_of``.
    """
    if experiment.detector.groups is None:
        return {}
    with jax.enable_x64(True):
        placed = _placed(in_double(experiment))
    axes = {"panel_origin": placed.origin_m, "panel_fast": placed.fast, "panel_slow": placed.slow}
    meanings = ("corner of the first pixel of each panel", "unit axis of each panel", "unit axis of each panel")
    return {
        name: Field(np.asarray(vectors) @ rotation.T, "m" if name == "panel_origin" else "", meaning)
        for (name, vectors), meaning in zip(axes.items(), meanings, strict=True)
    }


@compiled
def _placed(experiment: Experiment) -> Panel:
    """All panels in nbjax's laboratory."""
    return complete_scene(experiment).panel


def _present(fields: Mapping[str, Field], count: int) -> dict[str, Field]:
    """Fields of lattices, with NaN of those that the image does not show: all images have equal shapes."""
    return {name: replace(field, values=_without(field.values, count)) for name, field in fields.items()}


def _without(values: np.ndarray, count: int) -> np.ndarray:
    return np.concatenate([values[:count], np.full_like(values[count:], np.nan)])


def _drawn(plan: ImagePlan) -> dict[str, Field]:
    return {
        f"drawn.{key}": Field(
            _without(np.array(value, float), plan.count) if isinstance(value, tuple) else np.array(value, float),
            _unit(key),
            "drawn for this image",
        )
        for key, value in plan.drawn.items()
    }


def _unit(key: str) -> str:
    return UNITS[QUANTITIES[path_of(key)[0]].unit].nexus


@compiled
def _reciprocal(experiment: Experiment) -> Float[Array, "3 3"]:
    """Columns a*, b*, c* in 1/A in nbjax's laboratory, in the middle of the exposure."""
    return invert_basis(middle_direct_m(experiment) * 1e10).T


def middle_direct_m(experiment: Experiment) -> Float[Array, "3 3"]:
    """Rows a, b, c in m of the aligned crystal in nbjax's laboratory, in the middle of the exposure."""
    crystal = experiment.crystal
    return direct_vectors_m(crystal.cell) @ about_axis(jnp.asarray(crystal.spindle.axis), crystal.middle_rad).T
