"""What no experiment can be, found before anything is made of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from nbjax.errors import FileError
from nbjax.io.experiments.overlaps import overlapping
from nbjax.io.experiments.recorded import RecordedCrystal, RecordedExperiment, RecordedGroup, RecordedPanel

_FLAT = 1e-6
"""Volume of a cell over the product of its lengths, below which its axes lie in a plane."""
_PARALLEL = 1e-3
_RIGHT = 1e-3
_SHOWN = 3
_LARGEST_A, _SMALLEST_A = 1e5, 0.1
_LONGEST_A = 124.0
_MOST_PIXELS = 1 << 20


def check(found: RecordedExperiment) -> RecordedExperiment:
    """The experiment as it is, if it can be, with remarks on what is doubtful.

    Raises:
        FileError: a number or a group that is impossible, with the remedy.
    """
    for problem in _problems(found):
        raise FileError(f"{found.file}: {problem}")
    doubts = tuple(_doubts(found.panels))
    return replace(found, remarks=(*found.remarks, *doubts)) if doubts else found


def _doubts(panels: Sequence[RecordedPanel]) -> Iterator[str]:
    """What a detector is unlikely to be."""
    skewed = [panel for panel in panels if abs(float(np.dot(*panel.unit_axes))) > _RIGHT]
    if skewed:
        cosine = max(abs(float(np.dot(*panel.unit_axes))) for panel in skewed)
        yield (
            f"{_listed([panel.name for panel in skewed], 'panel')} ha{'ve' if len(skewed) > 1 else 's'} axes that are "
            f"not at right angles (cosine {cosine:.2g}); check the file"
        )
    pairs = [f"{panels[a].name[:40]} and {panels[b].name[:40]}" for a, b in overlapping(panels)]
    if pairs:
        yield f"{_listed(pairs, 'pair', 'panels')} lie on each other; check the file"


def _listed(names: Sequence[str], kind: str, shown: str | None = None) -> str:
    """The first names, and how many more there are."""
    more = len(names) - _SHOWN
    said = ", ".join(name[:90] for name in names[:_SHOWN])
    rest = f" and {more} more {kind}{'s' if more > 1 else ''}" if more > 0 else ""
    return f"{shown or kind + ('s' if len(names) > 1 else '')} {said}{rest}"


def _of_groups(groups: Sequence[RecordedGroup], count: int) -> Iterator[str]:
    for group in groups:
        wrong = [panel for panel in group.panels if not 0 <= panel < count]
        if wrong or not group.panels:
            problem = f"names the panel {wrong[0]}, of {count}" if wrong else "names no panel"
            yield f"group {group.name[:40]!r} {problem}; correct the file"
            return
    members = [set(group.panels) for group in groups]
    for i, (group, inner) in enumerate(zip(groups, members, strict=True)):
        for other, outer in zip(groups[:i], members[:i], strict=True):
            shared = len(inner & outer)
            if shared and shared != min(len(inner), len(outer)):
                yield (
                    f"groups {other.name[:40]!r} and {group.name[:40]!r} share {shared} panels, and neither is in the "
                    "other; correct the file"
                )
                return


def _problems(found: RecordedExperiment) -> Iterator[str]:
    beam, scan = found.beam, found.scan
    if beam.wavelength_A is not None and not 0 < beam.wavelength_A <= _LONGEST_A:
        yield f"gives the wavelength {beam.wavelength_A:g} A, no diffraction has it; correct the file"
    if beam.kahn_factor is not None and not abs(beam.kahn_factor) <= 1 + 1e-9:
        yield (
            f"gives a fraction of polarization of {(1 + beam.kahn_factor) / 2:g}, which must lie between 0 and 1; "
            "correct the file"
        )
    axes = {"beam": beam.direction, "polarization": beam.electric_axis, "rotation": scan.axis if scan else None}
    for name, axis in axes.items():
        if axis is not None and not _is_direction(axis):
            yield f"gives {_shown(axis)} for the direction of the {name}, which is none; correct the file"
    if found.crystal is not None:
        yield from _of_crystal(found.crystal)
    for panel in found.panels:
        yield from (f"panel {panel.name[:40]!r} {problem}; correct the file" for problem in _of_panel(panel))
    yield from _of_groups(found.groups, len(found.panels))
    if scan is not None and not (np.isfinite([scan.start_deg, scan.width_deg]).all() and abs(scan.width_deg) <= 360):
        yield f"gives images of {scan.width_deg:g} degrees from {scan.start_deg:g} on; correct the file"
    if scan is not None and found.image is not None:
        last = np.inf if scan.last is None else scan.last
        held = f"{scan.first} on" if scan.last is None else f"{scan.first} to {scan.last}"
        if not scan.first <= found.image <= last:
            yield f"has the images {held}, and no image {found.image}; name one of these"


def _of_crystal(crystal: RecordedCrystal) -> Iterator[str]:
    if crystal.direct_A is not None:
        lengths = np.linalg.norm(crystal.direct_A, axis=1)
        if not (np.isfinite(lengths).all() and (lengths >= _SMALLEST_A).all() and (lengths <= _LARGEST_A).all()):
            yield (
                f"gives a cell of {_shown(lengths)} A, which no crystal has; check that its axes are in Angstrom and "
                "its reciprocal axes in the inverse of the unit that the format has"
            )
            return
        volume = float(np.linalg.det(crystal.direct_A)) / float(np.prod(lengths))
        if abs(volume) <= _FLAT:
            yield "gives cell axes that lie in a plane, and no crystal has them; correct the file"
        elif volume < 0:
            yield (
                "gives left-handed cell axes, and no crystal turns into them; change the sign of all nine numbers for "
                "the same lattice with indices -h -k -l, or look for exchanged axes"
            )
    if crystal.cell is not None and not _is_cell(crystal.cell):
        yield f"gives the cell {_shown(crystal.cell)}, which no crystal has; correct the file"


def _of_panel(panel: RecordedPanel) -> Iterator[str]:
    fast_mm, slow_mm = panel.pixel_mm
    if not (np.isfinite(panel.pixel_mm).all() and min(panel.pixel_mm) > 0):
        yield f"has pixels of {fast_mm:g} x {slow_mm:g} mm"
    elif min(panel.pixels) < 1 or max(panel.pixels) > _MOST_PIXELS:
        yield f"has {panel.pixels[0]} x {panel.pixels[1]} pixels"
    elif not (_is_direction(panel.fast) and _is_direction(panel.slow)):
        yield f"has the axes {_shown(panel.fast)} and {_shown(panel.slow)}, which are no directions"
    elif np.linalg.norm(np.cross(panel.fast, panel.slow)) < _PARALLEL * np.linalg.norm(panel.fast) * np.linalg.norm(
        panel.slow
    ):
        yield "has a fast axis along its slow axis"
    elif not np.isfinite(panel.origin_mm).all():
        yield f"has its corner at {_shown(panel.origin_mm)}"


def _is_direction(axis: np.ndarray) -> bool:
    length = float(np.linalg.norm(axis))
    return bool(np.isfinite(length) and 1e-30 < length < 1e30)


def _is_cell(cell: np.ndarray) -> bool:
    lengths, angles = cell[:3], cell[3:]
    if not (np.isfinite(cell).all() and (lengths >= _SMALLEST_A).all() and (lengths <= _LARGEST_A).all()):
        return False
    return bool((angles > 0).all() and (angles < 180).all() and 2 * angles.max() < angles.sum() < 360)


def _shown(values: np.ndarray) -> str:
    return " ".join(f"{value:.6g}" for value in values)
