"""Which process of a run has which shot: one byte of a file for each, locked while the shot is refined."""

from __future__ import annotations

import os
from pathlib import Path

from nbjax.errors import FileError

try:
    import fcntl
except ImportError:  # where files are not locked so
    fcntl = None  # type: ignore[assignment]


class Claims:
    """Locks of shots, which the system takes from a process that ends, however it ends.

    Where it knows no locks every claim is granted: a shot may be refined twice, with the same result.

    Args:
        folder: of the shots.

    Raises:
        FileError: nothing can be written into it.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / ".claims"
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise FileError(f"{path}: cannot be written ({error.strerror}); give another --out") from None

    def take(self, number: int) -> bool:
        """Claim a shot; whether no other process has it."""
        if fcntl is None:
            return True
        try:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number)
        except (BlockingIOError, PermissionError):
            return False
        except OSError:
            # a file system without locks
            return True
        return True

    def release(self, number: int) -> None:
        """Let others have a shot."""
        if fcntl is not None:
            try:
                fcntl.lockf(self._descriptor, fcntl.LOCK_UN, 1, number)
            except OSError:
                return

    def __enter__(self) -> Claims:
        return self

    def __exit__(self, *error: object) -> None:
        """Let others have all shots."""
        os.close(self._descriptor)
