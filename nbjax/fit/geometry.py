"""The geometry of a fitted detector as a file: every move is in the places of its panels."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np

from nbjax.config.tree import Config
from nbjax.experiment import Experiment
from nbjax.io.experiments.crystfel_writing import MOST_REGIONS, geometry_text
from nbjax.io.experiments.dials_writing import experiment_list
from nbjax.io.experiments.recorded import CRYSTFEL, DIALS, RecordedBeam, RecordedExperiment
from nbjax.io.experiments.rectangles import rectangles
from nbjax.parameters import key_of
from nbjax.preparation import place
from nbjax.resolve.panels import apply_detector_file

_SECTIONS = ("detector.", "panels.", "groups.")
_MOVES = (
    "distance_mm",
    "origin_shift_mm",
    "two_theta_deg",
    "two_theta_axis",
    *(f"rotation_{axis}_deg" for axis in "xyz"),
)


@dataclass(frozen=True)
class FittedGeometry:
    """What takes the place of ``detector.file``.

    Attributes:
        suffix: of the file, ``.geom`` or ``.expt``.
        text: its content.
        mask: of the image where pixels may be used, as a .npy file, for a mask that the file cannot hold; or None.
        changes_frame: whether it has another laboratory than the file before, to which others are turned.
        values: of the configuration beside it.
    """

    suffix: str
    text: str
    mask: bytes | None
    changes_frame: bool
    values: dict[str, Any]


def is_of_detector(path: str) -> bool:
    """Whether a parameter is of the detector, a panel or a group."""
    return key_of(path).startswith(_SECTIONS)


def fitted_geometry(config: Config, experiment: Experiment, paths: Sequence[str]) -> FittedGeometry | None:
    """The geometry of a fitted experiment, or None where no file had it or where it still holds.

    It is written for CrystFEL if the file was CrystFEL's, and else for DIALS.

    Args:
        config: where the fit started.
        experiment: the fitted one.
        paths: parameters that were free.
    """
    if config.detector.file is None or not any(map(is_of_detector, paths)):
        return None
    recorded = apply_detector_file(config).recorded
    assert recorded is not None
    for_crystfel = recorded.frame is not None and recorded.frame.name == CRYSTFEL.name
    found = _placed(recorded, experiment, sensors=not for_crystfel)
    many = any(p.bad is not None and len(rectangles(p.bad)) > MOST_REGIONS for p in found.panels)
    frame = None if recorded.frame is None else recorded.frame.name
    return FittedGeometry(
        suffix=".geom" if for_crystfel else ".expt",
        text=geometry_text(found) if for_crystfel else experiment_list(found),
        mask=_as_npy(experiment.mask) if many else None,
        changes_frame=frame not in (CRYSTFEL.name, DIALS.name),
        values=_values(config, experiment, in_file=not for_crystfel),
    )


def geometry_files(geometry: FittedGeometry, name: str) -> dict[str, tuple[str, bytes]]:
    """Name and content of each file by the key that names it.

    Args:
        geometry: what they are of.
        name: of the files, without what they end in.
    """
    files = {"detector.file": (f"{name}{geometry.suffix}", geometry.text.encode())}
    if geometry.mask is not None:
        files["detector.mask_file"] = (f"{name}_mask.npy", geometry.mask)
    return files


def _placed(recorded: RecordedExperiment, experiment: Experiment, sensors: bool) -> RecordedExperiment:
    """Panels where the experiment has them, and its beam."""
    beam = experiment.beam
    placed, own = place(experiment.detector, beam.direction), experiment.detector.panels
    placed, own = (jax.tree.map(lambda leaf: np.asarray(leaf, float), part) for part in (placed, own))
    if experiment.detector.groups is None:
        placed, own = (jax.tree.map(lambda leaf: leaf[None], part) for part in (placed, own))
    fast_m, slow_m = own.pixel_sizes_m
    panels = []
    for i, panel in enumerate(recorded.panels):
        moved = replace(
            panel,
            origin_mm=1000 * placed.origin_m[i],
            fast=placed.fast[i],
            slow=placed.slow[i],
            pixel_mm=(1000 * float(fast_m[i]), 1000 * float(slow_m[i])),
        )
        if sensors and own.has_sensor:
            thickness, attenuation = 1000 * float(own.thickness_m[i]), float(own.attenuation_per_m[i]) / 1000
            moved = replace(moved, thickness_mm=thickness, attenuation_per_mm=attenuation)
        panels.append(moved)
    told = RecordedBeam(
        direction=np.asarray(beam.direction, float) if sensors else recorded.beam.direction,
        wavelength_A=1e10 * float(beam.wavelength_m),
        kahn_factor=float(beam.kahn_factor),
        electric_axis=np.asarray(beam.polarization_axis, float),
    )
    return replace(recorded, panels=tuple(panels), beam=told)


def _values(config: Config, experiment: Experiment, in_file: bool) -> dict[str, Any]:
    """What the file replaces, and the axes of the laboratory, which another file might not tell."""

    def axis(array: Any) -> tuple[float, ...]:
        return tuple(float(x) for x in np.asarray(array))

    values: dict[str, Any] = dict.fromkeys(f"detector.{name}" for name in _MOVES)
    values["beam.direction"] = axis(experiment.beam.direction)
    if config.beam.polarization_normal is None:
        values["beam.polarization_axis"] = axis(experiment.beam.polarization_axis)
    if len(experiment.crystals) == 1:
        values["crystal.spindle_axis"] = axis(experiment.crystal.spindle.axis)
    panels = experiment.detector.panels
    if panels.has_sensor:
        thickness, attenuation = (float(np.ravel(a)[0]) for a in (panels.thickness_m, panels.attenuation_per_m))
        sensor = (None, None) if in_file else (1e6 * thickness, 1e6 / attenuation)
        values |= dict(zip(("detector.thickness_um", "detector.attenuation_depth_um"), sensor, strict=True))
    return values


def _as_npy(mask: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, (np.asarray(mask) > 0).astype(np.uint8))
    return buffer.getvalue()
