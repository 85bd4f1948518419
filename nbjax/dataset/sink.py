"""A file for HDF5 to write into, whose failures are heard without HDF5."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


class Sink(io.RawIOBase):
    """A new file that takes everything, whether the disk does or not.

    HDF5 crashes the process at its end where it could not write what it holds. So it is told that all went well, what
    follows a failure is thrown away, and ``check`` says what went wrong.

    Args:
        path: of the file.

    Raises:
        OSError: it cannot be made.
    """

    def __init__(self, path: Path):
        self._file = open(path, "w+b", buffering=0)  # noqa: SIM115  closed by close
        self._failure: OSError | None = None

    def check(self) -> None:
        """Make sure that all was written so far.

        Raises:
            OSError: what went wrong first.
        """
        if self._failure is not None:
            raise self._failure

    def checked(self, items: Iterable[T]) -> Iterator[T]:
        """Items as they come, until a failure.

        Raises:
            OSError: what went wrong first.
        """
        for item in items:
            self.check()
            yield item

    def sync(self) -> None:
        """Have the disk take what the system holds back."""
        os.fsync(self._file.fileno())

    def write(self, data: Any) -> int:
        """Write bytes at the current place."""
        rest = memoryview(data).cast("B")
        size = len(rest)
        try:
            while self._failure is None and len(rest):
                rest = rest[self._file.write(rest) :]
        except OSError as failure:
            self._failure = failure
        return size

    def truncate(self, size: int | None = None) -> int:
        """Set the size of the file."""
        size = self.tell() if size is None else size
        try:
            if self._failure is None:
                self._file.truncate(size)
        except OSError as failure:
            self._failure = failure
        return size

    def readinto(self, buffer: Any) -> int:
        """Read bytes from the current place."""
        return self._file.readinto(buffer)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Change the current place."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """The current place."""
        return self._file.tell()

    def readable(self) -> bool:
        """HDF5 reads its own tables back."""
        return True

    def writable(self) -> bool:
        """It is written."""
        return True

    def seekable(self) -> bool:
        """It is written here and there."""
        return True

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()
