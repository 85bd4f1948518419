"""Reading and writing of files without surprises: clear errors, and nothing half-written left behind."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from nbjax.errors import FileError


def read_bytes(path: str | Path) -> bytes:
    """Content of a file.

    Raises:
        FileError: it does not exist or cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise FileError(f"{path}: cannot be read ({_reason(error)}); check the name and the permissions") from None


def read_text(path: str | Path) -> str:
    """Content of a text file.

    Raises:
        FileError: it cannot be read, or is not text.
    """
    content = read_bytes(path)
    if b"\0" in content:
        raise FileError(f"{path}: is a binary file, text was expected; check that it is the right file")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise FileError(f"{path}: is not UTF-8 text; check that it is the right file") from None


def check_writable(path: str | Path) -> None:
    """Make sure, before a long run, that a file can be written; leaves nothing behind.

    Raises:
        FileError: the folder does not exist or cannot be written, or the name is a folder's.
    """
    path = Path(path)
    folder = path.parent
    if path.is_dir():
        raise FileError(f"{path}: is a folder; give the name of a file")
    if not folder.is_dir():
        raise FileError(f"{path}: its folder {folder} does not exist; create it or give another name")
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".nbjax-"):
            pass
    except OSError as error:
        raise FileError(f"{path}: cannot be written ({_reason(error)}); give a name in a folder you can write") from None


@contextmanager
def atomic_writer(path: str | Path) -> Iterator[IO[bytes]]:
    """A binary file that takes its name only once it is complete.

    Raises:
        FileError: it cannot be written.
    """
    path = Path(path)
    check_writable(path)
    handle = tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False)  # noqa: SIM115
    try:
        try:
            with handle:
                yield handle
            os.chmod(handle.name, 0o666 & ~_umask())
            os.replace(handle.name, path)
        except OSError as error:
            raise FileError(f"{path}: cannot be written ({_reason(error)}); free some space or choose another folder") from None
    finally:
        Path(handle.name).unlink(missing_ok=True)


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
