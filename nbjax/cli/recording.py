"""Recorded images: from photons to a file of the format that its name asks for."""

from __future__ import annotations

from pathlib import Path

import jax
import numpy as np

from nbjax.errors import ConfigError, Fault
from nbjax.io.files import atomic_writer
from nbjax.io.header import gain_word, offset_word, saturation_word, smv_header
from nbjax.io.raw import write_float
from nbjax.io.smv import write_smv
from nbjax.preparation import header_fields
from nbjax.preparation.record import Recording
from nbjax.resolve import Resolved

ENDINGS = (".img", ".cbf", ".h5", ".nxs", ".npy", ".bin")
"""Of names, each of a format that records are written in."""

_NXMX = (".h5", ".nxs")


def check_record_format(key: str, name: str, resolved: Resolved, how: Recording) -> None:
    """Make sure that a file can hold what is recorded.

    Raises:
        ConfigError: there are no stages, the name has no known ending, or its format has no place for the image.
    """
    ending, panels = Path(name).suffix.lower(), len(resolved.detector.panels)
    problem = None
    if not how.stages:
        problem = 'needs the stages of a detector; give [[record]] tables, or its name, as in record = "eiger2"'
    elif ending not in ENDINGS:
        problem = f"got {name!r}; end its name in one of {', '.join(ENDINGS)}"
    elif ending == ".img" and how.kind.name not in ("uint8", "uint16"):
        problem = f"got {name!r}, whose SMV holds 16 bits without a sign, and the record has {how.kind.name} numbers"
        problem = f"{problem}; end record in quantize with bits = 16, or choose another ending"
    elif ending == ".cbf" and how.kind.kind == "f":
        problem = f"got {name!r}, which holds whole numbers; end record in quantize, or choose another ending"
    elif ending == ".cbf" and (how.pedestal_counts, how.counts_per_photon) != (0.0, 1.0):
        problem = f"got {name!r}, which has no word for a gain or a pedestal; end its name in .img or .h5"
    elif ending in (".img", ".cbf") and panels > 1:
        problem = f"got {name!r}, which holds one panel, and detector.file has {panels}; end its name in .h5 or .npy"
    elif ending in _NXMX and resolved.config.detector.curved:
        problem = f"got {name!r}, an NXmx file, which describes flat panels; give it another ending"
    if problem is not None:
        raise ConfigError([Fault(key, problem)])
    if ending == ".cbf":
        from nbjax.dataset.laboratory import nexus_geometry
        from nbjax.dataset.minicbf import check_geometry

        check_geometry(nexus_geometry(resolved), resolved.config.crystal.phi_range_deg is not None, key)


def record_image(resolved: Resolved, how: Recording, photons: np.ndarray, number: int | None = None) -> np.ndarray:
    """What a detector records, in its own type; 0 (NaN of floats) where a pixel is masked.

    Args:
        resolved: what the image shows.
        how: its recording.
        photons: expected ones, of the image's shape.
        number: of the image in a series that shares ``output.seed``; None: the only one.
    """
    with jax.enable_x64(True):
        key = jax.random.key(resolved.output.seed)
        key = key if number is None else jax.random.fold_in(key, number)
    return how.record(key, photons, resolved.evaluated()[0])


def write_record(path: str, resolved: Resolved, how: Recording, pixels: np.ndarray) -> str:
    """Write a recorded image; the line about it.

    Raises:
        FileError: it cannot be written.
    """
    ending = Path(path).suffix.lower()
    what = {".img": "SMV", ".cbf": "CBF", ".npy": "NumPy array", ".bin": "4-byte floats"}.get(ending, "NXmx")
    if ending == ".img":
        _write_smv(path, resolved, how, pixels)
    elif ending == ".cbf":
        _write_cbf(path, resolved, how, pixels)
    elif ending == ".npy":
        with atomic_writer(path) as handle:
            np.save(handle, pixels)
    elif ending == ".bin":
        write_float(path, pixels.astype(np.float32))
    else:
        from nbjax.dataset.image_file import write_image

        write_image(path, resolved, pixels, how.brightest, 1 / how.counts_per_photon, how.pedestal_counts)
    if how.switched:
        return f"{path}: {what}, recorded words of {how.kind.name}, which hold the gain of each pixel"
    scale = f"{how.counts_per_photon:g} counts a photon above {how.pedestal_counts:g}"
    return f"{path}: {what}, recorded {how.kind.name} of {scale}, {how.overloads(pixels)} overloads"


def _write_smv(path: str, resolved: Resolved, how: Recording, pixels: np.ndarray) -> None:
    words = smv_header(header_fields(resolved))
    if not how.switched:
        words += [offset_word(how.pedestal_counts), gain_word(how.counts_per_photon)]
    if how.brightest is not None:
        words.append(saturation_word(how.brightest))
    write_smv(path, pixels.astype(np.uint16), words)


def _write_cbf(path: str, resolved: Resolved, how: Recording, pixels: np.ndarray) -> None:
    from nbjax.dataset.minicbf import write_counts

    largest = 2**31 - 1
    counts = np.where(resolved.evaluated()[0], np.minimum(pixels.astype(np.int64), largest), -1)
    brightest = largest - 1 if how.brightest is None else min(how.brightest, largest - 1)
    exposure_s = resolved.config.beam.exposure_s or 1.0
    write_counts(Path(path), counts.astype(np.int32), header_fields(resolved), exposure_s, brightest)
