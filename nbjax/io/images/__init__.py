"""Images of every kind through one door: what a file holds, which pixels are bad, its pedestal and its saturation."""

from __future__ import annotations

from nbjax.io.images.formats import mask_image, mask_images, open_images, read_images, read_mask
from nbjax.io.images.panels import panel_images, panel_mask
from nbjax.io.images.recorded import Recorded, Stack, other_size

__all__ = [
    "Recorded",
    "Stack",
    "mask_image",
    "mask_images",
    "open_images",
    "other_size",
    "panel_images",
    "panel_mask",
    "read_images",
    "read_mask",
]
