"""The numbers that a fit moves: chosen by path, bounded, scaled, and mapped onto experiments.

A fit works on ``theta``, one number for each component, which is 0 at the start and 1 after a change by the
component's scale. Bounds are kept by smooth maps, so that every optimiser sees an unbounded problem.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from nbjax.errors import ConfigError, Fault
from nbjax.experiment import Experiment, stack
from nbjax.fit.limits import Limits, limits_of
from nbjax.fit.overlaps import overlaps
from nbjax.fit.scaling import Scaling
from nbjax.parameters import Parameter, find, meant, parameters_of, set_values
from nbjax.pipeline.compilation import compiled


@dataclass(frozen=True)
class Free:
    """A parameter that a fit may move.

    Attributes:
        path: key of ``nbjax.parameters.parameters_of``: a configuration key, ``crystal.cell``,
            ``crystal.rotation_deg`` or ``scale``; with several crystals ``crystals[0].cell`` in the place of
            ``crystal.cell``; of several panels ``panels[left].shift_mm``, ``groups[0].rotation_deg`` by name or number.
            ``panels[*].shift_mm`` are those of all panels, in ``nbjax.fit.fit``.
        lower, upper: bounds in the parameter's unit, for every component; None: those of ``nbjax.fit.limits``, beyond
            which the quantity makes no sense.
        scale: change that counts as one; the parameter's typical change by default.
        transform: "log" moves the logarithm, for what must stay above zero and may be off by a factor.
        shared: one value for all shots, instead of one for each.
        scatter: where a fit is tried from several starts, they lie up to so far from the given one, in the parameter's
            unit; 0: all have the given value.
    """

    path: str
    lower: float | None = None
    upper: float | None = None
    scale: float | None = None
    transform: Literal["linear", "log"] = "linear"
    shared: bool = False
    scatter: float = 0.0


@dataclass(frozen=True)
class Layout:
    """Which parameters are free, and how they are found in an experiment; static and hashable.

    Attributes:
        shared, own: paths, in the order in which they are set; shared ones first.
        convention, system: as for ``parameters_of``.
    """

    shared: tuple[str, ...]
    own: tuple[str, ...]
    convention: str | None
    system: str

    def parameters(self, experiment: Experiment) -> tuple[list[Parameter], list[Parameter]]:
        """Shared and own parameters of one experiment."""
        table = parameters_of(experiment, self.convention, self.system)
        return [table[path] for path in self.shared], [table[path] for path in self.own]

    def moved(self, experiment: Experiment, shared: Float[Array, " s"], own: Float[Array, " q"]) -> Experiment:
        """One experiment with the given values, in the parameters' units."""
        lists = self.parameters(experiment)
        values = [*_split(lists[0], shared), *_split(lists[1], own)]
        # in the order of the table, so that the pixel size is set before what is counted in pixels
        order = {path: i for i, path in enumerate(parameters_of(experiment, self.convention, self.system))}
        pairs = sorted(zip([*lists[0], *lists[1]], values, strict=True), key=lambda pair: order[pair[0].path])
        return set_values(experiment, *zip(*pairs, strict=True)) if pairs else experiment


@dataclass(frozen=True)
class ParameterSet:
    """Everything about the free parameters of a fit.

    Attributes:
        layout: where they are.
        shared, own: their scalings; ``own.start`` has shape (shots, components).
        shared_names, own_names: path and label of each component.
        shared_units, own_units: unit of each component.
    """

    layout: Layout
    shared: Scaling
    own: Scaling
    shared_names: tuple[str, ...]
    own_names: tuple[str, ...]
    shared_units: tuple[str, ...]
    own_units: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Of all components, shared ones first."""
        return self.shared_names + self.own_names

    @property
    def units(self) -> tuple[str, ...]:
        """Of all components, shared ones first."""
        return self.shared_units + self.own_units


def spelt_out(
    frees: Sequence[Free], experiment: Experiment, convention: str | None = None, system: str = "triclinic"
) -> list[Free]:
    """Free parameters by their paths: one for each that a name such as ``panels[*].shift_mm`` means."""
    table = parameters_of(experiment, convention, system)
    return [replace(free, path=path) for free in frees for path in meant(table, free.path) or [free.path]]


def parameter_set(
    frees: Sequence[Free], experiments: Sequence[Experiment], convention: str | None = None, system: str = "triclinic"
) -> ParameterSet:
    """The free parameters of some shots.

    Args:
        frees: what may move.
        experiments: the shots where they start; shared parameters start at the first shot's value.
        convention: of the detector.
        system: crystal system for ``crystal.cell``.

    Raises:
        ConfigError: a path that does not exist, or twice; two that move the same; a bound that excludes a start; a
            scale that is not positive.
    """
    faults: list[Fault] = []
    table = parameters_of(experiments[0], convention, system)
    for number, free in enumerate(frees):
        key = f"parameters.{free.path}"
        try:
            find(table, free.path, "parameters")
        except ConfigError as error:
            faults += error.faults
            continue
        if free.path in [other.path for other in frees[:number]]:
            faults.append(Fault(key, "is named twice; name it once"))
        if free.scale is not None and not free.scale > 0:
            faults.append(Fault(key, f"scale {free.scale:g} must be above zero"))
        if not (np.isfinite(free.scatter) and free.scatter >= 0):
            faults.append(Fault(f"{key}.scatter", f"got {free.scatter:g}, must be a number, zero or above"))
    groups = experiments[0].detector.groups
    faults += overlaps({free.path: free.shared for free in frees}, groups, len(experiments) > 1)
    if faults:
        raise ConfigError(faults)
    shared = [free for free in frees if free.shared]
    own = [free for free in frees if not free.shared]
    layout = Layout(tuple(f.path for f in shared), tuple(f.path for f in own), convention, system)
    first, every = _starts(layout, stack(experiments))
    limits = {f.path: limits_of(table[f.path], experiments[0]) for f in frees}
    shared_scaling = _scaling(shared, [table[f.path] for f in shared], np.asarray(first[0]), limits, faults)
    own_scaling = _scaling(own, [table[f.path] for f in own], np.asarray(every), limits, faults)
    if faults:
        raise ConfigError(faults)
    chosen = [[table[f.path] for f in frees] for frees in (shared, own)]
    return ParameterSet(
        layout,
        shared_scaling,
        own_scaling,
        *(tuple(name for p in group for name in p.names) for group in chosen),
        *(tuple(unit for p in group for unit in p.unit) for group in chosen),
    )


@partial(compiled, static_argnames=("layout",))
def _starts(layout: Layout, experiments: Experiment) -> tuple[Array, Array]:
    """Values of the shared and the own parameters of every shot."""

    def of_shot(experiment: Experiment) -> tuple[Array, Array]:
        groups = ([p.get(experiment) for p in parameters] for parameters in layout.parameters(experiment))
        shared, own = (jnp.concatenate([jnp.zeros(0, float), *group]) for group in groups)
        return shared, own

    shared, own = jax.vmap(of_shot)(experiments)
    return shared, own


_INSIDE = 0.1
"""How many scales from a limit a fit starts that was asked to start on it."""


def _scaling(
    frees: list[Free],
    parameters: list[Parameter],
    start: np.ndarray,
    limits: dict[str, list[Limits]],
    faults: list[Fault],
) -> Scaling:
    parts = []
    at = 0
    for free, parameter in zip(frees, parameters, strict=True):
        n = len(parameter.labels)
        parts.append(_scaling_of(free, parameter, start[..., at : at + n], limits[free.path], faults))
        at += n
    starts, lower, upper, scales = (
        jnp.asarray(np.concatenate([part[i] for part in parts], axis=-1) if parts else start[..., :0], float)
        for i in range(4)
    )
    return Scaling(starts, lower.reshape(-1), upper.reshape(-1), scales, tuple(x for part in parts for x in part[4]))


def _scaling_of(
    free: Free, parameter: Parameter, start: np.ndarray, limits: list[Limits], faults: list[Fault]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, list[bool]]:
    """Start, lower and upper bound, scale, and whether the logarithm moves, of the components of one parameter."""
    key = f"parameters.{free.path}"
    log = free.transform == "log"
    if log and not (start > 0).all():
        faults.append(Fault(key, f"starts at {start.min():g}, a logarithm needs a start above zero; use linear"))
        start = np.ones_like(start)
    for bound, name, side in ((free.lower, "lower", 1.0), (free.upper, "upper", -1.0)):
        bad = start[:0] if bound is None else start[side * (start - bound) <= 0]
        if bound is not None and bad.size:
            faults.append(Fault(key, f"{name} bound {bound:g} excludes the start {bad[0]:g}; move one of them"))
    if free.scale is not None:
        change = np.full(start.shape, free.scale)
    elif parameter.typical is None or log:
        change = np.where(start != 0, 0.01 * np.abs(start), 1.0)
    else:
        change = np.broadcast_to(np.array(parameter.typical), start.shape)
    lower = np.array([limit.lower if free.lower is None else free.lower for limit in limits])
    upper = np.array([limit.upper if free.upper is None else free.upper for limit in limits])
    # a start at the very end of what makes sense, such as a spread of zero, is moved inside: it could not leave
    if free.lower is None:
        start = np.where(start <= lower, lower + _INSIDE * change, start)
    if free.upper is None:
        start = np.where(start >= upper, upper - _INSIDE * change, start)
    change = np.minimum(change, np.minimum(start - lower, upper - start)) if free.scale is None else change
    # how far a value is above its lower limit is positive, so that moving the logarithm of that keeps it there
    logs = [
        log and not (free.lower is None and low > 0 and np.isinf(high)) for low, high in zip(lower, upper, strict=True)
    ]
    return start, lower, upper, change, logs


def _split(parameters: list[Parameter], values: Array) -> list[Array]:
    ends = np.cumsum([len(p.labels) for p in parameters])
    return [values[end - len(p.labels) : end] for end, p in zip(ends, parameters, strict=True)]
