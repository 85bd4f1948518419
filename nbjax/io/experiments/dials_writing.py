"""Detectors for DIALS: panels in a hierarchy of groups, and experiment lists of them with beams and crystals."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from nbjax.errors import ArgumentError
from nbjax.io.experiments.recorded import RecordedExperiment, RecordedGroup, RecordedPanel
from nbjax.io.experiments.rectangles import rectangles
from nbjax.io.experiments.stills import Still
from nbjax.io.experiments.words import floats

_TRUSTED = [-1.0, 1e9]
_LABORATORY = {"fast_axis": [1.0, 0.0, 0.0], "slow_axis": [0.0, 1.0, 0.0], "origin": [0.0, 0.0, 0.0]}
"""Where a group is of which nothing is told."""
_OF_MANY = (".h5", ".hdf5", ".nxs", ".cxi")
"""Endings of files that hold many images."""
_RIGHT, _SKEWED = 1e-9, 1e-3
"""Cosine of axes that DIALS takes as they are, and of those that no panel has."""

Model = dict[str, Any]
_Frame = tuple[np.ndarray, np.ndarray]


def experiment_list(found: RecordedExperiment) -> str:
    """An experiment list of the beam and the detector, in their own laboratory.

    Raises:
        ArgumentError: there is no panel, no beam or no wavelength, or axes that are not at right angles.
    """
    tree = {
        "__id__": "ExperimentList",
        "experiment": [{"__id__": "Experiment", "identifier": "", "beam": 0, "detector": 0}],
        "beam": [_beam_model(found)],
        "detector": [detector_model(found.panels, found.groups)],
        **{kind: [] for kind in ("goniometer", "scan", "crystal", "profile", "imageset", "scaling_model")},
    }
    return json.dumps(tree, indent=1) + "\n"


def still_list(stills: Sequence[Still]) -> Model:
    """An experiment list of stills, an experiment each, those without a crystal too.

    Args:
        stills: whose panels are those of the first, shifted.

    Raises:
        ArgumentError: as ``experiment_list``.
    """
    models: dict[str, dict[Any, tuple[int, Model]]] = {"beam": {}, "detector": {}, "imageset": {}, "crystal": {}}
    experiments: list[Model] = []

    def placed(kind: str, key: object, model: Callable[[], Model]) -> int:
        """Number of a model of the list, made where it is not there."""
        known = models[kind]
        if key not in known:
            known[key] = len(known), model()
        return known[key][0]

    plain = detector_model(stills[0].experiment.panels, stills[0].experiment.groups)
    for still in stills:
        found, image = still.experiment, (still.image, still.index)
        crystal = found.crystal
        places = {
            "beam": placed("beam", found.beam.wavelength_A, partial(_beam_model, found)),
            "detector": placed("detector", still.shift_mm, partial(shifted, plain, np.array(still.shift_mm))),
            "imageset": placed("imageset", image, partial(_image_model, *image)),
        }
        if crystal is not None and crystal.direct_A is not None:
            of_crystal = partial(_crystal_model, crystal.direct_A, still.space_group)
            places["crystal"] = placed("crystal", still.number, of_crystal)
        experiments.append({"__id__": "Experiment", "identifier": still.identifier, **places})
    return {
        "__id__": "ExperimentList",
        "experiment": experiments,
        **{kind: [model for _, model in known.values()] for kind, known in models.items()},
        **{kind: [] for kind in ("goniometer", "scan", "profile", "scaling_model")},
    }


def _beam_model(found: RecordedExperiment) -> Model:
    beam = found.beam
    if not found.panels or found.beam_axis is None or beam.wavelength_A is None:
        raise ArgumentError(f"{found.file} lacks panels, beam or wavelength; give an experiment that has them")
    direction = found.beam_axis / np.linalg.norm(found.beam_axis)
    model: Model = {
        "__id__": "monochromatic",
        "direction": floats(-direction),
        "wavelength": float(beam.wavelength_A),
        "divergence": 0.0,
        "sigma_divergence": 0.0,
        "flux": 0.0,
        "transmission": 1.0,
    }
    if beam.electric_axis is not None and beam.kahn_factor is not None:
        normal = np.cross(direction, beam.electric_axis)
        model["polarization_normal"] = floats(normal / np.linalg.norm(normal))
        model["polarization_fraction"] = (1 + float(beam.kahn_factor)) / 2
    return model


def _image_model(name: str, index: int) -> Model:
    nothing = dict.fromkeys(("mask", "gain", "pedestal", "dx", "dy"))
    of_many = {"single_file_indices": [index]} if index or name.endswith(_OF_MANY) else {}
    return {"__id__": "ImageSet", "images": [name], **of_many, **nothing, "params": {}}


def _crystal_model(direct_A: np.ndarray, hall: str) -> Model:
    axes = {f"real_space_{axis}": floats(row) for axis, row in zip("abc", direct_A, strict=True)}
    return {"__id__": "crystal", **axes, "space_group_hall_symbol": f" {hall or 'P 1'}"}


def detector_model(panels: Sequence[RecordedPanel], groups: Sequence[RecordedGroup] = ()) -> Model:
    """The detector of an experiment list.

    A group has its origin in the middle of its panels, and axes of its first one. DIALS takes axes at right angles
    only: those that are off by digits are turned to them about the panel's middle, half of the way each.

    Args:
        panels: of the detector.
        groups: the largest first.

    Raises:
        ArgumentError: axes that are not at right angles.
    """
    frames = [_group_frame([panels[i] for i in group.panels]) for group in groups]
    laboratory: _Frame = (np.eye(3), np.zeros(3))
    root = {**_model("", np.zeros(3), np.eye(3)[0], np.eye(3)[1]), "children": []}
    nodes: list[Model] = []
    owners: list[int | None] = [None] * len(panels)
    for number, group in enumerate(groups):
        outer = owners[group.panels[0]]
        place = _seen(frames[number], laboratory if outer is None else frames[outer])
        nodes.append({**_model(group.name, *place), "children": []})
        (root if outer is None else nodes[outer])["children"].append(nodes[number])
        for index in group.panels:
            owners[index] = number
    models = []
    for index, (panel, owner) in enumerate(zip(panels, owners, strict=True)):
        (root if owner is None else nodes[owner])["children"].append({"panel": index})
        models.append(_panel(panel, laboratory if owner is None else frames[owner]))
    return {"panels": models, "hierarchy": root}


def _group_frame(panels: Sequence[RecordedPanel]) -> _Frame:
    """Axes as columns, and origin."""
    middle = np.mean([panel.middle_mm for panel in panels], axis=0)
    _, fast, slow = _at_right_angles(panels[0])
    return np.stack([fast, slow, np.cross(fast, slow)], axis=1), middle


def _seen(frame: _Frame, outer: _Frame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Origin, fast and slow of a frame, told in another."""
    axes = outer[0].T @ frame[0]
    return outer[0].T @ (frame[1] - outer[1]), axes[:, 0], axes[:, 1]


def _panel(panel: RecordedPanel, outer: _Frame) -> Model:
    origin_mm, fast, slow = _at_right_angles(panel)
    inward = outer[0].T
    has_sensor = bool(panel.thickness_mm and panel.attenuation_per_mm)
    strategy = "ParallaxCorrectedPxMmStrategy" if has_sensor else "SimplePxMmStrategy"
    place = panel.place
    return {
        **_model(panel.name, inward @ (origin_mm - outer[1]), inward @ fast, inward @ slow),
        "type": "SENSOR_PAD",
        "raw_image_offset": [0, 0] if place is None else list(place.first),
        "image_size": list(panel.pixels),
        "pixel_size": list(panel.pixel_mm),
        "trusted_range": _TRUSTED if panel.saturation_counts is None else [_TRUSTED[0], panel.saturation_counts],
        "thickness": panel.thickness_mm if has_sensor else 0.0,
        "material": panel.material or "",
        "mu": panel.attenuation_per_mm if has_sensor else 0.0,
        "mask": [] if panel.bad is None else [list(each) for each in rectangles(panel.bad)],
        "gain": 1.0 if panel.gain is None else panel.gain,
        "px_mm_strategy": {"type": strategy},
    }


def _at_right_angles(panel: RecordedPanel) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Corner, fast and slow of a panel, its axes of length 1 and at right angles."""
    fast, slow = panel.unit_axes
    cosine = float(fast @ slow)
    if abs(cosine) > _SKEWED:
        raise ArgumentError(f"panel {panel.name!r} has axes at a cosine of {cosine:.4g}; DIALS has right angles only")
    if abs(cosine) <= _RIGHT:
        return panel.origin_mm, fast, slow
    middle = panel.middle_mm
    # the nearest pair at right angles (Löwdin)
    both, across = (fast + slow) / np.linalg.norm(fast + slow), (fast - slow) / np.linalg.norm(fast - slow)
    fast, slow = (both + across) / np.sqrt(2), (both - across) / np.sqrt(2)
    width_mm, height_mm = panel.size_mm
    return middle - width_mm / 2 * fast - height_mm / 2 * slow, fast, slow


def _model(name: str, origin_mm: np.ndarray, fast: np.ndarray, slow: np.ndarray) -> Model:
    """A panel or a group, with what DIALS wants of both."""
    return {
        "name": name,
        "type": "",
        "fast_axis": floats(fast),
        "slow_axis": floats(slow),
        "origin": floats(origin_mm),
        "raw_image_offset": [0, 0],
        "image_size": [0, 0],
        "pixel_size": [0.0, 0.0],
        "trusted_range": [0.0, 0.0],
        "thickness": 0.0,
        "material": "",
        "mu": 0.0,
        "identifier": "",
        "mask": [],
        "gain": 1.0,
        "pedestal": 0.0,
        "px_mm_strategy": {"type": "SimplePxMmStrategy"},
    }


def shifted(detector: Model, shift_mm: np.ndarray) -> Model:
    """A detector elsewhere: its root where it has one, in which the places of panels are told, else every panel."""

    def moved(part: Model) -> Model:
        return part | {"origin": floats(np.array(part["origin"]) + shift_mm)}

    root = detector.get("hierarchy")
    if root:
        return detector | {"hierarchy": moved(_LABORATORY | root)}
    return detector | {"panels": [moved(panel) for panel in detector["panels"]]}
