"""All stills of an experiment list of DIALS, with the images that they are on; and the list with other crystals."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from nbjax.errors import FileError
from nbjax.io.experiments.checks import check
from nbjax.io.experiments.dials_detector import frames_of
from nbjax.io.experiments.dials_expt import numbered
from nbjax.io.experiments.dials_writing import shifted
from nbjax.io.experiments.json_tree import Node, read_json
from nbjax.io.experiments.recorded import Choice, RecordedPanel
from nbjax.io.experiments.stills import Still
from nbjax.io.experiments.words import floats

_FIELD = re.compile("#+")


def read_stills(path: str | Path) -> list[Still]:
    """The experiments of a list that have a crystal.

    Raises:
        FileError: the list cannot be read or is damaged, has no crystal, or has one that turns.
    """
    tree = read_json(path)
    found = []
    for number, experiment in enumerate(tree.at("experiment").items()):
        if not experiment.has("crystal"):
            continue
        recorded = check(numbered(tree, number, Choice(str(number))))
        if recorded.scan is not None:
            raise experiment.fault(
                f"turns by {recorded.scan.width_deg:g} degrees; give stills, as dials.sequence_to_stills makes them"
            )
        image, index = _image(tree, experiment)
        name = experiment.value.get("identifier") or ""
        imageset = experiment.at("imageset").whole() if experiment.has("imageset") else None
        found.append(Still(number, recorded, image, index, str(name), imageset))
    if not found:
        raise FileError(f"{path}: has no crystal; give the list that dials.index or dials.refine wrote")
    return found


def _image(tree: Node, experiment: Node) -> tuple[str, int]:
    if not experiment.has("imageset"):
        return "", 0
    images = tree.at("imageset").item(experiment.at("imageset").whole())
    first = 1
    if experiment.has("scan"):
        scan = tree.at("scan").item(experiment.at("scan").whole())
        first = scan.at("image_range").item(0).whole()
    if images.has("images"):
        name = str(images.at("images").item(0).value)
        has_indices = images.has("single_file_indices") and images.at("single_file_indices").items()
        return name, images.at("single_file_indices").item(0).whole() if has_indices else 0
    template = str(images.at("template").value) if images.has("template") else ""
    field = _FIELD.search(Path(template).name)
    if field is None:
        return template, first - 1
    number = f"{first:0{len(field[0])}d}"
    return str(Path(template).with_name(_FIELD.sub(number, Path(template).name, count=1))), 0


@dataclass(frozen=True)
class Change:
    """What is other of an experiment, in the laboratory of the list.

    Attributes:
        direct_A: vectors a, b, c of its crystal as rows.
        wavelength_factor: of its beam.
        shift_mm: of its detector as a whole.
    """

    direct_A: Float[np.ndarray, "3 3"]
    wavelength_factor: float = 1.0
    shift_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)


def with_changes(listed: Node, changes: Mapping[int, Change], panels: Sequence[RecordedPanel] | None = None) -> str:
    """A list with other crystals, beams and detectors; the experiments of these alone, in their order.

    Args:
        listed: the list.
        changes: by the number of the experiment.
        panels: where those of all of its detectors stand, before a change shifts them; None: where they stood.

    Raises:
        FileError: the list is damaged.
    """
    tree: dict[str, Any] = copy.deepcopy(listed.value)
    if panels is not None:
        tree["detector"] = [_with_places(detector, panels) for detector in listed.at("detector").items()]
    experiments: list[dict[str, Any]] = []
    crystals: list[dict[str, Any]] = []
    beams, detectors = list(tree.get("beam", [])), list(tree.get("detector", []))
    for number, change in sorted(changes.items()):
        experiment = dict(tree["experiment"][number])
        crystal = {
            key: value
            for key, value in tree["crystal"][experiment["crystal"]].items()
            if not key.endswith("at_scan_points") and "covariance" not in key and not key.endswith("_sd")
        }
        crystal |= {f"real_space_{axis}": floats(row) for axis, row in zip("abc", change.direct_A, strict=True)}
        experiments.append(experiment | {"crystal": len(crystals)})
        crystals.append(crystal)
        if change.wavelength_factor != 1 and "beam" in experiment:
            beam = beams[experiment["beam"]]
            experiments[-1]["beam"] = len(beams)
            beams.append(beam | {"wavelength": beam["wavelength"] * change.wavelength_factor})
        if any(change.shift_mm) and "detector" in experiment:
            experiments[-1]["detector"] = len(detectors)
            detectors.append(shifted(detectors[experiment["detector"]], np.array(change.shift_mm)))
    changed = {"experiment": experiments, "crystal": crystals, "beam": beams, "detector": detectors}
    return json.dumps(tree | changed, indent=1) + "\n"


def _with_places(detector: Node, panels: Sequence[RecordedPanel]) -> dict[str, Any]:
    """A detector whose panels stand elsewhere, each told in the frame of its group, which stays."""
    frames, model = frames_of(detector), copy.deepcopy(detector.value)
    for number, panel in enumerate(panels):
        axes, origin_mm = frames[number]
        inward = np.linalg.inv(axes)
        model["panels"][number] |= {
            "origin": floats(inward @ (panel.origin_mm - origin_mm)),
            "fast_axis": floats(inward @ panel.fast),
            "slow_axis": floats(inward @ panel.slow),
        }
    return dict(model)
