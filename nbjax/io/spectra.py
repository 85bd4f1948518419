"""Spectra of the beam: text of two columns, and the spectra of shots in HDF5."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nbjax.constants import HC_EV_A
from nbjax.errors import FileError
from nbjax.io.files import open_binary, read_text
from nbjax.io.images.nexus import LENGTHS_M, groups_of_class, text_of
from nbjax.quantities import QUANTITIES, Interval

Scale = tuple[float, bool]
"""What turns a number into Angstrom, or into eV where it is an energy; and whether it is one."""

_HDF5 = b"\x89HDF\r\n\x1a\n"
_BEAM = "entry/instrument/beam"
_UNITS: dict[str, Scale] = {
    "kev": (1e3, True),
    "ev": (1.0, True),
    "nm": (10.0, False),
    "angstrom": (1.0, False),
    "angstroms": (1.0, False),
    "å": (1.0, False),
}
_ENERGIES_EV = {"ev": 1.0, "kev": 1e3, "mev": 1e6, "j": 1 / 1.602176634e-19}
WAVELENGTHS_A = Interval(0.01, 25.0)
_SURELY_A = 5.0
"""Numbers up to here are wavelengths in Angstrom: such energies in keV are too low to be used."""


@dataclass(frozen=True)
class Spectrum:
    """Wavelengths with relative intensities.

    Attributes:
        wavelengths_A: in ascending order, shape (n,).
        weights: not negative and not all zero, shape (n,).
    """

    wavelengths_A: np.ndarray
    weights: np.ndarray

    @property
    def mean_wavelength_A(self) -> float:  # noqa: N802
        """Mean by weight."""
        return float(np.average(self.wavelengths_A, weights=self.weights))


@dataclass(frozen=True)
class Spectra:
    """The spectra of a file.

    Attributes:
        shots: spectra of single shots; 0 where one spectrum is that of all.
        of_shot: the spectrum of a shot, counted from 0, or of all.
    """

    shots: int
    of_shot: Callable[[int], Spectrum]


def open_spectra(path: str | Path) -> Spectra:
    """Spectra by number.

    Text has two columns, wavelength or energy, and weight; HDF5 a group of the class NXbeam.

    Raises:
        FileError: the file cannot be read, or has no spectrum; of a shot, that its spectrum cannot be.
    """
    with open_binary(path) as handle:
        is_hdf5 = handle.read(len(_HDF5)) == _HDF5
    if is_hdf5:
        with _opened(path) as file:
            shots = _fields(path, file).shots
        return Spectra(shots, lambda shot: _shot(path, shot))
    spectrum = _text_spectrum(path)
    return Spectra(0, lambda shot: spectrum)


def spectrum_of(place: str | Path, colours: np.ndarray, weights: np.ndarray, scale: Scale) -> Spectrum:
    """A spectrum in ascending order of wavelengths.

    Args:
        place: file, and shot, for the faults.
        colours: wavelengths or energies.
        weights: of each.
        scale: of the colours.

    Raises:
        FileError: a number that cannot be.
    """
    if not np.isfinite(colours).all() or not (colours > 0).all():
        raise FileError(f"{place}: has a wavelength or an energy that is not above zero; correct it")
    factor, is_energy = scale
    wavelengths = HC_EV_A / (colours * factor) if is_energy else colours * factor
    hard = QUANTITIES["beam.wavelength_A"].hard
    for wavelength in (wavelengths.min(), wavelengths.max()):
        if float(wavelength) not in hard:
            raise FileError(f"{place}: has a wavelength of {wavelength:g} A, must be {hard} A; correct its unit")
    check_weights(place, weights)
    order = np.argsort(wavelengths, kind="stable")
    return Spectrum(wavelengths[order], weights[order])


def check_weights(place: str | Path, weights: np.ndarray) -> None:
    """Refuse weights of a spectrum that cannot be.

    Raises:
        FileError: one is negative or not finite, or all are zero.
    """
    wrong = np.flatnonzero(~np.isfinite(weights) | (weights < 0))
    if len(wrong):
        raise FileError(
            f"{place}: has the weight {weights[wrong[0]]:g}, and {len(wrong)} of {len(weights)} are negative or not "
            "finite; set what lies below the background to zero"
        )
    if not weights.sum() > 0:
        raise FileError(f"{place}: all weights are zero; at least one wavelength must shine")


def _text_spectrum(path: str | Path) -> Spectrum:
    """The spectrum of a text file."""
    rows: list[list[float]] = []
    scale: Scale | None = None
    for number, line in enumerate(read_text(path).split("\n"), 1):
        words = line.split("#", 1)[0].translate(str.maketrans(",;:!", "    ")).split()
        if not rows:
            scale = _named(f"{path}: line {number}", line) or scale
        try:
            row = [float(word) for word in words]
        except ValueError:
            if not rows and not _is_number(words[0]):
                continue  # names of the columns
            raise FileError(f"{path}: line {number}: {line.strip()[:60]!r} is not two numbers") from None
        if not row:
            continue
        if len(row) != 2:
            raise FileError(
                f"{path}: line {number}: has {len(row)} numbers; give wavelength or energy, and weight (a list of "
                "sources is beam.source_file)"
            )
        rows.append(row)
    if not rows:
        raise FileError(f"{path}: holds no spectrum; each line needs wavelength or energy, and weight")
    colours, weights = np.array(rows).T
    return spectrum_of(path, colours, weights, scale or _by_size(path, colours))


def _named(place: str, line: str) -> Scale | None:
    """The unit that a line before the numbers names; none, if none is named."""
    words = re.findall(r"[^\W\d_]+", line)
    found = {_UNITS[word.lower()] for word in words if word.lower() in _UNITS}
    found |= {_UNITS["angstrom"]} if "A" in words else set()
    if len(found) > 1:
        raise FileError(f"{place}: names several units; name that of the first column alone, such as energy_eV")
    return next(iter(found), None)


def _by_size(path: str | Path, colours: np.ndarray) -> Scale:
    """What unnamed numbers are in."""
    low, high = float(colours.min()), float(colours.max())
    if low in WAVELENGTHS_A and high <= _SURELY_A:
        return _UNITS["angstrom"]
    energies = QUANTITIES["beam.energy_eV"].usual
    if low in energies and high in energies:
        return _UNITS["ev"]
    both = low in WAVELENGTHS_A and high in WAVELENGTHS_A
    what = "may be wavelengths in A or energies in keV" if both else "are neither wavelengths in A nor energies in eV"
    raise FileError(f"{path}: {low:g} to {high:g} {what}; name the columns in a first line, such as energy_keV weight")


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


@dataclass(frozen=True)
class _Fields:
    """Where a beam's spectra are.

    Attributes:
        name: of the field of wavelengths or energies, in words.
        colours: the field, shape (m,), (shots,) or (shots, m).
        weights: shape (m,) or (shots, m); None: one wavelength for each shot.
        scale: of the colours.
        shots: 0 where one spectrum is that of all.
    """

    name: str
    colours: Any
    weights: Any
    scale: Scale
    shots: int


def _fields(path: str | Path, file: Any) -> _Fields:
    """Fields of the spectra: those with weights, by the chain of variants or by name; or a wavelength for each shot."""
    beams = [*groups_of_class(file, "NXbeam"), *([_BEAM] if _BEAM in file else [])]
    for place in beams:
        beam = file[place]
        for name in _names(beam):
            weights = next((beam[name + end] for end in ("_weights", "_weight") if name + end in beam), None)
            if weights is not None:
                return _checked(path, f"{place}/{name}", beam[name], weights)
    for place in beams:
        field = file[place].get("incident_wavelength")
        if field is not None and field.ndim == 1 and field.size > 1:
            return _checked(path, f"{place}/incident_wavelength", field, None)
    raise FileError(
        f"{path}: has no spectrum; {_BEAM} needs incident_wavelength and incident_wavelength_weights, see NXbeam"
    )


def _names(beam: Any) -> Iterator[str]:
    """Fields of a beam that may be its spectra: the wavelength, its variants, then every other."""
    name: str | None = "incident_wavelength"
    seen: list[str] = []
    while name is not None and name in beam and name not in seen:
        seen.append(name)
        yield name
        name = text_of(beam[name].attrs.get("variant"))
    yield from (other for other in beam if other.startswith(("incident_wavelength", "incident_energy")))


def _checked(path: str | Path, name: str, colours: Any, weights: Any) -> _Fields:
    """Fields whose shapes go together."""
    if weights is None:
        return _Fields(name, colours, None, _scale(path, name, colours), len(colours))
    shape, by = tuple(colours.shape), tuple(weights.shape)
    channels = shape[-1:] or (1,)
    shots = by[0] if len(by) == 2 else 0
    if (by[-1:] or (1,)) != channels or len(by) > 2 or len(shape) > 2 or (len(shape) == 2 and shape != by):
        raise FileError(
            f"{path}: {name} has the shape {shape}, its weights {by}; give (channels,) or (shots, channels) of both"
        )
    return _Fields(name, colours, weights, _scale(path, name, colours), shots)


def _scale(path: str | Path, name: str, field: Any) -> Scale:
    unit = text_of(field.attrs.get("units"))
    is_energy = name.rsplit("/", 1)[-1].startswith("incident_energy")
    known = _ENERGIES_EV if is_energy else {unit: metre * 1e10 for unit, metre in LENGTHS_M.items()}
    usual = "ev" if is_energy else "angstrom"
    if (unit or usual).lower() not in known:
        wanted = "eV, keV or J" if is_energy else "angstrom, nm or m"
        raise FileError(f"{path}: {name} is in {unit!r}; give its units attribute as {wanted}")
    return known[(unit or usual).lower()], is_energy


def _shot(path: str | Path, shot: int) -> Spectrum:
    """The spectrum of a shot of an HDF5 file."""
    with _opened(path) as file:
        found = _fields(path, file)

        def row(field: Any) -> np.ndarray:
            return np.atleast_1d(np.asarray(field[shot] if np.ndim(field) == 2 else field[()], float))

        if found.weights is None:
            colours, weights = np.atleast_1d(float(found.colours[shot])), np.ones(1)
        else:
            colours, weights = row(found.colours), row(found.weights)
    place = f"{path}: shot {shot}" if found.shots else path
    return spectrum_of(place, colours, weights, found.scale)


@contextmanager
def _opened(path: str | Path) -> Iterator[Any]:
    import h5py

    try:
        with h5py.File(path, "r", locking="best-effort") as file:
            yield file
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        reason = str(error.args[0] if error.args else error).splitlines()[0]
        raise FileError(f"{path}: is damaged HDF5 ({reason}); copy it again") from None
