"""Traces in files: written in the form that the suffix names, read in whatever form the content shows."""

from __future__ import annotations

from pathlib import Path

from nbjax.errors import FileError
from nbjax.io.files import atomic_writer, open_binary, read_bytes
from nbjax.io.images.formats import is_known
from nbjax.tracing.document import TraceDocument, TraceError
from nbjax.tracing.golden_form import is_golden, parse_golden
from nbjax.tracing.hdf5_form import SIGNATURE, format_hdf5, is_hdf5_trace, parse_hdf5
from nbjax.tracing.json_form import format_json, parse_json
from nbjax.tracing.log_form import is_log, parse_log
from nbjax.tracing.printout_form import is_printout, parse_printout
from nbjax.tracing.text_form import PREFIX, format_text, parse_text

SUFFIXES = (".json", ".h5", ".txt")


def check_suffix(path: str | Path) -> None:
    """Make sure, before a long run, that a trace can be written under a name.

    Raises:
        FileError: its suffix names no form.
    """
    if Path(path).suffix not in SUFFIXES:
        raise FileError(f"{path}: a trace is written as {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}; end the name so")


def write_trace(path: str | Path, document: TraceDocument) -> None:
    """Write a trace as JSON, HDF5 or text, by the suffix of the name.

    Raises:
        FileError: the suffix names no form, or it cannot be written.
    """
    check_suffix(path)
    match Path(path).suffix:
        case ".json":
            content = format_json(document).encode()
        case ".h5":
            content = format_hdf5(document)
        case _:
            content = format_text(document).encode()
    with atomic_writer(path) as handle:
        handle.write(content)


def is_trace(path: str | Path) -> bool:
    """Whether a file is a trace, as far as its first bytes tell, and not an image.

    Raises:
        FileError: it cannot be read.
    """
    with open_binary(path) as handle:
        head = handle.read(4096)
    if head.startswith(SIGNATURE):
        return is_hdf5_trace(path)
    return b"\0" not in head and not is_known(head)


def read_trace(path: str | Path) -> TraceDocument:
    """Read a trace of any form, whatever its name.

    Raises:
        FileError: it cannot be read, is of no known form, or is cut off or faulty.
    """
    return parse_trace(read_bytes(path), path)


def parse_trace(content: bytes, name: str | Path) -> TraceDocument:
    """The trace in the bytes of a file.

    Args:
        content: the whole file.
        name: what to call it in errors.

    Raises:
        FileError: it is of no known form, or is cut off or faulty.
    """
    try:
        return _parse(content)
    except TraceError as error:
        raise FileError(f"{name}: {error}") from None


def _parse(content: bytes) -> TraceDocument:
    if not content.strip():
        raise TraceError("is empty; give a trace")
    if content.startswith(SIGNATURE):
        return parse_hdf5(content)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise TraceError("is a binary file but no trace in HDF5; check that it is the right file")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.lstrip().startswith("{"):
        return parse_json(text)
    if any(line.startswith(PREFIX) for line in text.splitlines()):
        return parse_text(text)
    if is_golden(text):
        return parse_golden(text)
    if is_log(text):
        return parse_log(text)
    if is_printout(text):
        return parse_printout(text)
    raise TraceError(
        f"is no trace; give one that nbjax wrote ({', '.join(SUFFIXES)}), "
        "or text with STEP and PIX lines, or a log with TRACE_C or TRACE_PY lines, or one of nanoBragg -printout"
    )
