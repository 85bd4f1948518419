"""The registry of formats that a dataset writes single images in: one line each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nbjax.dataset import minicbf, offset_smv, single_nxmx
from nbjax.dataset.nxmx import NexusGeometry
from nbjax.dataset.single import Single


@dataclass(frozen=True)
class SingleFormat:
    """A kind of file.

    Attributes:
        suffix: of its names.
        write: a file of an image.
        holds_floats: whether it takes pixels that are no whole numbers.
        check: (geometry, whether the images rotate); raises ConfigError where the format cannot tell that geometry.
    """

    suffix: str
    write: Callable[[Path, Single], None]
    check: Callable[[NexusGeometry, bool], None] = lambda geometry, rotates: None
    holds_floats: bool = False


SINGLE_FORMATS: dict[str, SingleFormat] = {
    "cbf": SingleFormat(".cbf", minicbf.write, minicbf.check_geometry),
    "smv": SingleFormat(".img", offset_smv.write),
    "nxmx": SingleFormat(".nxs", single_nxmx.write, holds_floats=True),
}
"""By the names of ``dataset.also``."""
