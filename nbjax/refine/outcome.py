"""What is told of a refined shot."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import Enum
from typing import Any

import numpy as np


class Outcome(Enum):
    """How a shot ended."""

    REFINED = "refined"
    SET_ASIDE = "set aside"
    FAILED = "failed"


@dataclass(frozen=True)
class ShotResult:
    """One shot; arrays are empty where it failed.

    Attributes:
        number: of its experiment in the list.
        outcome, reason: how it ended, and why.
        departure, sigma: by ``nbjax.refine.parameters.NAMES``; sigma 0 of what was not free.
        direct_A: vectors a, b, c as rows, shape (3, 3).
        misfit: chi squared a pixel.
        correlation: of the observed and the model's photons of spots.
        r: sum of their differences over the sum of the observed ones.
        hkl, panel, centre: of the spots, as of ``nbjax.refine.shoeboxes.Marks``.
        observed: places at which the indexing had the spots, NaN for those that it had not.
        bbox: fast, slow, image: first and end each, shape (n, 6).
        photons, photons_sigma: by the profile.
        model: photons of the model.
        background: photons a pixel at the middle of the box.
        partiality: height of the spot over its largest.
        s1_per_A: diffracted wave vector.
        shown: rows of the spots that reports show, the brightest first.
        shown_data, shown_model: photons of their pixels, NaN where one does not count, shape (k, slow, fast).
    """

    number: int
    outcome: Outcome
    reason: str
    departure: np.ndarray
    sigma: np.ndarray
    direct_A: np.ndarray
    misfit: float
    correlation: float
    r: float
    hkl: np.ndarray
    panel: np.ndarray
    centre: np.ndarray
    observed: np.ndarray
    bbox: np.ndarray
    photons: np.ndarray
    photons_sigma: np.ndarray
    model: np.ndarray
    background: np.ndarray
    partiality: np.ndarray
    s1_per_A: np.ndarray
    shown: np.ndarray
    shown_data: np.ndarray
    shown_model: np.ndarray

    @property
    def offset_px(self) -> float:
        """Root of the mean squared distance of the observed from the model's places, in pixels."""
        if not self.observed.size or not np.isfinite(self.observed).any():
            return float("nan")
        return float(np.sqrt(np.nanmean(((self.observed - self.centre) ** 2).sum(1))))

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything as arrays, by name."""
        plain = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: np.asarray(value.value if isinstance(value, Enum) else value) for name, value in plain.items()}


def of_arrays(arrays: dict[str, np.ndarray]) -> ShotResult:
    """The inverse of ``ShotResult.arrays``."""
    plain: dict[str, Any] = {name: value.item() if value.ndim == 0 else value for name, value in arrays.items()}
    return ShotResult(**plain | {"outcome": Outcome(plain["outcome"])})


def failed(number: int, reason: str) -> ShotResult:
    """A shot of which nothing is known."""
    none: dict[str, Any] = {each.name: np.zeros(0) for each in fields(ShotResult) if each.type == "np.ndarray"}
    nan = float("nan")
    return ShotResult(number=number, outcome=Outcome.FAILED, reason=reason, misfit=nan, correlation=nan, r=nan, **none)
