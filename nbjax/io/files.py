"""Reading and writing of files without surprises: clear errors, and nothing half-written left behind."""

from __future__ import annotations

import gzip
import hashlib
import io
import itertools
import os
import secrets
import stat
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import IO, Any, Literal

from nbjax.errors import FileError

try:
    import fcntl
except ImportError:  # where files are not locked so
    fcntl = None  # type: ignore[assignment]

MOST_BYTES = 2**30
"""Of a text file, unpacked."""


def read_bytes(path: str | Path) -> bytes:
    """Content of a file.

    Raises:
        FileError: it does not exist or cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:
        raise FileError(f"{path}: cannot be read ({_reason(error)}); check the name and the permissions") from None


def read_unpacked(path: str | Path) -> bytes:
    """Content of a file, unpacked where gzip packed it.

    Raises:
        FileError: it does not exist, cannot be read or unpacked, or is larger than ``MOST_BYTES``.
    """
    content = read_bytes(path)
    if content.startswith(b"\x1f\x8b"):
        try:
            with gzip.open(io.BytesIO(content)) as handle:
                content = handle.read(MOST_BYTES + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise FileError(f"{path}: cannot be unpacked ({error}); fetch or pack it again") from None
    if len(content) > MOST_BYTES:
        raise FileError(f"{path}: holds more than {MOST_BYTES / 2**30:g} GiB; check that it is the right file")
    return content


def make_folder(folder: str | Path, name: str) -> None:
    """Make a folder, with those that it is in, where there is none.

    Args:
        folder: the folder.
        name: of it in messages, with the option that gave it.

    Raises:
        FileError: it cannot be made.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise FileError(f"{name}: cannot be made a folder ({_reason(error)}); give another name") from None


@contextmanager
def open_binary(path: str | Path) -> Iterator[IO[bytes]]:
    """A file to read bytes from.

    Raises:
        FileError: it does not exist, is a folder, or cannot be read.
    """
    try:
        with open(path, "rb") as handle:
            yield handle
    except (OSError, ValueError) as error:
        raise FileError(f"{path}: cannot be read ({_reason(error)}); check the name and the permissions") from None


def read_text(path: str | Path) -> str:
    r"""Content of a UTF-8 text file, every line ending turned into ``\n``.

    Raises:
        FileError: it cannot be read, or is not text.
    """
    return as_text(read_bytes(path), path)


def as_text(content: bytes, name: str | Path) -> str:
    r"""Bytes of a UTF-8 text file as text, every line ending turned into ``\n``.

    Raises:
        FileError: it is not text.
    """
    if b"\0" in content:
        raise FileError(f"{name}: is a binary file, text was expected; check that it is the right file")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FileError(f"{name}: is not UTF-8 text; check that it is the right file") from None
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

    What a killed process left beside the file is taken over by the next that writes it. Devices and pipes, which
    cannot be replaced, are written directly.

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
    text = {} if mode == "wb" else {"encoding": "utf-8", "newline": "\n"}
    beside = _unfinished(target) if replaces else nullcontext(target)
    try:
        with beside as place, open(place, mode, **text) as handle:  # type: ignore[call-overload]
            yield handle
    except OSError as error:
        raise FileError(
            f"{path}: cannot be written ({_reason(error)}); free some space or choose another folder"
        ) from None


@contextmanager
def _unfinished(target: Path) -> Iterator[Path]:
    """Name beside a file, for what replaces it at the end."""
    place, lock = _claimed(target)
    try:
        yield place
        os.replace(place, target)
    except BaseException:
        place.unlink(missing_ok=True)
        raise
    finally:
        if lock is not None:
            os.close(lock)


def _claimed(target: Path) -> tuple[Path, int | None]:
    """A name that no living writer holds, and its lock: a dead writer's name is taken again with what it left."""
    mark = hashlib.sha256(os.fsencode(target.name)).hexdigest()[:8]
    for number in itertools.count() if fcntl is not None else ():
        place = target.with_name(f".nbjax-{mark}-{number}")
        try:
            lock = os.open(place, os.O_RDWR | os.O_CREAT, 0o666)
        except PermissionError:
            if not place.exists():
                raise
            continue  # another user's
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass
        except OSError:
            os.close(lock)
            place.unlink(missing_ok=True)
            break
        else:
            if _named(lock, place):
                return place, lock
        os.close(lock)
    # without locks: a name that nobody else takes
    return target.with_name(f".nbjax-{mark}-{secrets.token_hex(6)}"), None


def _named(descriptor: int, place: Path) -> bool:
    """Whether a file still has a name; a writer that ended meanwhile has renamed or removed it."""
    try:
        return os.path.samestat(os.fstat(descriptor), place.stat())
    except FileNotFoundError:
        return False


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
