"""Where the ratio of two pixels comes from: the factors whose product a pixel is.

    I_pixel = r_e^2 fluence I_before_scaling / steps * capture * polarization * omega

The last three are left out where they are already in the sum over samples ("oversampled").
"""

from __future__ import annotations

from dataclasses import dataclass

from nbjax.tracing.document import PixelTrace

PIXEL_VALUE = "I_pixel_photons"

_FACTORS = (
    ("I_before_scaling", 1, None),
    ("r_e_sqr_m2", 1, None),
    ("fluence_photons_per_m2", 1, None),
    ("steps", -1, None),
    ("capture_fraction", 1, "oversample_thick"),
    ("polarization", 1, "oversample_polar"),
    ("omega_pixel_sr", 1, "oversample_omega"),
)


@dataclass(frozen=True)
class Contribution:
    """What one factor does to the ratio candidate / reference of a pixel's value.

    Attributes:
        key: the factor; the pixel's value itself comes last.
        reference, candidate: its value in each trace, 1 where it is already in the sum.
        ratio: what the pixel's value is multiplied by; None where the reference is 0.
    """

    key: str
    reference: float
    candidate: float
    ratio: float | None

    @property
    def percent(self) -> float | None:
        """The ratio as a change in percent."""
        return None if self.ratio is None else 100 * (self.ratio - 1)


def contributions(reference: PixelTrace, candidate: PixelTrace) -> tuple[Contribution, ...]:
    """Contributions of the factors that both traces have, in the order of the formula, then the pixel's value."""
    found = []
    for key, power, switch in (*_FACTORS, (PIXEL_VALUE, 1, None)):
        values = [_applied(pixel, key, switch) for pixel in (reference, candidate)]
        if values[0] is None or values[1] is None:
            continue
        above, below = (values[1], values[0]) if power > 0 else (values[0], values[1])
        found.append(Contribution(key, values[0], values[1], above / below if below else None))
    return tuple(found)


def unexplained(found: tuple[Contribution, ...]) -> float | None:
    """What is left of the pixel's ratio when every factor is divided out; None if it cannot be told."""
    if not found or found[-1].key != PIXEL_VALUE or len(found) < len(_FACTORS) + 1:
        return None
    rest = found[-1].ratio
    for item in found[:-1]:
        if rest is None or not item.ratio:
            return None
        rest /= item.ratio
    return rest


def _applied(pixel: PixelTrace, key: str, switch: str | None) -> float | None:
    value = pixel.values.get(key)
    if switch is not None and pixel.values.get(switch):
        return 1.0
    return value if isinstance(value, float) else None
