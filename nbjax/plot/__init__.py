"""Figures of images, by matplotlib: pictures with scales, rings and spots, differences and radial profiles."""

from __future__ import annotations

from nbjax.geometry.layout import Layout
from nbjax.plot.agreement import Agreement, agreement
from nbjax.plot.comparison import comparison_page, draw_profile
from nbjax.plot.exposure import Camera, Exposure, Wanted, layout_of, read_exposure, read_pair
from nbjax.plot.image import draw_bar, draw_image, draw_picture
from nbjax.plot.page import Choices, Zoom, page
from nbjax.plot.rings import draw_centre, draw_rings, ring_spacings
from nbjax.plot.scale import Scale
from nbjax.plot.sheet import Sheet, sheet_of
from nbjax.plot.spots import Marks, draw_spots, marks_of
from nbjax.style import COLOUR_MAPS, save

__all__ = [
    "COLOUR_MAPS",
    "Agreement",
    "Camera",
    "Choices",
    "Exposure",
    "Layout",
    "Marks",
    "Scale",
    "Sheet",
    "Wanted",
    "Zoom",
    "agreement",
    "comparison_page",
    "draw_bar",
    "draw_centre",
    "draw_image",
    "draw_picture",
    "draw_profile",
    "draw_rings",
    "draw_spots",
    "layout_of",
    "marks_of",
    "page",
    "read_exposure",
    "read_pair",
    "ring_spacings",
    "save",
    "sheet_of",
]
