"""The maps between what an optimiser moves and values in the parameters' units."""

from __future__ import annotations

from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from nbjax.fields import STATIC

_AT_BOUND = 1e-3
"""Share of the distance between start and bound below which a value counts as lying at the bound."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Scaling:
    """The maps between theta and values of some components.

    Attributes:
        start: value at theta = 0, shape (..., components).
        lower, upper: bounds, infinite where there is none, shape (components,).
        scale: change of value for theta = 1, to first order, shape (components,).
        log: whether the logarithm is moved, one for each component.
    """

    start: Float[Array, "*shots n"]
    lower: Float[Array, " n"]
    upper: Float[Array, " n"]
    scale: Float[Array, "*shots n"]
    log: tuple[bool, ...] = field(metadata=STATIC)

    def values(self, theta: Float[Array, "*shots n"]) -> Float[Array, "*shots n"]:
        """Values in the parameters' units."""
        log = np.array(self.log, bool)
        # bounds of zero or below bind no logarithm
        low, start, high = (
            jnp.where(log, jnp.log(jnp.where(log & (x > 0), x, 1.0)), x) for x in (self.lower, self.start, self.upper)
        )
        low = jnp.where(log & (self.lower <= 0), -jnp.inf, low)
        step = theta * jnp.where(log, self.scale / jnp.where(log, self.start, 1.0), self.scale)
        has_low, has_high = jnp.isfinite(low), jnp.isfinite(high)
        below = jnp.where(has_low, start - jnp.where(has_low, low, 0.0), 1.0)
        above = jnp.where(has_high, jnp.where(has_high, high, 0.0) - start, 1.0)
        both = has_low & has_high
        up = start + below * jnp.expm1(jnp.where(has_low & ~both, step / below, 0.0))
        down = start - above * jnp.expm1(jnp.where(has_high & ~both, -step / above, 0.0))
        width = below + above
        logit = jnp.log(below / above) + jnp.where(both, step * width / (below * above), 0.0)
        between = start - below + width * jax.nn.sigmoid(logit)
        moved = jnp.where(both, between, jnp.where(has_low, up, jnp.where(has_high, down, start + step)))
        return jnp.where(log, jnp.exp(jnp.where(log, moved, 0.0)), moved)

    def at_bound(self, values: np.ndarray) -> np.ndarray:
        """Which values have run into a bound; boolean, shape (..., components).

        What is only above zero gets small, and has no bound that it could run into.
        """
        start, lower, upper = (np.asarray(a) for a in (self.start, self.lower, self.upper))
        with np.errstate(invalid="ignore"):
            low = np.isfinite(lower) & (lower != 0) & (values - lower < _AT_BOUND * (start - lower))
            high = np.isfinite(upper) & (upper - values < _AT_BOUND * (upper - start))
        return low | high

    def at_zero(self, values: np.ndarray, sigmas: np.ndarray) -> np.ndarray:
        """Which values lie on a lower bound of zero, and are less than a standard deviation from it; as ``values``."""
        start, lower = np.asarray(self.start), np.asarray(self.lower)
        return (lower == 0) & (values < _AT_BOUND * start) & ~(sigmas <= values)
