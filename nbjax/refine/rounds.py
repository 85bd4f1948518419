"""Where the rounds over all shots of a run stand, kept so that they go on after the run was stopped."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from nbjax.io.files import atomic_writer

PANELS, FACTORS = "panels", "factors"


class Rounds:
    """A file for each kind of rounds, as the last one left it.

    Args:
        folder: there already.
        question: what was asked for; rounds of another question are not taken.
        resume: whether those that are there are taken.
    """

    def __init__(self, folder: Path, question: str, resume: bool) -> None:
        self._folder, self._question, self._resume = folder, question, resume

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.npz"

    def read(self, name: str) -> dict[str, np.ndarray] | None:
        """What the last round kept, or None."""
        if not self._resume:
            return None
        try:
            with np.load(self._path(name)) as content:
                arrays = dict(content)
        except (OSError, ValueError, zipfile.BadZipFile):
            return None
        return arrays if str(arrays.pop("question", "")) == self._question else None

    def write(self, name: str, **arrays: Any) -> None:
        """Keep what a round has come to.

        Raises:
            FileError: it cannot be written.
        """
        content = io.BytesIO()
        np.savez_compressed(content, question=self._question, **arrays)
        with atomic_writer(self._path(name)) as handle:
            handle.write(content.getvalue())


def as_arrays(departures: dict[int, np.ndarray]) -> dict[str, np.ndarray]:
    """Departures by the numbers of their shots, as arrays to keep."""
    return {"numbers": np.array(list(departures), int), "departures": np.array(list(departures.values()), float)}


def of_arrays(arrays: dict[str, np.ndarray]) -> dict[int, np.ndarray]:
    """The inverse of ``as_arrays``."""
    return dict(zip(arrays["numbers"].tolist(), arrays["departures"], strict=True))
