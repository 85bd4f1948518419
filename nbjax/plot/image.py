"""The picture of one image on axes of matplotlib: pixels and millimetres, a colour bar, rings and spots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import MaxNLocator

from nbjax.geometry.layout import Layout
from nbjax.plot.rings import draw_centre, draw_rings
from nbjax.plot.scale import Scale
from nbjax.plot.sheet import Sheet, sheet_of
from nbjax.style import ABSENT, COLOUR_MAPS, styled


def draw_picture(axes: Axes, sheet: Sheet, norm: Normalize, colours: str = "Greys") -> AxesImage:
    """Draw a picture with its axes, in pixels and, where their size is told, in millimetres.

    Args:
        axes: to draw on.
        sheet: the picture.
        norm: from numbers to colours.
        colours: name of a colour map of matplotlib.
    """
    drawn = axes.imshow(sheet.picture, norm=norm, cmap=colours, extent=sheet.extent, aspect="equal")
    axes.set_facecolor(ABSENT)
    axes.spines[:].set_visible(True)
    if sheet.unit == "px":
        axes.set_xlabel("fast (px)")
        axes.set_ylabel("slow (px)")
        per_unit, other = sheet.pixel_mm, "mm"
    else:
        axes.set_xlabel("right of the beam (mm)")
        axes.set_ylabel("below the beam (mm)")
        per_unit, other = (1 / sheet.pixel_mm[0], 1 / sheet.pixel_mm[1]) if sheet.pixel_mm else None, "px"
    if per_unit is not None:
        _second(axes.secondary_xaxis, "top", per_unit[0], other)
        _second(axes.secondary_yaxis, "right", per_unit[1], other)
    return drawn


def draw_image(
    values: Float[np.ndarray, "..."],
    layout: Layout | None = None,
    axes: Axes | None = None,
    scale: Scale | None = None,
    colours: str = "grey",
    unit: str = "photons",
    rings: Sequence[float] | None = None,
    bar: bool = True,
) -> Axes:
    """Draw an image; the axes, for more to be drawn on.

    Args:
        values: (slow, fast), or (panel, slow, fast), NaN where there is no value.
        layout: where the pixels stand, for millimetres, rings and the beam centre; ``layout_of`` makes it.
        axes: to draw on; None: those of a new figure.
        scale: from numbers to colours.
        colours: a name of ``COLOUR_MAPS``.
        unit: of the numbers, for the colour bar.
        rings: d in Angstrom of each; None: some round ones, where a wavelength is told.
        bar: whether there is a colour bar.

    Raises:
        ArgumentError: the layout is of another image, or a ring finer than half the wavelength.
    """
    with styled():
        if axes is None:
            axes = Figure(figsize=(7.0, 6.0), layout="constrained").subplots()
        sheet = sheet_of(np.asarray(values, float), layout)
        drawn = draw_picture(axes, sheet, (scale or Scale()).norm(sheet.picture), COLOUR_MAPS[colours])
        if layout is not None:
            if layout.wavelength_A is not None and (rings is None or len(rings)):
                draw_rings(axes, sheet, layout, rings)
            draw_centre(axes, sheet, layout)
        if bar:
            draw_bar(drawn, [axes], unit)
        return axes


def draw_bar(drawn: AxesImage, axes: Sequence[Axes], label: str, extend: str = "neither") -> None:
    """Draw the colour bar of a picture.

    Args:
        drawn: the picture.
        axes: those that it belongs to.
        label: what the numbers are.
        extend: whether it has a tip at an end, as matplotlib calls it.
    """
    figure = axes[0].get_figure()
    assert figure is not None
    bar = figure.colorbar(drawn, ax=list(axes), label=label, shrink=0.85, pad=0.02, extend=extend)
    if not isinstance(drawn.norm, LogNorm):
        # evenly spaced numbers crowd at the upper end of a square root
        bar.locator = MaxNLocator(5)
        bar.update_ticks()


def _second(make: Any, side: str, per_unit: float, unit: str) -> None:
    second = make(side, functions=(lambda x: x * per_unit, lambda x: x / per_unit))
    second.tick_params(labelsize=7)
    second.set_xlabel(unit, fontsize=7.5) if side == "top" else second.set_ylabel(unit, fontsize=7.5)
