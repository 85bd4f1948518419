"""The fewest and smallest changes of traced parameters that explain what is left of a difference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from scipy.optimize import least_squares

from nbjax.experiment import Experiment
from nbjax.pipeline.compilation import compiled
from nbjax.pipeline.recording import trace
from nbjax.tracing.attribution.observation import Evidence
from nbjax.tracing.attribution.parameters import Motion

_MOST_PARAMETERS = 6
_BRANCHES = 4
"""Parameters that are tried in full at each step, the most promising of the linear solution."""

_GAIN = 2.0
"""Factor by which one more parameter must lower the root mean square, to be named."""


@dataclass(frozen=True)
class Change:
    """One parameter's part in an explanation.

    Attributes:
        name, unit: of the parameter.
        value: change from candidate to reference.
        sigma: standard deviation from the curvature and the remaining residual, or the tolerance where that is larger;
            None if nothing determines it.
        alternatives: other parameters that would explain the difference as well, alone, and their changes.
    """

    name: str
    unit: str
    value: float
    sigma: float | None
    alternatives: tuple[tuple[str, float, str], ...]


@dataclass(frozen=True)
class Solution:
    """Changes that explain a difference, in the order in which they were found.

    Attributes:
        changes: none if nothing explains it.
        explains: whether no residual above the tolerance is left.
        largest: the largest residual that is left.
        data: numbers that differed.
    """

    changes: tuple[Change, ...]
    explains: bool
    largest: float
    data: int

    @property
    def determined(self) -> bool:
        """Whether more numbers differed than parameters were changed."""
        return self.data > len(self.changes)


class Solver:
    """Least squares over chosen parameters of one experiment."""

    def __init__(self, experiment: Experiment, observation: Evidence, parameters: tuple[Motion, ...]):
        self.parameters = parameters
        self._experiment = experiment
        pixels = jnp.asarray(observation.pixels, jnp.int32)

        def residual(theta: Array, experiment: Experiment) -> Array:
            moved = moved_experiment(experiment, parameters, theta)
            stages = trace(moved, pixels, observation.rows is not None)
            return jnp.concatenate([part.reshape(-1) for part in observation.residuals(stages).values()])

        self._residual = compiled(residual)
        self._jacobian = compiled(jax.jacfwd(residual))

    def residual(self, theta: np.ndarray) -> np.ndarray:
        """Residuals with every parameter moved by ``theta`` typical changes."""
        return np.nan_to_num(np.asarray(self._residual(jnp.asarray(theta), self._experiment)), nan=1e30)

    def jacobian(self, theta: np.ndarray) -> np.ndarray:
        """Derivatives of the residuals, shape (data, parameters)."""
        return np.nan_to_num(np.asarray(self._jacobian(jnp.asarray(theta), self._experiment)))

    def fit(self, chosen: list[int], start: np.ndarray) -> np.ndarray:
        """All parameters after a fit of the chosen ones."""

        def spread(x: np.ndarray) -> np.ndarray:
            theta = start.copy()
            theta[chosen] = x
            return theta

        found = least_squares(
            lambda x: self.residual(spread(x)),
            start[chosen],
            jac=lambda x: self.jacobian(spread(x))[:, chosen],
            x_scale="jac",
            method="trf",
            ftol=1e-15,
            xtol=1e-14,
            gtol=1e-15,
            max_nfev=40,
        )
        return spread(found.x)


def moved_experiment(experiment: Experiment, parameters: tuple[Motion, ...], theta: Array) -> Experiment:
    """The experiment with every parameter moved by ``theta`` typical changes."""
    for i, parameter in enumerate(parameters):
        experiment = parameter.apply(experiment, theta[i] * parameter.typical)
    return experiment


def solve(solver: Solver, tolerance: float, report: Callable[[str], None] = lambda text: None) -> Solution:
    """Add parameters one by one until nothing is left, or one more does not help.

    Args:
        solver: experiment, reference and parameters.
        tolerance: residual that counts as none.
        report: told what is being tried.
    """
    zero = np.zeros(len(solver.parameters))
    start = solver.residual(zero)
    sensitive = _sensitive(solver.jacobian(zero))
    theta, left = zero, start
    chosen: list[int] = []
    alone: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    while sensitive and len(chosen) < _MOST_PARAMETERS and np.abs(left).max() > tolerance:
        tried = []
        jacobian = solver.jacobian(theta)
        ranked = sorted((i for i in sensitive if i not in chosen), key=lambda i: -_gain(jacobian, left, chosen, i))
        for i in ranked if not chosen else ranked[:_BRANCHES]:
            report(f"{len(chosen) + 1}: {solver.parameters[i].name}")
            at = solver.fit([*chosen, i], theta)
            tried.append((i, at, solver.residual(at)))
        if not chosen:
            alone = {i: (at, residual) for i, at, residual in tried}
        i, at, residual = min(tried, key=lambda entry: _rank(entry[1], entry[2], tolerance))
        if _rms(residual) * _GAIN > _rms(left):
            break
        theta, chosen, left = at, [*chosen, i], residual
    changes = _changes(solver, theta, chosen, left, alone, tolerance)
    largest = float(np.abs(left).max(initial=0.0))
    return Solution(changes, largest <= tolerance, largest, int((np.abs(start) > tolerance).sum()))


def _rms(residual: np.ndarray) -> float:
    return float(np.sqrt(np.mean(residual**2)))


def _rank(theta: np.ndarray, residual: np.ndarray, tolerance: float) -> tuple[float, float]:
    """Complete explanations first, the smallest change of them; else what leaves least."""
    explains = np.abs(residual).max() <= tolerance
    return (0.0, float(np.abs(theta).sum())) if explains else (1.0, _rms(residual))


def _sensitive(jacobian: np.ndarray) -> list[int]:
    sizes = np.linalg.norm(jacobian, axis=0)
    return [i for i, size in enumerate(sizes) if size > 1e-12 * max(sizes.max(), 1e-300)]


def _gain(jacobian: np.ndarray, residual: np.ndarray, chosen: list[int], i: int) -> float:
    """How much of the residual parameter i explains beyond the chosen ones, to first order."""
    column = jacobian[:, i]
    if chosen:
        basis = np.linalg.qr(jacobian[:, chosen])[0]
        column = column - basis @ (basis.T @ column)
    size = np.linalg.norm(column)
    return float(abs(column @ residual) / size) if size > 1e-14 else 0.0


def _changes(
    solver: Solver,
    theta: np.ndarray,
    chosen: list[int],
    left: np.ndarray,
    alone: dict[int, tuple[np.ndarray, np.ndarray]],
    tolerance: float,
) -> tuple[Change, ...]:
    if not chosen:
        return ()
    columns = solver.jacobian(theta)[:, chosen]
    freedom = len(left) - len(chosen)
    variance = max(float(left @ left) / freedom, tolerance**2) if freedom > 0 else None
    sigmas: list[float | None] = [None] * len(chosen)
    if variance is not None and np.linalg.matrix_rank(columns) == len(chosen):
        sigmas = [float(s) for s in np.sqrt(variance * np.diag(np.linalg.inv(columns.T @ columns)))]
    equal: tuple[tuple[str, float, str], ...] = ()
    if len(chosen) == 1:
        as_good = max(tolerance, 2 * float(np.abs(left).max()))
        equal = tuple(
            (solver.parameters[j].name, float(at[j] * solver.parameters[j].typical), solver.parameters[j].unit)
            for j, (at, residual) in alone.items()
            if j != chosen[0] and np.abs(residual).max() <= as_good
        )
    return tuple(
        Change(p.name, p.unit, float(theta[i] * p.typical), None if s is None else s * p.typical, equal)
        for i, s, p in ((i, s, solver.parameters[i]) for i, s in zip(chosen, sigmas, strict=True))
    )
