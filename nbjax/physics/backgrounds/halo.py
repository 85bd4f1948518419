"""The diffuse scattering of a crystal whose neighbouring parts move together, as those of a liquid do.

With displacements of covariance U, whose correlation falls by exp(-r / gamma) with the distance r of two atoms, Bragg
reflections keep exp(-4 pi^2 q U q) of their intensity, and what they lose is found about them, convolved with the
Fourier transform of the correlation, 8 pi gamma^3 / (1 + (2 pi gamma q)^2)^2 (Caspar, Clarage, Salunke & Clarage,
Nature 332 (1988) 659; Clarage, Clarage, Phillips, Sweet & Caspar, Proteins 12 (1992) 145).
"""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from nbjax.numerics import Components, components
from nbjax.physics.backgrounds.background import Sight
from nbjax.physics.structure_factor import StructureFactors, nearest

_NEAR, _FAR = 0.5, 1.5
"""Distances in indices from which on a reflection's own halo ends, and at which it has ended."""
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(12)
_NEIGHBOURS = np.stack(np.meshgrid(*[[-1.0, 0.0, 1.0]] * 3, indexing="ij"), -1).reshape(-1, 3)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Halo:
    """Halos about the reflections of a crystal.

    Attributes:
        direct_m: direct vectors a, b, c as rows at each angle that is averaged over, shape (angles, 3, 3).
        displaced: covariance U of the displacements in the coordinates of the indices, so that h U h = q U q.
        correlated: gamma^2 in the same coordinates, shape (3, 3).
        b_factor_m2: B of all atoms, which takes halos by exp(-B q^2 / 2).
        cells: number of unit cells.
        factors: structure factors of one cell.
    """

    direct_m: Float[Array, "angles 3 3"]
    displaced: Float[Array, "3 3"]
    correlated: Float[Array, "3 3"]
    b_factor_m2: Float[Array, ""]
    cells: Float[Array, ""]
    factors: StructureFactors

    def electrons_squared(self, q_per_m: Components) -> Array:
        """See ``Background``; mean over the angles."""
        even = spread_evenly(self.correlated)

        def add(total: Array, direct_m: Array) -> tuple[Array, None]:
            return total + self._at_angle(direct_m, q_per_m, even), None

        start = jnp.zeros_like(q_per_m[0])
        total, _ = jax.lax.scan(jax.checkpoint(add, prevent_cse=False), start, self.direct_m)
        x, y, z = q_per_m
        kept = jnp.exp(-0.5 * self.b_factor_m2 * (x * x + y * y + z * z))
        return self.cells / len(self.direct_m) * kept * total

    def electrons_squared_at(self, sight: Sight) -> Array:
        """The same with the structure factors of the wavelength."""
        factors = self.factors.seen_at(sight.wavelength_m)
        halo = Halo(self.direct_m, self.displaced, self.correlated, self.b_factor_m2, self.cells, factors)
        return halo.electrons_squared(sight.q_per_m)

    def _at_angle(self, direct_m: Float[Array, "3 3"], q_per_m: Components, even: Array) -> Array:
        """Of one cell with the spindle at one angle."""
        x, y, z = q_per_m
        hkl = tuple(a * x + b * y + c * z for a, b, c in map(components, direct_m))
        middle = tuple(jnp.round(jax.lax.stop_gradient(i)) for i in hkl)

        def add(total: Array, step: Array) -> tuple[Array, None]:
            index = tuple(i + s for i, s in zip(middle, step, strict=True))
            off = tuple(i - whole for i, whole in zip(hkl, index, strict=True))
            amplitude = nearest(self.factors, index)
            share = _own(self.correlated, off) + even * _evenly(off)
            return (total + amplitude * amplitude * share).astype(total.dtype), None

        steps = jnp.asarray(_NEIGHBOURS, x.dtype)
        total, _ = jax.lax.scan(jax.checkpoint(add, prevent_cse=False), jnp.zeros_like(x), steps)
        return -jnp.expm1(-4 * jnp.pi**2 * _form(self.displaced, hkl)) * total


def _form(matrix: Float[Array, "3 3"], vector: tuple[Array, ...]) -> Array:
    """V . matrix v, of a symmetric matrix."""
    (xx, xy, xz), (_, yy, yz), (_, _, zz) = matrix
    x, y, z = vector
    return x * (xx * x + 2 * (xy * y + xz * z)) + y * (yy * y + 2 * yz * z) + zz * z * z


def _own(correlated: Float[Array, "3 3"], off: tuple[Array, ...]) -> Array:
    """Density of a reflection's halo in indices, which ends among its neighbours."""
    a, b, c = (_window(d) for d in off)
    return _density(correlated) / (1 + 4 * jnp.pi**2 * _form(correlated, off)) ** 2 * (a * b * c)


def _density(correlated: Float[Array, "3 3"]) -> Array:
    return 8 * jnp.pi * jnp.sqrt(jnp.linalg.det(correlated))


def _window(off: Array) -> Array:
    """Falls smoothly from one to nothing between two distances."""
    t = jnp.clip((_FAR - jnp.abs(off)) / (_FAR - _NEAR), 0.0, 1.0)
    return t**3 * (10 - t * (15 - 6 * t))


def _evenly(off: tuple[Array, ...]) -> Array:
    """A density that adds up to one over all reflections: quadratic splines."""
    a, b, c = (jnp.where(jnp.abs(d) < _NEAR, 0.75 - d * d, 0.5 * jnp.maximum(_FAR - jnp.abs(d), 0.0) ** 2) for d in off)
    return a * b * c


def spread_evenly(correlated: Float[Array, "3 3"]) -> Float[Array, ""]:
    """What of a halo lies where its window has cut it, which is spread evenly over the neighbours instead.

    The integral over three faces of a cube about the reflection, and along the ways to each point of them: by
    quadrature as far as the window reaches, and in closed form beyond.
    """
    nodes, weights = (jnp.asarray(part, correlated.dtype) for part in (_NODES, _WEIGHTS))
    first, second = nodes[:, None], nodes[None, :]
    ways = 0.5 * (_NEAR + _FAR) + 0.5 * (_FAR - _NEAR) * nodes[:, None, None]
    along = 0.5 * (_FAR - _NEAR) * weights
    total = jnp.zeros((), correlated.dtype)
    for axis in range(3):
        point = [jnp.broadcast_to(x, (len(_NODES),) * 2) for x in (jnp.ones(()), first, second)]
        face = tuple(jnp.roll(jnp.stack(point), axis, 0))
        rate = 2 * jnp.pi * jnp.sqrt(_form(correlated, face))
        cut = 1 - jnp.prod(jnp.stack([_window(ways * x) for x in face]), 0)
        within = jnp.einsum("r,rab->ab", along, cut * ways**2 / (1 + (rate * ways) ** 2) ** 2)
        end = rate * _FAR
        beyond = 0.5 * (jnp.arctan2(jnp.ones_like(end), end) + end / (1 + end * end)) / rate**3
        total += 2 * jnp.einsum("a,b,ab->", weights, weights, within + beyond)
    return _density(correlated) * total
