"""From a resolved configuration to an ``Experiment``: the only place where units change."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np

from nbjax import precision
from nbjax.config.tree import Config
from nbjax.errors import ConfigWarning
from nbjax.experiment import BeamParameters, CrystalParameters, Experiment, Grid, without_tables
from nbjax.geometry.conventions import CONVENTIONS, PLATE_AXES
from nbjax.geometry.goniometer import Spindle
from nbjax.geometry.unit_cell import UnitCell
from nbjax.io.header import HeaderFields
from nbjax.physics.liquid_motion import LiquidMotion
from nbjax.physics.structure_factor import StructureFactors
from nbjax.pipeline.closed.survey import with_capacity
from nbjax.preparation.backgrounds import backgrounds, check_tables
from nbjax.preparation.detector import (
    MakeArray,
    check_bend,
    check_front,
    detector_parameters,
    meets_beam,
    panel_parameters,
    place,
    placed_panel,
    placed_panels,
    radians,
)
from nbjax.preparation.reach import spacings_on_panel
from nbjax.preparation.screens import screens
from nbjax.reference.distance_before_swing import seen_before_swing
from nbjax.reference.program import CProgram
from nbjax.reference.set_up import program_panel
from nbjax.resolve import Resolved, resolve
from nbjax.resolve.crystal import ResolvedCrystal
from nbjax.resolve.steps import Steps
from nbjax.sampling.disorder import Disorder, deviates
from nbjax.sampling.mosaic import MosaicDraws
from nbjax.sampling.reference_random import cap_draws
from nbjax.sampling.sources import SourceGrid, Sources, SourceSpread, SourceTable

_MOST_ANGLES = 32
"""Of the spindle, for diffuse halos."""

__all__ = [
    "header_fields",
    "meets_beam",
    "phi_angles_rad",
    "place",
    "placed_panel",
    "placed_panels",
    "prepare",
    "prepare_resolved",
]


def prepare(config: Config) -> Experiment:
    """The experiment that a configuration describes, ready for ``nbjax.simulate``.

    Args:
        config: from ``nbjax.load_config``, or built by hand.

    Returns:
        A pytree: every physical number is a traced float array, every count and choice is static.

    Raises:
        ConfigError: everything that is wrong with the configuration.
        FileError: a file that cannot be read.

    Warns:
        ConfigWarning: what is unusual, or has no effect.
    """
    resolved = resolve(config)
    for sentence in resolved.warnings:
        warnings.warn(sentence, ConfigWarning, stacklevel=2)
    return prepare_resolved(resolved)


def prepare_resolved(resolved: Resolved, on_host: bool = False, counted: bool = True) -> Experiment:
    """The experiment of a resolved configuration; see ``prepare``.

    Args:
        resolved: from ``resolve``.
        on_host: leave the arrays with NumPy; whatever is compiled takes them in one transfer.
        counted: make room for the spots of a closed crystal; else it gets its capacity elsewhere.
    """
    check_front(resolved)
    check_bend(resolved)
    check_tables(resolved)
    for crystal in resolved.crystals:
        lengths_A = np.multiply(crystal.cell_A, crystal.cells)
        wavelengths = float(lengths_A.max() / resolved.beam.wavelength_A)
        if crystal.model == "closed":
            precision.check_closed(resolved.config.precision)
        precision.check(resolved.config.precision, float(max(crystal.cells)), wavelengths)
    dtype = precision.policy(resolved.config.precision).geometry
    exact = _experiment(resolved, lambda value: np.asarray(value, float))
    held = jax.tree.map(lambda x: x.astype(dtype), exact)
    if resolved.config.precision == "single":
        both = without_tables(exact), without_tables(held)
        held = replace(held, low=jax.tree.map(lambda x, leading: (x - leading).astype(dtype), *both))
    held = with_capacity(held) if counted else held
    return held if on_host else jax.device_put(held)


def _experiment(resolved: Resolved, array: MakeArray) -> Experiment:
    d, s = resolved.detector, resolved.sampling
    sampling, parity = resolved.config.sampling, resolved.config.parity
    beam = _beam(resolved, array)
    return Experiment(
        beam=beam,
        detector=detector_parameters(resolved, array),
        crystals=tuple(_crystal(resolved, crystal, array) for crystal in resolved.crystals),
        backgrounds=backgrounds(resolved, beam, array),
        resolution_limit_m=array(s.resolution_limit_A * 1e-10),
        mask=None if resolved.mask is None else array(resolved.mask != 0),
        grid=Grid(
            slow=d.pixels_slow,
            fast=d.pixels_fast,
            roi=d.roi,
            oversample=s.oversample,
            oversample_solid_angle=sampling.oversample_solid_angle,
            oversample_polarization=sampling.oversample_polarization,
            oversample_thickness=sampling.oversample_thickness,
            resolution_cut=s.resolution_limit_A > 0,
            tile=s.tile_pixels,
            panels=max(1, len(d.panels)),
        ),
        precision=resolved.config.precision,
        program=CProgram(parity, d.layers_given) if parity else None,
        screens=screens(resolved, array),
    )


def _beam(resolved: Resolved, array: MakeArray) -> BeamParameters:
    beam, sampling = resolved.beam, resolved.config.sampling
    always_polarized = sampling.oversample_polarization and "oversample_polar_always" in resolved.config.parity
    sources: Sources
    if beam.spread is not None:
        horizontal, vertical, wave, weights = map(array, beam.spread.rows())
        sources = SourceSpread(
            horizontal_rad=array(beam.spread.horizontal_mrad / 1000),
            vertical_rad=array(beam.spread.vertical_mrad / 1000),
            band=array(beam.spread.band.width),
            horizontal=horizontal,
            vertical=vertical,
            wavelength=wave,
            weights=weights,
            kind=beam.spread.band.kind,
            waves=len(beam.spread.band.weights),
            directions="gaussian" if beam.spread.gaussian else "grid",
        )
    elif beam.sources is None:
        horizontal, vertical, wave = beam.grid_index.T
        sources = SourceGrid(
            horizontal_range_rad=array(beam.horizontal.range / 1000),
            horizontal_step_rad=array(beam.horizontal.step / 1000),
            vertical_range_rad=array(beam.vertical.range / 1000),
            vertical_step_rad=array(beam.vertical.step / 1000),
            dispersion=array(beam.dispersion.range / 100),
            dispersion_step=array(beam.dispersion.step / 100),
            horizontal_index=array(horizontal),
            vertical_index=array(vertical),
            wavelength_index=array(wave),
            weights=array(np.ones(len(wave))),
        )
    else:
        rows = beam.sources
        behind = -10.0 * resolved.detector.beam_direction
        positions = np.where(np.isnan(rows.positions_m), behind, rows.positions_m)
        sources = SourceTable(
            directions=array(-positions / np.linalg.norm(positions, axis=1, keepdims=True)),
            wavelengths_m=array(np.where(np.isnan(rows.wavelengths_m), beam.wavelength_A / 1e10, rows.wavelengths_m)),
            weights=array(np.where(np.isnan(rows.weights), 1.0, rows.weights)),
        )
    return BeamParameters(
        direction=array(resolved.detector.beam_direction),
        wavelength_m=array(beam.wavelength_A / 1e10),
        fluence_photons_per_m2=array(beam.fluence_photons_per_m2),
        kahn_factor=array(beam.polarization),
        polarization_axis=array(resolved.detector.polarization_axis),
        sources=sources,
        polarized=beam.polarization_correction or always_polarized,
        size_m=None if resolved.config.beam.profile is None else array(beam.beamsize_mm / 1000),
        profile=resolved.config.beam.profile,
    )


def _crystal(resolved: Resolved, crystal: ResolvedCrystal, array: MakeArray) -> CrystalParameters:
    spread_rad = float(radians(crystal.mosaic_spread_deg))
    of_cap = crystal.mosaic_domains if crystal.mosaicity_deg is None else 1
    axes, ratios = cap_draws(spread_rad, of_cap, crystal.mosaic_seed)
    table = crystal.table
    return CrystalParameters(
        cell=UnitCell(
            lengths_m=array(np.array(crystal.cell_A) * 1e-10),
            angles_rad=array(radians(crystal.cell_deg)),
            orientation=array(crystal.orientation),
            misset_rad=array(radians(crystal.misset_deg)),
        ),
        cells=array(np.array(crystal.cells, float)),
        volume_m3=None if crystal.volume_um3 is None else array(crystal.volume_um3 * 1e-18),
        fudge=array(crystal.fudge),
        factors=StructureFactors(
            values=None if table is None else array(table.values),
            default=array(crystal.default_F),
            minimum=(0, 0, 0) if table is None else table.minimum,
            interpolate=crystal.interpolate,
            wavelengths_m=array(np.array(table.wavelengths_A) * 1e-10) if table and table.wavelengths_A else None,
        ),
        spindle=Spindle(
            axis=array(resolved.detector.spindle_axis),
            start_rad=array(radians(crystal.phi_start_deg)),
            step_rad=array(_phi_step_rad(crystal.phi)),
            steps=crystal.phi.count,
        ),
        mosaic=MosaicDraws(array(spread_rad), array(axes), array(ratios)),
        shape=_shape(crystal.shape, resolved.config.parity),
        offset_m=None if crystal.offset_mm is None else array(np.array(crystal.offset_mm) / 1000),
        model=crystal.model,
        disorder=_disorder(crystal, array),
        weight=None if crystal.weight is None else array(crystal.weight),
        cells_off_diagonal=None if crystal.off_diagonal is None else array(np.array(crystal.off_diagonal, float)),
        motion=_motion(resolved, crystal, array),
        b_factor_m2=None if crystal.b_factor_A2 is None else array(crystal.b_factor_A2 * 1e-20),
    )


def _motion(resolved: Resolved, crystal: ResolvedCrystal, array: MakeArray) -> LiquidMotion | None:
    motion = crystal.motion
    if motion is None:
        return None
    # parts of the exposure in which no halo moves by more than its width
    longest_per_A = 1 / float(spacings_on_panel(resolved).min())
    moved = abs(float(radians(crystal.phi.range))) * longest_per_A * 2 * np.pi * max(motion.gamma_A)
    angles = min(max(1, math.ceil(moved)), _MOST_ANGLES)
    return LiquidMotion(array(np.array(motion.sigma_A) * 1e-10), array(np.array(motion.gamma_A) * 1e-10), angles)


def _disorder(crystal: ResolvedCrystal, array: MakeArray) -> Disorder | None:
    if crystal.mosaicity_deg is None:
        return None
    turns, sizes = deviates(crystal.mosaic_domains, crystal.mosaic_seed)
    mosaicity_rad = array(radians(crystal.mosaicity_deg))
    return Disorder(mosaicity_rad, array(crystal.cell_spread_percent / 100), array(turns), array(sizes))


def _shape(name: str, parity: Sequence[str]) -> str:
    name = "round_closed_form" if name == "round" and "round_peak" in parity else name
    return f"nanobragg_{name}" if name != "square" and "shape_constants" in parity else name


def _phi_step_rad(phi: Steps) -> float:
    if phi.step_given or not phi.range:
        return float(radians(phi.step))
    return float(radians(phi.range)) / phi.count


def header_fields(resolved: Resolved) -> HeaderFields:
    """What an SMV header says about the image."""
    d, parity = resolved.detector, resolved.config.parity
    if set(HEADER_NUMBERS) <= set(parity) and not any(d.origin_shift_mm):
        return _program_header(resolved)
    placed = placed_panel(resolved)
    if "distance_before_swing" in parity:
        with jax.enable_x64(True):
            placed = seen_before_swing(placed, panel_parameters(resolved, jnp.asarray), jnp.asarray(d.beam_direction))
    panel = jax.tree.map(np.asarray, placed)
    x, y, z = (float(c) * 1000.0 for c in panel.origin_m)
    pixel_m = d.pixel_mm / 1000
    size_slow_m = d.size_m[1]
    distance_m, *centre = (float(panel.distance_m), *map(float, panel.beam_centre_m))
    if "distance_before_swing" not in parity and not meets_beam(panel, d.beam_direction):
        distance_m, centre = math.nan, [math.nan, math.nan]
    plate = PLATE_AXES[CONVENTIONS[resolved.config.detector.convention].beam_centre]
    beam_x_m, beam_y_m = (axis.from_panel(centre[axis.on_panel], pixel_m, size_slow_m) for axis in plate)
    if "header_beam_center" in parity:
        beam_x_m, beam_y_m = d.beam_x_mm / 1000, d.beam_y_mm / 1000
    return HeaderFields(
        pixel_size_m=pixel_m,
        distance_m=distance_m,
        wavelength_m=resolved.beam.wavelength_A / 1e10,
        beam_x_m=beam_x_m,
        beam_y_m=beam_y_m,
        fbeam_m=centre[0],
        sbeam_m=centre[1],
        size_slow_m=size_slow_m,
        # DIALS's laboratory frame as the reference writes it: z, y, -x of ours
        dials_origin_mm=(z, y, -x),
        org_x_px=float(panel.near_point_m[0]) / pixel_m + 0.5,
        org_y_px=float(panel.near_point_m[1]) / pixel_m + 0.5,
        close_distance_m=float(panel.close_distance_m),
        phi_start_rad=float(radians(resolved.crystal.phi_start_deg)),
        phi_range_rad=float(radians(resolved.crystal.phi.range)),
        two_theta_rad=float(radians(d.two_theta_deg)),
        placement=() if "header_overflow" in parity else _placement_words(resolved),
    )


HEADER_NUMBERS = ("custom_normal", "detector_size", "distance_before_swing", "header_beam_center", "header_overflow")
"""Entries of the ledger with which the numbers of a header are the C program's to the last bit."""


def _program_header(resolved: Resolved) -> HeaderFields:
    """What the C program's header says, rounded as there."""
    d = resolved.detector
    panel = program_panel(resolved.config, d.size_m, d.normal_axis)
    x, y, z = panel.origin_m
    return HeaderFields(
        pixel_size_m=d.pixel_mm / 1000,
        distance_m=panel.distance_m,
        wavelength_m=resolved.beam.wavelength_A / 1e10,
        beam_x_m=d.beam_x_mm / 1000,
        beam_y_m=d.beam_y_mm / 1000,
        fbeam_m=panel.beam_centre_m[0],
        sbeam_m=panel.beam_centre_m[1],
        size_slow_m=d.size_m[1],
        dials_origin_mm=(1000.0 * z, 1000.0 * y, -1000.0 * x),
        org_x_px=panel.org_px[0],
        org_y_px=panel.org_px[1],
        close_distance_m=panel.close_distance_m,
        phi_start_rad=float(radians(resolved.crystal.phi_start_deg)),
        phi_range_rad=float(radians(resolved.crystal.phi.range)),
        two_theta_rad=float(radians(d.two_theta_deg)),
    )


def _placement_words(resolved: Resolved) -> tuple[tuple[str, str], ...]:
    """Header words for what the C program's header leaves out."""
    tilts = zip("XYZ", resolved.detector.rotation_deg, strict=True)
    words = ((f"DETECTOR_ROT{axis}", f"{angle:.10g}") for axis, angle in tilts if angle)
    return ("CONVENTION", resolved.config.detector.convention), *words


def phi_angles_rad(resolved: Resolved) -> np.ndarray:
    """Spindle angle of each step, shape (steps,)."""
    phi = resolved.crystal.phi
    return radians(resolved.crystal.phi_start_deg) + _phi_step_rad(phi) * np.arange(phi.count)
