"""Stages of common detectors, by their names; docs/recording.md says where the numbers are from."""

from __future__ import annotations

from nbjax.config.tree import Stage

CHAINS: dict[str, tuple[Stage, ...]] = {
    "ccd": (
        Stage("calibration", gain_percent=3.0),
        Stage("poisson"),
        Stage("point_spread", form="fiber", fwhm_um=46.0, radius_px=64),
        Stage("gain", counts_per_photon=1.8, pedestal_counts=40.0),
        Stage("readout", sigma_counts=3.0),
        Stage("quantize", bits=16),
    ),
}
