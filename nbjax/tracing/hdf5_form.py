"""The HDF5 form: a group for each pixel, a dataset with its unit for each key, a group for the samples."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

from nbjax.tracing.document import SCHEMA, SCHEMA_VERSION, PixelTrace, TraceDocument, TraceError, Value, check_unit
from nbjax.tracing.keys import PIXEL, UNITS

SIGNATURE = b"\x89HDF\r\n\x1a\n"

_SAMPLES = "samples"


def format_hdf5(document: TraceDocument) -> bytes:
    """A document as the bytes of an HDF5 file."""
    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "w", track_order=True) as file:
        file.attrs["schema"] = _fixed(SCHEMA)
        file.attrs["schema_version"] = SCHEMA_VERSION
        for name in ("program", "version", "precision"):
            if (word := getattr(document, name)) is not None:
                file.attrs[name] = _fixed(word)
        if document.parity is not None:
            # HDF5 has no strings of length 0, so that an empty list gets a length of its own
            names = [name.encode() for name in document.parity]
            file.attrs["parity"] = np.array(names, None if names else "S1")
        for number, pixel in enumerate(document.pixels):
            _write_pixel(file.create_group(f"pixel_{number:04d}", track_order=True), pixel)
    return buffer.getvalue()


def is_hdf5_trace(path: str | Path) -> bool:
    """Whether an HDF5 file says that it is a trace."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            return "schema" in file.attrs
    except OSError:
        return False


def parse_hdf5(content: bytes) -> TraceDocument:
    """The document in the bytes of an HDF5 file.

    Raises:
        TraceError: it is cut off, or is not a trace.
    """
    import h5py

    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            return _read(file)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError) as error:
        reason = str(error.args[0] if error.args else error).splitlines()[0]
        raise TraceError(f"is damaged or cut off HDF5 ({reason}); write or copy it again") from None


def _write_pixel(group: Any, pixel: PixelTrace) -> None:
    if pixel.slow is not None:
        group.attrs["slow"], group.attrs["fast"] = pixel.slow, pixel.fast
    for name, value in pixel.values.items():
        whole = name in PIXEL and PIXEL[name].whole
        _write(group, name, np.asarray(value, np.int64 if whole else np.float64))
    if pixel.samples is not None:
        table = group.create_group(_SAMPLES, track_order=True)
        table.attrs["omitted"] = pixel.omitted_samples
        for name, column in pixel.samples.items():
            _write(table, name, column)


def _write(group: Any, name: str, array: np.ndarray) -> None:
    dataset = group.create_dataset(name, data=array)
    if name in UNITS:
        dataset.attrs["units"] = _fixed(UNITS[name])


def _read(file: Any) -> TraceDocument:
    if "schema" not in file.attrs or _text(file.attrs["schema"]) != SCHEMA:
        raise TraceError(f'is HDF5 without the attribute schema="{SCHEMA}"; give a file that nbjax wrote as a trace')
    version = file.attrs.get("schema_version")
    if version != SCHEMA_VERSION:
        raise TraceError(f"has schema version {version}; this nbjax reads version {SCHEMA_VERSION}, so trace again")
    words = {name: _text(file.attrs[name]) for name in ("program", "version", "precision") if name in file.attrs}
    if "program" not in words:
        raise TraceError('lacks the attribute "program"; write the trace again')
    parity = None
    if "parity" in file.attrs:
        parity = tuple(_text(name) for name in file.attrs["parity"])
    pixels = tuple(_pixel(file[name]) for name in sorted(file, key=lambda name: (len(name), name)))
    return TraceDocument(words["program"], words.get("version"), words.get("precision"), parity, pixels)


def _pixel(group: Any) -> PixelTrace:
    slow, fast = (int(group.attrs[name]) if name in group.attrs else None for name in ("slow", "fast"))
    values = {name: _numbers(name, item) for name, item in group.items() if name != _SAMPLES}
    if _SAMPLES not in group:
        return PixelTrace(slow, fast, values)
    table = group[_SAMPLES]
    samples = {name: np.asarray(_numbers(name, item)) for name, item in table.items()}
    return PixelTrace(slow, fast, values, samples, int(table.attrs.get("omitted", 0)))


def _numbers(name: str, item: Any) -> Value:
    if "units" in item.attrs:
        check_unit(name, _text(item.attrs["units"]))
    array = np.asarray(item[()])
    if array.dtype.kind not in "iuf":
        raise TraceError(f"has {str(array)[:40]!r} for {name}; give finite numbers")
    return np.asarray(array, np.float64)


def _fixed(text: str) -> np.bytes_:
    return np.bytes_(text.encode())


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
