"""Quantities of the stages of a recording, of which there may be several."""

from __future__ import annotations

from nbjax.quantities.interval import Interval, above_zero, around_zero, up_to, within
from nbjax.quantities.quantity import Quantity

_LARGE = 1e12
_PARTS = up_to(100.0)


def _record(name: str, meaning: str, unit: str, hard: Interval, plausible: Interval | None = None) -> Quantity:
    return Quantity(f"record.{name}", meaning, unit, hard, plausible)


RECORD: tuple[Quantity, ...] = (
    _record("sigma_percent", "the standard deviation of the beam's intensity in percent", "%", up_to(1e3), _PARTS),
    _record("fwhm_um", "the full width at half maximum of a point in um", "um", above_zero(1e7), within(1.0, 2000.0)),
    _record("radius_px", "how far a point spreads in pixels", "px", within(1.0, 1e5)),
    _record("cloud_um", "the standard deviation of a photon's charge in um", "um", above_zero(1e4), within(0.1, 100.0)),
    _record("threshold_keV", "the threshold in keV", "keV", above_zero(1e4), within(0.5, 200.0)),
    _record("noise_keV", "the standard deviation of the threshold's noise in keV", "keV", up_to(1e3), up_to(10.0)),
    _record("dead_time_ns", "the dead time after a photon in ns", "ns", up_to(1e9), up_to(1e5)),
    _record("gain_percent", "the standard deviation of the pixels' gains in percent", "%", up_to(1e3), _PARTS),
    _record("offset_photons", "the standard deviation of the pixels' offsets in photons", "photons", up_to(_LARGE)),
    _record("offset_counts", "the standard deviation of the pixels' offsets in counts", "counts", up_to(_LARGE)),
    _record("electrons_per_s", "the dark current in electrons per second", "electrons/s", up_to(_LARGE)),
    _record("electrons_per_photon", "the electrons that one photon makes", "electrons/photon", above_zero(_LARGE)),
    _record("sigma_photons", "the standard deviation of the noise in photons", "photons", up_to(_LARGE)),
    _record("sigma_electrons", "the standard deviation of the noise in electrons", "electrons", up_to(_LARGE)),
    _record("sigma_counts", "the standard deviation of the noise in counts", "counts", up_to(_LARGE)),
    _record("counts_per_photon", "the counts of one photon", "counts/photon", above_zero(_LARGE), within(1e-3, 1e4)),
    _record("counts_per_keV", "the counts of one keV", "counts/keV", above_zero(_LARGE), within(1e-3, 1e4)),
    _record("pedestal_counts", "the counts of a pixel in the dark", "counts", around_zero(2.0**31)),
    _record("gains_counts_per_keV", "the counts of one keV at each gain", "counts/keV", around_zero(_LARGE)),
    _record("pedestals_counts", "the counts of a pixel in the dark at each gain", "counts", around_zero(2.0**31)),
    _record("noises_counts", "the standard deviation of the noise at each gain in counts", "counts", up_to(_LARGE)),
    _record("switches_keV", "the charge in keV from which the next gain is used", "keV", above_zero(_LARGE)),
    _record("converter_bits", "the bits of the converter", "1", within(1.0, 30.0), within(8.0, 20.0)),
    _record("limit_photons", "the photons from which a pixel is overloaded", "photons", above_zero(_LARGE)),
    _record("limit_counts", "the counts from which a pixel is overloaded", "counts", above_zero(_LARGE)),
    _record("overload_counts", "what an overloaded pixel holds", "counts", around_zero(_LARGE)),
    _record("hot_percent", "the part of the pixels that are hot in percent", "%", _PARTS, up_to(10.0)),
    _record("dead_percent", "the part of the pixels that are dead in percent", "%", _PARTS, up_to(10.0)),
    _record("hot_counts", "what a hot pixel holds", "counts", around_zero(_LARGE)),
    _record("dead_counts", "what a dead pixel holds", "counts", around_zero(_LARGE)),
    _record("bits", "the bits of a pixel", "1", within(1.0, 32.0)),
    _record("seed", "a seed", "1", within(0.0, 2.0**31 - 1)),
)
