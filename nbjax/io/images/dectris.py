"""What the headers of Dectris's detectors say, in CBF and TIFF."""

from __future__ import annotations

import re
from typing import Any


def said_by(text: str) -> dict[str, Any]:
    """Fields of ``Recorded`` from lines such as ``# Count_cutoff 1048575 counts``; counting never gives less than 0."""

    def number(key: str) -> float | None:
        found = re.search(rf"{key}[\s:=]*(\d[\d.]*(?:[eE][-+]?\d+)?)", text)
        return float(found[1]) if found else None

    distance_m = number("Detector_distance")
    return {
        "underload_counts": 0.0,
        "saturation_counts": number("Count_cutoff"),
        "wavelength_A": number("Wavelength"),
        "distance_mm": None if distance_m is None else 1000 * distance_m,
    }
