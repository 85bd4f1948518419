"""The folder that a command writes into."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nbjax.errors import UsageError


@contextmanager
def output_folder(name: str | None) -> Iterator[None]:
    """Make the output folder; take it away again if nothing came of it."""
    made = name is not None and not Path(name).exists()
    try:
        if name is not None:
            Path(name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out {name}: cannot be made a folder ({error.strerror}); give another name") from None
    try:
        yield
    except BaseException:
        # a folder may have been moved away meanwhile
        if made and name is not None and Path(name).is_dir() and not any(Path(name).iterdir()):
            Path(name).rmdir()
        raise
