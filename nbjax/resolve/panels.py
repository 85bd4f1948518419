"""Resolution of ``detector.file``: panels as a geometry places them, in the laboratory of its program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from nbjax.config.edit import with_values
from nbjax.config.tree import Config
from nbjax.errors import ConfigError, Fault, FileError
from nbjax.geometry.frames import across, unit
from nbjax.io.experiments import read_experiment
from nbjax.io.experiments.recorded import RecordedExperiment, RecordedPanel
from nbjax.io.experiments.words import floats

_KEY = "detector.file"
_ORTHOGONAL = 1e-3
_LEAST_MM = 1e-3
_SAME = 1e-9

_REFUSED = {
    "header_file": "a header places one panel, and the file places all",
    "size_fast_mm": "the file has the size of every panel",
    "size_slow_mm": "the file has the size of every panel",
    "beam_x_mm": "the file places every panel; move all of them by detector.origin_shift_mm",
    "beam_y_mm": "the file places every panel; move all of them by detector.origin_shift_mm",
    "close_x_mm": "the file places every panel; move all of them by detector.origin_shift_mm",
    "close_y_mm": "the file places every panel; move all of them by detector.origin_shift_mm",
}
"""Keys of the detector that say nothing beside a file, and why."""

Values = dict[str, Any]


@dataclass(frozen=True)
class Placement:
    """Where a panel is, by the foot of the perpendicular from the sample.

    Attributes:
        fast, slow, normal: unit axes, shape (3,); the normal points away from the sample.
        near_mm: (fast, slow) of the foot, from the outer corner of the first pixel.
        close_mm: its distance.
    """

    fast: np.ndarray
    slow: np.ndarray
    normal: np.ndarray
    near_mm: tuple[float, float]
    close_mm: float


def placement(panel: RecordedPanel, file: str) -> Placement:
    """The place of a panel.

    Raises:
        FileError: its axes are not at right angles, or its plane goes through the sample.
    """
    fast, slow = panel.unit_axes
    where = f"{file}: panel {panel.name!r}"
    if abs(fast @ slow) > _ORTHOGONAL:
        raise FileError(
            f"{where} has a fast axis that is not at a right angle to its slow axis (cosine {fast @ slow:.4g}); "
            "correct the file"
        )
    normal = unit(np.cross(fast, slow))
    normal = -normal if panel.origin_mm @ normal < 0 else normal
    # of axes that need not be quite at right angles
    near_fast, near_slow, close = np.linalg.solve(np.stack([-fast, -slow, normal], axis=1), panel.origin_mm)
    if close < _LEAST_MM:
        raise FileError(f"{where} lies {close:g} mm from the sample; give a file with the detector's distance")
    return Placement(fast, slow, normal, (float(near_fast), float(near_slow)), float(close))


def axes_of(experiment: RecordedExperiment) -> Values:
    """Beam, polarization and spindle; what no file tells is as the program's laboratory has it."""
    beam, spindle = _beam_and_spindle(experiment)
    electric = experiment.beam.electric_axis
    values: Values = {
        "detector.convention": "custom",
        "beam.direction": floats(unit(beam)),
        "beam.polarization_axis": floats(across(spindle if electric is None else electric, beam)),
    }
    if experiment.scan is not None:
        values["crystal.spindle_axis"] = floats(unit(spindle))
    return values


def panel_values(panel: RecordedPanel, file: str) -> Values:
    """What a configuration says of a panel; of pixels that are not square, their edge along fast."""
    at = placement(panel, file)
    values: Values = {
        "detector.pivot": "sample",
        "detector.pixel_mm": float(panel.pixel_mm[0]),
        "detector.pixels_fast": int(panel.pixels[0]),
        "detector.pixels_slow": int(panel.pixels[1]),
        "detector.close_distance_mm": at.close_mm,
        "detector.org_x_px": at.near_mm[0] / panel.pixel_mm[0] + 0.5,
        "detector.org_y_px": at.near_mm[1] / panel.pixel_mm[0] + 0.5,
        "detector.fast_axis": floats(at.fast),
        "detector.slow_axis": floats(at.slow),
        "detector.normal_axis": floats(at.normal),
    }
    if panel.thickness_mm and (panel.attenuation_per_mm or panel.material):
        values["detector.thickness_um"] = float(1000 * panel.thickness_mm)
    if panel.thickness_mm and panel.attenuation_per_mm:
        values["detector.attenuation_depth_um"] = float(1000 / panel.attenuation_per_mm)
    return values


def nearest_to_beam(experiment: RecordedExperiment) -> RecordedPanel:
    """The panel whose middle is at the smallest angle to the beam."""
    beam = unit(_beam_and_spindle(experiment)[0])
    middles = [panel.middle_mm for panel in experiment.panels]
    cosines = [middle @ beam / max(float(np.linalg.norm(middle)), 1e-30) for middle in middles]
    return experiment.panels[int(np.argmax(cosines))]


def distance_mm(experiment: RecordedExperiment) -> float:
    """Mean of the panels' middles along the beam."""
    beam = unit(_beam_and_spindle(experiment)[0])
    return float(np.mean([panel.middle_mm @ beam for panel in experiment.panels]))


@dataclass(frozen=True)
class DetectorFile:
    """What a geometry gave.

    Attributes:
        config: the configuration, completed by the panel that is nearest to the beam.
        recorded: the geometry, at the distance that the configuration wants; None where it names no file.
        origins: of every value taken.
        remarks: sentences for the user.
    """

    config: Config
    recorded: RecordedExperiment | None = None
    origins: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


def apply_detector_file(config: Config) -> DetectorFile:
    """The configuration completed from ``detector.file``.

    Raises:
        ConfigError: a key that contradicts the file.
        FileError: the file cannot be read, or tells of no panel.
    """
    name = config.detector.file
    if name is None:
        return DetectorFile(config)
    _refuse(config)
    found = read_experiment(name, distance_mm=config.detector.distance_mm)
    if not found.panels:
        raise FileError(f"{found.file}: tells of no detector; give a geometry (.geom, .expt, NXmx, .poni, XDS)")
    if config.detector.distance_mm is not None:
        found = _moved_to(found, config.detector.distance_mm)
    for panel in found.panels:
        placement(panel, found.file)
    values = panel_values(nearest_to_beam(found), found.file)
    _contradictions(config, values)
    values |= {key: value for key, value in axes_of(found).items() if _given(config, key) is None}
    values["detector.convention"] = "custom"
    beam = config.beam
    lacks_colour = (beam.wavelength_A, beam.energy_eV, beam.source_file, beam.spectrum_file) == (None,) * 4
    if found.beam.wavelength_A is not None and lacks_colour:
        values["beam.wavelength_A"] = float(found.beam.wavelength_A)
    for key in ("detector.thickness_um", "detector.attenuation_depth_um"):
        if _given(config, key) is not None:
            values.pop(key, None)
    if config.detector.material is not None:
        values.pop("detector.attenuation_depth_um", None)
    remarks = tuple(f"{found.file}: {remark}" for remark in found.remarks)
    return DetectorFile(with_values(config, values), found, dict.fromkeys(values, f"file {found.file}"), remarks)


def _beam_and_spindle(experiment: RecordedExperiment) -> tuple[np.ndarray, np.ndarray]:
    beam, spindle = experiment.beam_axis, experiment.spindle_axis
    assert beam is not None
    assert spindle is not None
    return beam, spindle


def _given(config: Config, key: str) -> Any:
    section, name = key.split(".")
    return getattr(getattr(config, section), name)


def _refuse(config: Config) -> None:
    detector = config.detector
    faults = [
        Fault(f"detector.{name}", f"given together with {_KEY}; {why}")
        for name, why in _REFUSED.items()
        if getattr(detector, name) is not None
    ]
    if detector.convention not in ("mosflm", "custom"):
        problem = f"got {detector.convention!r}, the laboratory is that of {_KEY}; leave it out"
        faults.append(Fault("detector.convention", problem))
    if detector.curved:
        faults.append(Fault("detector.curved", f"given together with {_KEY}, whose panels are flat; leave it out"))
    if faults:
        raise ConfigError(faults)


def _contradictions(config: Config, values: Values) -> None:
    """Refuse what was said otherwise than the file has it; a completed configuration says the same."""
    allowed = ("detector.thickness_um", "detector.attenuation_depth_um")
    faults = []
    for key, value in values.items():
        given = _given(config, key)
        if given is None or key in allowed:
            continue
        same = given == value if isinstance(value, str) else np.allclose(given, value, rtol=_SAME, atol=_SAME)
        if not same:
            problem = f"got {given!r}, and {_KEY} has {value!r} for the panel nearest to the beam; leave it out"
            faults.append(Fault(key, problem))
    if faults:
        raise ConfigError(faults)


def _moved_to(found: RecordedExperiment, wanted_mm: float) -> RecordedExperiment:
    """The panels shifted along the beam until their mean distance is the wanted one."""
    shift_mm = (wanted_mm - distance_mm(found)) * unit(_beam_and_spindle(found)[0])
    panels = tuple(replace(panel, origin_mm=panel.origin_mm + shift_mm) for panel in found.panels)
    return replace(found, panels=panels)
