"""SMV files of single images."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nbjax.dataset.single import Single
from nbjax.io.header import offset_word, smv_header
from nbjax.io.smv import write_smv

_LARGEST = 65535


def write(path: Path, image: Single) -> None:
    """Write counts plus the offset, which the header names; overloads become 65535.

    Raises:
        FileError: it cannot be written.
    """
    shifted = np.clip(image.counts.astype(float) + image.adc_offset, 0, _LARGEST)
    shifted = np.where(image.counts >= image.largest, _LARGEST, shifted).astype(np.uint16)
    write_smv(path, shifted, [*smv_header(image.fields), offset_word(image.adc_offset)])
