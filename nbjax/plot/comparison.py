"""The figure of a comparison: both images, their difference, radial profiles and the worst spots."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure, FigureBase

from nbjax.geometry.layout import Layout
from nbjax.plot.agreement import Agreement
from nbjax.plot.exposure import Exposure
from nbjax.plot.image import draw_bar, draw_picture
from nbjax.plot.page import Choices, Zoom, draw_zoom, tallness
from nbjax.plot.sheet import MOST, Sheet, sheet_of
from nbjax.style import COLOUR_MAPS, DIFFERENCES, SERIES, styled, subfigures

_LIMIT_SIGMAS = 5.0
_SHOWN = 6


def comparison_page(first: Exposure, second: Exposure, found: Agreement, choices: Choices | None = None) -> Figure:
    """Two images, their difference in standard deviations, radial profiles, and the worst places side by side.

    Args:
        first, second: what was compared.
        found: the comparison.
        choices: scale, colours and marks.
    """
    chosen = choices or Choices()
    layout = first.layout or second.layout
    pair = [
        Exposure(first.name, found.first, first.unit, layout=layout),
        Exposure(_second_name(second.name, found), found.second, first.unit, layout=layout),
    ]
    worst = found.worst[:_SHOWN]
    with styled():
        sheets = [sheet_of(exposure.values, layout, MOST // 2) for exposure in pair]
        norm = chosen.scale.norm(*(sheet.picture for sheet in sheets))
        heights = (2.9 * max(map(tallness, sheets)) + 1.1, 2.9, 5.2)[: 3 if worst else 2]
        figure = Figure(figsize=(12.6, sum(heights)), layout="constrained")
        bands = subfigures(figure, heights)
        top = bands[0].subplots(1, 3)
        for axes, exposure, sheet in zip(top, pair, sheets, strict=False):
            drawn = draw_picture(axes, sheet, norm, COLOUR_MAPS[chosen.colours])
            axes.set_title(exposure.name)
        draw_bar(drawn, list(top[:2]), first.unit)
        draw_difference(top[2], found, layout)
        low = bands[1].subplots(1, 2)
        draw_profile(low[0], found, (pair[0].name, pair[1].name), first.unit)
        _draw_correlations(low[1], found)
        if worst:
            _draw_worst(bands[2], pair, found, norm, chosen)
        return figure


def draw_difference(axes: Axes, found: Agreement, layout: Layout | None = None) -> None:
    """Draw (first - second) in standard deviations; of several pixels that share one of the picture, the largest.

    Args:
        axes: to draw on.
        found: the comparison.
        layout: where the pixels stand.
    """
    above, below = (sheet_of(values, layout, MOST // 2) for values in (found.sigmas, -found.sigmas))
    larger = np.where(above.picture >= below.picture, above.picture, -below.picture)
    sheet = Sheet(larger, above.extent, above.unit, above.pixel_mm, above.plates)
    drawn = draw_picture(axes, sheet, Normalize(-_LIMIT_SIGMAS, _LIMIT_SIGMAS), DIFFERENCES)
    axes.set_title(f"difference, rms {found.rms_sigmas:.3g} sigma")
    draw_bar(drawn, [axes], "(first - second) / sigma", extend="both")


def draw_profile(axes: Axes, found: Agreement, names: tuple[str, str], unit: str) -> None:
    """Draw the mean of both images by resolution, or by the distance from the middle.

    Args:
        axes: to draw on.
        found: the comparison.
        names: of the images.
        unit: of their numbers.
    """
    middles = (found.edges[:-1] + found.edges[1:]) / 2
    for profile, name, colour, line in zip(found.profiles, names, SERIES, ("-", "--"), strict=False):
        axes.plot(middles, profile, line, color=colour, label=name, linewidth=1.5)
    axes.set_ylabel(f"mean ({unit} a pixel)")
    if np.nanmin(found.profiles, initial=np.inf) > 0:
        axes.set_yscale("log")
    axes.legend(frameon=False, fontsize=8)
    _label_shells(axes, found)


def _draw_correlations(axes: Axes, found: Agreement) -> None:
    middles = (found.edges[:-1] + found.edges[1:]) / 2
    axes.plot(middles, found.correlations, ".-", color=SERIES[2], linewidth=1.2)
    axes.set_ylabel("correlation")
    numbers = (("correlation", found.correlation), ("R", found.r), ("R scaled", found.r_scaled), ("scale", found.scale))
    axes.set_title("   ".join(f"{name} {value:.5g}" for name, value in numbers))
    axes.set_ylim(min(0.0, float(np.nanmin(found.correlations, initial=0.0))) - 0.02, 1.05)
    _label_shells(axes, found)


def _label_shells(axes: Axes, found: Agreement) -> None:
    axes.grid(axis="y", color="#e3e3e3", linewidth=0.6)
    axes.set_xlim(0, found.edges[-1])
    if not found.spacing:
        axes.set_xlabel("distance from the middle (px)")
        return
    axes.set_xlabel("1/d (1/Å)")
    ticks = np.linspace(0, found.edges[-1], 7)[1:]
    above = axes.secondary_xaxis("top")
    above.set_xticks(ticks, [f"{1 / tick:.3g}" for tick in ticks], fontsize=7)
    above.set_xlabel("d (Å)", fontsize=7.5)


def _draw_worst(band: FigureBase, pair: list[Exposure], found: Agreement, norm: Normalize, chosen: Choices) -> None:
    worst = found.worst[:_SHOWN]
    sigmas = Exposure("", found.sigmas, "photons")
    rows = band.subplots(3, _SHOWN, squeeze=False)
    for column, place in enumerate(worst):
        panel = f"panel {place.panel}: " if found.sigmas.ndim == 3 else ""
        zoom = Zoom(place.panel, place.centre, "", place.mark)
        for row, exposure in enumerate([*pair, sigmas]):
            limits = norm if row < 2 else Normalize(-_LIMIT_SIGMAS, _LIMIT_SIGMAS)
            draw_zoom(rows[row, column], exposure, zoom, limits, chosen, DIFFERENCES if row == 2 else None)
            rows[row, column].set_title("")
        fast, slow = place.centre
        title = f"{panel}{place.name or f'fast {fast:.0f}, slow {slow:.0f}'}"
        sums = f"{place.first:.4g} | {place.second:.4g}, {place.sigmas:+.3g} σ"
        rows[0, column].set_title(f"{title}\n{sums}", fontsize=7.5)
    for axes in rows[:, len(worst) :].flat:
        axes.set_axis_off()
    for axes, label in zip(rows[:, 0], ("first", "second", "difference"), strict=True):
        axes.set_ylabel(label)


def _second_name(name: str, found: Agreement) -> str:
    return f"{name} x {found.scale:.4g}" if found.scaled else name
