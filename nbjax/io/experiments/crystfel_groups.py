"""Groups of CrystFEL's geometries: rigid groups with their collections, or the hierarchy that replaced them."""

from __future__ import annotations

from nbjax.io.experiments.crystfel_lines import Entry, Geometry, Keys
from nbjax.io.experiments.grouping import arranged
from nbjax.io.experiments.recorded import RecordedGroup

_COLLECTION, _RIGID, _GROUP = "rigid_group_collection_", "rigid_group_", "group_"

Members = dict[str, list[int]]


def groups(geometry: Geometry) -> tuple[RecordedGroup, ...]:
    """The groups; lines of the hierarchy go before those of rigid groups, as in CrystFEL from 0.11 on.

    Raises:
        FileError: a line names what is not there.
    """
    panels: Members = {name: [number] for number, name in enumerate(geometry.panels)}
    modern = [(key[len(_GROUP) :], entry) for key, entry in geometry.groups if key.startswith(_GROUP)]
    found = _hierarchy(geometry, modern, panels) if modern else _rigid(geometry, panels)
    taken, astray = arranged([(name, members) for name, _, members in found], len(panels))
    for name, entry, _ in found:
        if name in astray:
            geometry.note(
                entry, f"the group {name[:40]} shares some panels with a larger one and is not in it; it is left out"
            )
    return taken


def _hierarchy(
    geometry: Geometry, lines: list[tuple[str, Entry]], panels: Members
) -> list[tuple[str, Entry, list[int]]]:
    known = dict(panels)
    for name, entry in lines:
        if name in known:
            raise geometry.fault(entry, f"there are two groups or panels of the name {name[:40]}; rename one")
        known[name] = _members(geometry, entry, known, "panel or group", "before it")
    return [(name, entry, known[name]) for name, entry in lines]


def _rigid(geometry: Geometry, panels: Members) -> list[tuple[str, Entry, list[int]]]:
    """Rigid groups and their collections; a line may repeat a group to add panels."""
    rigid: Members = {}
    entries: Keys = {}
    collections: list[tuple[str, Entry]] = []
    for key, entry in geometry.groups:
        owner, slash, _ = key.partition("/")
        if key.startswith(_COLLECTION):
            collections.append((key[len(_COLLECTION) :], entry))
            continue
        name = entry[1] if slash else key[len(_RIGID) :]
        entries[name] = entry
        rigid.setdefault(name, []).extend(panels[owner] if slash else _members(geometry, entry, panels, "panel"))
    together = [(name, entry, _members(geometry, entry, rigid, "rigid group")) for name, entry in collections]
    return [*((name, entries[name], members) for name, members in rigid.items()), *together]


def _members(geometry: Geometry, entry: Entry, known: Members, kind: str, where: str = "in the file") -> list[int]:
    names = [name.strip() for name in entry[1].split(",") if name.strip()]
    if not names:
        raise geometry.fault(entry, "the group has no members; name them with commas between, or delete the line")
    for name in names:
        if name not in known:
            raise geometry.fault(entry, f"there is no {kind} {name[:40]!r} {where}; correct the name")
    return [number for name in names for number in known[name]]
