"""Experiment lists of DIALS (``.expt``): JSON whose experiments name shared models by number.

The laboratory is that of the models. The direction of the beam points to the source. A crystal's axes are those at
spindle angle 0 before the goniometer's fixed and setting rotations, which act as setting x rotation(angle) x fixed; the
rotation axis is told before the setting rotation (dxtbx, Goniometer and MultiAxisGoniometer).
"""

from __future__ import annotations

import re

import numpy as np
from scipy.spatial.transform import Rotation

from nbjax.errors import FileError
from nbjax.io.experiments.dials_detector import groups, panels, unit_axis
from nbjax.io.experiments.json_tree import Node, read_json
from nbjax.io.experiments.recorded import (
    DIALS,
    Choice,
    Reader,
    RecordedBeam,
    RecordedCrystal,
    RecordedExperiment,
    RecordedScan,
)

_START = re.compile(rb"\s*\{\s*(\"__id__\"|\"(experiment|beam|crystal|detector|scan|imageset|goniometer)\"\s*:\s*\[)")


def recognises(start: bytes) -> bool:
    """Whether a file begins as an experiment list."""
    return (bool(_START.match(start)) and b'"ExperimentList"' in start) or bool(re.match(rb'\s*\{\s*"__id__"', start))


def read(path: str, choice: Choice) -> RecordedExperiment:
    """One experiment of a list; ``choice.crystal`` is its number, from 0 as in ``dials.show``.

    Raises:
        FileError: the file is damaged, or the choice is none of its experiments.
    """
    tree = read_json(path)
    number = _number(path, tree.at("experiment").items(), choice.crystal)
    return numbered(tree, number, choice)


def numbered(tree: Node, number: int, choice: Choice) -> RecordedExperiment:
    """The experiment of a number in a list that has been read.

    Raises:
        FileError: the list is damaged.
    """
    path, experiment = tree.file, tree.at("experiment").item(number)
    beam, scan = _model(tree, experiment, "beam"), _model(tree, experiment, "scan")
    goniometer = _model(tree, experiment, "goniometer")
    crystal, detector = _model(tree, experiment, "crystal"), _model(tree, experiment, "detector")
    remarks: list[str] = []
    found_scan, turn = _scan(scan, goniometer, remarks)
    image = None if found_scan is None else (found_scan.first if choice.image is None else choice.image)
    return RecordedExperiment(
        file=path if choice.crystal is None else f"{path}#{choice.crystal}",
        frame=DIALS,
        crystal=None if crystal is None else _crystal(crystal, turn, found_scan, choice.image, remarks),
        beam=RecordedBeam() if beam is None else _beam(beam, remarks),
        panels=() if detector is None else panels(detector),
        groups=() if detector is None else groups(detector),
        scan=found_scan,
        image=image,
        remarks=tuple(remarks),
    )


def _number(path: str, listed: list[Node], chosen: str | None) -> int:
    with_crystal = [i for i, each in enumerate(listed) if each.has("crystal")]
    if not listed:
        raise FileError(f"{path}: lists no experiment; give the list that indexing or refinement wrote")
    numbers = f"numbers 0 to {len(listed) - 1}" if len(listed) > 1 else "number 0"
    if chosen is None:
        if len(with_crystal) == 1 or len(listed) == 1:
            return with_crystal[0] if with_crystal else 0
        count = f"{len(with_crystal)} crystals in {len(listed)} experiments"
        pick = with_crystal[0] if with_crystal else 0
        raise FileError(f"{path}: holds {count}, {numbers}; pick one as {path}#{pick}")
    if not chosen.isascii() or not chosen.isdigit() or int(chosen) >= len(listed):
        count = f"{len(listed)} experiment{'s' if len(listed) > 1 else ''}, {numbers}"
        raise FileError(f"{path}: holds {count}, and no {chosen[:40]}; pick one of these")
    return int(chosen)


def _model(tree: Node, experiment: Node, kind: str) -> Node | None:
    if not experiment.has(kind):
        return None
    found = tree.at(kind).item(experiment.at(kind).whole())
    return None if found.value is None else found


def _beam(beam: Node, remarks: list[str]) -> RecordedBeam:
    towards = -beam.at("direction").numbers(3)
    wavelength_A = None
    if beam.has("wavelength"):
        wavelength_A = beam.at("wavelength").number()
    elif beam.has("wavelength_range"):
        low, high = beam.at("wavelength_range").numbers(2)
        wavelength_A = float(low + high) / 2
        remarks.append(f"its beam has wavelengths from {low:g} to {high:g} A; the middle is taken")
    kahn, electric = None, None
    if beam.has("polarization_fraction"):
        kahn = 2 * beam.at("polarization_fraction").number() - 1
    if beam.has("polarization_normal"):
        electric = np.cross(beam.at("polarization_normal").numbers(3), towards)
        if not np.linalg.norm(electric) > 1e-9:
            electric = None
    if beam.has("s0_at_scan_points"):
        remarks.append("its beam changes during the scan; the one of the whole scan is taken")
    return RecordedBeam(towards, wavelength_A, kahn, electric)


def _scan(scan: Node | None, goniometer: Node | None, remarks: list[str]) -> tuple[RecordedScan | None, np.ndarray]:
    """The scan, and the rotation of the crystal at spindle angle 0; stills have neither."""
    if scan is None or goniometer is None:
        return None, np.eye(3)
    start_deg, width_deg = _oscillation(scan)
    if width_deg == 0:
        return None, np.eye(3)
    axis, fixed, setting = _goniometer(goniometer)
    if goniometer.has("setting_rotation_at_scan_points"):
        remarks.append("its goniometer changes during the scan; the one of the whole scan is taken")
    first, last = (each.whole() for each in (scan.at("image_range").item(0), scan.at("image_range").item(1)))
    return RecordedScan(setting @ axis, start_deg, width_deg, first, last), setting @ fixed


def _oscillation(scan: Node) -> tuple[float, float]:
    """Start and width in degrees; later versions list the start of every image among the properties."""
    if scan.has("oscillation"):
        start, width = scan.at("oscillation").numbers(2)
        return float(start), float(width)
    properties = scan.at("properties") if scan.has("properties") else scan
    if not properties.has("oscillation"):
        return 0.0, 0.0
    starts = properties.at("oscillation").items()
    if not starts:
        return 0.0, 0.0
    start_deg = starts[0].number()
    if properties.has("oscillation_width"):
        widths = properties.at("oscillation_width")
        return start_deg, (widths.item(0) if isinstance(widths.value, list) else widths).number()
    return start_deg, starts[1].number() - start_deg if len(starts) > 1 else 0.0


def _goniometer(goniometer: Node) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unit rotation axis, fixed rotation and setting rotation."""
    if not goniometer.has("axes"):
        matrices = [
            goniometer.at(name).numbers(9).reshape(3, 3) if goniometer.has(name) else np.eye(3)
            for name in ("fixed_rotation", "setting_rotation")
        ]
        for name, matrix in zip(("fixed_rotation", "setting_rotation"), matrices, strict=True):
            if not np.allclose(matrix @ matrix.T, np.eye(3), atol=1e-3) or np.linalg.det(matrix) < 0:
                raise goniometer.at(name).fault("is no rotation; correct it")
        return unit_axis(goniometer.at("rotation_axis")), matrices[0], matrices[1]
    axes = [unit_axis(axis) for axis in goniometer.at("axes").items()]
    angles = goniometer.at("angles").numbers(len(axes))
    scan_axis = goniometer.at("scan_axis").whole()
    if not 0 <= scan_axis < len(axes):
        raise goniometer.at("scan_axis").fault(f"is {scan_axis}, of {len(axes)} axes; correct it")
    turns = [Rotation.from_rotvec(np.radians(a) * axis).as_matrix() for a, axis in zip(angles, axes, strict=True)]
    fixed, setting = np.eye(3), np.eye(3)
    for turn in turns[:scan_axis]:
        fixed = turn @ fixed
    for turn in turns[scan_axis + 1 :]:
        setting = turn @ setting
    return axes[scan_axis], fixed, setting


def _crystal(
    crystal: Node, turn: np.ndarray, scan: RecordedScan | None, image: int | None, remarks: list[str]
) -> RecordedCrystal:
    """The crystal at spindle angle 0; of one that changes during the scan, that of a chosen image."""
    direct = np.stack([crystal.at(f"real_space_{axis}").numbers(3) for axis in "abc"])
    if crystal.has("A_at_scan_points") and scan is not None:
        if image is None:
            remarks.append("its crystal changes during the scan; the one of the whole scan is taken")
        elif scan.last is not None and scan.first <= image <= scan.last:
            points = crystal.at("A_at_scan_points")
            ends = [points.item(image - scan.first + i).numbers(9).reshape(3, 3) for i in (0, 1)]
            direct = _inverse(points, (ends[0] + ends[1]) / 2)
    group = crystal.at("space_group_hall_symbol").value if crystal.has("space_group_hall_symbol") else None
    return RecordedCrystal(direct_A=direct @ turn.T, space_group=group.strip() if isinstance(group, str) else None)


def _inverse(node: Node, matrix: np.ndarray) -> np.ndarray:
    try:
        return np.linalg.inv(matrix)
    except np.linalg.LinAlgError:
        raise node.fault("holds a matrix whose columns lie in a plane; correct it") from None


READER = Reader("an experiment list of DIALS (.expt)", recognises, read)
