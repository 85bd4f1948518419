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


CHAINS: dict[str, tuple[Stage, ...]] = {
    "eiger2": (
        Stage("charge_sharing", cloud_um=8.4),
        Stage("counting", noise_keV=0.5, dead_time_ns=100.0),
        Stage("quantize", bits=32),
    ),
    "pilatus3": (
        Stage("charge_sharing", cloud_um=8.4),
        Stage("counting", noise_keV=0.5, dead_time_ns=120.0),
        Stage("quantize", bits=20),
    ),
    "jungfrau": (*_JUNGFRAU, Stage("quantize", bits=16)),
    "jungfrau_photons": _calibrated(_JUNGFRAU),
    "agipd": (*_AGIPD, Stage("quantize", bits=16)),
    "agipd_photons": _calibrated(_AGIPD),
    "ccd": (
        Stage("flicker", sigma_percent=0.15),
        Stage("calibration", gain_percent=3.0),
        _COUNTS,
        Stage("point_spread", form="fiber", fwhm_um=46.0),
        Stage("gain", counts_per_photon=1.8, pedestal_counts=40.0),
        Stage("readout", sigma_counts=3.0),
        Stage("quantize", bits=16, rounding="down"),
    ),
    "rayonix": (
        Stage("flicker", sigma_percent=0.15),
        Stage("calibration", gain_percent=3.0),
        _COUNTS,
        Stage("point_spread", form="fiber", fwhm_um=100.0),
        Stage("gain", counts_per_photon=0.7, pedestal_counts=10.0),
        Stage("readout", sigma_counts=3.0),
        Stage("quantize", bits=16, rounding="down"),
    ),
}
