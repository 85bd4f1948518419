"""The seven crystal systems: which numbers of a unit cell are free, and how the others follow.

Metric conditions of International Tables for Crystallography A (2016), table 2.1.2.1. The trigonal system is on
rhombohedral axes; a trigonal cell on hexagonal axes keeps to ``hexagonal``.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

_NAMES = ("a", "b", "c", "alpha", "beta", "gamma")


@dataclass(frozen=True)
class CrystalSystem:
    """One crystal system.

    Attributes:
        labels: the free numbers, in the order a, b, c, alpha, beta, gamma.
        rule: for each of a, b, c, alpha, beta, gamma the free number that it equals, or its fixed angle in degrees.
    """

    labels: tuple[str, ...]
    rule: tuple[str | float, ...]

    def cell(self, free: Float[Array, " free"]) -> Float[Array, "6"]:
        """a, b, c, alpha, beta, gamma (degrees) from the free numbers."""
        values = dict(zip(self.labels, free, strict=True))
        rows = [values[r] if isinstance(r, str) else jnp.full_like(free[0], r) for r in self.rule]
        return jnp.stack(rows)

    def free(self, cell: Float[Array, "6"]) -> Float[Array, " free"]:
        """The free numbers of a cell that keeps to the system; of one that does not, the first of each kind."""
        return jnp.stack([cell[self.rule.index(label)] for label in self.labels])

    def violation(self, cell: Float[Array, "6"]) -> float:
        """Largest deviation from the system, lengths relative to their size and angles in degrees."""
        kept = self.cell(self.free(cell))
        off = jnp.abs(kept - cell)
        return float(jnp.maximum((off[:3] / cell[:3]).max(), off[3:].max()))


def _system(*rule: str | float) -> CrystalSystem:
    return CrystalSystem(tuple(name for name in _NAMES if name in rule), rule)


CRYSTAL_SYSTEMS = {
    "triclinic": _system("a", "b", "c", "alpha", "beta", "gamma"),
    "monoclinic": _system("a", "b", "c", 90.0, "beta", 90.0),
    "orthorhombic": _system("a", "b", "c", 90.0, 90.0, 90.0),
    "tetragonal": _system("a", "a", "c", 90.0, 90.0, 90.0),
    "trigonal": _system("a", "a", "a", "alpha", "alpha", "alpha"),
    "hexagonal": _system("a", "a", "c", 90.0, 90.0, 120.0),
    "cubic": _system("a", "a", "a", 90.0, 90.0, 90.0),
}
