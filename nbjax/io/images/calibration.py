"""Photons of an image whose panels have gains and limits of their own, as the detector's file tells them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from nbjax.io.images.recorded import Recorded

if TYPE_CHECKING:
    from nbjax.io.experiments.recorded import RecordedPanel

OfPanels = float | tuple[float | None, ...] | None
"""A number, or one of each panel; None where there is none."""


def alike(values: Sequence[float | None]) -> OfPanels:
    """Numbers of panels as one where they are the same."""
    if len(set(values)) > 1:
        return tuple(values)
    return values[0] if values else None


def tells_of_counts(image: Recorded) -> bool:
    """Whether an image holds photons or tells of its exposure, and is not of the counts of a detector's file."""
    return image.unit == "photons" or (image.photons_per_count, image.wavelength_A, image.distance_mm) != (
        1,
        None,
        None,
    )


def photons_per_count_of(image: Recorded, panels: Sequence[RecordedPanel]) -> OfPanels:
    """Photons of a count: as the image says, or else as its detector's file does."""
    if not panels or tells_of_counts(image):
        return image.photons_per_count
    return alike([1.0 if panel.gain is None else 1 / panel.gain for panel in panels])


def photons_of(
    image: Recorded, pedestal: float | None, saturation: OfPanels, gain: OfPanels
) -> Float[np.ndarray, "*panel slow fast"]:
    """Photons of an image; NaN where a pixel is bad or overloaded.

    Args:
        image: of one panel, or of several.
        pedestal, saturation, gain: as of ``Recorded.photons``, of all panels or of each.
    """
    if not isinstance(saturation, tuple) and not isinstance(gain, tuple):
        return image.photons(pedestal, saturation, gain)
    found = []
    for number, stored in enumerate(image.stored):
        panel = replace(image, stored=stored, masked=None if image.masked is None else image.masked[number])
        limit, factor = (x[number] if isinstance(x, tuple) else x for x in (saturation, gain))
        found.append(panel.photons(pedestal, limit, factor))
    return np.stack(found)
