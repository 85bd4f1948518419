"""What all figures share: fonts, colours, and how they become files."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from nbjax.errors import UsageError
from nbjax.io.files import atomic_writer

STYLE: dict[Any, Any] = {
    "font.size": 9.0,
    "font.family": "sans-serif",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "figure.facecolor": "white",
    "image.interpolation": "nearest",
}
COLOUR_MAPS = {
    "grey": "Greys",
    "cividis": "cividis",
    "viridis": "viridis",
    "magma": "magma",
    "inferno": "inferno",
}
"""Names of colour maps, all of them the same to those who cannot tell red from green; the first is the default."""
DIFFERENCES = "RdBu_r"
ABSENT = "#c8d6e5"
"""Colour of what has no value."""
RING, SPOT, CENTRE = "#0072b2", "#d55e00", "#009e73"
SERIES = ("#0072b2", "#d55e00", "#009e73")
ENDINGS = (".png", ".pdf")


@contextmanager
def styled() -> Iterator[None]:
    """Figures made within look like all others."""
    # here and below, since reports that are not drawn need none of it
    import matplotlib as mpl

    with mpl.rc_context(STYLE):
        yield


def subfigures(figure: Any, heights: Sequence[float]) -> list[Any]:
    """Parts of a figure beneath each other.

    Args:
        figure: of matplotlib.
        heights: of each part, in any unit.
    """
    return list(np.atleast_1d(np.asarray(figure.subfigures(len(heights), 1, height_ratios=list(heights)), object)))


def rendered(figure: Any, kind: str = "png", dpi: float = 150.0) -> bytes:
    """A figure as the bytes of a file, the same ones every time.

    Args:
        figure: of matplotlib.
        kind: "png" or "pdf".
        dpi: dots per inch of what consists of pixels.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    buffer = io.BytesIO()
    FigureCanvasAgg(figure)
    metadata: dict[str, Any] = {"Software": None} if kind == "png" else {"CreationDate": None, "Producer": None}
    figure.savefig(buffer, format=kind, dpi=dpi, metadata=metadata)
    return buffer.getvalue()


def check_name(path: str, option: str = "--out") -> str:
    """The kind of a figure's file by its name.

    Raises:
        UsageError: it is none.
    """
    ending = Path(path).suffix.lower()
    if ending not in ENDINGS:
        raise UsageError(f"{option} {path}: is no name of a picture; give one that ends in {' or '.join(ENDINGS)}")
    return ending[1:]


def save(figure: Any, path: str, dpi: float = 150.0, kind: str | None = None) -> None:
    """Write a figure, whole or not at all.

    Args:
        figure: of matplotlib.
        path: of the file.
        dpi: dots per inch of what consists of pixels.
        kind: "png" or "pdf"; None: by the name, which ends in .png or .pdf.

    Raises:
        UsageError: the name is of another kind.
        FileError: it cannot be written.
    """
    content = rendered(figure, kind or check_name(path), dpi)
    with atomic_writer(path) as handle:
        handle.write(content)
