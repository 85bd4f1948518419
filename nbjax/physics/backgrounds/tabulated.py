"""A function of sin(theta) / wavelength by its values at some places."""

from __future__ import annotations

from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from nbjax.fields import STATIC


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Tabulated:
    """Between two places the cubic through the four nearest ones, next to an end the parabola through three.

    Beyond the ends it goes on as a straight line. That is what nonBragg does with its ``.stol`` files.

    Attributes:
        stol_per_m: places, ascending, shape (n,), four or more.
        values: there, shape (n,).
        even: whether the places are evenly spaced.
    """

    stol_per_m: Float[Array, " n"]
    values: Float[Array, " n"]
    even: bool = field(default=False, metadata=STATIC)

    def at(self, stol_per_m: Float[Array, "*pixels"]) -> Float[Array, "*pixels"]:
        """The function at any places."""
        return self._among_even(stol_per_m) if self.even else self._among_any(stol_per_m)

    def _among_any(self, stol_per_m: Float[Array, "*pixels"]) -> Float[Array, "*pixels"]:
        number = jnp.searchsorted(self.stol_per_m, stol_per_m, side="right").astype(jnp.int32)
        here, there, third, value, slope, bend, turn = self._pieces()[:, jnp.clip(number, 0, len(self.stol_per_m))]
        from_here, from_there = stol_per_m - here, stol_per_m - there
        return value + from_here * (slope + from_there * (bend + (stol_per_m - third) * turn))

    def _among_even(self, stol_per_m: Float[Array, "*pixels"]) -> Float[Array, "*pixels"]:
        """The same without a search and with fewer lookups."""
        x, y = self.stol_per_m, self.values
        # a value before the first that makes the cubic of the first part a parabola, and one after the last
        first, last = 3 * (y[0] - y[1]) + y[2], 3 * (y[-1] - y[-2]) + y[-3]
        padded = jnp.concatenate([first[None], y, last[None]])
        places = (stol_per_m - x[0]) * ((len(x) - 1) / (x[-1] - x[0]))
        number = jnp.clip(jnp.floor(places), 0, len(x) - 2).astype(jnp.int32)
        whole = places - number
        part = jnp.clip(whole, 0.0, 1.0)
        before, here, there, after = (padded[number + i] for i in range(4))
        rise = there - here
        turn = (after - before) / 6 - rise / 2
        bend = (before + there) / 2 - here
        inside = here + part * (rise - bend - turn + part * (bend + part * turn))
        return inside + (whole - part) * rise

    def _pieces(self) -> Float[Array, "7 pieces"]:
        """Of the part before each place, and after the last: three places and Newton's divided differences."""
        x, y = self.stol_per_m, self.values
        none = jnp.zeros_like(x[:1])
        slope = (y[1:] - y[:-1]) / (x[1:] - x[:-1])
        bend = (slope[1:] - slope[:-1]) / (x[2:] - x[:-2])
        turn = (bend[1:] - bend[:-1]) / (x[3:] - x[:-3])
        rows = (
            jnp.concatenate([x[:1], x[:-1], x[-2:-1]]),
            jnp.concatenate([x[1:2], x[1:], x[-1:]]),
            # the third place of the differences of second order: the one before, but for the first piece
            jnp.concatenate([x[2:3], x[2:3], x[:-2], x[-1:]]),
            jnp.concatenate([y[:1], y[:-1], y[-2:-1]]),
            jnp.concatenate([slope[:1], slope, slope[-1:]]),
            jnp.concatenate([none, bend[:1], bend, none]),
            jnp.concatenate([none, none, turn, none, none]),
        )
        return jnp.stack(rows)
