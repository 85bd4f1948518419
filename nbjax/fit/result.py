"""What a fit returns: values with their uncertainties, how each shot ended, and what the data do not determine."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from nbjax.experiment import Experiment
from nbjax.fit.goodness import Goodness
from nbjax.html import table

_WEAK = 1e-3
"""Eigenvalue of the information, scaled to a unit diagonal, below which its direction counts as poorly determined: two
parameters that are correlated by more than 0.999."""

_NAMED, _MOST_NAMED = 0.2, 8
"""Share of a direction that a component has which is named with it, and how many are."""


_SHOWN_SHOTS = 5
"""How many shots a notebook shows the values of."""


class Outcome(Enum):
    """How the fit of a shot ended.

    ``converged`` means that no step promises a better likelihood, that every component has a finite standard deviation
    or is at a bound of zero, and that the model agrees with the data (``nbjax.fit.goodness``). ``undetermined`` and
    ``poor fit`` are at such a point without the one or the other; ``unusable`` data were not fitted at all.
    """

    CONVERGED = "converged"
    STALLED = "stalled"
    DIVERGED = "diverged"
    OUT_OF_BOUNDS = "out of bounds"
    UNDETERMINED = "undetermined"
    POOR = "poor fit"
    UNUSABLE = "unusable"


@dataclass(frozen=True)
class Step:
    """One step of the history: the stage's number, the step in it, and the loss of every shot, shape (shots,)."""

    stage: int
    step: int
    losses: np.ndarray


@dataclass(frozen=True)
class Level:
    """Background photons of the pixels that count: (slow, fast) or (panel, slow, fast) of each, and photons."""

    pixels: np.ndarray
    photons: np.ndarray

    def image(self, shape: tuple[int, ...]) -> np.ndarray:
        """As an image of a shape, 0 where no pixel counts."""
        found = np.zeros(shape)
        found[tuple(self.pixels.T)] = self.photons
        return found


@dataclass(frozen=True)
class ShotResult:
    """One shot.

    Attributes:
        outcome: how it ended.
        reason: one sentence.
        values: of all components, shared ones first, in the parameters' units, shape (p,).
        sigmas: standard deviations from the Fisher information; infinite where nothing determines a component.
        covariance: shape (p, p); None where there are too many components (``nbjax.fit.matrix_free.LARGE``), and where
            the standard deviations are those of each component with all others known.
        loss: negative log-likelihood at the values; NaN where the data are unusable.
        pixels: number of pixels that count.
        warnings: sentences about what is poorly determined, and about residuals.
        goodness: how well the model agrees with the data; None where these are unusable.
        background: what was found under the spots; None where a fit has no background.
        at_bound: which components lie at a bound, boolean, shape (p,). The standard deviations of the others take them
            as fixed, and theirs are infinite: the data say only that they would go farther.
    """

    outcome: Outcome
    reason: str
    values: np.ndarray
    sigmas: np.ndarray
    covariance: np.ndarray | None
    loss: float
    pixels: int
    warnings: tuple[str, ...]
    goodness: Goodness | None
    background: Level | None = None
    at_bound: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))

    @property
    def correlation(self) -> np.ndarray | None:
        """Correlations, shape (p, p), or None; 0 where a component is not determined."""
        if self.covariance is None:
            return None
        sigmas = np.where(np.isfinite(self.sigmas) & (self.sigmas > 0), self.sigmas, np.inf)
        finite = np.where(np.isfinite(self.covariance), self.covariance, 0.0)
        return finite / np.outer(sigmas, sigmas) + np.diag(np.isinf(sigmas).astype(float))


@dataclass(frozen=True)
class FitResult:
    """All shots of a fit.

    Attributes:
        names, units: of the components, shared ones first.
        shared: how many of them are shared.
        shots: one entry for each shot.
        history: every step.
        stages: names of the stages.
        experiments: the fitted experiments, in full sharpness.
        starts: values from which each shot started, shape (shots, p).
    """

    names: tuple[str, ...]
    units: tuple[str, ...]
    shared: int
    shots: tuple[ShotResult, ...]
    history: tuple[Step, ...]
    stages: tuple[str, ...]
    experiments: tuple[Experiment, ...]
    starts: np.ndarray

    @property
    def converged(self) -> bool:
        """Whether every shot converged."""
        return all(shot.outcome is Outcome.CONVERGED for shot in self.shots)

    def _repr_html_(self) -> str:
        """What a notebook shows: how each shot ended, and its values with their standard deviations."""
        ended = [
            (number, shot.outcome.value, _shown(shot.loss), shot.pixels, shot.reason)
            for number, shot in enumerate(self.shots)
        ]
        parts = [table("Fit", ("shot", "outcome", "loss", "pixels", "reason"), ended)]
        for number, shot in enumerate(self.shots[:_SHOWN_SHOTS]):
            rows = zip(self.names, map(_shown, shot.values), map(_shown, shot.sigmas), self.units, strict=True)
            parts.append(table(f"Shot {number}", ("component", "value", "sigma", "unit"), rows))
        return "".join(parts)

    def value(self, name: str, shot: int = 0) -> float:
        """A component's value in a shot."""
        return float(self.shots[shot].values[self.names.index(name)])

    def sigma(self, name: str, shot: int = 0) -> float:
        """A component's standard deviation in a shot."""
        return float(self.shots[shot].sigmas[self.names.index(name)])


def _shown(value: float) -> str:
    return f"{value:.6g}"


def covariance_of(information: np.ndarray, shared: int, counted: np.ndarray) -> np.ndarray:
    """Covariance of each shot's components, with the shared ones determined by all counted shots together.

    Args:
        information: Fisher information of each shot, shape (shots, p, p).
        shared: how many components are shared; they come first.
        counted: shots that count, shape (shots,).

    Returns:
        Shape (shots, p, p); infinite on the diagonal, else 0, for what nothing determines.
    """
    information = np.where(counted[:, None, None], information, 0.0)
    whole = information.copy()
    found = []
    for number, own in enumerate(whole):
        others = np.delete(information, number, axis=0)
        extra = np.zeros((shared, shared))
        for other in others if shared else ():
            inverse = _inverse(other[shared:, shared:])
            inverse = np.where(np.isfinite(inverse), inverse, 0.0)
            extra += other[:shared, :shared] - other[:shared, shared:] @ inverse @ other[shared:, :shared]
        own[:shared, :shared] = information[number][:shared, :shared] + extra
        found.append(_inverse(own))
    return np.stack(found)


def _inverse(matrix: np.ndarray) -> np.ndarray:
    """Inverse of an information matrix, by its scaled eigenvectors; components without information are infinite."""
    diagonal = np.diag(matrix).copy()
    known = np.isfinite(matrix).all(axis=1) & (diagonal > 0)
    result = np.diag(np.where(known, 0.0, np.inf))
    if known.any():
        scale = np.sqrt(diagonal[known])
        scaled = matrix[np.ix_(known, known)] / np.outer(scale, scale)
        values, vectors = np.linalg.eigh(scaled)
        values = np.maximum(values, 1e-14)
        result[np.ix_(known, known)] = (vectors / values) @ vectors.T / np.outer(scale, scale)
    return result


def weaknesses(covariance: np.ndarray, names: tuple[str, ...], units: tuple[str, ...]) -> tuple[str, ...]:
    """Sentences that name what the data do not determine, or only in combination."""
    diagonal = np.diag(covariance)
    known = np.isfinite(diagonal) & (diagonal > 0)
    found = [
        f"{name} has no effect on the pixels that are fitted; leave it out"
        for name, infinite in zip(names, np.isinf(diagonal), strict=True)
        if infinite
    ]
    if known.sum() < 2:
        return tuple(found)
    sub = covariance[np.ix_(known, known)]
    information = np.linalg.pinv(sub, hermitian=True)
    scale = np.sqrt(np.abs(np.diag(information)))
    values, vectors = np.linalg.eigh(information / np.outer(scale, scale))
    kept = [(name, unit) for name, unit, is_known in zip(names, units, known, strict=True) if is_known]
    for value, vector in zip(values, vectors.T, strict=True):
        if value >= _WEAK:
            break
        vector = vector * np.sign(vector[np.abs(vector).argmax()])
        change = vector / scale
        change = change / np.sqrt(max(value, 1e-14))
        # where many panels move together each has a small share
        least = min(_NAMED, np.abs(vector).max() / 2)
        order = [i for i in np.argsort(-np.abs(vector)) if abs(vector[i]) > least]
        terms = ", ".join(f"{kept[i][0]} by {change[i]:+.3g} {kept[i][1]}" for i in order[:_MOST_NAMED])
        terms += f" and {len(order) - _MOST_NAMED} more" if len(order) > _MOST_NAMED else ""
        found.append(f"poorly determined combination: moving {terms} at once stays within one standard deviation")
    return tuple(found)
