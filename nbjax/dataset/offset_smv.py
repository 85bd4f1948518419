"""SMV files of single images."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nbjax.dataset.single import Single
from nbjax.io.header import offset_word, smv_header
from nbjax.io.smv import write_smv
from nbjax.physics.readout import SMV_COUNTS, Gain


def write(path: Path, image: Single) -> None:
    """Write counts plus the offset, which the header names; overloads become the largest number.

    Raises:
        FileError: it cannot be written.
    """
    shifted = SMV_COUNTS.record(None, Gain(pedestal_counts=image.adc_offset).record(None, image.counts.astype(float)))
    overload = image.counts >= image.largest
    pixels = np.where(overload, SMV_COUNTS.largest, shifted).astype(np.uint16)
    write_smv(path, pixels, [*smv_header(image.fields), offset_word(image.adc_offset)])
