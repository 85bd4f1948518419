"""What is measured: option lines that nbjax and the C program both read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

INPUTS = Path(__file__).parents[1] / "golden" / "inputs"

_PIXELS = "-detpixels 512 -pixel 0.1 -distance 100 -lambda 1 -oversample 1 -nonoise"
_CELL = "-cell 78 78 38 90 90 90 -default_F 100"
_TABLE = f"-hkl {INPUTS / 'p1_6A.hkl'} -mat {INPUTS / 'p1.mat'}"
_SUPERVISOR = (INPUTS.parent / "supervisor_crop" / "args.txt").read_text()


@dataclass(frozen=True)
class Workload:
    """One row of the table.

    Attributes:
        name: what it is called.
        line: options.
        samples: pixels times samples a pixel.
        wanted: how many times as fast as the C program it should be.
    """

    name: str
    line: tuple[str, ...]
    samples: int
    wanted: float


def _workload(name: str, line: str, samples: int, wanted: float) -> Workload:
    return Workload(name, tuple(line.split()), samples, wanted)


KERNELS = (
    _workload("mosaic", f"{_CELL} -N 30 -mosaic 0.5 -mosaic_dom 100 {_PIXELS}", 512**2 * 100, 35),
    _workload("mosaic, table", f"{_TABLE} -N 30 -mosaic 0.5 -mosaic_dom 100 {_PIXELS}", 512**2 * 100, 20),
    _workload(
        "50 sources x 20 domains x 5 phi, table",
        f"{_TABLE} -N 30 -mosaic 0.5 -mosaic_dom 20 -dispersion 1 -dispsteps 50 -osc 1 -phi 3 -phisteps 5 {_PIXELS}",
        512**2 * 5000,
        20,
    ),
)
"""Images whose rendering is timed inside one process; file names are absolute."""

_WHOLE = _SUPERVISOR[: _SUPERVISOR.index("-roi")].replace("supervisor.", f"{INPUTS}/supervisor.")
PROCESSES = (
    _workload("supervisor image", _WHOLE, 2527 * 2463 * 10, 3),
    _workload(
        "simple cubic, 1024 x 1024",
        "-cell 100 100 100 90 90 90 -default_F 100 -lambda 6.2 -N 5 -distance 100 -detpixels 1024 -pixel 0.1",
        1024**2,
        0,
    ),
)
"""Images whose whole process is timed, start-up and files included."""
