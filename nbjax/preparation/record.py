"""The stages of a resolved configuration as what acts on images, with what a file says of the numbers that come out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jax import Array
from scipy.special import ndtr

from nbjax.config.tree import Stage
from nbjax.errors import ConfigError, Fault
from nbjax.io.images import other_size, read_images, read_mask
from nbjax.physics.readout import (
    Calibration,
    ChargeSharing,
    Counting,
    DarkCurrent,
    Flicker,
    Gain,
    GainSwitching,
    HotAndDead,
    PointSpread,
    Poisson,
    Quantize,
    Readout,
    ReadoutNoise,
    Saturation,
)
from nbjax.pipeline.readout import recorded
from nbjax.resolve import Resolved
from nbjax.resolve.record import photon_keV

SHARPEST = 0.01
"""Least noise of a threshold in photons, so that it has a slope."""


@dataclass(frozen=True)
class Recording:
    """How an image is recorded.

    Attributes:
        stages: what acts on photons, in order.
        kind: type of the stored numbers.
        counts_per_photon, pedestal_counts: of a stored number; 1 and 0 where a switching gain leaves them open.
        saturation_counts: pixels at or above it are overloaded, or None.
        switched: whether the words say a gain each.
    """

    stages: tuple[Readout, ...]
    kind: np.dtype
    counts_per_photon: float = 1.0
    pedestal_counts: float = 0.0
    saturation_counts: float | None = None
    switched: bool = False

    @property
    def brightest(self) -> int | None:
        """Largest number that is no overload, for readers that trust a pixel up to it; None where there is none."""
        if self.saturation_counts is None:
            return None
        return int(np.ceil(self.saturation_counts)) - 1

    def record(self, key: Array, photons: np.ndarray, evaluated: np.ndarray) -> np.ndarray:
        """An image as it is stored, of the same shape; 0 (NaN of floats) where a pixel has no value.

        Args:
            key: random key of the image.
            photons: expected ones, of the image's shape; NaN where there is no value.
            evaluated: pixels that have a value.
        """
        drawn = recorded(self.stages, key, photons)
        valued = evaluated & np.isfinite(drawn)
        return np.where(valued, drawn, np.nan if self.kind.kind == "f" else 0.0).astype(self.kind)

    def overloads(self, pixels: np.ndarray) -> int:
        """Pixels that are too bright."""
        return 0 if self.saturation_counts is None else int((pixels >= self.saturation_counts).sum())


def recording(resolved: Resolved) -> Recording:
    """The recording of a resolved configuration.

    Raises:
        ConfigError: a file of a stage does not fit the detector.
        FileError: it cannot be read.
    """
    built = Recording((), np.dtype("float32"))
    for number, stage in enumerate(resolved.record):
        assert stage.stage is not None
        built = _BUILD[stage.stage](_Place(resolved, number, stage), built)
    return built


@dataclass(frozen=True)
class _Place:
    resolved: Resolved
    number: int
    stage: Stage

    @property
    def energy_keV(self) -> float:  # noqa: N802
        return photon_keV(self.resolved.beam)

    @property
    def pixel_um(self) -> float:
        return self.resolved.detector.pixel_mm * 1000

    def fault(self, name: str, problem: str) -> ConfigError:
        return ConfigError([Fault(f"record.{self.number}.{name}", problem)])


def _number(value: Any) -> Any:
    return np.asarray(value, float)


def _with(built: Recording, stage: Readout, **changes: Any) -> Recording:
    return replace(built, stages=(*built.stages, stage), **changes)


def _flicker(at: _Place, built: Recording) -> Recording:
    s = at.stage
    return _with(built, Flicker(_number((s.sigma_percent or 0.0) / 100), s.each or "image"))


def _point_spread(at: _Place, built: Recording) -> Recording:
    s = at.stage
    if s.file is None:
        assert s.fwhm_um is not None
        return _with(built, PointSpread(_number(s.fwhm_um / at.pixel_um), None, s.form or "gaussian", s.radius_px))
    kernel = np.asarray(read_images(s.file)[0].stored, float)
    if kernel.ndim != 2 or kernel.shape[0] % 2 == 0 or kernel.shape[1] % 2 == 0:
        size = " x ".join(map(str, kernel.shape))
        raise at.fault("file", f"{s.file} has {size} pixels; give odd numbers of rows and columns around the middle")
    if any(k > n for k, n in zip(kernel.shape, at.resolved.detector.shape[-2:], strict=True)):
        raise at.fault("file", f"{s.file} {other_size(kernel.shape, at.resolved.detector.shape[-2:], 'the panel')}")
    if not np.isfinite(kernel).all() or kernel.min() < 0 or not kernel.sum() > 0:
        raise at.fault("file", f"{s.file} has numbers below zero, or none above; give the shares of a point's light")
    return _with(built, PointSpread(None, kernel / kernel.sum()))


def _charge_sharing(at: _Place, built: Recording) -> Recording:
    assert at.stage.cloud_um is not None
    cloud = _number(at.stage.cloud_um / at.pixel_um)
    later = next((s for s in at.resolved.record[at.number :] if s.stage == "counting"), None)
    if later is None:
        return _with(built, ChargeSharing(cloud))
    threshold, noise = _threshold(later, at.energy_keV)
    return _with(built, ChargeSharing(cloud, _number(threshold), _number(max(noise, SHARPEST))))


def _threshold(stage: Stage, energy_keV: float) -> tuple[float, float]:
    """Threshold and noise in photons."""
    threshold = energy_keV / 2 if stage.threshold_keV is None else stage.threshold_keV
    return threshold / energy_keV, (stage.noise_keV or 0.0) / energy_keV


def _poisson(at: _Place, built: Recording) -> Recording:
    return _with(built, Poisson())


def _counting(at: _Place, built: Recording) -> Recording:
    threshold, noise = _threshold(at.stage, at.energy_keV)
    # where charge is shared, the threshold has acted on the shares
    shared = any(isinstance(stage, ChargeSharing) for stage in built.stages)
    passing = 1.0 if shared or noise == 0 else float(ndtr((1 - threshold) / noise))
    dead_part = (at.stage.dead_time_ns or 0.0) * 1e-9 / (at.resolved.config.beam.exposure_s or 1.0)
    kind = at.stage.dead_time or "nonparalyzable"
    return _with(built, Counting(_number(passing), _number(dead_part), kind))


def _calibration(at: _Place, built: Recording) -> Recording:
    s = at.stage
    offset = (s.offset_photons or 0.0) * built.counts_per_photon + (s.offset_counts or 0.0)
    return _with(built, Calibration(_number((s.gain_percent or 0.0) / 100), _number(offset), s.seed or 0))


def _dark_current(at: _Place, built: Recording) -> Recording:
    s = at.stage
    electrons = (s.electrons_per_s or 0.0) * (at.resolved.config.beam.exposure_s or 1.0)
    return _with(built, DarkCurrent(_number(electrons), _number(s.electrons_per_photon)))


def _readout(at: _Place, built: Recording) -> Recording:
    s = at.stage
    if s.sigma_counts is not None:
        return _with(built, ReadoutNoise(_number(s.sigma_counts)))
    photons = s.sigma_photons
    if photons is None:
        photons = (s.sigma_electrons or 0.0) / (s.electrons_per_photon or 1.0)
    return _with(built, ReadoutNoise(_number(photons * built.counts_per_photon)))


def _gain(at: _Place, built: Recording) -> Recording:
    s = at.stage
    factor = s.counts_per_photon if s.counts_per_keV is None else s.counts_per_keV * at.energy_keV
    assert factor is not None
    pedestal = s.pedestal_counts or 0.0
    limit = None if built.saturation_counts is None else built.saturation_counts * factor + pedestal
    return _with(
        built,
        Gain(_number(factor), _number(pedestal)),
        counts_per_photon=factor,
        pedestal_counts=pedestal,
        saturation_counts=limit,
    )


def _gain_switching(at: _Place, built: Recording) -> Recording:
    s = at.stage
    assert s.switches_keV is not None
    assert s.converter_bits is not None
    gains = _number(s.gains_counts_per_keV) * at.energy_keV
    stage = GainSwitching(
        gains,
        _number(s.pedestals_counts),
        _number(s.noises_counts),
        _number(s.switches_keV) / at.energy_keV,
        s.converter_bits,
        s.words or "raw",
    )
    if s.words == "photons":
        # where the last gain's converter ends
        end = 0.0 if stage.counts_per_photon[2] < 0 else stage.largest
        most = float((end - stage.pedestal_counts[2]) / stage.counts_per_photon[2])
        return _with(built, stage, saturation_counts=most * (1 - 1e-6))
    kind = np.dtype("uint16" if s.converter_bits <= 14 else "uint32")
    return _with(built, stage, kind=kind, saturation_counts=None, switched=True)


def _saturation(at: _Place, built: Recording) -> Recording:
    s = at.stage
    limit = s.limit_counts
    if limit is None:
        limit = (s.limit_photons or 0.0) * built.counts_per_photon + built.pedestal_counts
    overload = limit if s.overload_counts is None else s.overload_counts
    return _with(built, Saturation(_number(limit), _number(overload)), saturation_counts=min(limit, overload))


def _hot_and_dead(at: _Place, built: Recording) -> Recording:
    s = at.stage
    mask: Any = None
    if s.mask_file is not None:
        mask = ~read_mask(s.mask_file)
        shape = at.resolved.detector.shape
        if mask.shape != shape:
            raise at.fault("mask_file", f"{s.mask_file} {other_size(mask.shape, shape, 'the image')}; give its size")
    hot, dead = (_number((part or 0.0) / 100) for part in (s.hot_percent, s.dead_percent))
    shown = _number(s.hot_counts or 0.0), _number(s.dead_counts or 0.0)
    return _with(built, HotAndDead(hot, dead, *shown, mask, s.seed or 0))


def _quantize(at: _Place, built: Recording) -> Recording:
    s = at.stage
    assert s.bits is not None
    largest = 2.0 ** (s.bits - 1) - 1 if s.signed else 2.0**s.bits - 1
    smallest = -(2.0 ** (s.bits - 1)) if s.signed else 0.0
    width = next(width for width in (8, 16, 32) if width >= s.bits)
    limit = largest if built.saturation_counts is None else min(largest, built.saturation_counts)
    return _with(
        built,
        Quantize(largest, s.rounding or "nearest", smallest),
        kind=np.dtype(f"{'int' if s.signed else 'uint'}{width}"),
        saturation_counts=None if built.switched else limit,
    )


_BUILD: dict[str, Callable[[_Place, Recording], Recording]] = {
    "flicker": _flicker,
    "point_spread": _point_spread,
    "charge_sharing": _charge_sharing,
    "poisson": _poisson,
    "counting": _counting,
    "calibration": _calibration,
    "dark_current": _dark_current,
    "readout": _readout,
    "gain": _gain,
    "gain_switching": _gain_switching,
    "saturation": _saturation,
    "hot_and_dead": _hot_and_dead,
    "quantize": _quantize,
}
