"""One line for every key of a comparison: its worst entry over all pixels and samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from nbjax.tracing.compare import Comparison, Factor, PixelComparison
from nbjax.tracing.keys import BEFORE_SAMPLES, PIXEL, SAMPLE, pixel_order, sample_order
from nbjax.tracing.sampling import SAMPLES

Block = Literal["geometry", "samples", "intensity", "not mapped"]

BLOCKS: tuple[Block, ...] = ("geometry", "samples", "intensity", "not mapped")
"""The blocks in the order of computation; keys of other programs that have no meaning here come last."""

_EARLY = {key.name for key in BEFORE_SAMPLES}


@dataclass(frozen=True, eq=False)
class Line:
    """One key that both traces have.

    Attributes:
        key: its name.
        block: where in the computation it stands.
        worst: the entry that exceeds its tolerance most, or comes nearest to it.
        entries: in how many pixels, or samples of them, it was compared.
        divergent: in how many of them it diverges.
    """

    key: str
    block: Block
    worst: Factor
    entries: int
    divergent: int


def overview(comparison: Comparison) -> list[Line]:
    """Every key that both traces have, in the order of computation."""
    lines: dict[tuple[str, str], Line] = {}
    for pixel in comparison.pixels:
        for line in _lines(pixel):
            place = line.block, line.key
            known = lines.get(place)
            if known is not None:
                worst = max(known.worst, line.worst, key=_badness)
                line = Line(line.key, line.block, worst, known.entries + line.entries, known.divergent + line.divergent)
            lines[place] = line
    return sorted(lines.values(), key=lambda line: (BLOCKS.index(line.block), _order(line)))


def lacking(comparison: Comparison) -> dict[str, list[str]]:
    """Keys that only one trace has, by the verdict, each named once."""
    found: dict[str, list[str]] = {"only in reference": [], "only in candidate": []}
    for pixel in comparison.pixels:
        for factor in (*pixel.before, *pixel.after):
            names = found.get(factor.verdict)
            if names is not None and factor.key not in names:
                names.append(factor.key)
    return found


def is_mapped(name: str) -> bool:
    """Whether a key, or ``samples.column``, has a meaning in the table of keys."""
    column = name.removeprefix(f"{SAMPLES}.")
    return name in PIXEL or name == SAMPLES or (column != name and column in SAMPLE)


def _lines(pixel: PixelComparison) -> list[Line]:
    lines = [
        Line(factor.key, _block(factor.key), factor, 1, int(factor.verdict == "divergent"))
        for factor in (*pixel.before, *pixel.after)
        if factor.verdict in ("equal", "divergent")
    ]
    table = pixel.samples
    if table is None or not len(table.rows):
        return lines
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        badness = np.where(table.absolute > 0, table.absolute / table.allowed, 0.0)
    for i, name in enumerate(table.columns):
        worst = pixel.sample_factor(int(np.argmax(badness[:, i])), i)
        lines.append(Line(name, "samples", worst, len(table.rows), int(table.divergent[:, i].sum())))
    return lines


def _block(name: str) -> Block:
    if name == SAMPLES or name in _EARLY:
        return "geometry"
    return "intensity" if name in PIXEL else "not mapped"


def _badness(factor: Factor) -> float:
    if factor.absolute is None:
        return float("inf")
    if not factor.allowed:
        return float("inf") if factor.absolute else 0.0
    return factor.absolute / factor.allowed


def _order(line: Line) -> int:
    return sample_order(line.key) if line.block == "samples" else pixel_order(line.key)
