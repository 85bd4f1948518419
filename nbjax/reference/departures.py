"""Which entries of the ledger would change the result of an experiment if they were switched on."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np

from nbjax.experiment import Experiment
from nbjax.physics.backgrounds.water import Water
from nbjax.pipeline.compilation import compiled
from nbjax.preparation import meets_beam, phi_angles_rad, placed_panel
from nbjax.reference.cell_setting import angles_of_c_program_deg
from nbjax.reference.hkl_stream import read_hkl_stream, reads_alike
from nbjax.reference.ledger import NAMES
from nbjax.reference.program import CProgram
from nbjax.reflections.table import tabulate
from nbjax.resolve import Resolved

_CLOSED_FORM_FAILS = 1e-5
"""Distance from a peak, in fringes, within which the closed form of the sphere's transform has lost its digits."""

_leaves_table = compiled(CProgram((), False).leaves_table)


def departures(resolved: Resolved, experiment: Experiment, options: Iterable[str] = ()) -> tuple[str, ...]:
    """Names of the entries that are off and would change the image or its files, in the ledger's order.

    Args:
        resolved: the completed configuration.
        experiment: what ``prepare`` made of it.
        options: entries that the reading of the command line brings into play.
    """
    if experiment.grid.panels > 1 or len(experiment.crystals) > 1:
        # it has one panel and one crystal, and no image to differ
        return ()
    found = set(options) | set(resolved.header_departures)
    found.update(name for name, applies in _TESTS.items() if applies(resolved, experiment))
    return tuple(name for name in NAMES if name in found and name not in resolved.config.parity)


def _phi_carryover(resolved: Resolved, experiment: Experiment) -> bool:
    angles = phi_angles_rad(resolved)
    return bool((angles == 0).any() and (angles != 0).any())


def _oversampled(experiment: Experiment) -> tuple[bool, bool, bool]:
    """Whether solid angle, polarization and capture are either oversampled or without effect."""
    grid = experiment.grid
    return (
        grid.oversample_solid_angle,
        grid.oversample_polarization or not experiment.beam.polarized,
        grid.oversample_thickness or not experiment.detector.panels.has_sensor,
    )


def _first_sample_factors(resolved: Resolved, experiment: Experiment) -> bool:
    omega, polarization, capture = _oversampled(experiment)
    beam = resolved.beam
    divergent = beam.sources is not None and len(beam.sources.weights) > 1
    divergent |= beam.horizontal.count > 1 or beam.vertical.count > 1
    if experiment.grid.oversample > 1 and not (omega and polarization and capture):
        return True
    return (divergent and not polarization) or (experiment.detector.panels.layers > 1 and not (omega and polarization))


def _running_product(resolved: Resolved, experiment: Experiment) -> bool:
    grid, beam = experiment.grid, resolved.beam
    flagged = grid.oversample_solid_angle or (grid.oversample_polarization and experiment.beam.polarized)
    flagged |= grid.oversample_thickness and experiment.detector.panels.has_sensor
    crystal = resolved.crystal
    layers = experiment.detector.panels.layers
    steps = grid.oversample**2 * layers * beam.count * crystal.phi.count * crystal.mosaic_domains
    return flagged and (steps > 1 or bool(experiment.backgrounds))


def _source_weights(resolved: Resolved, experiment: Experiment) -> bool:
    rows = resolved.beam.sources
    return rows is not None and len(np.unique(np.where(np.isnan(rows.weights), 1.0, rows.weights))) > 1


def _interpolation_autoselect(resolved: Resolved, experiment: Experiment) -> bool:
    config = resolved.config.crystal
    if config.interpolate is not None or resolved.crystal.table is None:
        return False
    return (min(config.cells or (1, 1, 1)) <= 2) != (min(resolved.crystal.cells) <= 2)


def _interpolation_latch(resolved: Resolved, experiment: Experiment) -> bool:
    return experiment.crystal.factors.interpolate and bool(_leaves_table(experiment))


def _cell_setting(resolved: Resolved, experiment: Experiment) -> bool:
    if resolved.config.crystal.matrix_file is not None or resolved.config.crystal.orientation_file is not None:
        return False
    given = resolved.crystal.cell_deg
    return not np.allclose(angles_of_c_program_deg(resolved.crystal.cell_A, given), given, rtol=0, atol=1e-9)


def _twotheta_axis_length(resolved: Resolved, experiment: Experiment) -> bool:
    axis = resolved.config.detector.two_theta_axis
    return axis is not None and resolved.detector.two_theta_deg != 0 and abs(math.hypot(*axis) - 1) > 1e-12


def _hkl_stream(resolved: Resolved, experiment: Experiment) -> bool:
    """Whether the C program would take another table from an irregular list."""
    file, table = resolved.config.crystal.hkl_file, resolved.crystal.table
    if file is None or table is None or reads_alike(file):
        return False
    theirs = tabulate(read_hkl_stream(file, resolved.crystal.default_F), resolved.crystal.default_F)
    return theirs.minimum != table.minimum or not np.array_equal(theirs.values, table.values)


def _round_peak(resolved: Resolved, experiment: Experiment) -> bool:
    """Whether the direct beam, where every crystal has a peak, goes through the centre of a subpixel."""
    d, crystal = resolved.detector, resolved.crystal
    panel = placed_panel(resolved)
    if crystal.shape != "round" or not meets_beam(panel, d.beam_direction):
        return False
    subpixels = np.asarray(panel.beam_centre_m) / (d.pixel_mm / 1000) * resolved.sampling.oversample - 0.5
    off_m = np.abs(subpixels - np.round(subpixels)).max() * d.pixel_mm / 1000 / resolved.sampling.oversample
    longest_m = max(n * length for n, length in zip(crystal.cells, crystal.cell_A, strict=True)) * 1e-10
    fringes = longest_m * off_m / (resolved.beam.wavelength_A * 1e-10 * abs(float(panel.distance_m)))
    return bool(fringes < _CLOSED_FORM_FAILS)


def _layer_step(resolved: Resolved, experiment: Experiment) -> bool:
    panel = experiment.detector.panels
    return panel.has_sensor and (panel.layers > 1 or resolved.detector.layers_given)


_TESTS: dict[str, Callable[[Resolved, Experiment], bool]] = {
    "phi_carryover": _phi_carryover,
    "first_sample_factors": _first_sample_factors,
    "running_product": _running_product,
    "oversample_thick_alone": lambda r, e: e.grid.oversample_thickness and not e.detector.panels.has_sensor,
    "oversample_polar_always": lambda r, e: e.grid.oversample_polarization and not r.beam.polarization_correction,
    "last_layer_capture": lambda r, e: e.detector.panels.layers > 1 and not e.grid.oversample_thickness,
    "layer_step": _layer_step,
    "source_weights": _source_weights,
    "two_column_sources": lambda r, e: r.beam.sources is not None and r.beam.sources.is_spectrum,
    "water_scale": lambda r, e: any(isinstance(term, Water) for term in e.backgrounds),
    "interpolation_latch": _interpolation_latch,
    "interpolation_autoselect": _interpolation_autoselect,
    "shape_constants": lambda r, e: r.crystal.shape != "square",
    "star_shape": lambda r, e: r.crystal.shape in ("gauss", "tophat"),
    "cell_setting": _cell_setting,
    "misset_random": lambda r, e: r.config.crystal.misset_random,
    "twotheta_axis_length": _twotheta_axis_length,
    "custom_normal": lambda r, e: r.detector.custom_normal_differs,
    "curved_mapping": lambda r, e: e.detector.panels.curved,
    "distance_before_swing": lambda r, e: e.detector.panels.curved and r.detector.two_theta_deg != 0,
    "detector_size": lambda r, e: r.detector.size_differs,
    "size_rounding": lambda r, e: r.crystal.cells_differ,
    "oversample_distance": lambda r, e: r.sampling.oversample_differs,
    "hkl_stream": _hkl_stream,
    "round_peak": _round_peak,
    "poisson_sampler": lambda r, e: r.config.output.noise_file is not None,
}
