"""Shots that a run has finished, kept so that it goes on after it was stopped."""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from nbjax.io.files import atomic_writer
from nbjax.refine.outcome import ShotResult, of_arrays
from nbjax.refine.parameters import NAMES
from nbjax.refine.pixels import Pixels
from nbjax.refine.rounds import FACTORS, PANELS, Rounds

FOLDER = "shots"


class Kept:
    """A folder with a file for each shot.

    Args:
        folder: of the run.
        question: what was asked for; shots of another question are not taken.
        resume: whether those that are there are taken.
        pixels: shoeboxes of the shots, without which none is taken; None: they are not wanted.
    """

    def __init__(self, folder: Path, question: str, resume: bool, pixels: Pixels | None = None) -> None:
        self._folder, self._resume, self._pixels = folder / FOLDER, resume, pixels
        # shots of a version that kept other things are of another question
        kept = [*(each.name for each in fields(ShotResult)), *NAMES]
        self._question = hashlib.sha256(f"{question} {kept}".encode()).hexdigest()
        self._folder.mkdir(exist_ok=True)

    def clear(self) -> None:
        """Take away the shots that are there, and the rounds over them."""
        for pattern in ("shot_*.npz", f"{PANELS}.npz", f"{FACTORS}.npz"):
            for path in self._folder.glob(pattern):
                path.unlink(missing_ok=True)

    def rounds(self) -> Rounds:
        """Where the rounds over all shots stand, of the same question."""
        return Rounds(self._folder, self._question, self._resume)

    def _path(self, number: int) -> Path:
        return self._folder / f"shot_{number:06d}.npz"

    def read(self, number: int) -> ShotResult | None:
        """A shot that was finished, or None."""
        if not self._resume or (self._pixels is not None and not self._pixels.has(number)):
            return None
        try:
            with np.load(self._path(number)) as content:
                arrays = dict(content)
        except (OSError, ValueError, zipfile.BadZipFile):
            return None
        return of_arrays(arrays) if str(arrays.pop("question", "")) == self._question else None

    def write(self, shot: ShotResult) -> None:
        """Keep a shot.

        Raises:
            FileError: it cannot be written.
        """
        content = io.BytesIO()
        arrays: dict[str, Any] = shot.arrays()
        np.savez_compressed(content, question=self._question, **arrays)
        with atomic_writer(self._path(shot.number)) as handle:
            handle.write(content.getvalue())
