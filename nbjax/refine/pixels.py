"""Shoeboxes of the shots of a run, kept in files, so that memory does not grow with the number of shots."""

from __future__ import annotations

import io
import zipfile
from dataclasses import fields
from pathlib import Path

import numpy as np

from nbjax.errors import FileError
from nbjax.io.files import atomic_writer
from nbjax.refine.shoeboxes import Shoeboxes

_TYPES = {"hkl": np.int32, "panel": np.int32, "data": np.float32, "valid": bool, "beside": np.float32}
"""Types in the files."""


class Pixels:
    """A folder with a file of shoeboxes for each shot.

    Args:
        folder: there already.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _path(self, number: int) -> Path:
        return self._folder / f"pixels_{number:06d}.npz"

    def has(self, number: int) -> bool:
        """Whether those of a shot are there."""
        return self._path(number).exists()

    def write(self, number: int, boxes: Shoeboxes) -> None:
        """Keep those of a shot.

        Raises:
            FileError: they cannot be written.
        """
        content = io.BytesIO()
        arrays = {each.name: getattr(boxes, each.name) for each in fields(Shoeboxes)}
        np.savez(content, **{name: value.astype(_TYPES.get(name, value.dtype)) for name, value in arrays.items()})
        with atomic_writer(self._path(number)) as handle:
            handle.write(content.getvalue())

    def read(self, number: int) -> Shoeboxes:
        """Those of a shot.

        Raises:
            FileError: they are not there, or damaged.
        """
        try:
            with np.load(self._path(number)) as content:
                arrays = dict(content)
        except (OSError, ValueError, zipfile.BadZipFile) as error:
            raise FileError(f"{self._path(number)}: cannot be read ({error}); run without --resume") from None
        floats = {name: arrays[name].astype(float) for name in ("hkl", "data", "valid", "beside")}
        return Shoeboxes(**arrays | floats)
