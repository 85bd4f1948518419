"""Single images beside the shards: what a file of one of them is written from."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, UInt

from nbjax.constants import DEGREES_PER_RADIAN
from nbjax.dataset.counts import LARGEST
from nbjax.io.header import HeaderFields


@dataclass(frozen=True)
class Single:
    """One image.

    Attributes:
        counts: as in the shard, shape (slow, fast).
        bad: pixels without a value, same shape.
        fields: what a header says of the geometry.
        exposure_s: of the image.
        adc_offset: what SMV images add to every pixel.
    """

    counts: UInt[np.ndarray, "slow fast"]
    bad: Bool[np.ndarray, "slow fast"]
    fields: HeaderFields
    exposure_s: float
    adc_offset: float

    @property
    def largest(self) -> int:
        """What overloads are cut to."""
        return LARGEST[self.counts.dtype.name]


def fields_of_image(base: HeaderFields, wavelength_A: float, start_deg: float, width_deg: float) -> HeaderFields:
    """Header fields of one image whose detector is the base configuration's."""
    return replace(
        base,
        wavelength_m=wavelength_A * 1e-10,
        phi_start_rad=start_deg / DEGREES_PER_RADIAN,
        phi_range_rad=width_deg / DEGREES_PER_RADIAN,
    )
