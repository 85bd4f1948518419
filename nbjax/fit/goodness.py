"""How well a model agrees with the data of a shot, and whether that is enough to believe its parameters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float, Int

from nbjax.fit.losses import Loss
from nbjax.fit.places import in_words, split
from nbjax.pipeline.compilation import compiled

Verdict = Literal["good", "fair", "poor"]

MOST_REDUCED = 1.5
"""Reduced deviance up to which noise alone explains the residuals."""

LEAST_REDUCED = 0.5
LEAST_OF_CORRELATION, LEAST_EXPLAINED = 0.5, 0.5
_EVIDENCE = 5.0
"""Standard deviations of its spots beyond what parameters are worth: of many orientations that a fit goes through, the
best one gathers two to four of them from noise alone."""

_WORST = 10
_ALIKE, _CERTAIN, _CLIPPED = 0.1, 6.0, 4.0
"""Correlation of neighbouring residuals that is told, in how many of its standard deviations, of residuals cut at so
many of theirs: a few spots that do not fit are the verdict's business."""


@dataclass(frozen=True)
class Misfit:
    """A pixel: its place, its photons, those of the model, and (data - model) in standard deviations.

    Of several panels it has the name of its own.
    """

    slow: int
    fast: int
    data: float
    model: float
    sigmas: float
    panel: str | None = None


@dataclass(frozen=True)
class Goodness:
    """Of one shot.

    Attributes:
        reduced_deviance: deviance of the model, over what noise makes of it in as many pixels less the parameters; 1
            where the model is right. (The mean deviance of a count is 1 only where there are many photons.)
        correlation: Pearson's, of data and model over the pixels that count.
        attainable: the correlation that noise leaves to the true model, were it this one.
        explained: share of the flat image's deviance, beyond noise, that the model explains.
        explained_at_best: the same, were noise two standard deviations of the deviance above its mean.
        better_than_flat: whether the data prefer the model to a flat image by more than its parameters are worth.
        neighbours: correlation of the residuals of adjacent pixels, 0 for noise.
        structured: whether it is more than noise makes by chance.
        worst: pixels of the largest residuals, largest first.
    """

    reduced_deviance: float
    correlation: float
    attainable: float
    explained: float
    explained_at_best: float
    better_than_flat: bool
    neighbours: float
    structured: bool
    worst: tuple[Misfit, ...]

    @property
    def verdict(self) -> Verdict:
        """``poor`` where the parameters mean nothing, ``fair`` where residuals are more than noise, else ``good``."""
        if self.reason is not None:
            return "poor"
        return "good" if self.reduced_deviance <= MOST_REDUCED else "fair"

    @property
    def reason(self) -> str | None:
        """Why the fit is poor, or None."""
        if not self.better_than_flat:
            return "the model agrees with the data no better than a flat image"
        if not self.correlation >= LEAST_OF_CORRELATION * self.attainable:
            return (
                f"model and data correlate by {self.correlation:.2g}, where noise leaves {self.attainable:.2g}; "
                "look at the worst pixels, and start closer"
            )
        if not self.explained_at_best >= LEAST_EXPLAINED:
            return f"the model explains {max(self.explained, 0.0):.0%} of what sets the data apart from a flat image"
        return None

    @property
    def sentence(self) -> str:
        """The figures and the verdict in one line."""
        figures = f"reduced deviance {self.reduced_deviance:.3g}, correlation {self.correlation:.4g}"
        shown = f"agreement {self.verdict}: {figures} (noise leaves {self.attainable:.4g})"
        shown += f", of neighbouring residuals {self.neighbours:+.2g}"
        if self.worst:
            first = self.worst[0]
            shown += f", largest residual {first.sigmas:+.3g} sigma {in_words(first.slow, first.fast, first.panel)}"
        return shown

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know of the figures."""
        if self.reduced_deviance < LEAST_REDUCED:
            return (
                "residuals are smaller than noise: the data are expected photons, were smoothed, or are not in photons "
                "(data.photons_per_count)",
            )
        notes = []
        if self.verdict == "fair":
            factor = math.sqrt(self.reduced_deviance)
            notes.append(
                f"residuals are larger than noise by a factor of {factor:.3g}: the model lacks something, noise is "
                "larger than the loss says, or the data are not in photons (data.photons_per_count); true errors "
                "exceed the standard deviations at least as much"
            )
        if self.structured:
            notes.append(
                f"residuals of neighbouring pixels are alike (correlation {self.neighbours:.2g}), as noise never "
                "makes them: the model lacks something that varies smoothly; try another background.kind, or free what "
                "may differ"
            )
        return tuple(notes)


def goodness_of(
    loss: Loss,
    data: Float[np.ndarray, " n"],
    model: Float[np.ndarray, " n"],
    pixels: Int[np.ndarray, "n axes"],
    determined: int,
    without: Float[np.ndarray, " n"] | None = None,
    panels: Sequence[str] = (),
) -> Goodness:
    """Goodness of the fit of one shot.

    Args:
        loss: that was fitted.
        data, model: photons of the pixels that count.
        pixels: their (slow, fast), or (panel, slow, fast).
        determined: how many parameters the data determine.
        without: photons of the best background without any spots, which stands for the flat image where there is one.
        panels: names of several.
    """
    n = len(data)
    flat = np.full(n, max(data.mean(), loss.least_photons, 0.0)) if without is None else without
    residual, of_flat, information = (np.asarray(part) for part in _against(loss, model, flat, data))
    noise, noise_of_flat = (float(np.sum(loss.mean_deviance(m))) for m in (model, flat))
    with np.errstate(all="ignore"):
        deviance, flat_deviance = float(residual @ residual), float(of_flat @ of_flat)
        to_explain = max(flat_deviance - noise_of_flat, 1e-300)
        spread = float(np.std(model))
        spoilt = math.sqrt(spread**2 + float(np.mean(1 / information)))
        # unlike the roots of the deviance these have the mean 0, however few the photons are
        pearson = (data - model) * np.sqrt(information)
        covariance = float(np.mean((data - data.mean()) * (model - model.mean())))
        neighbours, structured = _neighbours(pearson, pixels)
        places = np.argsort(-np.abs(residual), kind="stable")[:_WORST]
        return Goodness(
            reduced_deviance=float(np.divide(deviance, noise)) * n / max(n - determined, 1),
            correlation=float(np.divide(covariance, spread * np.std(data))),
            attainable=float(np.divide(spread, spoilt)),
            explained=1 - max(deviance - noise, 0.0) / to_explain,
            explained_at_best=1 - max(deviance - noise - 2 * math.sqrt(2 * n), 0.0) / to_explain,
            better_than_flat=flat_deviance - deviance > 2 * determined + (_EVIDENCE**2 if determined else 0.0),
            neighbours=neighbours,
            structured=structured,
            worst=tuple(
                _misfit(pixels[i], float(data[i]), float(model[i]), float(-residual[i]), panels) for i in places
            ),
        )


def _misfit(pixel: np.ndarray, data: float, model: float, sigmas: float, panels: Sequence[str]) -> Misfit:
    slow, fast, panel = split(pixel, panels)
    return Misfit(slow, fast, data, model, sigmas, panel)


@partial(compiled, static_argnames=("loss",))
def _against(loss: Loss, model: ArrayLike, flat: ArrayLike, data: ArrayLike) -> tuple[Array, Array, Array]:
    """Residuals of the model and of the flat image, and the information of each pixel of the model."""
    mean, even, seen = (jnp.asarray(values) for values in (model, flat, data))
    return loss.residual(mean, seen), loss.residual(even, seen), loss.information(mean)


def _neighbours(residual: Float[np.ndarray, " n"], pixels: Int[np.ndarray, "n axes"]) -> tuple[float, bool]:
    """Correlation of the residuals of adjacent pixels of a panel, and whether noise does not explain it."""
    first = pixels.min(axis=0)
    image = np.full(tuple(pixels.max(axis=0) - first + 1), np.nan)
    image[tuple((pixels - first).T)] = residual / np.sqrt(np.mean(np.square(residual)))
    image = np.clip(image, -_CLIPPED, _CLIPPED)
    pairs = (image[..., 1:, :], image[..., :-1, :]), (image[..., 1:], image[..., :-1])
    products = np.concatenate([(one * other).reshape(-1) for one, other in pairs])
    products = products[np.isfinite(products)]
    if not len(products):
        return 0.0, False
    correlation = float(products.mean() / np.nanmean(np.square(image)))
    return correlation, correlation > max(_ALIKE, _CERTAIN / math.sqrt(len(products)))
