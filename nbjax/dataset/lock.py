"""A lock on the folder of a dataset: one run at a time, of one process or of many."""

from __future__ import annotations

import os
import time
from pathlib import Path

from nbjax.errors import FileError, UsageError

try:
    import fcntl
except ImportError:  # where files are not locked so
    fcntl = None  # type: ignore[assignment]

_PATIENCE_S = 2.0
_LOOK_S = 0.05


class FolderLock:
    """A hidden file beside a dataset, of which a run locks all, and each process of a shared run its own byte.

    The system takes the lock from a process that ends, however it ends. Where it knows no locks there is none.

    Args:
        folder, name: of the dataset.
    """

    def __init__(self, folder: Path, name: str):
        self._path = folder / f".{name}.lock"
        self._descriptor: int | None = None

    def take(self) -> None:
        """Lock the folder against every other run.

        Processes that are about to share a run look at the same moment; so another's lock is given some time to end.

        Raises:
            UsageError: another run is writing into it.
            FileError: nothing can be written into it.
        """
        end = time.monotonic() + _PATIENCE_S
        while not self._taken(0, 0):
            if time.monotonic() > end:
                self._refuse()
            time.sleep(_LOOK_S)

    def __enter__(self) -> FolderLock:
        self.take()
        return self

    def __exit__(self, *failure: object) -> None:
        self.release()

    def loosen(self) -> None:
        """Give up what was taken, so that the processes of a shared run find the folder free."""
        if self._descriptor is not None:
            fcntl.lockf(self._descriptor, fcntl.LOCK_UN)

    def share(self, process: int) -> None:
        """Lock the folder against every other run but those who share this one.

        Raises:
            UsageError: a process of another run has the same number.
        """
        if not self._taken(process, 1):
            self._refuse()

    def release(self) -> None:
        """Let others into the folder; the last one removes the file."""
        if self._descriptor is not None:
            if self._locked(0, 0) and self._named():
                self._path.unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = None

    def _taken(self, first: int, size: int) -> bool:
        while fcntl is not None:
            if self._descriptor is None:
                try:
                    self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
                except OSError as error:
                    raise FileError(
                        f"{self._path}: cannot be written ({error.strerror}); give a folder that you can write"
                    ) from None
            if not self._locked(first, size):
                return False
            if self._named():
                return True
            # the run that held it has removed it meanwhile
            os.close(self._descriptor)
            self._descriptor = None
        return True

    def _locked(self, first: int, size: int) -> bool:
        assert self._descriptor is not None
        try:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, size, first)
        except (BlockingIOError, PermissionError):
            return False
        except OSError:
            # a file system without locks
            return True
        return True

    def _named(self) -> bool:
        assert self._descriptor is not None
        try:
            return os.path.samestat(os.fstat(self._descriptor), self._path.stat())
        except FileNotFoundError:
            return False

    def _refuse(self) -> None:
        raise UsageError(
            f"--out {self._path.parent}: another run is writing into it; wait for its end, or give another folder"
        )
