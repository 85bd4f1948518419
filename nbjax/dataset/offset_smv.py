"""SMV files of single images."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nbjax.dataset.single import Single
from nbjax.io.header import gain_word, offset_word, smv_header
from nbjax.io.smv import write_smv
from nbjax.physics.readout import SMV_COUNTS, Gain


def write(path: Path, image: Single) -> None:
    """Write counts plus the offset, which the header names with the gain; overloads become the largest number.

    Raises:
        FileError: it cannot be written.
    """
    shifted = SMV_COUNTS.record(None, Gain(pedestal_counts=image.adc_offset).record(None, image.counts.astype(float)))
    pixels = np.where(image.overloaded, SMV_COUNTS.largest, shifted).astype(np.uint16)
    words = [*smv_header(image.fields), offset_word(image.adc_offset + image.how.pedestal_counts)]
    if image.how.counts_per_photon != 1:
        words.append(gain_word(image.how.counts_per_photon))
    write_smv(path, pixels, words)
