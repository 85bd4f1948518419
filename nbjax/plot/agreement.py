"""How well two images agree, in numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from nbjax.errors import UsageError
from nbjax.io.images.recorded import other_size
from nbjax.plot.exposure import Exposure
from nbjax.plot.spots import Marks, reach

_LEAST_VARIANCE = 0.01
"""Of a pixel, in square photons: one photon where none is expected is ten standard deviations."""
_LEAST_OF_SUM = 1.0
"""Of a spot or region: one photon where none is expected is no sign of a fault."""
_NOTABLE_SIGMAS = 3.0
_SHELLS = 20
_LISTED = 10


@dataclass(frozen=True)
class Worst:
    """Pixels whose sums differ most.

    Attributes:
        name: "h k l" of a spot, or empty.
        panel: its number.
        centre: (fast, slow) in pixels.
        pixels: how many.
        first, second: sums of the two images.
        sigmas: their difference over its standard deviation.
        mark: number of the spot among the marks, or None.
    """

    name: str
    panel: int
    centre: tuple[float, float]
    pixels: int
    first: float
    second: float
    sigmas: float
    mark: int | None = None


@dataclass(frozen=True)
class Agreement:
    """Two images, pixel by pixel where both have a value.

    Attributes:
        common: pixels that both have.
        correlation: Pearson's, NaN where one image is constant.
        scale: sum of the first over sum of the second, which noise in neither of them shifts.
        r: sum of the absolute differences over that of the first, with the second one scaled where ``scaled``.
        r_scaled: likewise, always with the scale.
        rms_sigmas: root of the mean square of ``sigmas``.
        scaled: whether the second image was multiplied by the scale before it was compared.
        sigmas: (first - second) over its standard deviation, NaN where an image has no value.
        first, second: the images that were compared.
        spacing: whether the shells are of 1/d, else of pixels.
        edges: of the shells, in 1/A, or in pixels from the middle.
        profiles: mean of the first and of the second image in each shell, shape (2, shells).
        correlations: in each shell.
        worst: spots, or regions, the worst first.
    """

    common: int
    correlation: float
    scale: float
    r: float
    r_scaled: float
    rms_sigmas: float
    scaled: bool
    sigmas: Float[np.ndarray, "..."]
    first: Float[np.ndarray, "..."]
    second: Float[np.ndarray, "..."]
    spacing: bool
    edges: Float[np.ndarray, " edges"]
    profiles: Float[np.ndarray, "2 shells"]
    correlations: Float[np.ndarray, " shells"]
    worst: tuple[Worst, ...]

    @property
    def figures(self) -> dict[str, float]:
        """What a tolerance may be of."""
        return {
            "r": self.r,
            "r_scaled": self.r_scaled,
            "correlation": self.correlation,
            "scale": self.scale,
            "rms_sigmas": self.rms_sigmas,
        }


def agreement(first: Exposure, second: Exposure, scaled: bool = False, marks: Marks | None = None) -> Agreement:
    """Compare two images.

    The variance of a difference is what counting makes it: of a counted image beside an expected one, the expectation;
    of two counted ones, the sum of both; of two expected ones, their mean, as if one were counted.

    Args:
        first, second: images in the same unit.
        scaled: whether the second one is multiplied by the scale first.
        marks: predicted spots, among which the worst are looked for; None: among regions of pixels that differ.

    Raises:
        UsageError: they have other sizes, or no pixel in common.
    """
    if first.values.shape != second.values.shape:
        raise UsageError(f"{second.name}: {other_size(second.values.shape, first.values.shape, first.name)}")
    both = np.isfinite(first.values) & np.isfinite(second.values)
    if not both.any():
        raise UsageError(f"{first.name} and {second.name}: have no pixel in which both have a value; give other images")
    a, b = first.values[both], second.values[both]
    scale = float(a.sum() / b.sum()) if b.sum() > 0 else np.nan
    factor = scale if scaled and np.isfinite(scale) else 1.0
    one, two = (np.where(both, values, np.nan) for values in (first.values, factor * second.values))
    variance = _variance(one, two, (first.counted, second.counted), factor)
    sigmas = (one - two) / np.sqrt(variance)
    radius, spacing = _radius(first, second)
    edges, profiles, correlations = _shells(radius, one, two, both, spacing)
    return Agreement(
        common=int(both.sum()),
        correlation=_correlation(a, b),
        scale=scale,
        r=_r(a, factor * b),
        r_scaled=_r(a, scale * b),
        rms_sigmas=float(np.sqrt(np.mean(sigmas[both] ** 2))),
        scaled=scaled,
        sigmas=sigmas,
        first=one,
        second=two,
        spacing=spacing,
        edges=edges,
        profiles=profiles,
        correlations=correlations,
        worst=_worst(one, two, variance, sigmas, marks),
    )


def _variance(one: np.ndarray, two: np.ndarray, counted: tuple[bool, bool], factor: float) -> np.ndarray:
    match counted:
        case (True, True):
            found = one + factor * two
        case (True, False):
            found = two
        case (False, True):
            # counts n of mean one/factor: the variance of factor n
            found = factor * one
        case _:
            found = (one + two) / 2
    return np.maximum(found, _LEAST_VARIANCE)


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a - a.mean(), b - b.mean()
    norm = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / norm if norm > 0 else float("nan")


def _r(a: np.ndarray, b: np.ndarray) -> float:
    whole = float(np.abs(a).sum())
    apart = float(np.abs(a - b).sum())
    return apart / whole if whole > 0 else (0.0 if apart == 0 else float("inf"))


def _radius(first: Exposure, second: Exposure) -> tuple[np.ndarray, bool]:
    """1/d in 1/A of each pixel and true; where no geometry is told, pixels from the middle and false."""
    layout = next((e.layout for e in (first, second) if e.layout is not None and e.layout.wavelength_A), None)
    shape = first.values.shape
    if layout is None:
        slow, fast = (np.arange(size) + 0.5 - size / 2 for size in shape[-2:])
        return np.broadcast_to(np.hypot(slow[:, None], fast), shape), False
    found = np.full(shape if len(shape) == 3 else (1, *shape), np.nan)
    for panel, sines in enumerate(layout.pixel_sines()):
        found[panel, : sines.shape[0], : sines.shape[1]] = 2 * sines / (layout.wavelength_A or np.nan)
    return found.reshape(shape), True


def _shells(
    radius: np.ndarray, one: np.ndarray, two: np.ndarray, both: np.ndarray, spacing: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shells of equal width; means and correlation in each, NaN where there are no pixels."""
    inside = both & np.isfinite(radius)
    r, a, b = radius[inside], one[inside], two[inside]
    edges = np.linspace(0.0, float(r.max(initial=0.0)) or 1.0, _SHELLS + 1)
    shell = np.clip(np.searchsorted(edges, r, "right") - 1, 0, _SHELLS - 1)
    profiles, correlations = np.full((2, _SHELLS), np.nan), np.full(_SHELLS, np.nan)
    for number in range(_SHELLS):
        members = shell == number
        if members.any():
            profiles[:, number] = a[members].mean(), b[members].mean()
        if members.sum() > 2:
            correlations[number] = _correlation(a[members], b[members])
    return edges, profiles, correlations


def _worst(
    one: np.ndarray, two: np.ndarray, variance: np.ndarray, sigmas: np.ndarray, marks: Marks | None
) -> tuple[Worst, ...]:
    planes = [array if array.ndim == 3 else array[None] for array in (one, two, variance, sigmas)]
    found = _regions(planes) if marks is None else _spots(planes, marks)
    apart = [worst for worst in found if worst.sigmas]
    return tuple(sorted(apart, key=lambda worst: -abs(worst.sigmas))[:_LISTED])


def _regions(planes: list[np.ndarray]) -> list[Worst]:
    """Pixels that touch each other and differ notably, to the same side."""
    from scipy import ndimage

    one, two, variance, sigmas = planes
    found = []
    for panel in range(len(one)):
        for sign in (1, -1):
            # NaN is no more than any number
            labels, _ = ndimage.label(sign * sigmas[panel] > _NOTABLE_SIGMAS, np.ones((3, 3)))
            for number, window in enumerate(ndimage.find_objects(labels), 1):
                members = labels[window] == number
                parts = [plane[panel][window] for plane in (one, two, variance)]
                found.append(_sum_of(parts, members, panel, (window[1].start, window[0].start)))
    return found


def _spots(planes: list[np.ndarray], marks: Marks) -> list[Worst]:
    """The pixels inside the outline of each spot."""
    one, two, variance, _ = planes
    found = []
    for number, panel in enumerate(marks.panel.tolist()):
        centre, matrix = marks.centre[number], reach(marks.covariance[number])
        half = np.sqrt(np.diag(matrix))
        (f0, s0), (f1, s1) = (
            np.clip(bound, 0, one.shape[:0:-1]).astype(int).tolist()
            for bound in (np.floor(centre - half), np.ceil(centre + half))
        )
        window = np.s_[s0:s1, f0:f1]
        off = np.stack(np.meshgrid(np.arange(f0, f1) + 0.5, np.arange(s0, s1) + 0.5), axis=-1) - centre
        inside = np.einsum("...i,ij,...j", off, np.linalg.inv(matrix), off) <= 1
        members = inside & np.isfinite(one[panel][window])
        if members.any():
            parts = [plane[panel][window] for plane in (one, two, variance)]
            summed = _sum_of(parts, members, panel, (f0, s0))
            place = float(centre[0]), float(centre[1])
            found.append(replace(summed, name=marks.names[number], centre=place, mark=number))
    return found


def _sum_of(parts: list[np.ndarray], members: np.ndarray, panel: int, corner: tuple[int, int]) -> Worst:
    first, second, variance = (float(part[members].sum()) for part in parts)
    slow, fast = np.nonzero(members)
    centre = float(fast.mean() + corner[0] + 0.5), float(slow.mean() + corner[1] + 0.5)
    return Worst(
        "", panel, centre, int(members.sum()), first, second, (first - second) / max(variance, _LEAST_OF_SUM) ** 0.5
    )


def as_json(found: Agreement, names: tuple[str, str]) -> dict[str, Any]:
    """The numbers of a comparison for other programs; what is not finite is null.

    Args:
        found: the comparison.
        names: of the two images.
    """

    def number(value: float) -> float | None:
        return float(value) if np.isfinite(value) else None

    kind = "inverse_d_per_A" if found.spacing else "radius_px"
    return {
        "first": names[0],
        "second": names[1],
        "pixels": found.common,
        **{name: number(value) for name, value in found.figures.items()},
        "second_was_scaled": found.scaled,
        "shells": [
            {
                f"{kind}_from": float(low),
                f"{kind}_to": float(high),
                "first": number(a),
                "second": number(b),
                "correlation": number(c),
            }
            for low, high, a, b, c in zip(
                found.edges[:-1], found.edges[1:], *found.profiles, found.correlations, strict=True
            )
        ],
        "worst": [
            {
                "hkl": [int(index) for index in worst.name.split()] or None,
                "panel": worst.panel,
                "fast_px": worst.centre[0],
                "slow_px": worst.centre[1],
                "pixels": worst.pixels,
                "first": worst.first,
                "second": worst.second,
                "sigmas": worst.sigmas,
            }
            for worst in found.worst
        ],
    }
