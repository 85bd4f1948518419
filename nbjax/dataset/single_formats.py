"""The registry of formats that a dataset writes single images in: one line each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from nbjax.dataset import minicbf, offset_smv, single_nxmx
from nbjax.dataset.nxmx import NexusGeometry
from nbjax.dataset.single import Single
from nbjax.errors import ConfigError, Fault


@dataclass(frozen=True)
class SingleFormat:
    """A kind of file.

    Attributes:
        suffix: of its names.
        write: a file of an image.
        holds_floats: whether it takes pixels that are no whole numbers.
        holds_panels: whether it takes several panels, and pixels that are not square.
        check: (geometry, whether the images rotate); raises ConfigError where the format cannot tell that geometry.
    """

    suffix: str
    write: Callable[[Path, Single], None]
    check: Callable[[NexusGeometry, bool], None] = lambda geometry, rotates: None
    holds_floats: bool = False
    holds_panels: bool = False


SINGLE_FORMATS: dict[str, SingleFormat] = {
    "cbf": SingleFormat(".cbf", minicbf.write, minicbf.check_geometry),
    "smv": SingleFormat(".img", offset_smv.write),
    "nxmx": SingleFormat(".nxs", single_nxmx.write, holds_floats=True, holds_panels=True),
}
"""By the names of ``dataset.also``."""


def check_formats(kinds: Iterable[str], geometry: NexusGeometry, rotates: bool) -> None:
    """Make sure that formats can tell a geometry.

    Args:
        kinds: names of formats.
        geometry: of an image.
        rotates: whether the images rotate.

    Raises:
        ConfigError: one cannot.
    """
    is_plain = not geometry.several and len(set(geometry.modules[0].pixel_m)) == 1
    for name in kinds:
        kind = SINGLE_FORMATS[name]
        if not kind.holds_panels and not is_plain:
            what = f"{len(geometry.modules)} panels" if geometry.several else "pixels that are not square"
            problem = f'"{name}" holds one panel of square pixels, and detector.file has {what}; choose "nxmx"'
            raise ConfigError([Fault("dataset.also", problem)])
        kind.check(geometry, rotates)
