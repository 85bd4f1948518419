"""A configuration as an experiment list of DIALS (``.expt``)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from nbjax.constants import DEGREES_PER_RADIAN
from nbjax.errors import ConfigError, Fault, UsageError
from nbjax.geometry.frames import across, turn_between, unit
from nbjax.geometry.unit_cell import standard_direct
from nbjax.io.experiments.dials_writing import Model, detector_model
from nbjax.io.experiments.recorded import DIALS, RecordedPanel
from nbjax.io.experiments.words import floats
from nbjax.preparation import placed_panel
from nbjax.resolve import Resolved
from nbjax.rotations import about_axis, about_xyz

_NUMBERED = re.compile(r"(.*?)(\d{1,9})(\.\w+)", re.ASCII)
_IDENTITY = np.eye(3).ravel().tolist()


@dataclass(frozen=True)
class Exported:
    """An experiment list.

    Attributes:
        text: of the file.
        remarks: what the configuration says and DIALS has no words for.
    """

    text: str
    remarks: tuple[str, ...]


def export(resolved: Resolved, image: str | None = None) -> Exported:
    """The experiment that a configuration describes: one crystal, one panel, one image or a still.

    The laboratory is turned so that the beam runs along -z and the spindle is as near to x as it goes, unless the
    configuration's own axes (``custom``) have the beam nearest to -z already.

    Args:
        resolved: the completed configuration.
        image: file of the image, as seen from the folder of the list; that of a scan ends in its number.

    Raises:
        ConfigError: a curved panel, which DIALS has not.
        UsageError: the image of a scan without a number.
    """
    if resolved.config.detector.curved:
        raise ConfigError([Fault("detector.curved", "DIALS has flat panels only; set it to false")])
    turn = _turn(resolved)
    crystal, goniometer, scan = _crystal_and_scan(resolved, turn)
    imageset = None if image is None else _imageset(image, scan)
    models = {
        "beam": _beam(resolved, turn),
        "detector": _detector(resolved, turn),
        "goniometer": goniometer,
        "scan": scan,
        "crystal": crystal,
        "imageset": imageset,
    }
    named = {key: 0 for key, model in models.items() if model is not None}
    tree = {
        "__id__": "ExperimentList",
        "experiment": [{"__id__": "Experiment", "identifier": "", **named}],
        **{key: [] if model is None else [model] for key, model in models.items()},
        "profile": [],
        "scaling_model": [],
    }
    remarks = _remarks(resolved)
    if scan is not None and image is None:
        remarks += (
            "without an image dials.predict takes the scan for a still at spindle angle 0; --image x_0001.img names it",
        )
    return Exported(json.dumps(tree, indent=2, allow_nan=False) + "\n", remarks)


def _imageset(image: str, scan: Model | None) -> Model:
    """The image of a still, or of a scan, whose number becomes that of the file."""
    nothing = dict.fromkeys(("mask", "gain", "pedestal", "dx", "dy"))
    if scan is None:
        return {"__id__": "ImageSet", "images": [image], **nothing, "params": {}}
    match = _NUMBERED.fullmatch(image)
    if match is None:
        raise UsageError(f"--image {image}: the file of a scan's image ends in a number; give one as in x_0001.img")
    scan["image_range"] = [int(match[2])] * 2
    template = f"{match[1]}{'#' * len(match[2])}{match[3]}"
    return {"__id__": "ImageSequence", "template": template, **nothing, "params": {}}


def _turn(resolved: Resolved) -> np.ndarray:
    beam, spindle = resolved.detector.beam_direction, resolved.detector.spindle_axis
    if resolved.config.detector.convention == "custom" and np.argmax([*beam, *-beam]) == 5:
        return np.eye(3)
    return turn_between(beam, spindle, DIALS.beam, DIALS.spindle)


def _beam(resolved: Resolved, turn: np.ndarray) -> Model:
    beam, detector = resolved.beam, resolved.detector
    direction = detector.beam_direction
    normal = np.cross(direction, across(detector.polarization_axis, direction))
    return {
        "__id__": "monochromatic",
        "direction": floats(-turn @ direction),
        "wavelength": beam.wavelength_A,
        "divergence": 0.0,
        "sigma_divergence": 0.0,
        "polarization_normal": floats(unit(turn @ normal)),
        "polarization_fraction": (1 + beam.polarization) / 2,
        "flux": 0.0,
        "transmission": 1.0,
    }


def _detector(resolved: Resolved, turn: np.ndarray) -> Model:
    d, placed = resolved.detector, placed_panel(resolved)
    origin_m, fast, slow = (turn @ np.asarray(x) for x in (placed.origin_m, placed.fast, placed.slow))
    has_sensor = d.thickness_um > 0
    panel = RecordedPanel(
        name="panel",
        origin_mm=1000 * origin_m,
        fast=fast,
        slow=slow,
        pixel_mm=(d.pixel_mm, d.pixel_mm),
        pixels=(d.pixels_fast, d.pixels_slow),
        thickness_mm=d.thickness_um / 1000 if has_sensor else None,
        attenuation_per_mm=1000 / d.attenuation_depth_um if has_sensor else None,
    )
    return detector_model([panel])


def _crystal_and_scan(resolved: Resolved, turn: np.ndarray) -> tuple[Model, Model | None, Model | None]:
    """Crystal at spindle angle 0, goniometer and scan; of a still the crystal as it stands, without them."""
    crystal, spindle = resolved.crystal, resolved.detector.spindle_axis
    range_deg = crystal.phi.range if resolved.config.crystal.phi_range_deg is not None else 0.0
    with jax.enable_x64(True):
        misset = np.asarray(about_xyz(jnp.asarray(np.array(crystal.misset_deg) / DEGREES_PER_RADIAN)))
        start_rad = jnp.asarray(crystal.phi_start_deg / DEGREES_PER_RADIAN)
        started = np.asarray(about_axis(jnp.asarray(spindle), start_rad))
    orientation = misset @ crystal.orientation
    if not range_deg:
        orientation = started @ orientation
    standard = np.asarray(standard_direct(np.array(crystal.cell_A), np.array(crystal.cell_deg) / DEGREES_PER_RADIAN))
    direct = standard @ (turn @ orientation).T
    model: Model = {
        "__id__": "crystal",
        **{f"real_space_{axis}": floats(row) for axis, row in zip("abc", direct, strict=True)},
        "space_group_hall_symbol": " P 1",
    }
    if not range_deg:
        return model, None, None
    # DIALS counts angles upwards: a scan backwards is one forwards about the opposite axis
    sign = float(np.sign(range_deg))
    goniometer = {
        "rotation_axis": floats(sign * (turn @ spindle)),
        "fixed_rotation": _IDENTITY,
        "setting_rotation": _IDENTITY,
    }
    scan = {
        "image_range": [1, 1],
        "batch_offset": 0,
        "oscillation": [sign * crystal.phi_start_deg + 0.0, sign * range_deg],
        "exposure_time": [resolved.config.beam.exposure_s or 1.0],
        "epochs": [0.0],
        "valid_image_ranges": {},
    }
    return model, goniometer, scan


def _remarks(resolved: Resolved) -> tuple[str, ...]:
    beam, crystal = resolved.beam, resolved.crystal
    left = {
        "the sources of beam.source_file": beam.sources is not None,
        "the divergence": beam.horizontal.count * beam.vertical.count > 1,
        "the dispersion": beam.dispersion.count > 1,
        "the spectrum": beam.spread is not None and beam.spread.band.kind != "comb",
        "the mosaic spread": crystal.mosaic_spread_deg > 0,
    }
    return tuple(f"{name} is left out, an experiment list has no words for it" for name, told in left.items() if told)
