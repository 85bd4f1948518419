"""Groups of panels in the one form that all formats are brought to: the largest first, nested or apart."""

from __future__ import annotations

from collections.abc import Iterable

from nbjax.io.experiments.recorded import RecordedGroup


def arranged(named: Iterable[tuple[str, Iterable[int]]], count: int) -> tuple[tuple[RecordedGroup, ...], list[str]]:
    """Groups in order, and the names of those that overlap a larger one without being in it, which are left out.

    A group of all panels, of a single one, or of the panels of another is no group of its own.

    Args:
        named: name and panels of each.
        count: panels of the detector.
    """
    found: list[RecordedGroup] = []
    astray: list[str] = []
    # the smallest group taken so far that each panel is in
    owners = [-1] * count
    groups = [RecordedGroup(name, tuple(sorted(set(panels)))) for name, panels in named]
    for group in sorted(groups, key=lambda group: (-len(group.panels), group.panels)):
        if not 1 < len(group.panels) < count:
            continue
        outer = {owners[panel] for panel in group.panels}
        if len(outer) > 1:
            astray.append(group.name)
            continue
        (owner,) = outer
        if owner >= 0 and found[owner].panels == group.panels:
            continue
        for panel in group.panels:
            owners[panel] = len(found)
        found.append(group)
    return tuple(found), astray
