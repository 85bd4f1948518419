"""Geometries for CrystFEL (crystfel_geometry(5)), in the laboratory with the beam along z."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from nbjax.constants import HC_EV_A
from nbjax.errors import ArgumentError
from nbjax.io.experiments.recorded import CRYSTFEL, RecordedExperiment, RecordedGroup, RecordedPanel, RecordedPlace
from nbjax.io.experiments.rectangles import rectangles

_ALONG = 1e-9
_ALL = "all"
"""Name of the group of all panels."""
MOST_REGIONS = 1000
"""Of a panel; pixels that need more are for a mask."""


def geometry_text(found: RecordedExperiment) -> str:
    """A geometry of all panels, with their groups, gains, saturation and bad pixels.

    Panels whose place in the images is not known are written below each other, as one slab.

    Args:
        found: an experiment in whose laboratory the beam runs along z.

    Raises:
        ArgumentError: it runs elsewhere, or there is no panel.
    """
    beam = found.beam_axis
    if beam is not None and np.linalg.norm(beam / np.linalg.norm(beam) - CRYSTFEL.beam) > _ALONG:
        shown = " ".join(f"{value:.6g}" for value in beam)
        raise ArgumentError(f"the beam runs along {shown}, that of CrystFEL along 0 0 1; turn the experiment first")
    if not found.panels:
        raise ArgumentError(f"{found.file} has no panel; give an experiment with a detector")
    clen_mm = float(np.mean([panel.origin_mm[2] for panel in found.panels]))
    lines = ["; written by nbjax"]
    if found.beam.wavelength_A is not None:
        lines.append(f"photon_energy = {HC_EV_A / found.beam.wavelength_A:.12g}")
    lines.append(f"clen = {decimal(clen_mm / 1000)} m")
    lines += panels_lines(found.panels, found.groups, clen_mm)
    return "".join(f"{line}\n" for line in lines)


def panels_lines(panels: Sequence[RecordedPanel], groups: Sequence[RecordedGroup], clen_mm: float) -> Iterator[str]:
    """Lines of all panels and of their groups.

    Args:
        panels: those whose place in the images is not known are written below each other, as one slab.
        groups: the largest first.
        clen_mm: distance of the detector, to which those of the panels are told.
    """
    names = _names(panels, [_ALL])
    for name, panel in zip(names, _placed(panels), strict=True):
        yield from ("", *panel_lines(name, panel, clen_mm))
    yield from ("", *_group_lines(groups, names))


def panel_lines(name: str, panel: RecordedPanel, clen_mm: float) -> Iterator[str]:
    """Lines of a panel, bad pixels included.

    Args:
        name: of the panel, as CrystFEL takes it.
        panel: with its place in the images.
        clen_mm: distance of the detector, to which that of the panel is told.
    """
    fast, slow = panel.unit_axes
    edge_mm = panel.pixel_mm[0]
    place = panel.place or RecordedPlace(None)
    first_fs, first_ss = place.first
    values = {
        "res": decimal(1000 / edge_mm),
        "corner_x": decimal(panel.origin_mm[0] / edge_mm),
        "corner_y": decimal(panel.origin_mm[1] / edge_mm),
        "coffset": decimal((panel.origin_mm[2] - clen_mm) / 1000),
        "fs": _axis(fast),
        "ss": _axis(slow * (panel.pixel_mm[1] / edge_mm)),
        "min_fs": first_fs,
        "max_fs": first_fs + panel.pixels[0] - 1,
        "min_ss": first_ss,
        "max_ss": first_ss + panel.pixels[1] - 1,
        **({} if place.dataset is None else {"data": place.dataset}),
        **{f"dim{i}": axis for i, axis in enumerate(place.axes)},
        # which CrystFEL wants; images of photons have 1
        "adu_per_photon": decimal(1.0 if panel.gain is None else float(panel.gain)),
        **({} if panel.saturation_counts is None else {"max_adu": decimal(float(panel.saturation_counts))}),
    }
    yield from (f"{name}/{key} = {value}" for key, value in values.items())
    if panel.bad is not None and panel.bad.all():
        yield f"{name}/no_index = 1"
    elif panel.bad is not None:
        yield from _regions(name, panel.bad, place.first)


def _regions(name: str, bad: np.ndarray, first: tuple[int, int]) -> Iterator[str]:
    found = rectangles(bad)
    if len(found) > MOST_REGIONS:
        yield f"; {int(bad.sum())} bad pixels of {name} are no few rectangles and are left out; give a mask"
        return
    for number, (left, top, right, bottom) in enumerate(found):
        region = f"bad_{name}_{number}"
        yield f"{region}/panel = {name}"
        limits = {"fs": (left + first[0], right + first[0] - 1), "ss": (top + first[1], bottom + first[1] - 1)}
        for axis, (low, high) in limits.items():
            yield f"{region}/min_{axis} = {low}"
            yield f"{region}/max_{axis} = {high}"


def _placed(panels: Sequence[RecordedPanel]) -> list[RecordedPanel]:
    """The panels with a place each: the one they have, or below each other."""
    if all(panel.place is not None for panel in panels):
        return list(panels)
    starts = np.cumsum([0, *(panel.pixels[1] for panel in panels)])
    return [
        replace(panel, place=RecordedPlace(None, first=(0, int(start))))
        for panel, start in zip(panels, starts[:-1], strict=True)
    ]


def _names(named: Iterable[RecordedPanel | RecordedGroup], taken: Iterable[str] = ()) -> list[str]:
    """Names that CrystFEL takes, each once."""
    used, found = set(taken), []
    for each in named:
        plain = re.sub(r"[^\w.+-]", "_", each.name, flags=re.ASCII) or "panel"
        if plain.startswith(("bad", "group", "rigid_group")):
            plain = f"p_{plain}"
        name, number = plain, 1
        while name in used:
            number += 1
            name = f"{plain}_{number}"
        used.add(name)
        found.append(name)
    return found


def _group_lines(groups: Sequence[RecordedGroup], panels: Sequence[str]) -> Iterator[str]:
    """The hierarchy from the bottom up, and as rigid groups for CrystFEL before 0.11."""
    if not groups:
        return
    names = _names(groups, (*panels, _ALL))
    for name, group in zip(names, groups, strict=True):
        yield f"rigid_group_{name} = {','.join(panels[i] for i in group.panels)}"
    # of every panel, the outermost group or panel that is not yet in another
    heads = dict(enumerate(panels))
    for name, group in reversed(list(zip(names, groups, strict=True))):
        yield f"group_{name} = {','.join(dict.fromkeys(heads[i] for i in group.panels))}"
        heads |= dict.fromkeys(group.panels, name)
    yield f"group_{_ALL} = {','.join(dict.fromkeys(heads[i] for i in range(len(panels))))}"


def decimal(value: float) -> str:
    """A number with every digit and without an exponent, which CrystFEL does not take everywhere."""
    return np.format_float_positional(value + 0.0, trim="-")


def _axis(vector: np.ndarray) -> str:
    return " ".join(f"{number:+.15f}{name}" for number, name in zip(vector, "xyz", strict=True))
