"""One parameter of an experiment, and the ways to make one from the place of a leaf."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from nbjax.constants import DEGREES_PER_RADIAN
from nbjax.experiment import Experiment
from nbjax.fields import look_up, put
from nbjax.numerics import unit_vector
from nbjax.rotations import about_vector

Get = Callable[[Experiment], Array]
Set = Callable[[Experiment, Array], Experiment]

DEGREE = 1 / DEGREES_PER_RADIAN
XYZ = ("x", "y", "z")


@dataclass(frozen=True)
class Parameter:
    """One number, or a few that belong together, of an experiment.

    Attributes:
        path: configuration key, or a name of its own where no key fits (``scale``).
        unit: of each component.
        labels: names of the components; one empty name for a single number.
        typical: for each component, a change that is neither large nor small; None: a hundredth of the value.
        get: the value, shape (components,).
        set: the experiment that has another value.
    """

    path: str
    unit: tuple[str, ...]
    labels: tuple[str, ...]
    typical: tuple[float, ...] | None
    get: Get
    set: Set

    @property
    def names(self) -> tuple[str, ...]:
        """Path and label of each component."""
        return tuple(f"{self.path} {label}".rstrip() for label in self.labels)


def single(path: str, unit: str, typical: float, get: Get, put: Set) -> Parameter:
    """One number with ``get`` and ``put`` of scalars."""
    return Parameter(path, (unit,), ("",), (typical,), lambda e: get(e)[None], lambda e, x: put(e, x[0]))


def number(path: str, unit: str, typical: float, place: str, si: float) -> Parameter:
    """A scalar leaf; ``si`` is its unit in SI."""
    return single(path, unit, typical, lambda e: look_up(e, place) / si, lambda e, x: put(e, place, x * si))


def item(path: str, unit: str, typical: float, place: str, i: int, si: float) -> Parameter:
    """One entry of a leaf that is a vector."""
    return single(
        path,
        unit,
        typical,
        lambda e: look_up(e, place)[i] / si,
        lambda e, x: put(e, place, look_up(e, place).at[i].set(x * si)),
    )


def vector(path: str, unit: str, typical: float, labels: tuple[str, ...], place: str, si: float) -> Parameter:
    """A leaf that is a vector."""
    n = len(labels)
    return Parameter(
        path,
        (unit,) * n,
        labels,
        (typical,) * n,
        lambda e: look_up(e, place) / si,
        lambda e, x: put(e, place, x * si),
    )


def relative(path: str, unit: str, typical: float, labels: tuple[str, ...], put: Set) -> Parameter:
    """A change on top of the experiment, which starts at zero."""
    n = len(labels)
    return Parameter(path, (unit,) * n, labels, (typical,) * n, lambda e: jnp.zeros(n, e.beam.wavelength_m.dtype), put)


def tilt(path: str, place: str) -> Parameter:
    """Two tilts of an axis, in degrees."""

    def tilted(e: Experiment, x: Array) -> Experiment:
        axis = look_up(e, place)
        return put(e, place, about_vector(x * DEGREE @ _across(axis)) @ axis)

    return relative(path, "degrees", 0.01, ("first", "second"), tilted)


def _across(axis: Float[Array, "3"]) -> Float[Array, "2 3"]:
    """Two directions at right angles to an axis, the first also to the laboratory axis that is farthest from it."""
    first = unit_vector(jnp.cross(axis, jnp.eye(3, dtype=axis.dtype)[jnp.argmin(jnp.abs(axis))]))
    return jnp.stack([first, unit_vector(jnp.cross(axis, first))])
