"""Unit-cell files of CrystFEL (``.cell``): lengths and angles without an orientation."""

from __future__ import annotations

import numpy as np

from nbjax.errors import FileError
from nbjax.io.experiments.recorded import CRYSTFEL, Choice, Reader, RecordedCrystal, RecordedExperiment
from nbjax.io.experiments.words import numbers
from nbjax.io.files import read_text

_START = b"CrystFEL unit cell file"
_UNITS = {"A": 1.0, "nm": 10.0, "deg": 1.0, "rad": float(np.degrees(1.0))}
_ANGLES = ("al", "be", "ga")


def recognises(start: bytes) -> bool:
    """Whether a file begins as a unit-cell file."""
    return start.lstrip().startswith(_START)


def read(path: str, choice: Choice) -> RecordedExperiment:
    """The cell; angles that a lattice fixes may be missing.

    Raises:
        FileError: a length is missing, or a value is none.
    """
    found: dict[str, float] = {}
    for number, line in enumerate(read_text(path).split("\n"), 1):
        key, equals, value = line.partition(";")[0].partition("=")
        key, words = key.strip(), value.split()
        if not equals or key not in ("a", "b", "c", *_ANGLES):
            continue
        unit = words[1] if len(words) > 1 else "deg" if key in _ANGLES else "A"
        if unit not in _UNITS or (unit in ("A", "nm")) == (key in _ANGLES):
            raise FileError(f"{path}: line {number}: the unit {unit[:20]!r} of {key} is not known; give A or deg")
        found[key] = float(numbers(f"{path}: line {number}: {key}", words, 1)[0]) * _UNITS[unit]
    missing = [key for key in ("a", "b", "c", *_ANGLES) if key not in found]
    if missing:
        raise FileError(f"{path}: the cell has no {', '.join(missing)}; complete it")
    cell = np.array([found[key] for key in ("a", "b", "c", *_ANGLES)])
    return RecordedExperiment(file=path, frame=CRYSTFEL, crystal=RecordedCrystal(cell=cell))


READER = Reader("a unit cell of CrystFEL (.cell)", recognises, read)
