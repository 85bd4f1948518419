"""Resolution of the detector: convention, axes, pixel grid, beam centre, near point, pivot and sensor."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass

import numpy as np

from nbjax.config.tree import Config, Detector, Vector
from nbjax.geometry.conventions import CONVENTIONS, PLATE_AXES
from nbjax.io.experiments.recorded import RecordedExperiment, RecordedGroup, RecordedPanel
from nbjax.resolve.beam import ResolvedBeam
from nbjax.resolve.notes import Notes
from nbjax.resolve.polarization import electric_axis
from nbjax.resolve.sensor import ResolvedSensor, resolve_sensor

_ORTHOGONAL = 1e-3
_BYTES_PER_PIXEL = 40


@dataclass(frozen=True)
class ResolvedDetector:
    """The detector with nothing left open, in the units of the key names.

    Attributes:
        beam_direction, polarization_axis, spindle_axis: laboratory axes that the convention fixes.
        size_m: (fast, slow) of the panel, from which centres are counted.
        size_differs: whether the C program would count them from another size.
        centre_mm: (fast, slow) of the direct beam on the panel, under the beam pivot.
        near_mm: (fast, slow) of the nearest point, under the sample pivot.
        roi: fast first, fast end, slow first, slow end (ends exclusive).
        custom_normal_differs: whether the C program would take another panel normal.
        panels, groups: of ``detector.file``; none where the configuration itself describes the panel. All else is then
            that of the panel nearest to the beam.
        file: name of that file.
        sensor: what it stops, and what lies before it.
    """

    pixel_mm: float
    pixels_slow: int
    pixels_fast: int
    size_m: tuple[float, float]
    size_differs: bool
    distance_mm: float
    close_distance_mm: float | None
    beam_direction: np.ndarray
    polarization_axis: np.ndarray
    spindle_axis: np.ndarray
    fast_axis: np.ndarray
    slow_axis: np.ndarray
    normal_axis: np.ndarray
    two_theta_axis: np.ndarray
    rotation_deg: Vector
    two_theta_deg: float
    origin_shift_mm: Vector
    pivot: str
    beam_x_mm: float
    beam_y_mm: float
    centre_mm: tuple[float, float]
    near_mm: tuple[float, float]
    sensor: ResolvedSensor
    roi: tuple[int, int, int, int]
    custom_normal_differs: bool
    panels: tuple[RecordedPanel, ...] = ()
    groups: tuple[RecordedGroup, ...] = ()
    file: str | None = None

    @property
    def thickness_um(self) -> float:
        """Of the sensor; 0 captures every photon."""
        return self.sensor.thickness_um

    @property
    def attenuation_depth_um(self) -> float:
        """1/mu of the sensor at the beam's wavelength."""
        return self.sensor.attenuation_depth_um

    @property
    def layers(self) -> int:
        """Sensor layers that are sampled."""
        return self.sensor.layers

    @property
    def layers_given(self) -> bool:
        """Whether the number of layers was said."""
        return self.sensor.layers_given

    @property
    def shape(self) -> tuple[int, ...]:
        """(slow, fast) pixels of the image; of several panels (panel, slow, fast), as large as the largest."""
        if len(self.panels) < 2:
            return self.pixels_slow, self.pixels_fast
        return len(self.panels), self.pixels_slow, self.pixels_fast


def resolve_detector(
    config: Config, beam: ResolvedBeam, notes: Notes, recorded: RecordedExperiment | None = None
) -> ResolvedDetector:
    """Fill in the detector; faults go to ``notes``.

    Args:
        config: completed.
        beam: decides what materials stop.
        notes: takes faults, warnings and origins.
        recorded: what ``detector.file`` says.
    """
    detector = config.detector
    _check_several(config, recorded, notes)
    pixel_mm, fast, slow, size_mm = _pixels(config, notes, _largest(recorded))
    grid_mm = (pixel_mm * fast, pixel_mm * slow)
    for name in ("convention", "curved", "point_pixel"):
        notes.switch(f"detector.{name}", getattr(detector, name))
    for name in ("model", "file", "header_file", "mask_file"):
        if getattr(detector, name) is not None:
            notes.given(f"detector.{name}", getattr(detector, name))
    axes, differs = _axes(config, notes)
    distance_mm = notes.choose("detector.distance_mm", detector.distance_mm, 100.0)
    if detector.close_distance_mm is not None:
        notes.given("detector.close_distance_mm", detector.close_distance_mm)
        notes.record("detector.distance_mm", None, "derived from detector.close_distance_mm and the tilt")
    centre = _centre(detector, pixel_mm, size_mm, notes)
    rotation = tuple(
        notes.choose(f"detector.rotation_{axis}_deg", getattr(detector, f"rotation_{axis}_deg"), 0.0) for axis in "xyz"
    )
    sensor = resolve_sensor(config, beam, () if recorded is None else recorded.panels, notes)
    return ResolvedDetector(
        pixel_mm=pixel_mm,
        pixels_slow=slow,
        pixels_fast=fast,
        size_m=(
            _metres(detector.pixels_fast, size_mm[0], pixel_mm),
            _metres(detector.pixels_slow, size_mm[1], pixel_mm),
        ),
        size_differs=any(
            count is None and abs((given or 102.4) - grid) > 1e-9
            for count, given, grid in (
                (detector.pixels_fast, detector.size_fast_mm, grid_mm[0]),
                (detector.pixels_slow, detector.size_slow_mm, grid_mm[1]),
            )
        ),
        distance_mm=distance_mm,
        close_distance_mm=detector.close_distance_mm,
        **axes,
        rotation_deg=rotation,
        two_theta_deg=notes.choose("detector.two_theta_deg", detector.two_theta_deg, 0.0),
        origin_shift_mm=notes.choose("detector.origin_shift_mm", detector.origin_shift_mm, (0.0, 0.0, 0.0)),
        pivot=_pivot(detector, notes),
        beam_x_mm=centre[0],
        beam_y_mm=centre[1],
        centre_mm=(centre[2], centre[3]),
        near_mm=(centre[4], centre[5]),
        sensor=sensor,
        roi=_roi(detector, fast, slow, "sentinel_values" in config.parity, notes),
        custom_normal_differs=differs,
        panels=() if recorded is None else recorded.panels,
        groups=() if recorded is None else recorded.groups,
        file=None if recorded is None else recorded.file,
    )


def _check_several(config: Config, recorded: RecordedExperiment | None, notes: Notes) -> None:
    """Note what cannot be said of several panels."""
    count = 1 if recorded is None else len(recorded.panels)
    if count > 1 and config.detector.roi is not None:
        notes.fault("detector.roi", f"given with the {count} panels of detector.file, rendered whole; leave it out")
    if count > 1 and config.parity:
        notes.fault("parity", f"the C program has one panel, and detector.file has {count}; leave parity out")


def _metres(count: int | None, size_mm: float, pixel_mm: float) -> float:
    # in the C program's order of operations
    return size_mm / 1000 if count is None else pixel_mm / 1000 * count


def _largest(recorded: RecordedExperiment | None) -> tuple[int, ...] | None:
    """(panels, slow, fast): as many pixels as the largest panel has along each axis; None for one panel."""
    if recorded is None or len(recorded.panels) < 2:
        return None
    fast, slow = np.max([panel.pixels for panel in recorded.panels], axis=0)
    return len(recorded.panels), int(slow), int(fast)


def _pixels(
    config: Config, notes: Notes, several: tuple[int, ...] | None
) -> tuple[float, int, int, tuple[float, float]]:
    """Pixel size, pixels along fast and slow, and (fast, slow) size from which centres are counted; mm."""
    detector = config.detector
    pixel_mm = notes.choose("detector.pixel_mm", detector.pixel_mm, 0.1)
    counts, sizes = [], []
    as_given = "detector_size" in config.parity
    for axis in ("fast", "slow"):
        count, size_mm = getattr(detector, f"pixels_{axis}"), getattr(detector, f"size_{axis}_mm")
        key = f"detector.pixels_{axis}"
        if count is not None:
            notes.given(key, count)
            counts.append(count)
            sizes.append(pixel_mm * count)
            notes.record(f"detector.size_{axis}_mm", pixel_mm * count, f"derived from {key}, detector.pixel_mm")
            continue
        size_mm = notes.choose(f"detector.size_{axis}_mm", size_mm, 102.4)
        number = max(1, int(np.ceil(size_mm / pixel_mm - 0.5)))
        notes.record(key, number, f"derived from detector.size_{axis}_mm, detector.pixel_mm")
        counts.append(number)
        sizes.append(size_mm if as_given else pixel_mm * number)
    fast, slow = counts
    if several is not None:
        _, slow, fast = several
    shape = several or (slow, fast)
    need = math.prod(shape)
    available = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if need * _BYTES_PER_PIXEL > available or need >= 2**31:
        notes.fault(
            "detector.pixels_fast" if several is None else "detector.file",
            f"an image of {' x '.join(map(str, shape))} pixels needs {need * _BYTES_PER_PIXEL / 1e9:.0f} GB, this "
            f"machine has {available / 1e9:.0f} GB; use fewer pixels or render parts on smaller detectors",
        )
    return pixel_mm, fast, slow, (sizes[0], sizes[1])


def _axes(config: Config, notes: Notes) -> tuple[dict[str, np.ndarray], bool]:
    """Unit vectors of every axis, and whether the C program's panel normal would be another one."""
    convention = CONVENTIONS[config.detector.convention]
    custom = config.detector.convention == "custom"
    fields = {
        "beam_direction": ("beam.direction", config.beam.direction, convention.beam),
        "polarization_axis": ("beam.polarization_axis", config.beam.polarization_axis, convention.polarization_axis),
        "spindle_axis": ("crystal.spindle_axis", config.crystal.spindle_axis, convention.spindle_axis),
        "fast_axis": ("detector.fast_axis", config.detector.fast_axis, convention.fast),
        "slow_axis": ("detector.slow_axis", config.detector.slow_axis, convention.slow),
        "normal_axis": ("detector.normal_axis", config.detector.normal_axis, convention.normal),
        "two_theta_axis": ("detector.two_theta_axis", config.detector.two_theta_axis, convention.two_theta_axis),
    }
    axes = {}
    for name, (key, given, default) in fields.items():
        if given is not None and not custom:
            notes.fault(
                key, f'the {config.detector.convention} convention fixes it; set detector.convention = "custom"'
            )
        vector = np.array(notes.choose(key, given, default, f"{config.detector.convention} convention"), float)
        length = float(np.linalg.norm(vector))
        if not (np.isfinite(length) and length > 0):
            notes.fault(key, f"got {given}, a direction must not be the zero vector")
            length, vector = 1.0, np.array(default, float)
        as_given = name == "two_theta_axis" and "twotheta_axis_length" in config.parity
        axes[name] = vector if as_given else vector / length
    electric = electric_axis(config, axes["beam_direction"], notes)
    if electric is not None:
        axes["polarization_axis"] = electric
        notes.record("beam.polarization_axis", tuple(map(float, electric)), "across beam.polarization_normal")
    elif abs(np.dot(axes["beam_direction"], axes["polarization_axis"])) > 1 - 1e-9:
        notes.fault("beam.polarization_axis", "lies along the beam; the electric vector must be across it")
    tilt = float(np.dot(axes["fast_axis"], axes["slow_axis"]))
    if abs(tilt) > _ORTHOGONAL and "custom_normal" not in config.parity:
        notes.fault("detector.slow_axis", f"is not at a right angle to detector.fast_axis (cosine {tilt:.4g})")
        return axes, False
    return axes, custom and _custom_normal(config, axes, notes)


def _custom_normal(config: Config, axes: dict[str, np.ndarray], notes: Notes) -> bool:
    """Set the panel normal of the custom convention; whether the C program's differs."""
    given = config.detector.normal_axis
    cross = np.cross(axes["fast_axis"], axes["slow_axis"])
    cross /= np.linalg.norm(cross)
    towards = axes["normal_axis"] if given is not None else axes["beam_direction"]
    physical = -cross if np.dot(cross, towards) < 0 else cross
    use_c = "custom_normal" in config.parity
    if not use_c and given is not None and np.dot(physical, axes["normal_axis"]) < 1 - _ORTHOGONAL:
        notes.fault("detector.normal_axis", "is not at right angles to detector.fast_axis and detector.slow_axis")
    raw = np.array(CONVENTIONS["custom"].normal if given is None else given)
    in_c = raw if np.sqrt(raw[0] * raw[0] + raw[1] * raw[1] + raw[2] * raw[2]) == 1.0 else cross
    axes["normal_axis"] = in_c if use_c else physical
    origin = "the C program's rule" if use_c else "normal of detector.fast_axis and detector.slow_axis"
    notes.record("detector.normal_axis", tuple(float(x) for x in axes["normal_axis"]), origin)
    return bool(np.abs(in_c - physical).max() > 1e-12)


def _centre(
    detector: Detector, pixel_mm: float, size_mm: tuple[float, float], notes: Notes
) -> tuple[float, float, float, float, float, float]:
    """(X, Y) in the convention's terms, (fast, slow) of the direct beam, (fast, slow) of the near point; mm."""
    size_fast, size_slow = size_mm
    near = []
    for axis, org, size in (("x", detector.org_x_px, size_fast), ("y", detector.org_y_px, size_slow)):
        if org is not None:
            notes.given(f"detector.org_{axis}_px", org)
        near.append(size / 2 if org is None else (org - 0.5) * pixel_mm)
    close_x = notes.choose("detector.close_x_mm", detector.close_x_mm, near[0], "near point")
    close_y = notes.choose("detector.close_y_mm", detector.close_y_mm, near[1], "near point")
    rule = CONVENTIONS[detector.convention].beam_centre
    defaults = {
        "swapped_half": ((size_slow + pixel_mm) / 2, (size_fast + pixel_mm) / 2),
        "swapped": ((size_slow + pixel_mm) / 2, (size_fast + pixel_mm) / 2),
        "flipped": ((size_fast + pixel_mm) / 2, (size_slow - pixel_mm) / 2),
        "plain": (close_x, close_y),
    }[rule]
    x = notes.choose("detector.beam_x_mm", detector.beam_x_mm, defaults[0], f"{detector.convention} convention")
    y = notes.choose("detector.beam_y_mm", detector.beam_y_mm, defaults[1], f"{detector.convention} convention")
    at_x, at_y = PLATE_AXES[rule]
    on_panel = {
        at_x.on_panel: at_x.to_panel(x, pixel_mm, size_slow),
        at_y.on_panel: at_y.to_panel(y, pixel_mm, size_slow),
    }
    centre = (on_panel[0], on_panel[1])
    if detector.convention == "custom":
        near = [x, y]
    else:
        _warn_of_idle_centres(detector, notes)
    notes.record("derived.beam_centre_fast_slow_mm", centre, f"{detector.convention} convention")
    notes.record("derived.near_point_fast_slow_mm", tuple(near), f"{detector.convention} convention")
    return x, y, *centre, near[0], near[1]


def _warn_of_idle_centres(detector: Detector, notes: Notes) -> None:
    """Name the given centres that a convention does not place the panel by."""
    acts, placed_by = {
        "beam": ("beam_{}_mm", "its beam centre"),
        "sample": ("org_{}_px", "its near point"),
    }[CONVENTIONS[detector.convention].pivot]
    for pattern in ("beam_{}_mm", "close_{}_mm", "org_{}_px"):
        names = [pattern.format(axis) for axis in "xy"]
        names = [name for name in names if getattr(detector, name) is not None and _said_by_user(name, notes)]
        if names and pattern != acts:
            wanted = " and ".join(f"detector.{acts.format(axis)}" for axis in "xy")
            notes.warn(
                f"{' and '.join(f'detector.{name}' for name in names)} place nothing: {detector.convention} places the "
                f"panel by {placed_by}, {wanted}"
            )


def _said_by_user(name: str, notes: Notes) -> bool:
    # a header says more than one convention asks for
    return not notes.said.get(f"detector.{name}", "").startswith(("header", "derived"))


def _pivot(detector: Detector, notes: Notes) -> str:
    if detector.convention != "custom":
        fixed = CONVENTIONS[detector.convention].pivot
        if detector.pivot not in (None, fixed):
            notes.warn(f"detector.pivot = {detector.pivot} has no effect: {detector.convention} pivots at the {fixed}")
        notes.record("detector.pivot", fixed, f"{detector.convention} convention")
        return fixed
    near = (detector.close_distance_mm, detector.close_x_mm, detector.close_y_mm, detector.org_x_px, detector.org_y_px)
    if any(value is not None for value in (*near, detector.two_theta_deg)):
        return notes.choose("detector.pivot", detector.pivot, "sample", "derived: near point or two-theta given")
    return notes.choose("detector.pivot", detector.pivot, "beam")


def _roi(detector: Detector, fast: int, slow: int, clip: bool, notes: Notes) -> tuple[int, int, int, int]:
    if detector.roi is None:
        notes.record("detector.roi", (0, fast - 1, 0, slow - 1), "default: the whole detector")
        return 0, fast, 0, slow
    f0, f1, s0, s1 = detector.roi
    if clip:
        # the C program skips what is not there
        f1, s1 = min(f1, fast), min(s1, slow)
    notes.given("detector.roi", detector.roi)
    # the C program's own default ends one past the last pixel
    if not (0 <= f0 <= f1 <= fast and f0 < fast and 0 <= s0 <= s1 <= slow and s0 < slow):
        notes.fault(
            "detector.roi",
            f"got {f0} {f1} {s0} {s1}, outside the detector or empty; fast must lie in 0..{fast - 1} and slow in "
            f"0..{slow - 1}, first before last",
        )
        return 0, fast, 0, slow
    return f0, min(f1 + 1, fast), s0, min(s1 + 1, slow)
