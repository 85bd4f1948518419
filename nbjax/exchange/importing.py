"""From the files of processing programs to a configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nbjax.config.edit import with_values
from nbjax.config.tree import Config
from nbjax.errors import FileError, UsageError
from nbjax.exchange.combination import Combination, cell_of_experiment, combine
from nbjax.exchange.configuration import configuration
from nbjax.io.experiments import is_experiment, read_experiment
from nbjax.io.experiments.recorded import RecordedExperiment, RecordedPanel
from nbjax.io.files import read_unpacked
from nbjax.io.foreign import Content, content_in
from nbjax.io.reflections import READERS, read_reflections


@dataclass(frozen=True)
class Imported:
    """A configuration, and what is to be said of it.

    Attributes:
        config: file names are as they were given.
        taken: a line for each thing that a file told.
        remarks: what is missing or was not taken, with the remedy.
    """

    config: Config
    taken: tuple[str, ...]
    remarks: tuple[str, ...]


def import_files(
    files: Sequence[str], image: int | None = None, panel: str | None = None, distance_mm: float | None = None
) -> Imported:
    """The configuration that files of processing programs describe together.

    Args:
        files: experiments, and at most one file of reflections or coordinates.
        image: number of an image of the scan; None: the first.
        panel: name of a panel, or its number from 0; None: all of them.
        distance_mm: mean distance of the panels, for a geometry that leaves it to the images.

    Raises:
        FileError: a file that cannot be read, contradicts another, or is of no known kind.
        UsageError: an image or a panel that is not there.
    """
    found: list[RecordedExperiment] = []
    others: dict[str, str] = {}
    for name in files:
        if is_experiment(name):
            found.append(read_experiment(name, image, distance_mm))
            continue
        if others:
            (first,) = others.values()
            raise FileError(f"{name}: is a second file of structure factors beside {first}; give one of them")
        others[_key(name)] = name
    combined = combine(found)
    experiment = combined.experiment
    if image is not None and experiment.scan is None:
        raise UsageError(f"--image {image}: none of the files tells of a scan; leave it out")
    chosen = _panel(experiment, panel)
    remarks: list[str] = []
    config = configuration(combined, chosen)
    if distance_mm is not None and config.detector.file is not None:
        config = with_values(config, {"detector.distance_mm": distance_mm})
    if others:
        config = with_values(config, {**others, "crystal.default_F": None})
    taken = [*_taken(combined, chosen), *(f"structure factors: {name}" for name in others.values())]
    lacks_cell = "crystal.reflections_file" in others and cell_of_experiment(experiment) is None
    if lacks_cell and read_reflections(others["crystal.reflections_file"]).cell is None:
        remarks = [*remarks, "no file tells of the cell; add one that does, or crystal.cell_A to the configuration"]
    return Imported(config, tuple(taken), (*experiment.remarks, *remarks, *_missing(combined, chosen, bool(others))))


def _key(name: str) -> str:
    """The key of a file that is no experiment."""
    content = read_unpacked(name)
    known = content_in(content)
    if known is not None and known[1] in (Content.COORDINATES, Content.SMALL_MOLECULE):
        return "crystal.coordinates_file"
    if any(reader.recognises(content) for reader in READERS):
        return "crystal.reflections_file"
    what = "is of no known kind" if known is None else f"is {known[0]}"
    raise FileError(
        f"{name}: {what}, and tells of no experiment; give files of DIALS (.expt), XDS (XPARM.XDS, XDS.INP), CrystFEL "
        "(.stream, .geom, .cell), MOSFLM (a matrix), NeXus (.nxs) or pyFAI (.poni), and one of reflections or "
        "coordinates"
    )


def _panel(experiment: RecordedExperiment, name: str | None) -> RecordedPanel | None:
    """The panel by its name, or an only one; None where there are none, or several are taken."""
    panels = experiment.panels
    if name is None:
        return panels[0] if len(panels) == 1 else None
    for panel in panels:
        if panel.name == name:
            return panel
    if name.isascii() and name.isdigit() and int(name) < len(panels):
        return panels[int(name)]
    known = ", ".join(panel.name for panel in panels[:20]) or "none"
    raise UsageError(
        f"--panel {name}: is no panel of the files; they have {known}; give one of these, or a number from 0"
    )


def _taken(found: Combination, panel: RecordedPanel | None) -> list[str]:
    experiment, sources, lines = found.experiment, found.sources, []
    cell = cell_of_experiment(experiment)
    if cell is not None:
        lines.append(f"cell: {' '.join(f'{value:.6g}' for value in cell)} ({sources['cell']})")
    if "orientation" in sources:
        lines.append(f"orientation: {sources['orientation']}")
    if "wavelength" in sources:
        lines.append(f"wavelength: {experiment.beam.wavelength_A:.6g} A ({sources['wavelength']})")
    if "polarization" in sources:
        lines.append(f"polarization: {experiment.beam.kahn_factor:.6g} ({sources['polarization']})")
    if panel is not None:
        fast, slow = panel.pixels
        lines.append(f"panel: {panel.name}, {slow} x {fast} pixels (slow x fast) ({sources['panels']})")
    elif experiment.panels:
        count = len(experiment.panels)
        names = [group.name for group in experiment.groups]
        groups = f" in the groups {', '.join(names[:8])}{' ...' if len(names) > 8 else ''}" if names else ""
        lines.append(f"panels: {count}{groups} ({sources['panels']})")
    scan, image = experiment.scan, experiment.image
    if scan is not None and image is not None:
        turn = f"{scan.width_deg:g} degrees from {scan.start_of(image):g} on"
        lines.append(f"scan: image {image}, {turn} ({sources['scan']})")
    return lines


def _missing(found: Combination, panel: RecordedPanel | None, has_factors: bool) -> list[str]:
    """What an image needs and no file tells."""
    experiment, sources, lines = found.experiment, found.sources, []
    if cell_of_experiment(experiment) is None and not has_factors:
        lines.append("no file tells of the crystal; add one that does, or crystal.cell_A to the configuration")
    elif "orientation" not in sources:
        lines.append("no file tells of the orientation; add one that does, or crystal.misset_deg to the configuration")
    if "wavelength" not in sources:
        lines.append("no file tells of the wavelength; add beam.wavelength_A to the configuration (default: 1 A)")
    if "polarization" not in sources:
        lines.append("no file tells of the polarization; add beam.polarization to the configuration (default: 0, none)")
    if not experiment.panels:
        lines.append("no file tells of the detector; add one that does, or [detector] to the configuration")
    if not has_factors:
        lines.append(
            "no file has structure factors: crystal.default_F = 1 makes all reflections equal; add a file of "
            "reflections or coordinates"
        )
    if experiment.crystal is not None:
        lines.append("no file tells of the crystal's size: crystal.cells is a block of 0.1 um, and its spots that wide")
    elif has_factors:
        lines.append("no file tells of the crystal's size; add crystal.cells to the configuration (default: one cell)")
    return lines
