"""Reading and writing of files without surprises: clear errors, and nothing half-written left behind."""

from __future__ import annotations

import os
import secrets
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Literal

from nbjax.errors import FileError


def read_bytes(path: str | Path) -> bytes:
    """Content of a file.

    Raises:
        FileError: it does not exist or cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:
        raise FileError(f"{path}: cannot be read ({_reason(error)}); check the name and the permissions") from None


def read_text(path: str | Path) -> str:
    r"""Content of a UTF-8 text file, every line ending turned into ``\n``.

    Raises:
        FileError: it cannot be read, or is not text.
    """
    content = read_bytes(path)
    if b"\0" in content:
        raise FileError(f"{path}: is a binary file, text was expected; check that it is the right file")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FileError(f"{path}: is not UTF-8 text; check that it is the right file") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def check_writable(path: str | Path) -> None:
    """Make sure, before a long run, that a file can be written; leaves nothing behind.

    Raises:
        FileError: the folder does not exist or cannot be written, the name is a folder's, or the file is protected.
    """
    try:
        target = _target(path)
        mode = _mode(target)
        if mode is not None and stat.S_ISDIR(mode):
            raise FileError(f"{path}: is a folder; give the name of a file")
        if not target.parent.is_dir():
            raise FileError(f"{path}: its folder {target.parent} does not exist; create it or give another name")
        if mode is not None and not os.access(target, os.W_OK):
            raise FileError(f"{path}: is write-protected; change its permissions or give another name")
        if mode is None or stat.S_ISREG(mode):
            with tempfile.TemporaryFile(dir=target.parent):
                pass
    except (OSError, ValueError) as error:
        raise FileError(
            f"{path}: cannot be written ({_reason(error)}); give a name in a folder you can write"
        ) from None


@contextmanager
def atomic_writer(path: str | Path, mode: Literal["wb", "w"] = "wb") -> Iterator[IO[Any]]:
    """A file that takes its name only once it is complete; a failure leaves no trace and spares an older file.

    Devices and pipes, which cannot be replaced, are written directly.

    Args:
        path: file to write.
        mode: ``"wb"`` for bytes, ``"w"`` for UTF-8 text.

    Raises:
        FileError: it cannot be written.
    """
    check_writable(path)
    target = _target(path)
    present = _mode(target)
    replaces = present is None or stat.S_ISREG(present)
    place = target.with_name(f".nbjax-{secrets.token_hex(6)}") if replaces else target
    text = {} if mode == "wb" else {"encoding": "utf-8", "newline": "\n"}
    try:
        with open(place, mode.replace("w", "x") if replaces else mode, **text) as handle:  # type: ignore[call-overload]
            yield handle
        if replaces:
            os.replace(place, target)
    except OSError as error:
        raise FileError(
            f"{path}: cannot be written ({_reason(error)}); free some space or choose another folder"
        ) from None
    finally:
        if replaces:
            place.unlink(missing_ok=True)


def _target(path: str | Path) -> Path:
    """The file behind a name: a symbolic link is followed, so that it survives the writing."""
    return Path(os.path.realpath(path))


def _mode(path: Path) -> int | None:
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else str(error)) or type(error).__name__
