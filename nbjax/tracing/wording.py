"""Values and differences in words."""

from __future__ import annotations

import numpy as np

from nbjax.tracing.compare import Comparison, Factor
from nbjax.tracing.document import Value

_DIGITS = (6, 9, 12, 15, 17)


def verdict(comparison: Comparison) -> str:
    """What came out, in one sentence."""
    first = comparison.first_divergence
    if first is None:
        return f"all {comparison.compared} factors equal within tolerance"
    return f"first divergence: {divergence(comparison, first)}"


def divergence(comparison: Comparison, factor: Factor) -> str:
    """A factor that differs: where it stands, both values, and the difference in percent."""
    reference, candidate = shown_pair(factor)
    percent = shown_percent(factor.percent, signed=not isinstance(factor.reference, np.ndarray))
    difference = f" ({percent})" if percent else ""
    return f"{factor.key} {location(comparison, factor)}: reference {reference}, candidate {candidate}{difference}"


def location(comparison: Comparison, factor: Factor) -> str:
    """The pixel of a factor and, in words that tell samples apart, its sample."""
    place = "at the pixel" if factor.slow is None else f"at pixel ({factor.slow}, {factor.fast})"
    if factor.sample is None:
        return place
    shown = [f"{name} {index}" for name, index in factor.indices if name in _varying(comparison)]
    return f"{place}, sample {factor.sample}" + (f" ({', '.join(shown)})" if shown else "")


def shown_pair(factor: Factor) -> tuple[str, str]:
    """Both values with as many digits as it takes to tell them apart."""
    pair = factor.reference, factor.candidate
    texts = ("", "")
    for digits in _DIGITS:
        texts = shown(pair[0], digits), shown(pair[1], digits)
        if texts[0] != texts[1] or factor.verdict != "divergent":
            break
    return texts


def shown(value: Value | None, digits: int = 6) -> str:
    """A value with some digits; a dash if there is none."""
    if value is None:
        return "-"
    if not isinstance(value, np.ndarray):
        return f"{value:.{digits}g}"
    items = [f"{item:.{digits}g}" for item in value.tolist()]
    return "(" + ", ".join(items if len(items) <= 4 else [*items[:3], f"... {len(items)} numbers"]) + ")"


def shown_percent(percent: float | None, signed: bool = True) -> str:
    """A difference in percent; empty if there is none to tell."""
    if percent is None:
        return ""
    return f"{percent:{'+' if signed and percent else ''}.3g} %"


def _varying(comparison: Comparison) -> set[str]:
    """Indices of which some pixel has more than one."""
    return {
        name
        for pixel in comparison.pixels
        if pixel.samples is not None
        for i, name in enumerate(pixel.samples.columns)
        if len(np.unique(pixel.samples.reference[:, i])) > 1
    }
