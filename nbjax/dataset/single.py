"""Single images beside the shards: what a file of one of them is written from."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, UInt

from nbjax.constants import DEGREES_PER_RADIAN
from nbjax.dataset.nxmx import Instrument, Series
from nbjax.io.header import HeaderFields
from nbjax.preparation.record import Recording


@dataclass(frozen=True)
class Place:
    """Where the pixels of an image are stored.

    Attributes:
        shard: name of the file.
        row: of the image in it.
        rows: images that it holds.
    """

    shard: str
    row: int
    rows: int


@dataclass(frozen=True)
class Single:
    """One image.

    Attributes:
        counts: as in the shard, shape (slow, fast).
        bad: pixels without a value, same shape.
        fields: what a header says of the geometry.
        exposure_s: of the image.
        adc_offset: what SMV images add to every pixel.
        how: the image is recorded.
        instrument, series: what an NXmx tree says of the image.
        place: where its pixels are stored.
    """

    counts: UInt[np.ndarray, "slow fast"]
    bad: Bool[np.ndarray, "slow fast"]
    fields: HeaderFields
    exposure_s: float
    adc_offset: float
    how: Recording
    instrument: Instrument
    series: Series
    place: Place

    @property
    def overloaded(self) -> Bool[np.ndarray, "slow fast"]:
        """Pixels that are too bright."""
        limit = self.how.saturation_counts
        return np.zeros(self.counts.shape, bool) if limit is None else self.counts >= limit


def fields_of_image(base: HeaderFields, wavelength_A: float, start_deg: float, width_deg: float) -> HeaderFields:
    """Header fields of one image of a series."""
    return replace(
        base,
        wavelength_m=wavelength_A * 1e-10,
        phi_start_rad=start_deg / DEGREES_PER_RADIAN,
        phi_range_rad=width_deg / DEGREES_PER_RADIAN,
    )
