"""Resolution of the spectrum: from a file, or by formula, on as many wavelengths as are wanted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from nbjax.config.tree import Beam
from nbjax.constants import HC_EV_A
from nbjax.errors import FileError
from nbjax.io.spectra import Spectrum, open_spectra, spectrum_of
from nbjax.resolve.notes import Notes
from nbjax.sampling.channels import mean_and_spread, reduced
from nbjax.sampling.spectra import gaussian_band, sase, sase_points

GAUSSIAN_CHANNELS = 21
MANY_CHANNELS = 100
_MOST_POINTS = 10**5
_OF_SHAPE = ("spike_width_percent", "spectrum_seed")
_OF_FILE = ("spectrum_shot", "spectrum_offset_eV")


@dataclass(frozen=True)
class Band:
    """Wavelengths of a beam in terms of the central one: central (1 + width place).

    Attributes:
        width: relative; one where the places are themselves relative.
        places, weights: of each wavelength, shape (n,).
        kind: as of ``SourceSpread``.
    """

    width: float
    places: np.ndarray
    weights: np.ndarray
    kind: Literal["comb", "gaussian", "listed"]


def shots_of_images(beam: Beam) -> int:
    """Spectra of a file that go to images by their number; 0 where there are none, or one was chosen for all.

    Raises:
        FileError: the file cannot be read.
    """
    return 0 if beam.spectrum_file is None or beam.spectrum_shot is not None else open_spectra(beam.spectrum_file).shots


def read_spectrum(beam: Beam, notes: Notes) -> Spectrum | None:
    """The spectrum of ``beam.spectrum_file``, with its offset; None if there is none.

    Raises:
        FileError: it cannot be read.
    """
    path = beam.spectrum_file
    if path is None:
        for name in _OF_FILE:
            if getattr(beam, name) is not None:
                notes.fault(f"beam.{name}", "belongs to beam.spectrum_file; give one, or leave it out")
        return None
    notes.given("beam.spectrum_file", path)
    spectra, shot = open_spectra(path), beam.spectrum_shot
    last = max(spectra.shots, 1) - 1
    if shot is not None and not 0 <= shot <= last:
        has = f"{path} has the shots 0 to {last}" if last else f"{path} has one spectrum, shot 0"
        notes.fault("beam.spectrum_shot", f"got {shot}, {has}; choose one of them, or simulate fewer images")
        shot = 0
    if spectra.shots > 1:
        shot = notes.choose("beam.spectrum_shot", shot, 0, f"default: the first of {spectra.shots}")
    spectrum = spectra.of_shot(shot or 0)
    offset_eV = notes.choose("beam.spectrum_offset_eV", beam.spectrum_offset_eV, 0.0)
    if not offset_eV:
        return spectrum
    energies_eV = HC_EV_A / spectrum.wavelengths_A + offset_eV
    try:
        return spectrum_of(path, energies_eV, spectrum.weights, (1.0, True))
    except FileError as error:
        notes.fault("beam.spectrum_offset_eV", f"got {offset_eV:g}, with which {error}")
        return spectrum


def resolve_band(beam: Beam, spectrum: Spectrum | None, wavelength_A: float, seed: int, notes: Notes) -> Band | None:
    """Wavelengths of a spectrum; None if the beam has none.

    Args:
        beam: the section.
        spectrum: of its file.
        wavelength_A: central wavelength.
        seed: of what is drawn where no other is given.
        notes: take faults and choices.
    """
    _check_choices(beam, notes)
    if spectrum is not None:
        band = Band(1.0, spectrum.wavelengths_A / wavelength_A - 1, spectrum.weights, "listed")
    elif not beam.bandwidth_percent:
        return None
    else:
        notes.given("beam.bandwidth_percent", beam.bandwidth_percent)
        shape = notes.choose("beam.spectrum_shape", beam.spectrum_shape, "gaussian")
        band = _spiky(beam, seed, notes) if shape == "sase" else _gaussian(beam.bandwidth_percent)
    band = _in_channels(band, beam, wavelength_A, notes)
    shortest = 1 + band.width * float(band.places.min())
    if shortest <= 0:
        notes.fault("beam.bandwidth_percent", "reaches wavelengths below zero; give a smaller bandwidth")
    return replace(band, weights=band.weights / band.weights.sum())


def _check_choices(beam: Beam, notes: Notes) -> None:
    """Name what excludes each other, and what lacks the key that it belongs to."""
    ways = [key for key in ("source_file", "spectrum_file", "bandwidth_percent", "dispersion_percent")
            if getattr(beam, key)]  # fmt: skip
    if len(ways) > 1 and set(ways) != {"source_file", "dispersion_percent"}:
        others = " and ".join(f"beam.{key}" for key in ways[:-1])
        notes.fault(f"beam.{ways[-1]}", f"given together with {others}; each says what the wavelengths are: keep one")
    if beam.spectrum_shape is not None and not beam.bandwidth_percent:
        got = "missing" if beam.bandwidth_percent is None else "got 0"
        notes.fault("beam.bandwidth_percent", f"{got}; beam.spectrum_shape needs a width above zero")
    if beam.spectrum_shape != "sase":
        for name in _OF_SHAPE:
            if getattr(beam, name) is not None:
                notes.fault(f"beam.{name}", 'belongs to beam.spectrum_shape = "sase"; give that, or leave it out')
    if beam.channels is not None and "spectrum_file" not in ways and "bandwidth_percent" not in ways:
        notes.fault("beam.channels", "belongs to beam.spectrum_file or beam.bandwidth_percent; leave it out")


def _gaussian(band_percent: float) -> Band:
    width = band_percent / 100
    return Band(width, *gaussian_band(width), "gaussian")


def _spiky(beam: Beam, seed: int, notes: Notes) -> Band:
    """A spectrum of spikes."""
    band_percent, spike_percent = beam.bandwidth_percent or 0.0, beam.spike_width_percent
    seed = notes.choose("beam.spectrum_seed", beam.spectrum_seed, seed, "derived from output.seed")
    problem = None
    if spike_percent is None:
        problem = 'missing; beam.spectrum_shape = "sase" needs the width of a spike'
    elif spike_percent > band_percent:
        problem = f"got {spike_percent:g}, wider than beam.bandwidth_percent = {band_percent:g}; exchange them"
    elif sase_points(band_percent, spike_percent) > _MOST_POINTS:
        problem = f"got {spike_percent:g}, which asks for more than {_MOST_POINTS} wavelengths; give a wider spike"
    if problem is not None:
        notes.fault("beam.spike_width_percent", problem)
        return _gaussian(band_percent)
    assert spike_percent is not None
    notes.given("beam.spike_width_percent", spike_percent)
    return Band(1.0, *sase(seed, band_percent / 100, spike_percent / 100), "listed")


def _in_channels(band: Band, beam: Beam, wavelength_A: float, notes: Notes) -> Band:
    """The band on as many wavelengths as are wanted; tells what that costs or changes."""
    found = len(band.places)
    if band.kind == "gaussian":
        count = notes.choose("beam.channels", beam.channels, GAUSSIAN_CHANNELS)
    else:
        count = notes.choose("beam.channels", beam.channels, found, "default: every wavelength of the spectrum")
        if beam.channels is None and found > MANY_CHANNELS:
            notes.say(
                f"the spectrum has {found} wavelengths, each of which costs as much as a whole image of one; "
                "beam.channels = 30 takes as many that stand for all"
            )
    places, weights = reduced(band.places, band.weights, count)
    before, after = (
        tuple(wavelength_A * x for x in (1 + band.width * mean, band.width * spread))
        for mean, spread in (mean_and_spread(band.places, band.weights), mean_and_spread(places, weights))
    )
    notes.record("derived.spectrum_mean_A", after[0], f"of {found} wavelengths: {before[0]:.8g}")
    notes.record("derived.spectrum_rms_A", after[1], f"of {found} wavelengths: {before[1]:.6g}")
    return replace(band, places=np.asarray(places), weights=np.asarray(weights))
