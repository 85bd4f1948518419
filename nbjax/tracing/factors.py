"""The stages of the pipeline under the keys of a trace."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import Array

from nbjax import __version__
from nbjax.errors import NonFiniteError
from nbjax.experiment import Experiment
from nbjax.reference.program import entries_of
from nbjax.stages import SampleStages, Stages
from nbjax.tracing.document import PixelTrace, TraceDocument
from nbjax.tracing.keys import INDICES

_SAMPLE_AXES = 7
"""Pixels, layers, slow and fast subpixels, sources, phi steps, mosaic domains."""

_VECTOR_COLUMNS = {
    "position_m": ("pos_x_m", "pos_y_m", "pos_z_m"),
    "diffracted": ("diffracted_x", "diffracted_y", "diffracted_z"),
    "incident": ("incident_x", "incident_y", "incident_z"),
    "scattering_per_m": ("q_x_per_m", "q_y_per_m", "q_z_per_m"),
    "hkl": ("h", "k", "l"),
    "hkl_nearest": ("h0", "k0", "l0"),
    "lattice_axes": ("F_latt_a", "F_latt_b", "F_latt_c"),
}
_COLUMNS = {
    "airpath_m": "airpath_m",
    "solid_angle_sr": "omega_sr",
    "capture": "capture_fraction",
    "wavelength_m": "lambda_m",
    "polarization": "polarization",
    "lattice": "F_latt",
    "structure_electrons": "F_cell",
    "debye_waller": "debye_waller",
    "weight": "weight",
    "running_electrons_squared": "I_running",
}


def pixel_factors(stages: Stages) -> dict[str, Array]:
    """Every factor of every pixel by the key of a trace; the first axis is that of the pixels."""
    scene, last, pixels = stages.scene, stages.last, stages.slow.shape
    of_panel = {
        "pix0_vector_m": scene.origin_m,
        "fdet_vector": scene.fast,
        "sdet_vector": scene.slow,
        "odet_vector": scene.normal,
        "close_distance_m": scene.close_distance_m,
        "distance_m": scene.distance_m,
    }
    shared = {
        "beam_vector": scene.beam,
        "source_weights": scene.source_weights,
        "a0_m": scene.cell_m[0],
        "b0_m": scene.cell_m[1],
        "c0_m": scene.cell_m[2],
        "r_e_sqr_m2": stages.r_e_squared_m2,
        "fluence_photons_per_m2": stages.fluence_photons_per_m2,
        "steps": stages.steps,
        "oversample_thick": jnp.asarray(float(stages.oversample_thickness)),
        "oversample_polar": jnp.asarray(float(stages.oversample_polarization)),
        "oversample_omega": jnp.asarray(float(stages.oversample_solid_angle)),
    }
    own = {
        "last_pixel_pos_m": last.position_m,
        "airpath_m": last.airpath_m,
        "last_diffracted": last.diffracted,
        "omega_pixel_sr": stages.solid_angle_sr,
        "capture_fraction": stages.capture,
        "last_incident": last.incident,
        "wavelength_m": last.wavelength_m,
        "last_scattering_per_m": last.scattering_per_m,
        "polarization": stages.polarization,
        "I_background": stages.background_electrons_squared,
        "last_hkl": last.hkl,
        "last_hkl0": last.hkl_nearest,
        "last_F_latt": last.lattice,
        "last_F_cell": last.structure_electrons,
        "I_before_scaling": stages.before_scaling_electrons_squared,
        "I_pixel_photons": stages.I_pixel_photons,
    }
    if stages.mosaic_blocks is not None:
        shared["mosaic_blocks"] = stages.mosaic_blocks
    if stages.beam_share is not None:
        shared["beam_share"] = stages.beam_share
    if stages.backgrounds_electrons_squared is not None:
        own["I_backgrounds"] = stages.backgrounds_electrons_squared
    if stages.transmission is not None:
        own["transmission"] = stages.transmission
    if last.debye_waller is not None:
        own["last_debye_waller"] = last.debye_waller
    if last.lattice_axes is not None:
        own["last_F_latt_axes"] = last.lattice_axes
    if stages.panel is None:
        shared |= of_panel
    else:
        own |= {"panel": stages.panel, **{key: value[stages.panel] for key, value in of_panel.items()}}
    return own | {key: jnp.broadcast_to(value, (*pixels, *value.shape)) for key, value in shared.items()}


def sample_factors(samples: tuple[SampleStages, ...]) -> dict[str, Array]:
    """Every factor of every sample by the column of a trace, shape (pixels, samples), crystal after crystal."""
    tables = [_crystal_factors(crystal) for crystal in samples]
    names = [name for name in tables[0] if all(name in table for table in tables)] if tables else []
    return {name: jnp.concatenate([table[name] for table in tables], axis=1) for name in names}


def _crystal_factors(samples: SampleStages) -> dict[str, Array]:
    shape = samples.lattice.shape
    pixels = shape[0]
    columns: dict[str, Array] = {}
    for name, column in _COLUMNS.items():
        value = getattr(samples, name)
        if value is not None:
            columns[column] = jnp.broadcast_to(value, shape).reshape(pixels, -1)
    for name, names in _VECTOR_COLUMNS.items():
        vectors = getattr(samples, name)
        if vectors is not None:
            flat = jnp.broadcast_to(vectors, (*shape, 3)).reshape(pixels, -1, 3)
            columns.update({column: flat[..., i] for i, column in enumerate(names)})
    return columns


def sample_indices(samples: tuple[SampleStages, ...]) -> dict[str, np.ndarray]:
    """Layer, subpixel, source, phi step and mosaic domain of every sample, shape (samples,).

    Domains are counted through all crystals.
    """
    columns: list[np.ndarray] = []
    domains = 0
    for crystal in samples:
        assert crystal.lattice.ndim == _SAMPLE_AXES
        numbers = np.indices(crystal.lattice.shape[1:]).reshape(len(INDICES), -1)
        numbers[-1] += domains
        domains += crystal.lattice.shape[-1]
        columns.append(numbers)
    whole = np.concatenate(columns, axis=1) if columns else np.zeros((len(INDICES), 0), int)
    return dict(zip(INDICES, whole, strict=True))


def trace_document(experiment: Experiment, stages: Stages) -> TraceDocument:
    """The trace of an experiment's pixels, ready to be written.

    Raises:
        NonFiniteError: a factor is NaN or infinite.
    """
    values = {key: np.asarray(value) for key, value in pixel_factors(stages).items()}
    columns: dict[str, np.ndarray] = {}
    indices: dict[str, np.ndarray] = {}
    if stages.samples is not None:
        columns = {name: np.asarray(value) for name, value in sample_factors(stages.samples).items()}
        indices = sample_indices(stages.samples)
    for key, value in (*values.items(), *columns.items()):
        if not np.isfinite(value).all():
            raise NonFiniteError(
                f"{key} is not finite: a pixel lies at the sample, or the intensity overflows; check distance, fluence "
                "and structure factors"
            )
    pixels = tuple(
        PixelTrace(
            slow=int(slow),
            fast=int(fast),
            values={key: value[i] for key, value in values.items()},
            samples={**indices, **{name: value[i] for name, value in columns.items()}} if columns else None,
        )
        for i, (slow, fast) in enumerate(zip(np.asarray(stages.slow), np.asarray(stages.fast), strict=True))
    )
    return TraceDocument("nbjax", __version__, experiment.precision, entries_of(experiment), pixels)
