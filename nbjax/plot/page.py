"""A page of pictures: images side by side on one scale, and spots from nearby."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from nbjax.plot.exposure import Exposure
from nbjax.plot.image import draw_bar, draw_picture
from nbjax.plot.rings import draw_centre, draw_rings
from nbjax.plot.scale import Scale
from nbjax.plot.sheet import Sheet, sheet_of
from nbjax.plot.spots import Marks, draw_spots, outline
from nbjax.style import ABSENT, COLOUR_MAPS, SPOT, styled, subfigures

_COLUMNS, _ZOOMS_A_ROW = 3, 6
_HALF_PX = 12.0
_AT_BEAM = 1e-9
"""Of sin(theta), below which a spot has no d."""


@dataclass(frozen=True)
class Zoom:
    """A place to look at closely.

    Attributes:
        panel: its number.
        centre: (fast, slow) in pixels.
        name: of it.
        mark: number of the spot among the marks, or None.
    """

    panel: int
    centre: tuple[float, float]
    name: str
    mark: int | None = None


@dataclass(frozen=True)
class Choices:
    """What a page shows.

    Attributes:
        scale: from numbers to colours.
        colours: a name of ``COLOUR_MAPS``.
        rings: d in Angstrom; None: some round ones; (): none.
        marks: predicted spots, or None.
        indices: how many of the brightest spots tell their h k l.
        zooms: what is looked at closely.
    """

    scale: Scale = field(default_factory=Scale)
    colours: str = "grey"
    rings: tuple[float, ...] | None = None
    marks: Marks | None = None
    indices: int = 0
    zooms: tuple[Zoom, ...] = ()


def page(exposures: Sequence[Exposure], choices: Choices | None = None) -> Figure:
    """A figure of images, each with its rings and spots, and of zooms beneath.

    Images in the same unit share one scale and so can be compared by eye.

    Args:
        exposures: the images, at least one.
        choices: what is shown.

    Raises:
        ArgumentError: a ring finer than half the wavelength.
    """
    chosen = choices or Choices()
    with styled():
        columns = min(len(exposures), _COLUMNS)
        rows = -(-len(exposures) // columns)
        per_row = min(len(chosen.zooms), _ZOOMS_A_ROW)
        zoom_rows = -(-len(chosen.zooms) // per_row) * len(exposures) if per_row else 0
        width = 7.6 if columns == 1 else 5.6 * columns
        zoom_height = width / max(per_row, 4) + 0.25
        sheets = [sheet_of(exposure.values, exposure.layout) for exposure in exposures]
        height = (width / columns - 1.2) * max(map(tallness, sheets)) + 0.9
        figure = Figure(figsize=(width, height * rows + zoom_height * zoom_rows), layout="constrained")
        bands = subfigures(figure, (height * rows, zoom_height * zoom_rows)) if zoom_rows else [figure]
        grid = bands[0].subplots(rows, columns, squeeze=False)
        norms = _norms(exposures, sheets, chosen.scale)
        for axes, exposure, sheet, norm in zip(grid.flat, exposures, sheets, norms, strict=False):
            _draw(axes, exposure, sheet, norm, chosen)
        for axes in grid.flat[len(exposures) :]:
            axes.set_axis_off()
        if zoom_rows:
            small = bands[1].subplots(zoom_rows, per_row, squeeze=False)
            _draw_zooms(small, exposures, norms, chosen)
        return figure


def tallness(sheet: Sheet) -> float:
    """Height over width of a picture, within reason."""
    left, right, bottom, top = sheet.extent
    return float(np.clip((bottom - top) / (right - left), 0.3, 1.6))


def _norms(exposures: Sequence[Exposure], sheets: Sequence[Sheet], scale: Scale) -> list[Normalize]:
    """One for each image, the same one for those in the same unit."""
    shared = {
        unit: scale.norm(*[s.picture for e, s in zip(exposures, sheets, strict=True) if e.unit == unit])
        for unit in {exposure.unit for exposure in exposures}
    }
    return [shared[exposure.unit] for exposure in exposures]


def _draw(axes: Axes, exposure: Exposure, sheet: Sheet, norm: Normalize, chosen: Choices) -> None:
    drawn = draw_picture(axes, sheet, norm, COLOUR_MAPS[chosen.colours])
    axes.set_title(exposure.name)
    layout = exposure.layout
    if layout is not None:
        if chosen.rings or (chosen.rings is None and layout.wavelength_A is not None):
            draw_rings(axes, sheet, layout, chosen.rings)
        draw_centre(axes, sheet, layout)
    if chosen.marks is not None:
        draw_spots(axes, sheet, chosen.marks, chosen.indices)
    draw_bar(drawn, [axes], exposure.unit)


def _draw_zooms(small: np.ndarray, exposures: Sequence[Exposure], norms: Sequence[Normalize], chosen: Choices) -> None:
    cells = iter(small.flat)
    per_image = small.size // len(exposures)
    for exposure, norm in zip(exposures, norms, strict=True):
        for number in range(per_image):
            axes = next(cells)
            if number < len(chosen.zooms):
                draw_zoom(axes, exposure, chosen.zooms[number], norm, chosen)
            else:
                axes.set_axis_off()


def draw_zoom(
    axes: Axes, exposure: Exposure, zoom: Zoom, norm: Normalize, chosen: Choices, colours: str | None = None
) -> None:
    """Draw the pixels around a place.

    Args:
        axes: to draw on.
        exposure: the image.
        zoom: the place.
        norm: from numbers to colours.
        chosen: colours, and the marks that the zoom's spot is one of.
        colours: another colour map of matplotlib.
    """
    values = exposure.values if exposure.values.ndim == 2 else exposure.values[zoom.panel]
    slow, fast = values.shape
    marks = chosen.marks
    ellipse = None
    if marks is not None and zoom.mark is not None:
        ellipse = outline(marks.centre[zoom.mark], marks.covariance[zoom.mark])
    half = _HALF_PX if ellipse is None else max(_HALF_PX, 1.5 * float(np.abs(ellipse - zoom.centre).max()))
    axes.imshow(values, norm=norm, cmap=colours or COLOUR_MAPS[chosen.colours], extent=(0, fast, slow, 0))
    axes.set_facecolor(ABSENT)
    axes.set_xlim(zoom.centre[0] - half, zoom.centre[0] + half)
    axes.set_ylim(zoom.centre[1] + half, zoom.centre[1] - half)
    if ellipse is not None:
        axes.plot(*ellipse.T, color=SPOT, linewidth=0.9, gid="spot")
    layout = exposure.layout
    sine = 0.0 if layout is None else float(layout.sines(zoom.panel, np.array(zoom.centre)))
    wavelength_A = None if layout is None else layout.wavelength_A
    spacing = f"{wavelength_A / (2 * sine):.3g} Å" if wavelength_A is not None and sine > _AT_BEAM else ""
    axes.set_title(f"{zoom.name}\n{spacing}".strip(), fontsize=7.5)
    axes.tick_params(labelsize=6)
    axes.locator_params(nbins=3)
