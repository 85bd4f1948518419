"""Parameters that move the same as others, so that no data tell them apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from nbjax.errors import Fault
from nbjax.geometry.detector import PanelGroups
from nbjax.parameters import beside, key_of, panel_of
from nbjax.quantities import QUANTITIES

_TURNS = ("detector.axes_deg", "detector.two_theta_deg", *(f"detector.rotation_{axis}_deg" for axis in "xyz"))
_SHIFTS = ("detector.origin_shift_mm", "detector.distance_mm")
_SHOWN = 3


def overlaps(shared: Mapping[str, bool], groups: PanelGroups | None, several_shots: bool) -> list[Fault]:
    """What moves the same as others do.

    A group whose members all move by themselves needs no motion of its own. It may have one for each shot where theirs
    are the same in all shots.

    Args:
        shared: whether each free parameter, by its path, is the same in all shots.
        groups: of several panels.
        several_shots: whether there are several.
    """
    found = [
        Fault(f"parameters.{other}", f"moves the same as {path}; leave one of them out")
        for path in sorted(shared)
        if key_of(path) in QUANTITIES
        for other in (beside(path, key) for key in QUANTITIES[key_of(path)].same)
        if other in shared
    ]
    if groups is None:
        return found
    for path, members in _held_by_members(set(shared), groups):
        if several_shots and not shared[path] and all(shared[member] for member in members):
            continue
        shown = ", ".join(members[:_SHOWN]) + (f" and {len(members) - _SHOWN} more" if len(members) > _SHOWN else "")
        one = "leave one of them out" if len(members) == 1 else "leave it out, or one of these"
        found.append(Fault(f"parameters.{path}", f"moves the same as {shown} together; {one}"))
    return found


def _held_by_members(free: set[str], groups: PanelGroups) -> Iterable[tuple[str, Sequence[str]]]:
    """Motions of groups and of the whole detector that those of all members make up, with these."""
    panels = {chain[-1] for chain in groups.chains}

    def path(node: int, motion: str) -> str:
        return f"{'panels' if node in panels else 'groups'}[{groups.names[node]}].{motion}"

    def members(node: int | None) -> list[int]:
        inside = [
            chain[chain.index(node) + 1 :] if node is not None else chain
            for chain in groups.chains
            if node is None or node in chain
        ]
        return list(dict.fromkeys(rest[0] for rest in inside if rest))

    def made_up(node: int | None, motions: tuple[str, ...]) -> list[str]:
        """The motions by which all members of a group, or what is in them, move; none if one of them does not."""
        parts = []
        for member in members(node):
            own = [path(member, motion) for motion in motions]
            part = own if free.issuperset(own) else made_up(member, motions)
            if not part:
                return []
            parts += part
        return parts

    both = ("shift_mm", "rotation_deg")
    for named in sorted(free):
        which, motions = panel_of(named), both if "rotation" in named or named in _TURNS else ("shift_mm",)
        if which is not None and which[0] == "groups":
            parts = made_up(groups.names.index(which[1]), motions)
        elif named in (*_TURNS, *_SHIFTS):
            parts = made_up(None, motions)
            if not parts and named == "detector.distance_mm" and _SHIFTS[0] in free:
                parts = [_SHIFTS[0]]
        else:
            continue
        if parts:
            yield named, parts
