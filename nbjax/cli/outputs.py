"""Writing the files that were asked for."""

from __future__ import annotations

import os
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nbjax.cli.pictures import write_annotated
from nbjax.cli.progress import progress_bar
from nbjax.cli.recording import check_record_format, record_image, write_record
from nbjax.config.tree import Crystal, Output
from nbjax.errors import ConfigError, Fault, NonFiniteError
from nbjax.io import counts
from nbjax.io.dump import write_dump
from nbjax.io.files import check_writable
from nbjax.io.header import HeaderFields, gain_word, offset_word, smv_header
from nbjax.io.pgm import write_pgm
from nbjax.io.png import write_png
from nbjax.io.raw import write_float
from nbjax.io.smv import header_overflows, write_smv
from nbjax.physics.noise import reference_poisson
from nbjax.physics.readout import SMV_COUNTS, SMV_SCALED, Gain, Poisson, record
from nbjax.preparation import header_fields
from nbjax.preparation.picture import picture_of
from nbjax.preparation.record import recording
from nbjax.resolve import Resolved
from nbjax.sampling.reference_random import Ran1

HEADER_ENTRIES = ("distance_before_swing", "header_beam_center")
"""Entries of the ledger about the numbers of an SMV header."""

_SEVERAL = "end its name in .h5 or .nxs for an NXmx file, or give output.png_file, which hold all panels"


def file_names(output: Output) -> dict[str, str]:
    """Key -> name of every file that an output section asks for."""
    names = {field.name: getattr(output, field.name) for field in fields(output) if field.name.endswith("_file")}
    return {key: name for key, name in names.items() if name is not None}


def placed_in(output: Output, folder: str | None) -> Output:
    """The output section with relative names put in a folder."""
    if folder is None:
        return output
    placed: dict[str, Any] = {key: str(Path(folder) / name) for key, name in file_names(output).items()}
    return replace(output, **placed)


def has_list(crystal: Crystal) -> bool:
    """Whether the structure factors come from a list, of which a dump may be written."""
    return crystal.hkl_file is not None or crystal.reflections_file is not None


def check_outputs(output: Output, more: list[str]) -> None:
    """Make sure, before any work, that every file can be written and none has two owners.

    Raises:
        ConfigError: two outputs share a name.
        FileError: a file cannot be written.
    """
    names = [*file_names(output).values(), *more]
    for name in names:
        check_writable(name)
    places = [os.path.realpath(name) for name in names]
    for name, place in zip(names, places, strict=True):
        if places.count(place) > 1:
            raise ConfigError([Fault(name, "is the name of two outputs; give each its own")])


AS_NXMX = ("float_file", "integer_file", "noise_file")
"""Keys whose files may be NXmx, by their names."""


def is_nxmx(name: str) -> bool:
    """Whether the name of a file asks for NXmx."""
    return name.lower().endswith((".h5", ".nxs"))


def check_formats(resolved: Resolved) -> None:
    """Refuse files whose format has no place for the panels.

    Raises:
        ConfigError: SMV or graymaps of several panels, or NXmx files of a curved one.
    """
    count = len(resolved.detector.panels)
    faults = [
        Fault(f"output.{name}", f"got {file!r}, which holds one panel, and detector.file has {count}; {_SEVERAL}")
        for name, file in file_names(resolved.config.output).items()
        if name in ("integer_file", "noise_file", "pgm_file") and count > 1 and not (name in AS_NXMX and is_nxmx(file))
    ]
    curved = resolved.config.detector.curved
    faults += [
        Fault(f"output.{name}", f"got {file!r}, an NXmx file, which describes flat panels; give it another name")
        for name, file in file_names(resolved.config.output).items()
        if name in AS_NXMX and is_nxmx(file) and curved
    ]
    if faults:
        raise ConfigError(faults)
    if resolved.config.output.recorded_file is not None:
        name = resolved.config.output.recorded_file
        check_record_format("output.recorded_file", name, resolved, recording(resolved))


def output_departures(resolved: Resolved) -> tuple[str, ...]:
    """Ledger entries about files that the outputs bring into play."""
    output = resolved.config.output
    if all(name is None or is_nxmx(name) for name in (output.integer_file, output.noise_file)):
        return ()
    shape = resolved.detector.pixels_slow, resolved.detector.pixels_fast
    words = smv_header(_header_fields(resolved))
    found = [name for name in HEADER_ENTRIES if smv_header(_header_fields(resolved, name)) != words]
    return (*found, "header_overflow") if header_overflows(shape, words) else tuple(found)


def _header_fields(resolved: Resolved, *entries: str) -> HeaderFields:
    """What a header without further words of nbjax's own says with these entries of the ledger on as well."""
    parity = (*resolved.config.parity, "header_overflow", *entries)
    return header_fields(replace(resolved, config=replace(resolved.config, parity=parity)))


def write_outputs(resolved: Resolved, image: np.ndarray, show_progress: bool, annotate: bool = False) -> list[str]:
    """Write every file of the configuration's output section.

    Args:
        resolved: the completed configuration.
        image: photons, of the shape of ``simulate``.
        show_progress: whether drawing noise may show a progress bar.
        annotate: whether the picture has axes, scale and rings.

    Returns:
        A line for each file.

    Raises:
        NonFiniteError: a pixel is too bright for the 32-bit floats of the files.
        FileError: a file cannot be written.
    """
    output = resolved.config.output
    if image.max() > np.finfo(np.float32).max:
        raise NonFiniteError(
            f"{image.max():.3g} photons in the brightest pixel are more than a 32-bit float holds; lower the fluence "
            "or the structure factors"
        )
    photons = image.astype(np.float32)
    evaluated, in_roi = resolved.evaluated()
    if output.integer_file is not None or output.pgm_file is not None:
        found = counts.statistics(photons, evaluated, in_roi)
        scale = output.integer_scale or counts.integer_scale(found)
    lines = []
    if output.float_file is not None:
        lines.append(_write_photons(output.float_file, photons, resolved))
    if output.integer_file is not None and is_nxmx(output.integer_file):
        lines.append(_write_scaled(output.integer_file, photons, resolved, scale, in_roi))
    elif output.integer_file is not None:
        scaled, cut = scaled_counts(photons, scale, resolved.output.adc_offset, in_roi)
        _write_smv(output.integer_file, scaled, resolved, gain_word(scale))
        lines.append(f"{output.integer_file}: SMV, photons times {scale:g}, {cut} overloads")
    if output.pgm_file is not None:
        grey_scale = output.pgm_scale or counts.pgm_scale(found, scale)
        write_pgm(output.pgm_file, counts.to_pgm(photons, grey_scale, in_roi), grey_scale)
        lines.append(f"{output.pgm_file}: graymap, photons times {grey_scale:g}")
    drawn = None
    if output.noise_file is not None:
        drawn = _draw_counts(resolved, image, in_roi, show_progress)
        write_drawn = _write_counts if is_nxmx(output.noise_file) else _write_shifted
        lines.append(write_drawn(output.noise_file, drawn, resolved))
    if output.recorded_file is not None:
        how = recording(resolved)
        pixels = record_image(resolved, how, image)
        lines.append(write_record(output.recorded_file, resolved, how, pixels))
    if output.png_file is not None:
        write = write_annotated if annotate else _write_picture
        write(output.png_file, resolved, image if drawn is None else drawn)
        seen = f", {image.shape[0]} panels as seen along the beam" if image.ndim == 3 else ""
        lines.append(f"{output.png_file}: picture{'' if drawn is None else ' of the counts'}{seen}")
    crystal = resolved.config.crystal
    table = resolved.crystal.table
    if crystal.dump_file is not None and table is not None and has_list(crystal):
        write_dump(crystal.dump_file, table.values, table.minimum)
        lines.append(f"{crystal.dump_file}: structure-factor cache")
    return lines


def _write_picture(path: str, resolved: Resolved, image: np.ndarray) -> None:
    write_png(path, picture_of(resolved, image))


def scaled_counts(photons: np.ndarray, scale: float, adc_offset: float, in_roi: np.ndarray) -> tuple[np.ndarray, int]:
    """Photons without noise as whole numbers, uint16, 0 outside the region of interest; and how many are too bright.

    Args:
        photons: of the image, used as 32-bit floats.
        scale: counts per photon.
        adc_offset: what is added.
        in_roi: boolean, of the same shape.
    """
    shifted = Gain(scale, adc_offset).record(None, photons.astype(np.float32).astype(float))
    shifted = np.where(in_roi, shifted, -np.inf)
    return SMV_SCALED.record(None, shifted).astype(np.uint16), SMV_SCALED.overloads(shifted)


def _write_photons(path: str, photons: np.ndarray, resolved: Resolved) -> str:
    """Photons as they are, bare or in an NXmx file; the line about it."""
    kind = "photons as 4-byte floats"
    if is_nxmx(path):
        from nbjax.dataset.image_file import write_image

        write_image(path, resolved, photons)
        kind = f"NXmx, {kind}"
    else:
        write_float(path, photons)
    shape = f", {' x '.join(map(str, photons.shape))} (panel, slow, fast)" if photons.ndim == 3 else ""
    return f"{path}: {kind}{shape}"


def _write_scaled(path: str, photons: np.ndarray, resolved: Resolved, scale: float, in_roi: np.ndarray) -> str:
    """Photons times a scale, which the file tells, as whole numbers without an offset; the line about it."""
    from nbjax.dataset.counts import LARGEST, saturation_of
    from nbjax.dataset.image_file import write_image

    scaled, cut = scaled_counts(photons, scale, 0.0, in_roi)
    write_image(path, resolved, np.minimum(scaled, LARGEST["uint16"]), saturation_of("uint16"), 1 / scale)
    return f"{path}: NXmx, photons times {scale:g}, {cut} overloads"


def _write_counts(path: str, drawn: np.ndarray, resolved: Resolved) -> str:
    """Counts without an offset; the line about them."""
    from nbjax.dataset.counts import LARGEST, overloads_of, saturation_of
    from nbjax.dataset.image_file import write_image

    pixels = np.minimum(drawn, LARGEST["uint32"]).astype(np.uint32)
    write_image(path, resolved, pixels, saturation_of("uint32"))
    return f"{path}: NXmx, {drawn.sum():.0f} photons counted, {overloads_of(pixels)} overloads"


def _write_shifted(path: str, drawn: np.ndarray, resolved: Resolved) -> str:
    """Counts with the offset, 0 outside the region of interest; the line about them."""
    in_roi = resolved.evaluated()[1]
    shifted = Gain(pedestal_counts=resolved.output.adc_offset).record(None, np.where(in_roi, drawn, -np.inf))
    _write_smv(path, SMV_COUNTS.record(None, shifted).astype(np.uint16), resolved)
    return f"{path}: SMV, {drawn.sum():.0f} photons counted, {SMV_COUNTS.overloads(shifted)} overloads"


def _draw_counts(resolved: Resolved, image: np.ndarray, in_roi: np.ndarray, show_progress: bool) -> np.ndarray:
    seed = resolved.output.seed
    if "poisson_sampler" in resolved.config.parity:
        with progress_bar("noise", show_progress) as advance:
            total = int(in_roi.sum())
            return reference_poisson(image, in_roi, Ran1(seed).uniform, lambda done: advance(done, total))
    return np.asarray(record([Poisson()], jax.random.key(seed), jnp.asarray(image)), float)


def _write_smv(path: str, pixels: np.ndarray, resolved: Resolved, *more: tuple[str, str]) -> None:
    words = smv_header(header_fields(resolved))
    reference = "header_overflow" in resolved.config.parity
    if not reference:
        words += [offset_word(resolved.output.adc_offset), *more]
    write_smv(path, pixels, words, reference_overflow=reference)
