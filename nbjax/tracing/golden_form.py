"""STEP and PIX lines: the form in which an instrumented nanoBragg.c prints a pixel, one STEP line for each sample."""

from __future__ import annotations

import re

import numpy as np

from nbjax.tracing.document import PixelTrace, TraceDocument, TraceError, check_complete
from nbjax.tracing.keys import PIXEL
from nbjax.tracing.text_form import number

COLUMNS = (
    *("thick", "subS", "subF", "source", "phi", "mosaic", "h", "k", "l", "h0", "k0", "l0", "F_latt", "F_cell"),
    *("polarization", "omega_sr", "capture_fraction", "lambda_m", "I_running"),
)
"""What the numbers of a STEP line are, in the order in which they stand."""

NOT_PRINTED = (
    *("source_weights", "wavelength_m", "last_hkl", "last_hkl0", "last_F_latt_axes", "last_F_latt", "last_F_cell"),
    *("panel", "last_debye_waller", "mosaic_blocks", "beam_share", "I_backgrounds", "transmission"),
)
"""Keys of nbjax that have no PIX line."""

_PLACE = ("spixel", "fpixel")


def is_golden(text: str) -> bool:
    """Whether a text is of this form."""
    return re.search(r"^(STEP|PIX) ", text, re.MULTILINE) is not None


def parse_golden(text: str) -> TraceDocument:
    """The document, of one pixel, in a text.

    Raises:
        TraceError: it is cut off or faulty.
    """
    if not text.endswith("\n"):
        raise TraceError("ends in the middle of a line; write or copy it again")
    values: dict[str, np.ndarray] = {}
    rows: list[list[float]] = []
    omitted = 0
    for line in filter(str.strip, text.splitlines()):
        match line.split():
            case ["STEP", *words]:
                if len(words) != len(COLUMNS):
                    raise TraceError(f"has a STEP line of {len(words)} numbers, not {len(COLUMNS)}; copy it again")
                rows.append([number(name, word) for name, word in zip(COLUMNS, words, strict=True)])
            case ["PIX", name, *words]:
                if name in values:
                    raise TraceError(f"has the key {name} twice; keep one")
                if name not in PIXEL and name not in _PLACE:
                    raise TraceError(f"has the unknown key {name} on a PIX line; check that it is the right file")
                values[name] = np.array([number(name, word) for word in words])
            case ["#", *words]:
                if found := re.fullmatch(r"(\d+) further STEP lines left out", " ".join(words)):
                    omitted = int(found[1])
            case _:
                raise TraceError(f"has the line {line[:60]!r}; every line opens with STEP, PIX or #")
    slow, fast = (_index(name, values) for name in _PLACE)
    table = np.array(rows).reshape(len(rows), len(COLUMNS))
    samples = {name: table[:, i] for i, name in enumerate(COLUMNS)}
    pixel = PixelTrace(slow, fast, values, samples, omitted)
    check_complete(pixel, [key for key in PIXEL.values() if key.name not in NOT_PRINTED], "a trace of PIX lines")
    return TraceDocument("C", None, "double", None, (pixel,))


def _index(name: str, values: dict[str, np.ndarray]) -> int:
    if name not in values:
        raise TraceError(f"lacks its PIX {name} line; write or copy it again")
    index = values.pop(name)
    if index.shape != (1,) or not 0 <= index[0] < 2**31 or index[0] != int(index[0]):
        raise TraceError(f"has {' '.join(map(str, index))!r} for {name}; give a whole number")
    return int(index[0])
