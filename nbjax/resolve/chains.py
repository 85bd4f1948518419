"""Stages of common detectors, by their names; docs/recording.md says where the numbers are from."""

from __future__ import annotations

from dataclasses import replace

from nbjax.config.tree import Stage

_COUNTS = Stage("poisson")
_JUNGFRAU = (
    Stage("charge_sharing", cloud_um=5.2),
    _COUNTS,
    Stage(
        "gain_switching",
        gains_counts_per_keV=(41.5, -1.39, -0.11),
        pedestals_counts=(2000.0, 15000.0, 15000.0),
        noises_counts=(12.5, 12.5, 12.5),
        switches_keV=(310.0, 9900.0),
    ),
)
_AGIPD = (
    Stage("charge_sharing", cloud_um=6.6),
    _COUNTS,
    Stage(
        "gain_switching",
        gains_counts_per_keV=(8.0, 0.16, 0.048),
        pedestals_counts=(4000.0, 4000.0, 4000.0),
        noises_counts=(7.6, 7.6, 7.6),
        switches_keV=(1200.0, 60000.0),
    ),
)


def _calibrated(stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
    return (*stages[:-1], replace(stages[-1], words="photons"))


def _counter(dead_time_ns: float, bits: int) -> tuple[Stage, ...]:
    """A counter of photons behind 450 um of silicon."""
    return (
        Stage("charge_sharing", cloud_um=8.4),
        Stage("counting", noise_keV=0.5, dead_time_ns=dead_time_ns),
        Stage("quantize", bits=bits),
    )


def _phosphor(fwhm_um: float, counts_per_photon: float, pedestal_counts: float) -> tuple[Stage, ...]:
    """A CCD that looks at a phosphor."""
    return (
        Stage("flicker", sigma_percent=0.15),
        Stage("calibration", gain_percent=3.0),
        _COUNTS,
        Stage("point_spread", form="fiber", fwhm_um=fwhm_um),
        Stage("gain", counts_per_photon=counts_per_photon, pedestal_counts=pedestal_counts),
        Stage("readout", sigma_counts=3.0),
        Stage("quantize", bits=16, rounding="down"),
    )


CHAINS: dict[str, tuple[Stage, ...]] = {
    "eiger2": _counter(100.0, 32),
    "pilatus3": _counter(120.0, 20),
    "jungfrau": (*_JUNGFRAU, Stage("quantize", bits=16)),
    "jungfrau_photons": _calibrated(_JUNGFRAU),
    "agipd": (*_AGIPD, Stage("quantize", bits=16)),
    "agipd_photons": _calibrated(_AGIPD),
    "ccd": _phosphor(46.0, 1.8, 40.0),
    "rayonix": _phosphor(100.0, 0.7, 10.0),
}
