"""MTZ files, merged and unmerged, read by gemmi."""

from __future__ import annotations

import re
import struct
import tempfile
from collections.abc import Sequence
from typing import Literal

import gemmi
import numpy as np

from nbjax.errors import FileError
from nbjax.io.reflections.columns import Column, Origin, choose_column
from nbjax.io.reflections.reflection_list import Kind, ReflectionList
from nbjax.io.reflections.rows import as_indices
from nbjax.io.symmetry import Symmetry, named_symmetry, symmetry_of

_KINDS: dict[str, Kind] = {"F": "amplitude", "G": "amplitude", "J": "intensity", "K": "intensity"}
"""Column types; D, the difference of mates, is none of them."""
_SIGNED = "GK"
_SIGMAS = "QLM"
_MODEL = re.compile(r"F-?MODEL|FC|F-?CALC", re.IGNORECASE)
_MAP = re.compile(r"WT|^DEL|FOFC|FO-FC", re.IGNORECASE)
_MINUS = re.compile(r"\(-\)|minus|_minus|-$", re.IGNORECASE)
_UNSIGNED = re.compile(r"\([+-]\)$")
_HEADER = 80
_CUT = "is cut short or damaged; write it again"


class Mtz:
    """The binary format of CCP4."""

    name = "MTZ"

    def recognises(self, content: bytes) -> bool:
        """Whether the bytes begin as an MTZ file does."""
        return content.startswith(b"MTZ ")

    def read(self, content: bytes, name: str, column: str | None) -> ReflectionList:
        """Read the list.

        Raises:
            FileError: the file is damaged, or has no usable column.
        """
        mtz = _parsed(content, name)
        labels = [found.label for found in mtz.columns]
        if [found.type for found in mtz.columns[:3]] != ["H"] * 3:
            raise FileError(f"{name}: does not begin with three columns of indices (type H); {_CUT}")
        batches = len(mtz.batches)
        if batches and "M/ISYM" in labels:
            mtz.switch_to_original_hkl()
        chosen, remarks = choose_column(_described(mtz), column, name)
        data = np.array(mtz.array, np.float64)
        if not data.size:
            raise FileError(f"{name}: holds no reflections; give another file")
        if not np.isnan(mtz.valm):
            data[:, 3:][data[:, 3:] == mtz.valm] = np.nan
        at = {label: data[:, place] for place, label in reversed(list(enumerate(labels)))}
        return ReflectionList(
            miller=as_indices(name, data[:, :3]),
            values=at[chosen.label],
            kind=chosen.kind or "amplitude",
            column=chosen.name,
            measured=chosen.origin == "measured",
            sigma=None if chosen.sigma is None else at[chosen.sigma],
            mates=None if chosen.mate is None else at[chosen.mate],
            phases_deg=None if chosen.phase is None else at[chosen.phase],
            cell=_cell(mtz, labels.index(chosen.label)),
            symmetry=_symmetry(mtz, name),
            wavelength_A=_wavelength(mtz, labels.index(chosen.label)),
            remarks=remarks,
        )


def _parsed(content: bytes, name: str) -> gemmi.Mtz:
    _check_sizes(content, name)
    with tempfile.NamedTemporaryFile(suffix=".mtz") as handle:
        handle.write(content)
        handle.flush()
        try:
            return gemmi.read_mtz_file(handle.name)
        except (OSError, RuntimeError, ValueError, OverflowError, MemoryError, UnicodeError) as error:
            reason = str(error).replace(handle.name, "").rstrip(": ").splitlines() or [type(error).__name__]
            raise FileError(f"{name}: cannot be read as MTZ ({reason[0]}); {_CUT}") from None


def _check_sizes(content: bytes, name: str) -> None:
    """Compare the sizes that the header tells with those of the file, before any memory is taken by them."""
    if len(content) < 2 * _HEADER:
        raise FileError(f"{name}: has {len(content)} bytes, fewer than an MTZ file; {_CUT}")
    order = ">" if content[9] & 0xF0 == 0x10 else "<"
    (words,) = struct.unpack_from(f"{order}i", content, 4)
    if words == -1:
        (words,) = struct.unpack_from(f"{order}q", content, 12)
    end = 4 * (words - 1)
    if not _HEADER <= end <= len(content) - _HEADER:
        raise FileError(f"{name}: its header should stand at byte {end} of {len(content)}; {_CUT}")
    tail = content[end:]
    records = [tail[place : place + _HEADER] for place in range(0, min(len(tail), 1 << 20), _HEADER)]
    if not all(record.isascii() for record in records if record.startswith(b"COL")):
        raise FileError(f"{name}: has the name of a column that is not ASCII; {_CUT}")
    counts = next((record.split()[1:4] for record in records if record[:4] == b"NCOL"), [])
    if len(counts) < 3 or not all(word.isdigit() and len(word) < 12 for word in counts):
        raise FileError(f"{name}: has no record of its numbers of columns and reflections (NCOL); {_CUT}")
    columns, reflections, batches = map(int, counts)
    if 4 * columns * reflections != end - _HEADER:
        raise FileError(
            f"{name}: tells of {columns} columns of {reflections} reflections and holds {end - _HEADER} bytes of them; "
            f"{_CUT}"
        )
    if columns < 3 or batches * 2 * _HEADER > len(tail):
        raise FileError(f"{name}: tells of {columns} columns and {batches} batches, which it cannot hold; {_CUT}")
    sizes = re.findall(rb"BH +(-?\d+) +(-?\d+) +(-?\d+) +(-?\d+)", tail) if batches else []
    if any(not 0 <= int(word) <= 1000 for record in sizes for word in record[1:]) or (batches and not sizes):
        raise FileError(f"{name}: has a batch header of a wrong size; {_CUT}")


def _described(mtz: gemmi.Mtz) -> list[Column]:
    """The columns after the indices: mates are columns of a signed type that follow each other or share their name."""
    columns = list(mtz.columns)[3:]
    labels = [column.label for column in columns]
    found: list[Column] = []
    for place, column in enumerate(columns):
        kind = _KINDS.get(column.type)
        sign, mate = _mate(columns, place) if column.type in _SIGNED else (0, None)
        after = columns[place + 1 : place + 2]
        sigma = next((other.label for other in after if other.type in _SIGMAS), None)
        phase = next((other.label for other in after if other.type == "P"), None)
        if phase is None and f"PHI{column.label}" in labels:
            phase = f"PHI{column.label}"
        mean = next((other for other in found if other.label == _UNSIGNED.sub("", column.label)), None)
        origin = _origin(column.label, phase) if mean is None or not sign else mean.origin
        found.append(Column(column.label, column.type, kind, origin, sign, mate, sigma, phase if kind else None))
    return found


def _origin(label: str, phase: str | None) -> Origin:
    if _MAP.search(label):
        return "map coefficient"
    return "calculated" if _MODEL.match(label) or phase is not None else "measured"


def _mate(columns: Sequence[gemmi.Mtz.Column], place: int) -> tuple[Literal[-1, 0, 1], str | None]:
    column = columns[place]
    same = [i for i, other in enumerate(columns) if other.type == column.type]
    rank = same.index(place)
    if len(same) % 2:
        return 0, None
    other = columns[same[rank ^ 1]].label
    is_second = bool(rank % 2)
    if bool(_MINUS.search(column.label)) != bool(_MINUS.search(other)):
        is_second = bool(_MINUS.search(column.label))
    return (-1 if is_second else 1), other


def _cell(mtz: gemmi.Mtz, place: int) -> np.ndarray | None:
    for cell in (mtz.dataset(mtz.columns[place].dataset_id).cell if _has_dataset(mtz, place) else mtz.cell, mtz.cell):
        numbers = np.array(cell.parameters, float)
        if np.isfinite(numbers).all() and cell.is_crystal() and (numbers > 0).all():
            return numbers
    return None


def _wavelength(mtz: gemmi.Mtz, place: int) -> float | None:
    found = float(mtz.dataset(mtz.columns[place].dataset_id).wavelength) if _has_dataset(mtz, place) else 0.0
    return found if np.isfinite(found) and found > 0 else None


def _has_dataset(mtz: gemmi.Mtz, place: int) -> bool:
    return any(dataset.id == mtz.columns[place].dataset_id for dataset in mtz.datasets)


def _symmetry(mtz: gemmi.Mtz, name: str) -> Symmetry | None:
    if mtz.spacegroup is not None:
        return symmetry_of(mtz.spacegroup)
    return named_symmetry(str(mtz.spacegroup_number), np.array(mtz.cell.parameters))
