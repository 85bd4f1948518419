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
from nbjax.geometry.crystal_systems import CrystalSystem
from nbjax.numerics import unit_vector
from nbjax.quantities import UNITS, Quantity
from nbjax.rotations import about_vector

Get = Callable[[Experiment], Array]
Set = Callable[[Experiment, Array], Experiment]

DEGREE = 1 / DEGREES_PER_RADIAN


@dataclass(frozen=True)
class Meaning:
    """What the meaning of some parameters hangs on, beside the experiment.

    Attributes:
        convention: of the detector, or None where it is not known.
        system: crystal system that ``crystal.cell`` keeps to.
    """

    convention: str | None
    system: CrystalSystem


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


def single(quantity: Quantity, get: Get, put: Set) -> Parameter:
    """One number with ``get`` and ``put`` of scalars."""
    return several(quantity, lambda e: get(e)[None], lambda e, x: put(e, x[0]), ("",))


def several(
    quantity: Quantity, get: Get, put: Set, labels: tuple[str, ...] | None = None, unit: str | None = None
) -> Parameter:
    """Some numbers with ``get`` and ``put`` of vectors; labels and unit are the quantity's own unless given."""
    chosen = quantity.labels if labels is None else labels
    typical = None if quantity.typical is None else (quantity.typical,) * len(chosen)
    return Parameter(quantity.key, (unit or quantity.unit,) * len(chosen), chosen, typical, get, put)


def leaf(quantity: Quantity, place: str, labels: tuple[str, ...] | None = None, si: float | None = None) -> Parameter:
    """What lies at a place of an experiment, a scalar or a vector; ``si`` is its unit in SI, the quantity's own."""
    factor = UNITS[quantity.unit].si if si is None else si
    if quantity.labels == ("",):
        return single(quantity, lambda e: look_up(e, place) / factor, lambda e, x: put(e, place, x * factor))
    return several(quantity, lambda e: look_up(e, place) / factor, lambda e, x: put(e, place, x * factor), labels)


def together(quantity: Quantity, places: tuple[str, ...], si: float) -> Parameter:
    """One number for all that lie at some places: their mean, which moves all of them by the same."""

    def get(e: Experiment) -> Array:
        return jnp.mean(jnp.stack([look_up(e, place) for place in places])) / si

    def move(e: Experiment, x: Array) -> Experiment:
        change = (x - get(e)) * si
        for place in places:
            e = put(e, place, look_up(e, place) + change)
        return e

    return single(quantity, get, move)


def relative(quantity: Quantity, unit: str, labels: tuple[str, ...], put: Set) -> Parameter:
    """A change on top of the experiment, which starts at zero."""
    return several(quantity, lambda e: jnp.zeros(len(labels), e.beam.wavelength_m.dtype), put, labels, unit)


def tilt(quantity: Quantity, place: str) -> Parameter:
    """Two tilts of an axis, in degrees."""

    def tilted(e: Experiment, x: Array) -> Experiment:
        axis = look_up(e, place)
        return put(e, place, about_vector(x * DEGREE @ _across(axis)) @ axis)

    return relative(quantity, "degrees", ("first", "second"), tilted)


def _across(axis: Float[Array, "3"]) -> Float[Array, "2 3"]:
    """Two directions at right angles to an axis, the first also to the laboratory axis that is farthest from it."""
    first = unit_vector(jnp.cross(axis, jnp.eye(3, dtype=axis.dtype)[jnp.argmin(jnp.abs(axis))]))
    return jnp.stack([first, unit_vector(jnp.cross(axis, first))])
