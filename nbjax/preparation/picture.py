"""The picture of an image: as it is, or several panels laid out in space."""

from __future__ import annotations

import jax
import numpy as np

from nbjax.geometry.assembly import assembled
from nbjax.geometry.layout import Layout
from nbjax.geometry.panel import CurvedPanel
from nbjax.preparation.detector import placed_panels
from nbjax.resolve import Resolved


def picture_of(resolved: Resolved, image: np.ndarray) -> np.ndarray:
    """What a picture shows of an image, shape (slow, fast), or (down, right) of several panels as seen along the beam.

    Args:
        resolved: the configuration.
        image: any numbers of each pixel, of the shape of ``simulate``.
    """
    return image if image.ndim == 2 else assembled(image, layout_of(resolved).plates())


def layout_of(resolved: Resolved) -> Layout:
    """Where the pixels of a configuration's image stand.

    Args:
        resolved: the configuration.
    """
    d, placed = resolved.detector, jax.tree.map(np.asarray, placed_panels(resolved))
    edges_mm = [panel.pixel_mm for panel in d.panels] or [(d.pixel_mm, d.pixel_mm)]
    pixels = [(panel.pixels[1], panel.pixels[0]) for panel in d.panels] or [(d.pixels_slow, d.pixels_fast)]
    fast_mm, slow_mm = np.array(edges_mm, float).T[..., None]
    return Layout(
        1000 * placed.origin_m,
        fast_mm * placed.fast,
        slow_mm * placed.slow,
        tuple(pixels),
        np.asarray(d.beam_direction, float),
        np.asarray(d.polarization_axis, float),
        float(resolved.beam.wavelength_A),
        "the configuration",
        jax.tree.map(lambda leaf: leaf[0], placed) if isinstance(placed, CurvedPanel) else None,
    )
