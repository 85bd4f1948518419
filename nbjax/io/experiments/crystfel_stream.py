"""Streams of CrystFEL (indexamajig): images with the crystals found in each, after the geometry of all.

Reciprocal axes are in 1/nm in a laboratory with the beam along z.
"""

from __future__ import annotations

import re

import numpy as np

from nbjax.constants import HC_EV_A
from nbjax.errors import FileError
from nbjax.io.experiments import crystfel_geom
from nbjax.io.experiments.crystfel_chunks import Chunk, Header, Keys, chunks
from nbjax.io.experiments.crystfel_groups import groups
from nbjax.io.experiments.crystfel_lines import Geometry, parse
from nbjax.io.experiments.recorded import (
    CRYSTFEL,
    Choice,
    Reader,
    RecordedBeam,
    RecordedCrystal,
    RecordedExperiment,
    RecordedPanel,
)
from nbjax.io.experiments.words import numbers

_START = b"CrystFEL stream"
_CHOICE = re.compile(r"(\d{1,9})(?:\.(\d{1,9}))?", re.ASCII)
_SHIFT = re.compile(r"x\s*=\s*(\S+)\s+y\s*=\s*(\S+)\s+mm")
_AXES = ("astar", "bstar", "cstar")
_SHOWN = 5


def recognises(start: bytes) -> bool:
    """Whether a file begins as a stream."""
    return start.startswith(_START)


def read(path: str, choice: Choice) -> RecordedExperiment:
    """One crystal; the choice is the serial number of its image, and after a dot its number there, from 1.

    Raises:
        FileError: the choice is none of its crystals, or the stream is damaged.
    """
    wanted = _wanted(path, choice.crystal)
    header = Header()
    count, with_crystal, taken = 0, list[int](), list[Chunk]()
    for image in chunks(path, header):
        count += len(image.crystals)
        if image.crystals and len(with_crystal) <= _SHOWN:
            with_crystal.append(image.serial)
        if (wanted is None and image.crystals and not taken) or (wanted is not None and image.serial == wanted[0]):
            taken.append(image)
    image, crystal = _chosen(path, wanted, count, with_crystal, taken)
    shift_mm = shift_mm_of(path, crystal)
    parsed = parse(path, header.geometry, header.first_line, strict=False)
    wavelength_A = wavelength_of(path, image, parsed)
    return RecordedExperiment(
        file=path if choice.crystal is None else f"{path}#{choice.crystal}",
        frame=CRYSTFEL,
        crystal=RecordedCrystal(direct_A=direct_of(path, crystal)),
        beam=RecordedBeam(direction=CRYSTFEL.beam, wavelength_A=wavelength_A),
        panels=_panels(path, image, parsed, shift_mm, wavelength_A),
        groups=groups(parsed),
        remarks=parsed.remarks,
    )


def _wanted(path: str, chosen: str | None) -> tuple[int, int] | None:
    if chosen is None:
        return None
    match = _CHOICE.fullmatch(chosen)
    if match is None:
        raise FileError(
            f"{path}: #{chosen[:40]} is no choice; give the serial number of an image, and the number of its crystal "
            "after a dot where it has several, as in #12.2"
        )
    return int(match[1]), int(match[2] or 0)


def _chosen(
    path: str,
    wanted: tuple[int, int] | None,
    count: int,
    with_crystal: list[int],
    taken: list[Chunk],
) -> tuple[Chunk, Keys]:
    shown = ", ".join(map(str, with_crystal[:_SHOWN])) + (", ..." if len(with_crystal) > _SHOWN else "")
    if not count:
        raise FileError(f"{path}: has no crystal; give the stream of images that were indexed")
    if wanted is None and count > 1:
        pick = f"{path}#{with_crystal[0]}" + (".1" if len(taken[0].crystals) > 1 else "")
        raise FileError(f"{path}: holds {count} crystals, in the images {shown}; pick one as {pick}")
    if wanted is not None and len(taken) > 1:
        raise FileError(
            f"{path}: has {len(taken)} images with the serial number {wanted[0]}; give a stream of one run only"
        )
    if wanted is not None and not (taken and taken[0].crystals):
        what = "has no crystal" if taken else "is not there"
        raise FileError(f"{path}: image {wanted[0]} {what}; crystals are in the images {shown}")
    crystals = taken[0].crystals
    which = 1 if wanted is None else wanted[1]
    if which == 0 and len(crystals) > 1:
        raise FileError(
            f"{path}: image {taken[0].serial} has {len(crystals)} crystals; pick one as {path}#{taken[0].serial}.1"
        )
    if which > len(crystals):
        raise FileError(
            f"{path}: image {taken[0].serial} has {len(crystals)} crystals and no number {which}; pick one of these"
        )
    return taken[0], crystals[max(which, 1) - 1].keys


def direct_of(path: str, crystal: Keys) -> np.ndarray:
    """Vectors a, b, c of a crystal as rows in Angstrom.

    Raises:
        FileError: an axis is missing, or all lie in a plane.
    """
    missing = [axis for axis in _AXES if axis not in crystal]
    if missing:
        raise FileError(f"{path}: a crystal has no {', '.join(missing)}; the stream is cut off or damaged")
    rows = [numbers(f"{path}: line {crystal[axis][0]}: {axis}", crystal[axis][1].split(), 3) for axis in _AXES]
    # 1/nm
    reciprocal = np.stack(rows) / 10.0
    scale = float(np.prod(np.linalg.norm(reciprocal, axis=1)))
    if not abs(float(np.linalg.det(reciprocal))) > 1e-9 * scale > 0:
        line = crystal[_AXES[0]][0]
        raise FileError(f"{path}: line {line}: astar, bstar and cstar lie in a plane; correct the stream")
    return np.linalg.inv(reciprocal).T


def shift_mm_of(path: str, crystal: Keys) -> tuple[float, float]:
    """Shift of the detector along x and y that was refined with the crystal.

    Raises:
        FileError: it is no pair of numbers.
    """
    if "predict_refine/det_shift x" not in crystal:
        return 0.0, 0.0
    line, value = crystal["predict_refine/det_shift x"]
    match = _SHIFT.match(f"x = {value}")
    words = [] if match is None else [match[1], match[2]]
    x, y = numbers(f"{path}: line {line}: predict_refine/det_shift", words, 2)
    return float(x), float(y)


def wavelength_of(path: str, image: Chunk, geometry: Geometry) -> float | None:
    """Wavelength of an image in Angstrom, or that of the geometry; None where neither tells it.

    Raises:
        FileError: its photon energy is none.
    """
    if "photon_energy_eV" in image.keys:
        line, value = image.keys["photon_energy_eV"]
        energy_eV = float(numbers(f"{path}: line {line}: photon_energy_eV", value.split(), 1)[0])
        if not energy_eV > 0:
            raise FileError(f"{path}: line {line}: photon_energy_eV is {energy_eV:g}, must be above zero; correct it")
        return HC_EV_A / energy_eV
    return crystfel_geom.wavelength_of(geometry)


def _panels(
    path: str,
    image: Chunk,
    geometry: Geometry,
    shift_mm: tuple[float, float],
    wavelength_A: float | None,
) -> tuple[RecordedPanel, ...]:
    if not geometry.panels:
        return ()
    return crystfel_geom.panels(geometry, clen_mm_of(path, image), shift_mm, wavelength_A)


def clen_mm_of(path: str, image: Chunk) -> float | None:
    """Mean distance of the panels as an image has it, or None.

    Raises:
        FileError: it is no number.
    """
    if "average_camera_length" not in image.keys:
        return None
    line, value = image.keys["average_camera_length"]
    return 1000.0 * float(numbers(f"{path}: line {line}: average_camera_length", value.split(), 1)[0])


READER = Reader("a stream of CrystFEL (.stream)", recognises, read)
