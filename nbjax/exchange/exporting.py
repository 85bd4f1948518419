"""A configuration as an experiment list of DIALS (``.expt``), or its detector as a geometry of CrystFEL (``.geom``)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np

from nbjax.constants import DEGREES_PER_RADIAN
from nbjax.errors import ConfigError, Fault, UsageError
from nbjax.geometry.frames import across, turn_between, unit
from nbjax.geometry.unit_cell import standard_direct
from nbjax.io.experiments.crystfel_writing import MOST_REGIONS, geometry_text
from nbjax.io.experiments.dials_writing import Model, detector_model
from nbjax.io.experiments.recorded import (
    CRYSTFEL,
    DIALS,
    Frame,
    RecordedBeam,
    RecordedExperiment,
    RecordedPanel,
    RecordedPlace,
)
from nbjax.io.experiments.rectangles import rectangles
from nbjax.io.experiments.words import floats
from nbjax.preparation.recorded import bad_of_panels, recorded_panels
from nbjax.resolve import Resolved
from nbjax.resolve.crystal import ResolvedCrystal
from nbjax.rotations import about_axis, about_xyz

_NUMBERED = re.compile(r"(.*?)(\d{1,9})(\.\w+)", re.ASCII)
_DATA = "/entry/data/data"
_IDENTITY = np.eye(3).ravel().tolist()


@dataclass(frozen=True)
class Exported:
    """A file.

    Attributes:
        text: of the file.
        remarks: what the configuration says and the file has no words for.
    """

    text: str
    remarks: tuple[str, ...]


def export(resolved: Resolved, image: str | None = None) -> Exported:
    """The experiment that a configuration describes: its crystals, every panel, one image or a still.

    Each crystal, and each individual of a twin, is an experiment of the list; the scan is that of the first.

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
    turn = _turn_to(resolved, DIALS, 5)
    crystal, goniometer, scan = _crystal_and_scan(resolved, resolved.crystal, turn)
    others = [_crystal_and_scan(resolved, other, turn)[0] for other in resolved.others]
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
        "experiment": [
            {"__id__": "Experiment", "identifier": "", **named, "crystal": number}
            for number in range(len(resolved.crystals))
        ],
        **{key: [] if model is None else [model] for key, model in models.items()},
        "crystal": [crystal, *others],
        "profile": [],
        "scaling_model": [],
    }
    remarks = (*_remarks(resolved), *_masked_remarks(resolved))
    if scan is not None and image is None:
        remarks += (
            "without an image dials.predict takes the scan for a still at spindle angle 0; --image x_0001.img names it",
        )
    return Exported(json.dumps(tree, indent=2, allow_nan=False) + "\n", remarks)


def export_geometry(resolved: Resolved) -> Exported:
    """The detector, with the place of its pixels in the NXmx files of ``nbjax simulate`` and ``nbjax batch``.

    The laboratory is turned so that the beam runs along z, unless the configuration's own axes (``custom``) have it
    there already.

    Raises:
        ConfigError: a curved panel, which CrystFEL has not.
    """
    if resolved.config.detector.curved:
        raise ConfigError([Fault("detector.curved", "CrystFEL has flat panels only; set it to false")])
    d = resolved.detector
    panels = _panels(resolved, _turn_to(resolved, CRYSTFEL, 2))
    placed = tuple(
        replace(panel, place=RecordedPlace(_DATA, ("%", *((number,) if len(panels) > 1 else ()), "ss", "fs")))
        for number, panel in enumerate(panels)
    )
    beam = RecordedBeam(CRYSTFEL.beam, resolved.beam.wavelength_A)
    found = RecordedExperiment("the configuration", CRYSTFEL, beam=beam, panels=placed, groups=d.groups)
    remarks = ("the crystal is left out, a geometry has no words for it", *_masked_remarks(resolved))
    return Exported(geometry_text(found), remarks)


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


def _turn_to(resolved: Resolved, frame: Frame, nearest: int) -> np.ndarray:
    """To the laboratory of a program; ``nearest`` is its beam among x, y, z, -x, -y, -z."""
    beam, spindle = resolved.detector.beam_direction, resolved.detector.spindle_axis
    if resolved.config.detector.convention == "custom" and np.argmax([*beam, *-beam]) == nearest:
        return np.eye(3)
    return turn_between(beam, spindle, frame.beam, frame.spindle)


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
    return detector_model(_panels(resolved, turn), resolved.detector.groups)


def _panels(resolved: Resolved, turn: np.ndarray) -> list[RecordedPanel]:
    """Every panel, with the pixels that are left out where a few rectangles hold them."""
    pairs = zip(recorded_panels(resolved, turn), bad_of_panels(resolved), strict=True)
    return [panel if bad is None or _is_scattered(bad) else replace(panel, bad=bad) for panel, bad in pairs]


def _is_scattered(bad: np.ndarray) -> bool:
    return len(rectangles(bad)) > MOST_REGIONS


def _masked_remarks(resolved: Resolved) -> list[str]:
    left = sum(int(bad.sum()) for bad in bad_of_panels(resolved) if bad is not None and _is_scattered(bad))
    remedy = "give the mask to the program"
    return [f"{left} masked pixels are no few rectangles and are left out; {remedy}"] if left else []


def _crystal_and_scan(
    resolved: Resolved, crystal: ResolvedCrystal, turn: np.ndarray
) -> tuple[Model, Model | None, Model | None]:
    """Crystal at spindle angle 0, goniometer and scan; of a still the crystal as it stands, without them."""
    spindle = resolved.detector.spindle_axis
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
        "the mosaicity": max(crystal.mosaicity_deg or (0.0,)) > 0,
        "the spread of the cell": crystal.cell_spread_percent > 0,
    }
    return tuple(f"{name} is left out, an experiment list has no words for it" for name, told in left.items() if told)
