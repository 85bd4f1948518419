"""Resolution of ``detector.model``: pixels, gaps and sensor of a detector by its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nbjax.config.edit import with_values
from nbjax.config.tree import Config
from nbjax.errors import ArgumentError, ConfigError, Fault
from nbjax.io.detectors import detector_by_name

_KEY = "detector.model"
_SQUARE = 1e-6


@dataclass(frozen=True)
class DetectorModel:
    """What a name gave.

    Attributes:
        config: the configuration, completed.
        used: pixels that are in no gap between modules, boolean, shape (slow, fast); None where all are.
        origins: of every value taken.
    """

    config: Config
    used: np.ndarray | None = None
    origins: Mapping[str, str] = field(default_factory=dict)


def apply_detector_model(config: Config) -> DetectorModel:
    """The configuration completed from ``detector.model``.

    Raises:
        ConfigError: there is no such detector, its pixels are not square, or a key contradicts it.
    """
    detector = config.detector
    if detector.model is None:
        return DetectorModel(config)
    if detector.file is not None:
        raise ConfigError(
            [Fault(_KEY, "given together with detector.file, which has the pixels; leave one of them out")]
        )
    try:
        found = detector_by_name(detector.model)
    except ArgumentError as error:
        raise ConfigError([Fault(_KEY, str(error))]) from None
    if abs(found.pixel_mm[0] / found.pixel_mm[1] - 1) > _SQUARE:
        pixel = " x ".join(f"{edge:g}" for edge in found.pixel_mm)
        problem = (
            f"got {detector.model!r}, whose pixels of {pixel} mm are not square; give detector.file, a .poni for one"
        )
        raise ConfigError([Fault(_KEY, problem)])
    pixels = {"pixel_mm": found.pixel_mm[0], "pixels_fast": found.pixels[0], "pixels_slow": found.pixels[1]}
    faults = [
        Fault(f"detector.{name}", f"got {given:g}, and a {found.name} has {value:g}; leave it, or {_KEY}, out")
        for name, value in pixels.items()
        if (given := getattr(detector, name)) is not None and not np.isclose(given, value, rtol=1e-9)
    ]
    sizes = [name for name in ("size_fast_mm", "size_slow_mm") if getattr(detector, name) is not None]
    problem = f"given together with {_KEY}, which has the size; leave it out"
    faults += [Fault(f"detector.{name}", problem) for name in sizes]
    if faults:
        raise ConfigError(faults)
    values: dict[str, Any] = {f"detector.{name}": value for name, value in pixels.items()}
    lacks_sensor = (detector.thickness_um, detector.attenuation_depth_um, detector.material) == (None, None, None)
    if found.material and found.thickness_mm and lacks_sensor:
        values |= {"detector.material": found.material, "detector.thickness_um": 1000 * found.thickness_mm}
    used = None if found.bad is None else ~found.bad
    return DetectorModel(with_values(config, values), used, dict.fromkeys(values, f"detector {found.name}"))
