"""The table of docs/precision.md: ``python tests/benchmarks/precision.py [--out FILE.md]``.

Every golden case of the C program under parity, and crystals of 10, 100 and 1000 cells an axis at 1 A, in each
precision. Errors are the largest difference over the brightest pixel. ``single`` runs with 64-bit floats switched off.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import jax
import numpy as np
from cases import CASES, INPUTS, images, option_line, residual, window
from oracle.image import simulate as simulate_independently

from nbjax import simulate
from nbjax.cli.nanobragg import read_options
from nbjax.preparation import prepare_resolved
from nbjax.resolve import resolve

Row = tuple[str, ...]
MODES = ("double", "mixed", "single")
LARGE = (
    "-cell 78.2 79.1 38.4 84 95 102 -default_F 100 -misset 10 20 30 -lambda 1 -distance 60 -detpixels 256 -pixel 0.4"
)
LARGE += " -mosaic 0.2 -mosaic_dom 5 -phi 3 -osc 0.5 -phisteps 3 -oversample 1 -nonoise"


def render(line: list[str], mode: str) -> np.ndarray:
    """The image of an option line; only ``single`` runs without 64-bit floats."""
    with jax.enable_x64(mode != "single"):
        experiment = prepare_resolved(resolve(read_options([*line, "-precision", mode]).config))
        return np.asarray(simulate(experiment), float)


def golden_rows() -> Iterator[Row]:
    """Each case: double against the stored 32-bit image of the C program, the others against double."""
    yield "golden case", "double", "mixed", "single"
    for case in CASES:
        found = {mode: window(case, render([*option_line(case), "-parity"], mode)) for mode in MODES}
        errors = [residual(found["double"], images(case)["c"])]
        yield (case, *map(_short, errors + [residual(found[mode], found["double"]) for mode in MODES[1:]]))


def large_rows() -> Iterator[Row]:
    """Large crystals: double against the independent implementation of the tests, the others against double."""
    yield "cells an axis, 1 A", "double", "mixed", "single"
    for cells in (10, 100, 1000):
        line = f"{LARGE} -N {cells}"
        wanted = render(line.split(), "double")
        errors = [residual(wanted, simulate_independently(line, INPUTS))]
        yield (str(cells), *map(_short, errors + [residual(render(line.split(), m), wanted) for m in MODES[1:]]))


def _short(error: float) -> str:
    return f"{error:.1e}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="write the tables to this Markdown file too")
    out = parser.parse_args().out
    out = None if out is None else out.resolve()
    os.chdir(INPUTS)
    lines: list[str] = []
    for rows in (large_rows(), golden_rows()):
        for number, row in enumerate(rows):
            new = ["| " + " | ".join(row) + " |"] + ["|---" * len(row) + "|"] * (number == 0)
            print(*new, sep="\n", flush=True)
            lines += new
        lines.append("")
    if out is not None:
        out.write_text("\n".join(lines))


if __name__ == "__main__":
    main()
