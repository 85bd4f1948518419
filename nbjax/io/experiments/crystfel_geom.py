"""Geometries of CrystFEL (crystfel_geometry(5)): alone in a file, or inside a stream.

The beam runs along z. A panel's corner and axes are in pixels, of ``res`` in a metre. Its plane is at
``clen + coffset``. A value without a panel holds for all panels that follow.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from nbjax.constants import HC_EV_A
from nbjax.errors import FileError
from nbjax.io.experiments.recorded import CRYSTFEL, Choice, Reader, RecordedBeam, RecordedExperiment, RecordedPanel
from nbjax.io.experiments.words import is_number, numbers, whole
from nbjax.io.files import read_text

_START = re.compile(rb"(?m)^[^;\n=]*corner_x\s*=")
_TERM = re.compile(r"([+-]?)\s*((?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][+-]?\d++)?|)\s*([xyz])")
_WANTED = ("min_fs", "max_fs", "min_ss", "max_ss", "corner_x", "corner_y", "fs", "ss", "res")
_LENGTHS_MM = {"m": 1000.0, "mm": 1.0, "": 1000.0}
_ENERGIES_EV = {"eV": 1.0, "keV": 1e3, "MeV": 1e6, "": 1.0}
_VOLTAGES_V = {"V": 1.0, "kV": 1e3, "": 1.0}
_LONG_A = {"A": 1.0, "m": 1e10, "": 1e10}


@dataclass(frozen=True)
class Geometry:
    """Values of a geometry.

    Attributes:
        path: of the file.
        top: keys without a panel, with the line of each.
        panels: name -> keys with their lines, those without a panel included.
    """

    path: str
    top: dict[str, tuple[int, str]] = field(default_factory=dict)
    panels: dict[str, dict[str, tuple[int, str]]] = field(default_factory=dict)


def parse(path: str, lines: Sequence[str], first_line: int = 1) -> Geometry:
    """The values of a geometry's lines."""
    found = Geometry(path)
    for number, line in enumerate(lines, first_line):
        key, equals, value = line.partition(";")[0].partition("=")
        if not equals:
            continue
        panel, slash, name = key.strip().rpartition("/")
        entry = (number, value.strip())
        if not slash:
            found.top[name] = entry
        elif not panel.startswith("bad"):
            found.panels.setdefault(panel, dict(found.top))[name] = entry
    return found


def recognises(start: bytes) -> bool:
    """Whether a file places a panel."""
    return b"\0" not in start and not start.startswith(b"CrystFEL stream") and bool(_START.search(start))


def read(path: str, choice: Choice) -> RecordedExperiment:
    """Beam and panels.

    Raises:
        FileError: a panel is incomplete, or the file leaves the distance to the images.
    """
    geometry = parse(path, read_text(path).split("\n"))
    return RecordedExperiment(
        file=path,
        frame=CRYSTFEL,
        beam=RecordedBeam(direction=CRYSTFEL.beam, wavelength_A=wavelength_of(geometry)),
        panels=panels(geometry),
    )


def wavelength_of(geometry: Geometry) -> float | None:
    """The wavelength, or None where it is in the images.

    Raises:
        FileError: it is no number, or has a unit that is none.
    """
    for key, units in (("wavelength", _LONG_A), ("photon_energy", _ENERGIES_EV), ("electron_voltage", _VOLTAGES_V)):
        if key not in geometry.top or geometry.top[key][1].startswith("/"):
            continue
        value = _quantity(geometry.path, key, geometry.top[key], units)
        if key == "wavelength":
            return value
        if not value > 0:
            raise FileError(f"{geometry.path}: line {geometry.top[key][0]}: {key} must be above zero; correct it")
        if key == "photon_energy":
            return HC_EV_A / value
        # of electrons, relativistic
        return float(12.264259661 / np.sqrt(value * (1 + 0.97847538e-6 * value)))
    return None


def panels(
    geometry: Geometry, clen_mm: float | None = None, shift_mm: tuple[float, float] = (0.0, 0.0)
) -> tuple[RecordedPanel, ...]:
    """Every panel.

    Args:
        geometry: the values.
        clen_mm: mean distance of the panels, as a stream has it, where the geometry leaves it to the images.
        shift_mm: of the whole detector, along x and y.

    Raises:
        FileError: a panel is incomplete, or its distance is left to the images.
    """
    if not geometry.panels:
        raise FileError(f"{geometry.path}: has no panel; give a geometry with PANEL/corner_x and the other keys")
    offsets = {name: _offset_mm(geometry.path, keys) for name, keys in geometry.panels.items()}
    mean = sum(offsets.values()) / len(offsets)
    return tuple(
        _panel(geometry.path, name, keys, offsets[name], None if clen_mm is None else clen_mm - mean, shift_mm)
        for name, keys in geometry.panels.items()
    )


def _offset_mm(path: str, keys: dict[str, tuple[int, str]]) -> float:
    return _quantity(path, "coffset", keys["coffset"], _LENGTHS_MM) if "coffset" in keys else 0.0


def _panel(
    path: str,
    name: str,
    keys: dict[str, tuple[int, str]],
    offset_mm: float,
    clen_mm: float | None,
    shift_mm: tuple[float, float],
) -> RecordedPanel:
    missing = [key for key in _WANTED if key not in keys]
    if missing:
        raise FileError(f"{path}: panel {name[:40]} has no {', '.join(missing)}; complete it")
    first_fs, last_fs, first_ss, last_ss = (whole(_place(path, keys[key]), keys[key][1]) for key in _WANTED[:4])
    corner_x, corner_y, per_metre = (_number(path, key, keys[key]) for key in ("corner_x", "corner_y", "res"))
    if not per_metre > 0:
        raise FileError(f"{_place(path, keys['res'])}: res must be above zero, in pixels per metre; correct it")
    edge_mm = 1000.0 / per_metre
    fast, slow = (_axis(path, key, keys[key]) for key in ("fs", "ss"))
    distance_mm = _distance_mm(path, name, keys, clen_mm) + offset_mm
    corner = [corner_x * edge_mm + shift_mm[0], corner_y * edge_mm + shift_mm[1], distance_mm]
    return RecordedPanel(
        name=name,
        origin_mm=np.array(corner),
        fast=fast,
        slow=slow,
        pixel_mm=(edge_mm * float(np.linalg.norm(fast)), edge_mm * float(np.linalg.norm(slow))),
        pixels=(last_fs - first_fs + 1, last_ss - first_ss + 1),
    )


def _distance_mm(path: str, name: str, keys: dict[str, tuple[int, str]], clen_mm: float | None) -> float:
    if "clen" in keys and is_number(keys["clen"][1].split(" ")[0]):
        return _quantity(path, "clen", keys["clen"], _LENGTHS_MM)
    if clen_mm is not None:
        return clen_mm
    told = f"is {keys['clen'][1]!r}, to be found in the images" if "clen" in keys else "is missing"
    raise FileError(f"{path}: clen of panel {name[:40]} {told}; give it in metres, as clen = 0.1")


def _place(path: str, entry: tuple[int, str]) -> str:
    return f"{path}: line {entry[0]}"


def _number(path: str, key: str, entry: tuple[int, str]) -> float:
    return float(numbers(f"{_place(path, entry)}: {key}", entry[1].split(), 1)[0])


def _quantity(path: str, key: str, entry: tuple[int, str], units: dict[str, float]) -> float:
    words = entry[1].split()
    unit = words[1] if len(words) > 1 else ""
    if unit not in units:
        known = ", ".join(filter(None, units))
        raise FileError(f"{_place(path, entry)}: the unit {unit[:20]!r} of {key} is not known; give one of {known}")
    return _number(path, key, entry) * units[unit]


def _axis(path: str, key: str, entry: tuple[int, str]) -> np.ndarray:
    """An axis as in ``-0.5x +0.9y``, shape (3,)."""
    axis, rest = np.zeros(3), entry[1]
    for sign, number, letter in _TERM.findall(entry[1]):
        value = 1.0 if number == "" else float(number) if is_number(number) else np.nan
        axis["xyz".index(letter)] += -value if sign == "-" else value
    rest = _TERM.sub("", rest).strip()
    if rest or not np.isfinite(axis).all():
        raise FileError(f"{_place(path, entry)}: {key} = {entry[1][:40]!r} is no axis; write it as in -0.5x +0.9y")
    return axis


READER = Reader("a geometry of CrystFEL (.geom)", recognises, read)
