"""The picture of a comparison: how far every factor is from the reference, and the sum as it grows."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from nbjax.style import SERIES, rendered, styled
from nbjax.tracing.compare import Comparison, PixelComparison
from nbjax.tracing.overview import BLOCKS, Line, overview
from nbjax.tracing.wording import divergence, shown_percent

_EQUAL, _DIVERGENT, _ = SERIES
_TOLERANCE, _INK = "#8a8a8a", "#222222"
_WIDTH, _ROW = 10.0, 0.215
_LEAST = 1e-18
"""Left end of the axis of differences; below the rounding of any double."""

_MOST_RELATIVE = 1e3
"""The largest relative difference that is told from larger ones."""

_IDENTICAL = 2.5e-18
"""Where the markers of identical values stand."""

_MOST = 120
"""The most keys that are drawn."""

_FEW = 60
"""The most samples that are marked one by one."""


def chart_png(comparison: Comparison) -> bytes:
    """The picture as the bytes of a PNG file."""
    from matplotlib.figure import Figure

    lines = _drawn(overview(comparison))
    pixel = _sampled(comparison)
    heights = [_ROW * (len(lines) + 1), *([2.6] if pixel is not None else [])]
    head = 1.15
    # letters that the font lacks are drawn as boxes, which does no harm
    with styled(), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        figure = Figure(figsize=(_WIDTH, head + sum(heights) + 0.95 * len(heights)))
        total = figure.get_figheight()
        bottom = total - head - heights[0]
        axes = figure.add_axes((0.215, bottom / total, 0.735, heights[0] / total))
        _draw_factors(axes, comparison, lines)
        _draw_head(figure, comparison, total)
        if pixel is not None:
            _draw_samples(figure.add_axes((0.1, 0.55 / total, 0.85, heights[1] / total)), pixel)
        return rendered(figure, dpi=110.0)


def _drawn(lines: list[Line]) -> list[Line]:
    """The lines that fit into a picture: those that diverge, and as many others as there is room for."""
    if len(lines) <= _MOST:
        return lines
    ranked = sorted(range(len(lines)), key=lambda i: (not lines[i].divergent, i))
    return [lines[i] for i in sorted(ranked[:_MOST])]


def _draw_head(figure: Any, comparison: Comparison, total: float) -> None:
    first = comparison.first_divergence
    counts = ", ".join(f"{count} {what}" for what, count in comparison.counts.items() if count)
    title = "Equal within tolerance" if first is None else "First divergence"
    detail = "" if first is None else divergence(comparison, first)
    color = _EQUAL if first is None else _DIVERGENT
    figure.text(0.03, 1 - 0.32 / total, title, fontsize=14, fontweight="bold", color=color, va="center")
    detail = detail if len(detail) <= 130 else detail[:127] + "..."
    figure.text(0.03, 1 - 0.62 / total, detail or counts, fontsize=9, color=_INK, va="center", parse_math=False)
    if detail:
        figure.text(0.03, 1 - 0.84 / total, counts, fontsize=9, color=_TOLERANCE, va="center")


def _draw_factors(axes: Any, comparison: Comparison, lines: list[Line]) -> None:
    """A lollipop for each key from the left end to its relative difference, and a tick at its tolerance."""
    ends = [_end(line.worst.relative, line.worst.absolute) for line in lines]
    limits = [min(line.worst.tolerance or 0.0, _MOST_RELATIVE) for line in lines]
    right = max(1.0, *(10 * x for x in (*ends, *limits)))
    places = [_IDENTICAL if end == 0 else max(end, 2 * _IDENTICAL) for end in ends]
    colors = [_DIVERGENT if line.divergent else _EQUAL for line in lines]
    rows = range(len(lines))
    axes.set_xscale("log")
    axes.set_xlim(_LEAST, right)
    axes.set_ylim(len(lines) - 0.3, -0.7)
    _draw_blocks(axes, lines)
    for row, place, end, color in zip(rows, places, ends, colors, strict=True):
        if end:
            axes.hlines(row, _LEAST, place, colors=color, linewidth=2.2, alpha=0.55, zorder=2)
        face = "white" if end == 0 else color
        axes.plot(place, row, "o", markersize=5, markerfacecolor=face, markeredgecolor=color, zorder=4)
    marked = [(limit, row) for row, limit in zip(rows, limits, strict=True) if limit > _LEAST]
    if marked:
        axes.plot(*zip(*marked, strict=True), "|", color=_TOLERANCE, markersize=10, markeredgewidth=1.6, zorder=3)
    axes.set_yticks(rows, [line.key for line in lines], fontsize=8.5, parse_math=False)
    for label, color in zip(axes.get_yticklabels(), colors, strict=True):
        label.set_color(color if color == _DIVERGENT else _INK)
    _label_first(axes, comparison, lines, places, right)
    axes.set_xlabel("relative difference   (hollow: identical, grey tick: tolerance)", fontsize=9, color=_INK)
    axes.tick_params(axis="x", labelsize=8.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="#e4e4e4", linewidth=0.7, zorder=0)
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)


def _end(relative: float | None, absolute: float | None) -> float:
    """Where a lollipop ends; far to the right where nothing relative can be said."""
    if relative is None:
        return 1.0 if absolute is None or absolute > 0 else 0.0
    return min(relative, _MOST_RELATIVE)


def _draw_blocks(axes: Any, lines: list[Line]) -> None:
    for number, block in enumerate(BLOCKS):
        rows = [row for row, line in enumerate(lines) if line.block == block]
        if not rows:
            continue
        top, bottom = rows[0] - 0.5, rows[-1] + 0.5
        if number % 2:
            axes.axhspan(top, bottom, color="#f4f5f7", zorder=0)
        axes.text(
            1.012,
            (top + bottom) / 2,
            block,
            transform=axes.get_yaxis_transform(),
            rotation=270,
            fontsize=8.5,
            color=_TOLERANCE,
            va="center",
            ha="left",
        )


def _label_first(axes: Any, comparison: Comparison, lines: list[Line], places: list[float], right: float) -> None:
    first = comparison.first_divergence
    if first is None:
        return
    for row, line in enumerate(lines):
        if line.key == first.key and (line.block == "samples") == (first.sample is not None):
            percent = shown_percent(first.percent, signed=isinstance(first.reference, float))
            text = "first divergence" + (f"  {percent}" if percent else "")
            # a long lollipop leaves room on its left only
            long = places[row] > right**0.6 * _LEAST**0.4
            axes.annotate(
                text,
                (places[row], row),
                xytext=(-10 if long else 14, 0),
                textcoords="offset points",
                ha="right" if long else "left",
                va="center",
                fontsize=8.5,
                fontweight="bold",
                color=_DIVERGENT,
                bbox={"facecolor": "white", "edgecolor": _DIVERGENT, "boxstyle": "round,pad=0.25", "linewidth": 0.8},
                zorder=6,
            )
            return


def _sampled(comparison: Comparison) -> PixelComparison | None:
    """The pixel whose samples are drawn: the first that diverges, else the first with several."""
    first = comparison.first_divergence
    drawable = [
        pixel
        for pixel in comparison.pixels
        if pixel.samples is not None and len(pixel.samples.rows) > 1 and "I_running" in pixel.samples.columns
    ]
    for pixel in drawable:
        if first is not None and (pixel.slow, pixel.fast) == (first.slow, first.fast):
            return pixel
    return drawable[0] if drawable else None


def _draw_samples(axes: Any, pixel: PixelComparison) -> None:
    """The sum after each sample, in both traces."""
    table = pixel.samples
    assert table is not None
    column = table.columns.index("I_running")
    both = np.stack([table.reference[:, column], table.candidate[:, column]])
    power = math.floor(math.log10(np.abs(both).max(initial=1e-300)))
    marker = "o" if len(table.rows) <= _FEW else None
    for values, name, color, style in (
        (both[0], "reference", "#b9bdc4", {"lw": 4.5, "zorder": 2}),
        (both[1], "candidate", _EQUAL, {"lw": 1.4, "zorder": 3, "marker": marker, "ms": 3.5}),
    ):
        axes.plot(table.rows, values / 10.0**power, color=color, label=name, **style)
    divergent = table.rows[table.divergent.any(axis=1)]
    if divergent.size:
        axes.axvline(int(divergent[0]), color=_DIVERGENT, ls="--", lw=1.2, zorder=1, label="first divergent sample")
    place = "" if pixel.slow is None else f", pixel ({pixel.slow}, {pixel.fast})"
    axes.set_title(f"Sum after each sample{place}", fontsize=10, loc="left", color=_INK)
    axes.set_xlabel("sample", fontsize=9, color=_INK)
    axes.set_ylabel(f"I_running / $10^{{{power}}}$ electrons$^2$", fontsize=9, color=_INK)
    axes.tick_params(labelsize=8.5)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(color="#e4e4e4", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.legend(fontsize=8.5, frameon=False, loc="best")
