"""What several files say of one experiment, in one laboratory: the first that tells a thing counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from nbjax.errors import FileError
from nbjax.geometry.frames import turn_between
from nbjax.geometry.unit_cell import cell_of
from nbjax.io.experiments.recorded import Frame, RecordedExperiment, RecordedPanel
from nbjax.io.space_group import difference_of_cells

_LARGEST_DIFFERENCE = 0.01
"""Relative, of lengths and wavelengths; a degree for angles. What differs by more is not of one experiment."""


@dataclass(frozen=True)
class Combination:
    """One experiment.

    Attributes:
        experiment: everything that is told.
        sources: of "cell", "orientation", "wavelength", "beam", "polarization", "panels" and "scan", the file that
            tells it.
    """

    experiment: RecordedExperiment
    sources: dict[str, str] = field(default_factory=dict)


def combine(found: Sequence[RecordedExperiment]) -> Combination:
    """One experiment from what several files say.

    The laboratory is that of the first file whose program has one, or of the one that places several panels; others are
    turned onto it by their beam and their axis of rotation.

    Raises:
        FileError: two files contradict each other.
    """
    combined = Combination(replace(_nothing(), frame=_frame(found)))
    for each in found:
        combined = _with(combined, each)
    return combined


def _frame(found: Sequence[RecordedExperiment]) -> Frame | None:
    """That of the first file that has one; before it that of the panels, which a configuration names by their file."""
    placing = next((each for each in found if each.panels), None)
    if placing is not None and len(placing.panels) > 1:
        return placing.frame
    return next((each.frame for each in found if each.frame is not None), None)


def _nothing() -> RecordedExperiment:
    return RecordedExperiment(file="", frame=None)


def _with(known: Combination, more: RecordedExperiment) -> Combination:
    base, sources = known.experiment, dict(known.sources)
    _compare(known, more)
    more = _turned(more, _turn(more, base))
    beam, crystal = base.beam, base.crystal

    def told(name: str, mine: object, theirs: object) -> bool:
        if mine is not None or theirs is None:
            return False
        sources[name] = more.file
        return True

    for name, fields in (
        ("wavelength", ("wavelength_A",)),
        ("beam", ("direction",)),
        ("polarization", ("kahn_factor", "electric_axis")),
    ):
        if told(name, getattr(beam, fields[0]), getattr(more.beam, fields[0])):
            beam = replace(beam, **{each: getattr(more.beam, each) for each in fields})
    if more.crystal is not None:
        if crystal is None:
            crystal = more.crystal
            sources["cell"] = more.file
            if crystal.direct_A is not None:
                sources["orientation"] = more.file
        elif told("orientation", crystal.direct_A, more.crystal.direct_A):
            crystal = more.crystal
    panels, groups, scan, image = base.panels, base.groups, base.scan, base.image
    if told("panels", base.panels or None, more.panels or None):
        panels, groups = more.panels, more.groups
    if told("scan", base.scan, more.scan):
        scan, image = more.scan, more.image
    experiment = replace(
        base,
        file=base.file or more.file,
        crystal=crystal,
        beam=beam,
        panels=panels,
        groups=groups,
        scan=scan,
        image=image,
        remarks=(*base.remarks, *(f"{more.file}: {remark}" for remark in more.remarks)),
    )
    return Combination(experiment, sources)


def in_frame(found: RecordedExperiment, frame: Frame) -> RecordedExperiment:
    """An experiment in the laboratory of a program: its beam along that one's, its spindle as near to it as it goes."""
    beam, spindle = found.beam_axis, found.spindle_axis
    if beam is None or spindle is None:
        return replace(found, frame=frame)
    return replace(_turned(found, turn_between(beam, spindle, frame.beam, frame.spindle)), frame=frame)


def _turn(more: RecordedExperiment, base: RecordedExperiment) -> np.ndarray:
    """From the laboratory of a file to that of the others."""
    if more.frame is None or more.frame == base.frame or more.frame.name == (base.frame and base.frame.name):
        return np.eye(3)
    axes = (more.beam_axis, more.spindle_axis, base.beam_axis, base.spindle_axis)
    beam, spindle, to_beam, to_spindle = axes
    if beam is None or spindle is None or to_beam is None or to_spindle is None:
        return np.eye(3)
    return turn_between(beam, spindle, to_beam, to_spindle)


def _turned(found: RecordedExperiment, turn: np.ndarray) -> RecordedExperiment:
    """The same experiment in another laboratory."""
    if np.array_equal(turn, np.eye(3)):
        return found

    def turned(axis: np.ndarray | None) -> np.ndarray | None:
        return None if axis is None else turn @ axis

    def panel(each: RecordedPanel) -> RecordedPanel:
        return replace(each, origin_mm=turn @ each.origin_mm, fast=turn @ each.fast, slow=turn @ each.slow)

    crystal, beam, scan = found.crystal, found.beam, found.scan
    if crystal is not None and crystal.direct_A is not None:
        crystal = replace(crystal, direct_A=crystal.direct_A @ turn.T)
    return replace(
        found,
        crystal=crystal,
        beam=replace(beam, direction=turned(beam.direction), electric_axis=turned(beam.electric_axis)),
        panels=tuple(map(panel, found.panels)),
        scan=None if scan is None else replace(scan, axis=turn @ scan.axis),
    )


def _compare(known: Combination, more: RecordedExperiment) -> None:
    base = known.experiment
    mine, theirs = base.beam.wavelength_A, more.beam.wavelength_A
    if mine is not None and theirs is not None and abs(mine / theirs - 1) > _LARGEST_DIFFERENCE:
        raise FileError(
            f"{more.file}: was measured at {theirs:.6g} A, {known.sources['wavelength']} at {mine:.6g} A; give files "
            "of one experiment"
        )
    cells = [cell_of_experiment(each) for each in (base, more)]
    if cells[0] is None or cells[1] is None:
        return
    if difference_of_cells(cells[1], cells[0]) > _LARGEST_DIFFERENCE:
        shown = [" ".join(f"{value:.5g}" for value in cell) for cell in cells if cell is not None]
        raise FileError(
            f"{more.file}: has the cell {shown[1]}, {known.sources['cell']} the cell {shown[0]}; give files of one "
            "crystal"
        )


def cell_of_experiment(found: RecordedExperiment) -> np.ndarray | None:
    """Lengths in Angstrom and angles in degrees, shape (6,), or None where no cell is told."""
    if found.crystal is None:
        return None
    if found.crystal.direct_A is None:
        return found.crystal.cell
    lengths, angles_rad = cell_of(found.crystal.direct_A)
    return np.array([*lengths, *np.degrees(angles_rad)])
