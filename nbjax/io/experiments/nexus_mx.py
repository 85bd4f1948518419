"""NeXus files of macromolecular crystallography (NXmx): beam, detector modules with their chains, and scan.

The laboratory is that of NeXus (McStas): z along the beam, y up.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nbjax.errors import FileError
from nbjax.io.experiments.nexus_chain import Chains, Link
from nbjax.io.experiments.nexus_modules import detector_of
from nbjax.io.experiments.recorded import (
    NEXUS,
    Choice,
    Reader,
    RecordedBeam,
    RecordedCrystal,
    RecordedExperiment,
    RecordedScan,
)
from nbjax.io.images.hdf5 import SIGNATURE, opened
from nbjax.io.images.nexus import entries, number_at, of_class, text_of
from nbjax.io.spectra import open_spectra

_UNEVEN = 1e-3
"""Of a step: how far angles may be from an even scan."""


def recognises(start: bytes) -> bool:
    """Whether a file is HDF5; what is in it turns out when it is opened."""
    return start.startswith(SIGNATURE)


def read(path: str, choice: Choice) -> RecordedExperiment:
    """Beam, detector, scan, and the cell where it is told, without an orientation.

    Raises:
        FileError: the file is damaged, or tells of no detector.
    """
    if choice.crystal is not None:
        raise FileError(f"{path}: tells of no orientation, and needs no #{choice.crystal[:20]}; leave it out")
    with opened(path, path) as file:
        known = Chains(path, file)
        for entry in entries(file):
            remarks: list[str] = []
            scan = _scan(file, entry, known, remarks)
            image = None if scan is None else scan.first if choice.image is None else choice.image
            index = 0 if image is None or scan is None else max(image - scan.first, 0)
            found = detector_of(path, file, entry, index, known, remarks)
            if found is None:
                continue
            return RecordedExperiment(
                file=path,
                frame=NEXUS,
                crystal=_crystal(file, entry),
                beam=_beam(path, file, entry, index, remarks),
                panels=found.panels,
                groups=found.groups,
                scan=scan,
                image=image,
                remarks=tuple(remarks),
            )
    raise FileError(
        f"{path}: is an HDF5 file that tells of no detector; give a file of NeXus (NXmx) with an NXdetector that has "
        "modules, or a distance, a beam centre and pixel sizes"
    )


def _beam(path: str, file: Any, entry: str, index: int, remarks: list[str]) -> RecordedBeam:
    beams = [*of_class(file, entry, "NXbeam")]
    wavelength_A, kahn, electric = None, None, None
    for beam in beams:
        wavelength_A = wavelength_A or _wavelength(path, file, beam, index, remarks)
        for name in ("incident_polarisation_stokes", "incident_polarization_stokes"):
            if f"{beam}/{name}" in file and kahn is None:
                kahn, electric = _polarization(file[f"{beam}/{name}"])
    return RecordedBeam(NEXUS.beam, wavelength_A, kahn, electric)


def _wavelength(path: str, file: Any, beam: str, index: int, remarks: list[str]) -> float | None:
    for name in ("incident_wavelength", "wavelength"):
        if f"{beam}/{name}_weights" in file:
            spectra = open_spectra(path)
            spectrum = spectra.of_shot(index if index < spectra.shots else 0)
            remarks.append(f"its beam has {len(spectrum.weights)} wavelengths; their weighted mean is taken")
            return spectrum.mean_wavelength_A
        wavelength_m = number_at(file, f"{beam}/{name}", index, 1e-10)
        if wavelength_m is not None:
            return 1e10 * wavelength_m
    return None


def _polarization(node: Any) -> tuple[float | None, np.ndarray | None]:
    """Kahn's factor and the direction of the electric vector, by the Stokes parameters I, Q, U, V."""
    stokes = np.asarray(node[()], float).reshape(-1)[:4] if node.dtype.kind in "fiu" else np.zeros(0)
    if len(stokes) != 4 or not np.isfinite(stokes).all() or not stokes[0] > 0:
        return None, None
    whole, along, slanted, _ = stokes
    if slanted == 0:
        return float(along / whole), np.array([1.0, 0.0, 0.0])
    angle = np.arctan2(slanted, along) / 2
    return float(np.hypot(along, slanted) / whole), np.array([np.cos(angle), np.sin(angle), 0.0])


def _crystal(file: Any, entry: str) -> RecordedCrystal | None:
    for sample in of_class(file, entry, "NXsample"):
        node = file.get(f"{sample}/unit_cell")
        if node is not None and getattr(node, "size", 0) == 6 and node.dtype.kind in "fiu":
            cell = np.asarray(node[()], float).reshape(6)
            return RecordedCrystal(cell=cell) if cell.any() else None
    return None


def _scan(file: Any, entry: str, known: Chains, remarks: list[str]) -> RecordedScan | None:
    """The one rotation of the sample that changes, about its axis where the others stand."""
    for sample in of_class(file, entry, "NXsample"):
        node = file.get(f"{sample}/depends_on")
        links = known.of(f"/{sample}", None if node is None else text_of(node[()]))
        for number, link in enumerate(links):
            width_deg = _width(file, link, remarks) if link.is_rotation else 0.0
            if width_deg:
                axis = known.placed(links[number + 1 :], 0)[0] @ (link.vector / np.linalg.norm(link.vector))
                return RecordedScan(axis, float(link.values[0]), width_deg, 1, len(link.values))
    return None


def _width(file: Any, link: Link, remarks: list[str]) -> float:
    """How far an axis turns in each image; 0 of one that stands, or of angles that are no scan."""
    told = [number_at(file, f"{link.path}{ending}", 0, None) for ending in ("_increment_set", "_end")]
    if len(link.values) > 1:
        steps = np.diff(link.values)
        if not steps.any():
            return 0.0
        if np.abs(steps - steps.mean()).max() > _UNEVEN * abs(steps.mean()):
            remarks.append(f"the angles of {link.name} are not evenly spaced; they are taken for stills")
            return 0.0
        return float(steps.mean())
    factor = float(link.values[0] / (number_at(file, link.path, 0, None) or 1.0)) if link.values[0] else 1.0
    if told[0]:
        return told[0] * factor
    return told[1] * factor - float(link.values[0]) if told[1] is not None else 0.0


READER = Reader("a file of NeXus (NXmx, .nxs or _master.h5)", recognises, read)
