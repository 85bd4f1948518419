"""Geometries of CrystFEL (crystfel_geometry(5)): alone in a file, or inside a stream.

The beam runs along z. A panel's corner and axes are in pixels, of ``res`` in a metre. Its plane is at
``clen + coffset``.
"""

from __future__ import annotations

import re

import numpy as np

from nbjax.constants import HC_EV_A
from nbjax.errors import FileError
from nbjax.io.experiments.crystfel_bad import bad_pixels
from nbjax.io.experiments.crystfel_groups import groups
from nbjax.io.experiments.crystfel_lines import (
    LENGTHS_MM,
    Geometry,
    Keys,
    axis,
    is_elsewhere,
    number,
    parse,
    place,
    quantity,
)
from nbjax.io.experiments.recorded import (
    CRYSTFEL,
    Choice,
    Reader,
    RecordedBeam,
    RecordedExperiment,
    RecordedPanel,
    RecordedPlace,
)
from nbjax.io.experiments.words import is_number, whole
from nbjax.io.files import read_text

_START = re.compile(rb"(?m)^[^;\n=]*corner_x\s*=")
_WANTED = ("min_fs", "max_fs", "min_ss", "max_ss", "corner_x", "corner_y", "fs", "ss", "res")
_ENERGIES_EV = {"eV": 1.0, "keV": 1e3, "MeV": 1e6, "": 1.0}
_VOLTAGES_V = {"V": 1.0, "kV": 1e3, "": 1.0}
_LONG_A = {"A": 1.0, "m": 1e10, "": 1e10}


def recognises(start: bytes) -> bool:
    """Whether a file places a panel."""
    return b"\0" not in start and not start.startswith(b"CrystFEL stream") and bool(_START.search(start))


def read(path: str, choice: Choice) -> RecordedExperiment:
    """Beam and panels.

    Raises:
        FileError: a panel is incomplete, or the file leaves the distance to the images, or no version of CrystFEL
            takes it.
    """
    geometry = parse(path, read_text(path).split("\n"))
    wavelength_A = wavelength_of(geometry)
    return RecordedExperiment(
        file=path,
        frame=CRYSTFEL,
        beam=RecordedBeam(direction=CRYSTFEL.beam, wavelength_A=wavelength_A),
        panels=panels(geometry, choice.distance_mm, wavelength_A=wavelength_A),
        groups=groups(geometry),
        remarks=geometry.remarks,
    )


def wavelength_of(geometry: Geometry) -> float | None:
    """The wavelength, or None where it is in the images.

    Raises:
        FileError: it is no number, or has a unit that is none.
    """
    for key, units in (("wavelength", _LONG_A), ("photon_energy", _ENERGIES_EV), ("electron_voltage", _VOLTAGES_V)):
        if key not in geometry.top or is_elsewhere(geometry.top[key]):
            continue
        value = quantity(geometry.path, key, geometry.top[key], units)
        if key == "wavelength":
            return value
        if not value > 0:
            raise geometry.fault(geometry.top[key], f"{key} must be above zero; correct it")
        if key == "photon_energy":
            return HC_EV_A / value
        # of electrons, relativistic
        return float(12.264259661 / np.sqrt(value * (1 + 0.97847538e-6 * value)))
    return None


def panels(
    geometry: Geometry,
    clen_mm: float | None = None,
    shift_mm: tuple[float, float] = (0.0, 0.0),
    wavelength_A: float | None = None,
) -> tuple[RecordedPanel, ...]:
    """Every panel.

    Args:
        geometry: the values.
        clen_mm: mean distance of the panels, as a stream has it, where the geometry leaves it to the images.
        shift_mm: of the whole detector, along x and y, beside that of the geometry.
        wavelength_A: of the photons, for gains that are told for each eV.

    Raises:
        FileError: a panel is incomplete, or its distance is left to the images.
    """
    if not geometry.panels:
        raise FileError(f"{geometry.path}: has no panel; give a geometry with PANEL/corner_x and the other keys")
    offsets = {name: _offset_mm(geometry.path, keys) for name, keys in geometry.panels.items()}
    mean = sum(offsets.values()) / len(offsets)
    away_mm = None if clen_mm is None else clen_mm - mean
    shift = np.array([*shift_mm, 0.0]) + _shift_mm(geometry)
    found = [
        _panel(geometry, name, keys, offsets[name], away_mm, shift, wavelength_A)
        for name, keys in geometry.panels.items()
    ]
    return tuple(bad_pixels(geometry, found))


def _offset_mm(path: str, keys: Keys) -> float:
    return quantity(path, "coffset", keys["coffset"], LENGTHS_MM) if "coffset" in keys else 0.0


def _shift_mm(geometry: Geometry) -> np.ndarray:
    """Shift of the whole detector, shape (3,)."""
    found = np.zeros(3)
    for i, key in enumerate(("detector_shift_x", "detector_shift_y")):
        entry = geometry.top.get(key)
        if entry is not None and is_elsewhere(entry):
            geometry.note(entry, f"{key} is in the images and is not taken")
        elif entry is not None:
            found[i] = quantity(geometry.path, key, entry, LENGTHS_MM)
    return found


def _panel(
    geometry: Geometry,
    name: str,
    keys: Keys,
    offset_mm: float,
    clen_mm: float | None,
    shift_mm: np.ndarray,
    wavelength_A: float | None,
) -> RecordedPanel:
    path = geometry.path
    missing = [key for key in _WANTED if key not in keys]
    if missing:
        raise FileError(f"{path}: panel {name[:40]} has no {', '.join(missing)}; complete it")
    first_fs, last_fs, first_ss, last_ss = (whole(place(path, keys[key]), keys[key][1]) for key in _WANTED[:4])
    corner_x, corner_y, per_metre = (number(path, key, keys[key]) for key in ("corner_x", "corner_y", "res"))
    if not per_metre > 0:
        raise geometry.fault(keys["res"], "res must be above zero, in pixels per metre; correct it")
    edge_mm = 1000.0 / per_metre
    fast, slow = (axis(path, key, keys[key]) for key in ("fs", "ss"))
    distance_mm = _distance_mm(geometry, name, keys, clen_mm) + offset_mm
    return RecordedPanel(
        name=name,
        origin_mm=np.array([corner_x * edge_mm, corner_y * edge_mm, distance_mm]) + shift_mm,
        fast=fast,
        slow=slow,
        pixel_mm=(edge_mm * float(np.linalg.norm(fast)), edge_mm * float(np.linalg.norm(slow))),
        pixels=(last_fs - first_fs + 1, last_ss - first_ss + 1),
        gain=_gain(geometry, keys, wavelength_A),
        saturation_counts=number(path, "max_adu", keys["max_adu"]) if "max_adu" in keys else None,
        place=RecordedPlace(_dataset(keys), _axes(geometry, name, keys), (first_fs, first_ss)),
    )


def _distance_mm(geometry: Geometry, name: str, keys: Keys, clen_mm: float | None) -> float:
    entry = keys.get("clen", geometry.top.get("clen"))
    if entry is not None and is_number(entry[1].split(" ")[0]):
        return quantity(geometry.path, "clen", entry, LENGTHS_MM)
    if clen_mm is not None:
        return clen_mm
    told = "is missing" if entry is None else f"is {entry[1]!r}, to be found in the images"
    raise FileError(f"{geometry.path}: clen of panel {name[:40]} {told}; give it in metres, as clen = 0.1")


def _gain(geometry: Geometry, keys: Keys, wavelength_A: float | None) -> float | None:
    """Counts of a photon; of the two keys the later one counts."""
    told = {key: keys[key] for key in ("adu_per_photon", "adu_per_eV") if key in keys}
    if not told:
        return None
    key, entry = max(told.items(), key=lambda item: item[1][0])
    value = number(geometry.path, key, entry)
    if key == "adu_per_photon":
        return value
    if wavelength_A is None:
        geometry.note(entry, "adu_per_eV is not taken, the photon energy is not told")
        return None
    return value * HC_EV_A / wavelength_A


def _dataset(keys: Keys) -> str:
    return keys["data"][1] if "data" in keys else "/data/data"


def _axes(geometry: Geometry, name: str, keys: Keys) -> tuple[str | int, ...]:
    """What each axis of the array is, the slowest first."""
    told = {int(key[3:]): entry for key, entry in keys.items() if re.fullmatch(r"dim\d", key)}
    found: dict[int, str | int] = {0: "ss", 1: "fs"}
    for number_of, entry in told.items():
        if entry[1] in ("fs", "ss", "%"):
            found[number_of] = entry[1]
        else:
            found[number_of] = whole(f"{place(geometry.path, entry)}: dim{number_of}", entry[1])
    axes = [found[i] for i in sorted(found)]
    right = axes.count("fs") == axes.count("ss") == 1 and axes.index("ss") < axes.index("fs")
    if not right or len(axes) <= max(found):
        shown = ", ".join(f"dim{i} = {found[i]}" for i in sorted(found))
        last = max(told.values())
        raise geometry.fault(last, f"panel {name[:40]} has {shown}; give it all, with one ss and one fs after it")
    return tuple(axes)


READER = Reader("a geometry of CrystFEL (.geom)", recognises, read)
