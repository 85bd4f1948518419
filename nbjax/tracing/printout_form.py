"""The log of ``nanoBragg -printout``: a few factors of each pixel that it prints, with as many digits as it has."""

from __future__ import annotations

import re

import numpy as np

from nbjax.tracing.document import PixelTrace, TraceDocument, TraceError

_NUMBER = r"\s*(-?(?:\d+\.?\d*(?:e[-+]?\d+)?|inf|nan))"
_PIXEL = re.compile(r"^\s*(?P<fast>\d+)\s+(?P<slow>\d+) : stol = ", re.MULTILINE)
_LINES = {
    "last_pixel_pos_m": re.compile(r"^at" + 3 * _NUMBER, re.MULTILINE),
    "last_hkl": re.compile(r"^hkl=" + 3 * _NUMBER, re.MULTILINE),
    "last_hkl0": re.compile(r"^hkl=.*hkl0=" + 3 * _NUMBER, re.MULTILINE),
    "last_F_cell": re.compile(r"^ F_cell=" + _NUMBER, re.MULTILINE),
    "last_F_latt": re.compile(r"^ F_cell=.*F_latt=" + _NUMBER, re.MULTILINE),
    "I": re.compile(r"^ F_cell=.*  I =" + _NUMBER, re.MULTILINE),
    "I/steps": re.compile(r"^I/steps" + _NUMBER, re.MULTILINE),
    "polarization": re.compile(r"^polar" + _NUMBER, re.MULTILINE),
    "omega_pixel_sr": re.compile(r"^omega" + _NUMBER, re.MULTILINE),
    "capture_fraction": re.compile(r"^capfrac" + _NUMBER, re.MULTILINE),
    "I_pixel_photons": re.compile(r"^pixel" + _NUMBER, re.MULTILINE),
}
_SIX_DIGITS, _TEN_DIGITS, _FLOAT32 = 5e-6, 5e-10, 6e-8
_RELATIVE = {
    **dict.fromkeys(("last_pixel_pos_m", "last_F_cell", "last_F_latt"), _SIX_DIGITS),
    **dict.fromkeys(("polarization", "omega_pixel_sr", "capture_fraction", "I_before_scaling"), _TEN_DIGITS),
    "I_pixel_photons": _FLOAT32,
}
_MILLER_DIGITS = 3**0.5 * 5e-7


def is_printout(text: str) -> bool:
    """Whether a text is of this form."""
    return _PIXEL.search(text) is not None


def parse_printout(text: str) -> TraceDocument:
    """The pixels of a log; those that it prints twice count as it has them last.

    Raises:
        TraceError: it is cut off or faulty.
    """
    starts = list(_PIXEL.finditer(text))
    ends = [*(start.start() for start in starts[1:]), len(text)]
    pixels = {}
    for start, end in zip(starts, ends, strict=True):
        place = int(start["slow"]), int(start["fast"])
        pixels[place] = _pixel(*place, text[start.start() : end])
    return TraceDocument("C", None, None, None, tuple(pixels.values()))


def _pixel(slow: int, fast: int, text: str) -> PixelTrace:
    found = {}
    for name, line in _LINES.items():
        match = line.search(text)
        if match is None:
            raise TraceError(f"pixel ({slow}, {fast}): its printout is cut off before {name}; copy it again")
        found[name] = np.array([float(word) for word in match.groups()])
        if not np.isfinite(found[name]).all():
            raise TraceError(f"pixel ({slow}, {fast}): {name} is not finite; print another pixel")
    total, mean = float(found.pop("I")[0]), float(found.pop("I/steps")[0])
    if mean == 0:
        found["I_before_scaling"] = np.zeros(1)
    else:
        # the sum itself has six digits, and the number of steps is whole
        steps = round(total / mean)
        found["steps"], found["I_before_scaling"] = np.array([float(steps)]), np.array([mean * steps])
    rounding = {name: relative * float(np.linalg.norm(found[name])) for name, relative in _RELATIVE.items()}
    return PixelTrace(
        slow,
        fast,
        {name: value if len(value) > 1 else float(value[0]) for name, value in found.items()},
        rounding={**rounding, "last_hkl": _MILLER_DIGITS},
    )
