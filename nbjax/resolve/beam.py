"""Resolution of the beam: wavelength, fluence, polarization, divergence, spectrum and source list."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from nbjax.config.tree import Beam, Sampling
from nbjax.constants import DEFAULT_FLUENCE_PHOTONS_PER_M2, HC_EV_A
from nbjax.io.sources import SourceList, read_sources
from nbjax.io.spectra import Spectrum
from nbjax.physics.beam_profiles import BEAM_PROFILES
from nbjax.resolve.divergence import (
    DEFAULT_SHAPE,
    Directions,
    directions,
    in_widths,
    resolve_shape,
    resolve_spreads,
    retained,
)
from nbjax.resolve.notes import DEFAULT_SEED, Notes
from nbjax.resolve.polarization import kahn_factor
from nbjax.resolve.spectrum import Band, read_spectrum, resolve_band
from nbjax.resolve.steps import NONE, Steps

_MOST_SOURCES = 10**7
_FAR, _ALIKE = 2.0, 0.1
"""Ratio of wavelengths that are hardly those of one beam; relative difference of those that are."""


@dataclass(frozen=True)
class Spread:
    """Directions times wavelengths that are no grid of the C program; the wavelengths of a direction follow each other.

    Attributes:
        horizontal, vertical: widths of the divergence in mrad.
        band: the wavelengths.
        directions: in those widths.
        gaussian: whether the directions are those of a Gaussian.
    """

    horizontal_mrad: float
    vertical_mrad: float
    band: Band
    directions: Directions
    gaussian: bool = False

    @property
    def count(self) -> int:
        """Number of sources."""
        return len(self.directions.weights) * len(self.band.weights)

    def rows(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Horizontal, vertical and wavelength place and weight of each source, shape (sources,)."""
        d, b = self.directions, self.band
        waves, turns = len(b.weights), len(d.weights)
        h, v, w = (np.repeat(column, waves) for column in (d.horizontal, d.vertical, d.weights))
        return h, v, np.tile(b.places, turns), w * np.tile(b.weights, turns)


@dataclass(frozen=True)
class ResolvedBeam:
    """The beam with nothing left open, in the units of the key names.

    Attributes:
        horizontal, vertical: divergence in mrad.
        dispersion: relative wavelength spread in percent.
        grid_index: (horizontal, vertical, wavelength) indices of the retained grid points, shape (sources, 3).
        sources: the source file's rows, if one is used.
        spread: takes the place of the grid where there is a spectrum or a Gaussian divergence.
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
    spread: Spread | None = None

    @property
    def count(self) -> int:
        """Number of sources."""
        if self.sources is not None:
            return len(self.sources.weights)
        return len(self.grid_index) if self.spread is None else self.spread.count

    def source_wavelengths(self) -> np.ndarray:
        """Wavelength of every source in Angstrom, shape (sources,)."""
        if self.sources is not None:
            listed = np.asarray(self.sources.wavelengths_m) * 1e10
            return np.where(np.isnan(listed), self.wavelength_A, listed)
        if self.spread is not None:
            return self.wavelength_A * (1 + self.spread.band.width * self.spread.rows()[2])
        relative = 1 + (self.dispersion.step * self.grid_index[:, 2] - self.dispersion.range / 2) / 100
        return self.wavelength_A * relative


def resolve_beam(
    beam: Beam, sampling: Sampling, parity: tuple[str, ...], notes: Notes, seed: int = DEFAULT_SEED
) -> ResolvedBeam:
    """Fill in the beam; faults go to ``notes``.

    Args:
        beam, sampling: the sections.
        parity: names of the ledger.
        notes: take faults, warnings and origins.
        seed: of a spectrum that is drawn, where it has none of its own.
    """
    beam = resolve_shape(beam, notes)
    beamsize_mm = notes.choose("beam.beamsize_mm", beam.beamsize_mm, 0.1)
    polarization = kahn_factor(beam, notes)
    notes.switch("beam.polarization_correction", beam.polarization_correction)
    sources = None if beam.source_file is None else read_sources(beam.source_file, "two_column_sources" not in parity)
    spectrum = read_spectrum(beam, notes)
    wavelength_A = _wavelength(beam, sources, spectrum, notes)
    notes.choose("beam.profile", beam.profile, "none", "default: the same fluence everywhere")
    fluence = _fluence(beam, beamsize_mm, notes)
    horizontal, vertical, dispersion = resolve_spreads(beam, sampling, notes)
    if sources is not None:
        notes.given("beam.source_file", beam.source_file)
        if horizontal.count * vertical.count * dispersion.count > 1:
            notes.warn("beam.source_file replaces the divergence and dispersion that are also given")
    band = resolve_band(beam, spectrum, wavelength_A, seed, notes)
    waves = dispersion.count if band is None else len(band.weights)
    grid = horizontal.count * vertical.count * waves
    if grid > _MOST_SOURCES:
        notes.fault(
            "sampling.divergence_horizontal_steps",
            f"{horizontal.count} x {vertical.count} directions in {waves} wavelengths are {grid:.3g} "
            f"sources, more than {_MOST_SOURCES:.0e}; use fewer steps",
        )
        horizontal, vertical, dispersion = NONE, NONE, NONE
    index = retained(horizontal, vertical, dispersion, beam.divergence_shape == "round")
    if not len(index):
        notes.fault("beam.divergence_shape", "the round cut leaves no source; use more steps or the square shape")
    found = ResolvedBeam(
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
        None if sources is not None else _spread(beam, (horizontal, vertical, dispersion), band),
    )
    if found.spread is not None and "source_weights" in parity:
        notes.fault("parity", "source_weights ignores the weights of a spectrum or a Gaussian divergence; leave it out")
    notes.record("derived.sources", found.count, "divergence x wavelengths")
    return found


def _spread(beam: Beam, steps: tuple[Steps, Steps, Steps], band: Band | None) -> Spread | None:
    """Directions times wavelengths; None where a grid of the C program says them."""
    horizontal, vertical, dispersion = steps
    if band is None and (beam.divergence_shape != "gaussian" or horizontal.count * vertical.count == 1):
        return None
    if band is None:
        band = Band(dispersion.range / 100, in_widths(dispersion), np.ones(dispersion.count), "comb")
    shape = beam.divergence_shape or DEFAULT_SHAPE
    found = directions(shape, horizontal, vertical)
    return Spread(horizontal.range, vertical.range, band, found, shape == "gaussian")


def _wavelength(beam: Beam, sources: SourceList | None, spectrum: Spectrum | None, notes: Notes) -> float:
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
    elif spectrum is not None:
        mean_A = spectrum.mean_wavelength_A
        wavelength_A = notes.choose("beam.wavelength_A", beam.wavelength_A, mean_A, "mean of beam.spectrum_file")
    else:
        wavelength_A = notes.choose("beam.wavelength_A", beam.wavelength_A, 1.0)
    if sources is not None:
        _compare("beam.source_file", sources.mean_wavelength_m * 1e10, wavelength_A, notes)
    if spectrum is not None:
        _compare("beam.spectrum_file", spectrum.mean_wavelength_A, wavelength_A, notes)
    return wavelength_A


def _compare(key: str, mean_A: float, wavelength_A: float, notes: Notes) -> None:
    """Point out sources of quite another wavelength."""
    if math.isnan(mean_A) or 1 / _FAR <= mean_A / wavelength_A <= _FAR:
        return
    as_keV = abs(HC_EV_A / 1000 / mean_A / wavelength_A - 1) < _ALIKE
    cure = "energies are wanted in eV, not in keV" if as_keV else "correct one of them"
    notes.warn(f"the sources of {key} are around {mean_A:.4g} A, beam.wavelength_A is {wavelength_A:.4g}; {cure}")


def _fluence(beam: Beam, beamsize_mm: float, notes: Notes) -> float:
    exposure_s = notes.choose("beam.exposure_s", beam.exposure_s, 1.0)
    if beam.flux_photons_per_s is not None:
        if beam.fluence_photons_per_m2 is not None:
            notes.warn("beam.flux_photons_per_s overrides beam.fluence_photons_per_m2")
        notes.given("beam.flux_photons_per_s", beam.flux_photons_per_s)
        size_m = beamsize_mm / 1000
        photons = beam.flux_photons_per_s * exposure_s
        if beam.profile is None:
            fluence = photons / size_m / size_m
        else:
            fluence = photons / BEAM_PROFILES[beam.profile].area(size_m)
        what = "" if beam.profile is None else "peak of beam.profile, "
        origin = f"{what}derived from beam.flux_photons_per_s, beam.exposure_s, beam.beamsize_mm"
        notes.record("beam.fluence_photons_per_m2", fluence, origin)
        return fluence
    return notes.choose(
        "beam.fluence_photons_per_m2",
        beam.fluence_photons_per_m2,
        DEFAULT_FLUENCE_PHOTONS_PER_M2,
        "default: 1/r_e^2, a pixel shows F^2 times its solid angle",
    )
