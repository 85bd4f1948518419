"""The geometry of a fitted detector as a file: every move is in the places of its panels."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np

from nbjax.config.tree import Config
from nbjax.experiment import Experiment, in_double
from nbjax.io.experiments.crystfel_writing import MOST_REGIONS, geometry_text
from nbjax.io.experiments.dials_writing import experiment_list
from nbjax.io.experiments.recorded import CRYSTFEL, DIALS, RecordedBeam, RecordedExperiment
from nbjax.io.experiments.rectangles import rectangles
from nbjax.parameters import key_of
from nbjax.preparation import place
from nbjax.resolve.panels import apply_detector_file

_THICKNESS, _DEPTH = "detector.thickness_um", "detector.attenuation_depth_um"
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
    experiment = in_double(experiment)
    recorded = apply_detector_file(config).recorded
    assert recorded is not None
    for_crystfel = recorded.frame is not None and recorded.frame.name == CRYSTFEL.name
    found = placed_by(recorded, experiment)
    if not for_crystfel:
        found = _complete(found, experiment, paths)
    many = any(p.bad is not None and len(rectangles(p.bad)) > MOST_REGIONS for p in found.panels)
    frame = None if recorded.frame is None else recorded.frame.name
    return FittedGeometry(
        suffix=".geom" if for_crystfel else ".expt",
        text=geometry_text(found) if for_crystfel else experiment_list(found),
        mask=_as_npy(experiment.mask) if many else None,
        changes_frame=frame not in (CRYSTFEL.name, DIALS.name),
        values=_values(config, experiment) | _sensor(experiment, paths),
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


def placed_by(recorded: RecordedExperiment, experiment: Experiment) -> RecordedExperiment:
    """What is recorded, with the panels where an experiment has them, and its wavelength."""
    placed = _each(place(experiment.detector, experiment.beam.direction), experiment)
    fast_m, slow_m = (_each(edge_m, experiment) for edge_m in experiment.detector.panels.pixel_sizes_m)
    panels = []
    for i, panel in enumerate(recorded.panels):
        moved = replace(
            panel,
            origin_mm=1000 * placed.origin_m[i],
            fast=placed.fast[i],
            slow=placed.slow[i],
            pixel_mm=(1000 * float(fast_m[i]), 1000 * float(slow_m[i])),
        )
        panels.append(moved)
    told = replace(recorded.beam, wavelength_A=1e10 * float(experiment.beam.wavelength_m))
    return replace(recorded, panels=tuple(panels), beam=told)


def _complete(placed: RecordedExperiment, experiment: Experiment, paths: Sequence[str]) -> RecordedExperiment:
    """With the beam, and what was fitted of each sensor, for a file that tells them."""
    beam, own = experiment.beam, experiment.detector.panels
    panels = placed.panels
    if _THICKNESS in paths:
        thick_mm = 1000 * _each(own.thickness_m, experiment)
        panels = tuple(replace(p, thickness_mm=float(x)) for p, x in zip(panels, thick_mm, strict=True))
    if _DEPTH in paths:
        per_mm = _each(own.attenuation_per_m, experiment) / 1000
        panels = tuple(replace(p, attenuation_per_mm=float(x)) for p, x in zip(panels, per_mm, strict=True))
    told = RecordedBeam(
        direction=np.asarray(beam.direction, float),
        wavelength_A=placed.beam.wavelength_A,
        kahn_factor=float(beam.kahn_factor),
        electric_axis=np.asarray(beam.polarization_axis, float),
    )
    return replace(placed, panels=panels, beam=told)


def _each(tree: Any, experiment: Experiment) -> Any:
    """Numbers of every panel with a leading axis, which those of one panel lack."""
    lacking = experiment.detector.groups is None
    return jax.tree.map(lambda leaf: np.asarray(leaf, float)[None] if lacking else np.asarray(leaf, float), tree)


def _sensor(experiment: Experiment, paths: Sequence[str]) -> dict[str, Any]:
    """What was fitted of the sensor; where panels differ, that of the first, as their file has it too."""
    panels = experiment.detector.panels
    values: dict[str, Any] = {}
    if _THICKNESS in paths:
        values[_THICKNESS] = 1e6 * float(_each(panels.thickness_m, experiment)[0])
    if _DEPTH in paths:
        values |= {_DEPTH: 1e6 / float(_each(panels.attenuation_per_m, experiment)[0]), "detector.material": None}
    return values


def _values(config: Config, experiment: Experiment) -> dict[str, Any]:
    """What the file replaces, and the axes of the laboratory, which another file might not tell."""

    def axis(array: Any) -> tuple[float, ...]:
        return tuple(float(x) for x in np.asarray(array))

    values: dict[str, Any] = dict.fromkeys(f"detector.{name}" for name in _MOVES)
    values["beam.direction"] = axis(experiment.beam.direction)
    if config.beam.polarization_normal is None:
        values["beam.polarization_axis"] = axis(experiment.beam.polarization_axis)
    if len(experiment.crystals) == 1:
        values["crystal.spindle_axis"] = axis(experiment.crystal.spindle.axis)
    return values


def _as_npy(mask: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, (np.asarray(mask) > 0).astype(np.uint8))
    return buffer.getvalue()
