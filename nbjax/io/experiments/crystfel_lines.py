"""Lines of CrystFEL's geometries (crystfel_geometry(5)): which value holds for which panel.

A value without a panel holds for all panels that are first named after it; one of the whole detector, wherever it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from nbjax.errors import FileError
from nbjax.io.experiments.words import is_number, numbers

Entry = tuple[int, str]
"""Number of a line, and the value there."""
Keys = dict[str, Entry]

LENGTHS_MM = {"m": 1000.0, "mm": 1.0, "": 1000.0}
_TERM = re.compile(r"([+-]?)\s*((?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][+-]?\d++)?|)\s*([xyz])")

_PLACED = ("min_fs", "max_fs", "min_ss", "max_ss", "corner_x", "corner_y", "fs", "ss", "res", "clen", "coffset")
_READ = ("adu_per_photon", "adu_per_eV", "max_adu", "data", "no_index", "mask_edge_pixels", "rigid_group")
_OF_IMAGES = ("flag_equal", "flag_lessthan", "flag_morethan", "badrow_direction", "clen_for_centering")
_OF_PANELS = re.compile(
    "|".join((*_PLACED, *_READ, *_OF_IMAGES))
    + r"|mask|mask_(file|good|bad)|mask[0-7]_(file|data|goodbits|badbits)|dim\d"
)
_OF_DETECTOR = re.compile(
    r"photon_energy|wavelength|electron_voltage|clen|detector_shift_[xy]|peak_list|peak_list_type|peak_info_location"
)
_GROUP = re.compile(r"rigid_group_|group_")


@dataclass
class Geometry:
    """Values of a geometry.

    Attributes:
        path: of the file.
        top: keys without a panel, with the line of each.
        panels: name -> keys with their lines, those without a panel included.
        regions: the same of bad regions, whose names begin with ``bad``.
        groups: lines that group panels, in order; those of a panel by the panel's name before a slash.
        idle: keys without a panel after the last panel, which hold for none.
        said: what is not taken, with the lines of each.
    """

    path: str
    top: Keys = field(default_factory=dict)
    panels: dict[str, Keys] = field(default_factory=dict)
    regions: dict[str, Keys] = field(default_factory=dict)
    groups: list[tuple[str, Entry]] = field(default_factory=list)
    idle: Keys = field(default_factory=dict)
    said: dict[str, set[int]] = field(default_factory=dict)

    def fault(self, entry: Entry, problem: str) -> FileError:
        """An error about a line."""
        return FileError(f"{place(self.path, entry)}: {problem}")

    def note(self, entry: Entry, remark: str) -> None:
        """Remember what is to be said of a line; of many it is said once."""
        self.said.setdefault(remark, set()).add(entry[0])

    @property
    def remarks(self) -> tuple[str, ...]:
        """A sentence for each, with the first of its lines."""
        counted = (
            (remark, lines, f" and {len(lines) - 1} more" if len(lines) > 1 else "")
            for remark, lines in self.said.items()
        )
        return tuple(f"line {min(lines)}{more}: {remark}" for remark, lines, more in counted)


def parse(path: str, lines: Sequence[str], first_line: int = 1, strict: bool = True) -> Geometry:
    """The values of a geometry's lines.

    Args:
        path: of the file.
        lines: of the geometry.
        first_line: number of the first.
        strict: refuse lines without a value, which CrystFEL took before 0.10.

    Raises:
        FileError: a line that has no value.
    """
    found = Geometry(path)
    for number, line in enumerate(lines, first_line):
        told = line.partition(";")[0].strip()
        key, equals, value = told.partition("=")
        if not told or not (equals or strict):
            continue
        if not equals:
            raise FileError(
                f"{path}: line {number}: {told[:40]!r} gives no key a value; write KEY = value, or ; before a remark"
            )
        _take(found, key.strip(), (number, value.strip()))
    for key, entry in found.idle.items() if found.panels else ():
        found.note(entry, f"{key} comes after all panels and holds for none; move it before the first")
    return found


def _take(found: Geometry, key: str, entry: Entry) -> None:
    owner, slash, name = key.partition("/")
    if slash and owner.startswith("bad"):
        found.regions.setdefault(owner, {})[name] = entry
    elif slash:
        if owner not in found.panels:
            found.panels[owner] = dict(found.top)
            found.idle.clear()
        if name == "rigid_group":
            found.groups.append((key, entry))
        if not _OF_PANELS.fullmatch(name):
            found.note(entry, f"the key {name[:40]} is not taken")
        found.panels[owner][name] = entry
    elif _GROUP.match(key):
        found.groups.append((key, entry))
    else:
        of_panels = bool(_OF_PANELS.fullmatch(key))
        of_detector = bool(_OF_DETECTOR.fullmatch(key))
        if not (of_panels or of_detector):
            found.note(entry, f"the key {key[:40]} is not taken")
        found.top[key] = entry
        if of_panels and not of_detector:
            found.idle[key] = entry


def place(path: str, entry: Entry) -> str:
    """File and line, for what is said of a value."""
    return f"{path}: line {entry[0]}"


def number(path: str, key: str, entry: Entry) -> float:
    """The first word of a value as a number.

    Raises:
        FileError: it is none.
    """
    return float(numbers(f"{place(path, entry)}: {key}", entry[1].split(), 1)[0])


def quantity(path: str, key: str, entry: Entry, units: dict[str, float]) -> float:
    """A number with its unit, in that whose factor is 1.

    Raises:
        FileError: there is no number, or the unit is not among those of the key.
    """
    words = entry[1].split()
    unit = words[1] if len(words) > 1 else ""
    if unit not in units:
        known = ", ".join(filter(None, units))
        raise FileError(f"{place(path, entry)}: the unit {unit[:20]!r} of {key} is not known; give one of {known}")
    return number(path, key, entry) * units[unit]


def is_elsewhere(entry: Entry) -> bool:
    """Whether a value is a place in the images, instead of a number."""
    word = entry[1].split(" ")[0]
    return not is_number(word) and (word[:1].isalpha() or word[:1] in ("/", "_")) and word.lower() not in ("nan", "inf")


def is_true(entry: Entry) -> bool:
    """A value as yes or no: true, or a whole number other than 0."""
    word = re.match(r"[+-]?\d+", entry[1])
    return entry[1].lower() == "true" or (word is not None and int(word[0]) != 0)


def axis(path: str, key: str, entry: Entry) -> np.ndarray:
    """An axis as in ``-0.5x +0.9y``, shape (3,).

    Raises:
        FileError: it is none.
    """
    found, rest = np.zeros(3), entry[1]
    for sign, factor, letter in _TERM.findall(entry[1]):
        value = 1.0 if factor == "" else float(factor) if is_number(factor) else np.nan
        found["xyz".index(letter)] += -value if sign == "-" else value
    rest = _TERM.sub("", rest).strip()
    if rest or not np.isfinite(found).all():
        raise FileError(f"{place(path, entry)}: {key} = {entry[1][:40]!r} is no axis; write it as in -0.5x +0.9y")
    return found
