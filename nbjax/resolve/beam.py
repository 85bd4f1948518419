"""Resolution of the beam: wavelength, fluence, polarization, divergence, spectrum and source list."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from nbjax.config.tree import Beam, Sampling
from nbjax.constants import DEFAULT_FLUENCE_PHOTONS_PER_M2, HC_EV_A
from nbjax.io.sources import SourceList, read_sources
from nbjax.resolve.notes import Notes
from nbjax.resolve.polarization import kahn_factor
from nbjax.resolve.steps import NONE, Steps, grid_steps

_MOST_SOURCES = 10**7
_FAR, _ALIKE = 2.0, 0.1
"""Ratio of wavelengths that are hardly those of one beam; relative difference of those that are."""


@dataclass(frozen=True)
class ResolvedBeam:
    """The beam with nothing left open, in the units of the key names.

    Attributes:
        horizontal, vertical: divergence in mrad.
        dispersion: relative wavelength spread in percent.
        grid_index: (horizontal, vertical, wavelength) indices of the retained grid points, shape (sources, 3).
        sources: the source file's rows, if one is used.
    """

    wavelength_A: float
    fluence_photons_per_m2: float
    beamsize_mm: float
    polarization: float
    polarization_correction: bool
    horizontal: Steps
    vertical: Steps
    dispersion: Steps
    grid_index: np.ndarray
    sources: SourceList | None

    def source_wavelengths(self) -> np.ndarray:
        """Wavelength of every source in Angstrom, shape (sources,)."""
        if self.sources is not None:
            listed = np.asarray(self.sources.wavelengths_m) * 1e10
            return np.where(np.isnan(listed), self.wavelength_A, listed)
        relative = 1 + (self.dispersion.step * self.grid_index[:, 2] - self.dispersion.range / 2) / 100
        return self.wavelength_A * relative


def resolve_beam(beam: Beam, sampling: Sampling, parity: tuple[str, ...], notes: Notes) -> ResolvedBeam:
    """Fill in the beam; faults go to ``notes``."""
    beamsize_mm = notes.choose("beam.beamsize_mm", beam.beamsize_mm, 0.1)
    polarization = kahn_factor(beam, notes)
    notes.switch("beam.polarization_correction", beam.polarization_correction)
    sources = None if beam.source_file is None else read_sources(beam.source_file, "two_column_sources" not in parity)
    wavelength_A = _wavelength(beam, sources, notes)
    fluence = _fluence(beam, beamsize_mm, notes)
    horizontal, vertical, dispersion = _spreads(beam, sampling, notes)
    if sources is not None:
        notes.given("beam.source_file", beam.source_file)
        if horizontal.count * vertical.count * dispersion.count > 1:
            notes.warn("beam.source_file replaces the divergence and dispersion that are also given")
    grid = horizontal.count * vertical.count * dispersion.count
    if grid > _MOST_SOURCES:
        notes.fault(
            "sampling.divergence_horizontal_steps",
            f"{horizontal.count} x {vertical.count} directions in {dispersion.count} wavelengths are {grid:.3g} "
            f"sources, more than {_MOST_SOURCES:.0e}; use fewer steps",
        )
        horizontal, vertical, dispersion = NONE, NONE, NONE
    index = _retained(horizontal, vertical, dispersion, beam.divergence_shape == "round")
    if not len(index):
        notes.fault("beam.divergence_shape", "the round cut leaves no source; use more steps or the square shape")
    notes.record("derived.sources", len(index) if sources is None else len(sources.weights), "divergence x dispersion")
    return ResolvedBeam(
        wavelength_A,
        fluence,
        beamsize_mm,
        polarization,
        beam.polarization_correction,
        horizontal,
        vertical,
        dispersion,
        index,
        sources,
    )


def _spreads(beam: Beam, sampling: Sampling, notes: Notes) -> tuple[Steps, Steps, Steps]:
    """Horizontal and vertical divergence, and dispersion."""
    horizontal = grid_steps(
        beam.divergence_horizontal_mrad,
        sampling.divergence_horizontal_step_mrad,
        sampling.divergence_horizontal_steps,
        1000.0,
    )
    vertical = grid_steps(
        beam.divergence_vertical_mrad,
        sampling.divergence_vertical_step_mrad,
        sampling.divergence_vertical_steps,
        1000.0,
    )
    dispersion = grid_steps(beam.dispersion_percent or 0.0, None, sampling.dispersion_steps, 0.0)
    for key, range_key, given, steps in (
        ("divergence_horizontal_steps", "divergence_horizontal_mrad", sampling.divergence_horizontal_steps, horizontal),
        ("divergence_vertical_steps", "divergence_vertical_mrad", sampling.divergence_vertical_steps, vertical),
        ("dispersion_steps", "dispersion_percent", sampling.dispersion_steps, dispersion),
    ):
        if given is not None and given < steps.count:
            notes.warn(
                f"sampling.{key} = {given}: beam.{range_key} = {steps.range:g} has its two ends at least, and "
                f"{steps.count} points are taken; for one point leave out the range"
            )
    for name, steps in (("divergence_horizontal", horizontal), ("divergence_vertical", vertical)):
        notes.record(f"beam.{name}_mrad", steps.range, steps.origin)
        notes.record(f"sampling.{name}_step_mrad", steps.step, steps.origin)
        notes.record(f"sampling.{name}_steps", steps.count, steps.origin)
    notes.record("beam.dispersion_percent", dispersion.range, dispersion.origin)
    notes.record("sampling.dispersion_steps", dispersion.count, dispersion.origin)
    notes.switch("beam.divergence_shape", beam.divergence_shape)
    return horizontal, vertical, dispersion


def _wavelength(beam: Beam, sources: SourceList | None, notes: Notes) -> float:
    if beam.wavelength_A is not None and beam.energy_eV is not None:
        notes.fault("beam.energy_eV", "given together with beam.wavelength_A; leave one of them out")
    if beam.energy_eV is not None:
        notes.given("beam.energy_eV", beam.energy_eV)
        notes.record("beam.wavelength_A", HC_EV_A / beam.energy_eV, "derived from beam.energy_eV")
        wavelength_A = HC_EV_A / beam.energy_eV
    elif sources is not None and sources.is_spectrum:
        wavelength_A = notes.choose(
            "beam.wavelength_A", beam.wavelength_A, sources.mean_wavelength_m * 1e10, "mean of beam.source_file"
        )
    else:
        wavelength_A = notes.choose("beam.wavelength_A", beam.wavelength_A, 1.0)
    if sources is not None:
        _compare(sources, wavelength_A, notes)
    return wavelength_A


def _compare(sources: SourceList, wavelength_A: float, notes: Notes) -> None:
    """Point out sources of quite another wavelength."""
    mean_A = sources.mean_wavelength_m * 1e10
    if math.isnan(mean_A) or 1 / _FAR <= mean_A / wavelength_A <= _FAR:
        return
    as_keV = abs(HC_EV_A / 1000 / mean_A / wavelength_A - 1) < _ALIKE
    cure = "energies are wanted in eV, not in keV" if as_keV else "correct one of them"
    notes.warn(
        f"the sources of beam.source_file are around {mean_A:.4g} A, beam.wavelength_A is {wavelength_A:.4g}; {cure}"
    )


def _fluence(beam: Beam, beamsize_mm: float, notes: Notes) -> float:
    exposure_s = notes.choose("beam.exposure_s", beam.exposure_s, 1.0)
    if beam.flux_photons_per_s is not None:
        if beam.fluence_photons_per_m2 is not None:
            notes.warn("beam.flux_photons_per_s overrides beam.fluence_photons_per_m2")
        notes.given("beam.flux_photons_per_s", beam.flux_photons_per_s)
        size_m = beamsize_mm / 1000
        fluence = beam.flux_photons_per_s * exposure_s / size_m / size_m
        origin = "derived from beam.flux_photons_per_s, beam.exposure_s, beam.beamsize_mm"
        notes.record("beam.fluence_photons_per_m2", fluence, origin)
        return fluence
    return notes.choose(
        "beam.fluence_photons_per_m2",
        beam.fluence_photons_per_m2,
        DEFAULT_FLUENCE_PHOTONS_PER_M2,
        "default: 1/r_e^2, a pixel shows F^2 times its solid angle",
    )


def _retained(horizontal: Steps, vertical: Steps, dispersion: Steps, is_round: bool) -> np.ndarray:
    """Indices of the grid points inside the ellipse of a round divergence, wavelength index fastest."""
    h, v = (index.ravel() for index in np.indices((horizontal.count, vertical.count)))
    with np.errstate(invalid="ignore", divide="ignore"):
        test = sum(
            ((s.step * i - s.range / 2) ** 2 - s.step * s.step / 4 * (1 - s.count % 2)) / s.range / s.range
            for s, i in (
                (_as_float(horizontal), h),
                (_as_float(vertical), v),
            )
        )
        # with a zero range the ratio is not a number, and nothing is cut
        outside = (test * 4 > 1.1) & is_round
    pairs = np.stack([h, v], axis=1)[~outside]
    waves = np.arange(dispersion.count)
    return np.concatenate([np.repeat(pairs, len(waves), axis=0), np.tile(waves, len(pairs))[:, None]], axis=1).astype(
        float
    )


def _as_float(steps: Steps) -> Steps:
    return Steps(np.float64(steps.range) / 1000, np.float64(steps.step) / 1000, steps.count, False, "")
