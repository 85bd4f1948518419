"""What the headers of SMV files say about the camera, in the terms of a configuration.

A header tells the place of a panel twice: by the direct beam (DISTANCE and BEAM_CENTER) and by the nearest point
(CLOSE_DISTANCE and ORG). The pivot decides which of them places the panel; the other follows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nbjax.config.tree import Config, Detector
from nbjax.errors import FileError
from nbjax.geometry.conventions import CONVENTIONS, PLATE_AXES
from nbjax.io.smv import header_number

_WORDS = {
    "PIXEL_SIZE": "detector.pixel_mm",
    "DISTANCE": "detector.distance_mm",
    "CLOSE_DISTANCE": "detector.close_distance_mm",
    "BEAM_CENTER_X": "detector.beam_x_mm",
    "BEAM_CENTER_Y": "detector.beam_y_mm",
    "XDS_ORGX": "detector.org_x_px",
    "XDS_ORGY": "detector.org_y_px",
    "ORGX": "detector.org_x_px",
    "ORGY": "detector.org_y_px",
    "TWOTHETA": "detector.two_theta_deg",
    "DETECTOR_ROTX": "detector.rotation_x_deg",
    "DETECTOR_ROTY": "detector.rotation_y_deg",
    "DETECTOR_ROTZ": "detector.rotation_z_deg",
    "WAVELENGTH": "beam.wavelength_A",
    "PHI": "crystal.phi_start_deg",
    "OSC_RANGE": "crystal.phi_range_deg",
}
_CENTRE = ("detector.beam_x_mm", "detector.beam_y_mm")
_ORIGIN = ("detector.org_x_px", "detector.org_y_px")
_DISTANCE, _CLOSE = "detector.distance_mm", "detector.close_distance_mm"
_TURNS = ("detector.two_theta_deg", *(f"detector.rotation_{axis}_deg" for axis in "xyz"))
_DEFAULT_PIXEL_MM = 0.1

Values = dict[str, Any]


@dataclass(frozen=True)
class Header:
    """The words of one file.

    Attributes:
        file: its name.
        words: key -> value.
        shape: (slow, fast) pixels.
        of_mask: whether the file is the mask.
    """

    file: str
    words: Mapping[str, str]
    shape: tuple[int, int]
    of_mask: bool


@dataclass(frozen=True)
class Camera:
    """What headers gave.

    Attributes:
        values: configuration key -> value.
        origins: key -> where it came from.
        departures: ledger entries that concern these headers.
    """

    values: Values
    origins: dict[str, str]
    departures: tuple[str, ...]


def camera(headers: Sequence[Header], config: Config) -> Camera:
    """Values for what a configuration does not say; a later header wins over an earlier one.

    Raises:
        FileError: a word that is no number, or a convention that is none.
    """
    if not headers:
        return Camera({}, {}, ())
    values: Values = {}
    origins: dict[str, str] = {}
    departures = set()
    for header in headers:
        found, entries = _of_file(header, config)
        values.update(found)
        origins.update(dict.fromkeys(found, f"header {header.file}"))
        departures |= entries
    for key in [key for key in values if _said(config, key)]:
        del values[key]
    if not {*_CENTRE} & set(values):
        departures.discard("mask_beam_center")
    departures |= _drop_turns(values, config)
    departures |= _place(values, config)
    if values.get("crystal.phi_range_deg") == 0:
        # a still has one step, where a given range of no width has two
        del values["crystal.phi_range_deg"]
    return Camera(
        values, {key: origins.get(key, "derived from the header") for key in values}, tuple(sorted(departures))
    )


def _said(config: Config, key: str) -> bool:
    if key == "beam.wavelength_A" and config.beam.energy_eV is not None:
        return True
    section, field = key.split(".")
    return getattr(getattr(config, section), field) is not None


def _of_file(header: Header, config: Config) -> tuple[Values, set[str]]:
    """The numbers of one header, its beam centre in the terms of the configuration's convention."""
    numbers = {key: header_number(header.words, word) for word, key in _WORDS.items() if word in header.words}
    values: Values = {key: number for key, number in numbers.items() if number is not None}
    entries: set[str] = set()
    slow, fast = header.shape
    pixel_mm = values.get("detector.pixel_mm", config.detector.pixel_mm or _DEFAULT_PIXEL_MM)
    if header.of_mask and _CENTRE[1] in values:
        entries.add("mask_beam_center")
        if "mask_beam_center" in config.parity:
            values[_CENTRE[1]] = pixel_mm * slow - values[_CENTRE[1]]
            return {"detector.pixels_fast": fast, "detector.pixels_slow": slow, **values}, entries
    written = header.words.get("CONVENTION", config.detector.convention)
    if written not in CONVENTIONS:
        raise FileError(f"{header.file}: CONVENTION={written} is not known; use one of {', '.join(CONVENTIONS)}")
    if {*_CENTRE} <= set(values) and written != config.detector.convention:
        entries.add("header_beam_center")
        if "header_beam_center" not in config.parity:
            values.update(_reworded(values, written, config.detector.convention, pixel_mm, pixel_mm * slow))
    return {"detector.pixels_fast": fast, "detector.pixels_slow": slow, **values}, entries


def _reworded(values: Values, written: str, wanted: str, pixel_mm: float, size_mm: float) -> Values:
    """A beam centre of one convention in the terms of another."""
    theirs, ours = (PLATE_AXES[CONVENTIONS[name].beam_centre] for name in (written, wanted))
    panel = {
        axis.on_panel: axis.to_panel(values[key], pixel_mm, size_mm) for axis, key in zip(theirs, _CENTRE, strict=True)
    }
    return {
        key: axis.from_panel(panel[axis.on_panel], pixel_mm, size_mm) for axis, key in zip(ours, _CENTRE, strict=True)
    }


def _drop_turns(values: Values, config: Config) -> set[str]:
    """Take back two-theta and tilts under ``header_twotheta``."""
    if not any(values.get(key) for key in _TURNS):
        return set()
    if "header_twotheta" in config.parity:
        for key in _TURNS:
            values.pop(key, None)
    return {"header_twotheta"}


def _place(values: Values, config: Config) -> set[str]:
    """Keep the numbers that place the panel and drop those that follow from them."""
    detector, departures = config.detector, set()
    pivot = _pivot(values, detector)
    by_beam = pivot == "beam"
    if detector.convention == "custom" and detector.pivot is None:
        values["detector.pivot"] = pivot
    has_distance = _DISTANCE in values or detector.distance_mm is not None
    if _CLOSE in values and has_distance and (by_beam or detector.distance_mm is not None):
        turned = any(getattr(detector, f"rotation_{axis}_deg") for axis in "xyz")
        if detector.distance_mm is not None or turned or values[_CLOSE] != values[_DISTANCE]:
            departures.add("header_close_distance")
        if "header_close_distance" not in config.parity:
            del values[_CLOSE]
    derived = _ORIGIN if by_beam else _CENTRE
    if {*_CENTRE} <= set(values) and {*_ORIGIN} <= set(values):
        if not by_beam and detector.convention == "custom":
            departures.add("header_beam_center")
        if "header_beam_center" not in config.parity:
            for key in derived:
                del values[key]
    return departures


def _pivot(values: Values, detector: Detector) -> str:
    """The pivot that the configuration has, or will be given."""
    if detector.convention != "custom":
        return CONVENTIONS[detector.convention].pivot
    if detector.pivot is not None:
        return detector.pivot
    near = (detector.close_distance_mm, detector.close_x_mm, detector.close_y_mm, detector.org_x_px, detector.org_y_px)
    if any(value is not None for value in (*near, detector.two_theta_deg)):
        return "sample"
    return "beam" if _DISTANCE in values else "sample"
