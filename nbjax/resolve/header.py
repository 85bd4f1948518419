"""Camera parameters from the header of an SMV image or mask, where the configuration does not say them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from nbjax.config.tree import Config
from nbjax.errors import FileError
from nbjax.io.images import Recorded, mask_image, open_images
from nbjax.io.smv import header_number

_DETECTOR_FIELDS = {
    "PIXEL_SIZE": "pixel_mm",
    "DISTANCE": "distance_mm",
    "CLOSE_DISTANCE": "close_distance_mm",
    "BEAM_CENTER_X": "beam_x_mm",
    "BEAM_CENTER_Y": "beam_y_mm",
    "XDS_ORGX": "org_x_px",
    "XDS_ORGY": "org_y_px",
    "ORGX": "org_x_px",
    "ORGY": "org_y_px",
    "TWOTHETA": "two_theta_deg",
}


@dataclass(frozen=True)
class HeaderValues:
    """What the headers gave.

    Attributes:
        config: the configuration, completed.
        mask: where pixels are used, boolean, shape (slow, fast), or None.
        origins: origin of every value taken.
        departures: ledger entries that concern these headers.
    """

    config: Config
    mask: np.ndarray | None
    origins: dict[str, str]
    departures: tuple[str, ...]


def apply_headers(config: Config) -> HeaderValues:
    """The configuration completed from ``mask_file`` and ``header_file``; the image header wins over the mask's.

    A mask's BEAM_CENTER_Y is measured from the other edge of the image, as in the C program.
    """
    origins: dict[str, str] = {}
    values: dict[str, float | int] = {}
    mask = None
    if config.detector.mask_file is not None:
        image = mask_image(config.detector.mask_file)
        mask = image.usable()
        _collect(image, config.detector.mask_file, values, origins)
        if "detector.beam_y_mm" in values and "detector.pixel_mm" in values:
            height_mm = values["detector.pixel_mm"] * image.shape[0]
            values["detector.beam_y_mm"] = height_mm - values["detector.beam_y_mm"]
    if config.detector.header_file is not None:
        image = open_images(config.detector.header_file)[0]
        if not _has_words(image):
            raise FileError(f"{config.detector.header_file}: has no header of SMV; give an SMV image")
        _collect(image, config.detector.header_file, values, origins)
    departures = []
    if values.get("detector.two_theta_deg") and config.detector.two_theta_deg is None:
        departures.append("header_twotheta")
        if "header_twotheta" in config.parity:
            del values["detector.two_theta_deg"]
    contested = config.detector.distance_mm is not None and config.detector.close_distance_mm is None
    if contested and "detector.close_distance_mm" in values:
        departures.append("header_close_distance")
        if "header_close_distance" not in config.parity:
            del values["detector.close_distance_mm"]
    return HeaderValues(_filled(config, values, origins), mask, origins, tuple(departures))


def _has_words(image: Recorded) -> bool:
    """Whether the words of an image's header mean what they mean in SMV."""
    return "HEADER_BYTES" in image.header


def _collect(image: Recorded, file: str, values: dict[str, float | int], origins: dict[str, str]) -> None:
    found: dict[str, float | int] = {
        "detector.pixels_fast": image.shape[1],
        "detector.pixels_slow": image.shape[0],
    }
    header = image.header if _has_words(image) else {}
    for word, field in _DETECTOR_FIELDS.items():
        number = header_number(header, word)
        if number is not None:
            found[f"detector.{field}"] = number
    for word, key in (
        ("WAVELENGTH", "beam.wavelength_A"),
        ("PHI", "crystal.phi_start_deg"),
        ("OSC_RANGE", "crystal.phi_range_deg"),
    ):
        number = header_number(header, word)
        if number is not None:
            found[key] = number
    values.update(found)
    origins.update(dict.fromkeys(found, f"header {file}"))


def _filled(config: Config, values: dict[str, float | int], origins: dict[str, str]) -> Config:
    sections = {"beam": config.beam, "crystal": config.crystal, "detector": config.detector}
    for key, value in values.items():
        section, field = key.split(".")
        said_as_energy = key == "beam.wavelength_A" and config.beam.energy_eV is not None
        if getattr(sections[section], field) is not None or said_as_energy:
            origins.pop(key, None)
            continue
        sections[section] = replace(sections[section], **{field: value})  # type: ignore[type-var]
    return replace(config, **sections)  # type: ignore[arg-type]
