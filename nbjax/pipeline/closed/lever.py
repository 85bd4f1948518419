"""What a spot's height gains and loses from its middle outwards, because moves are not linear in what causes them.

Domains that reflect to a pixel off the middle of a spot are turned, stretched or lit otherwise than those of the
middle, and whatever changes them further has another lever there: a turn moves the pixel's q, not G.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from nbjax.geometry.unit_cell import invert_basis
from nbjax.linear import cross_matrix
from nbjax.pipeline.closed.spread import BeamSpread, Lattice

_LENGTHS, _TURNS, _WAVE, _DIRECTION = slice(0, 3), slice(3, 6), 6, slice(7, 10)
"""Causes of moves, those that act on q last first; the spindle's angle is none, as it is not averaged over here."""
_CAUSES = 10
_AGAIN = np.array([0.0, 1.0, 2.0]).repeat([3, 3, 1])
"""Second derivatives by one cause over its move applied twice, of 1 + s e, exp(w) and 1/(1 + b)."""
_GROUP = np.arange(3).repeat([3, 3, 1])


def lever(
    lattice: Lattice,
    beam: BeamSpread,
    ray: tuple[Float[Array, "3"], Float[Array, ""]],
    hkl: Float[Array, "3"],
    spread: tuple[Float[Array, "3 3"], Float[Array, "3 3"]],
) -> Float[Array, "3"]:
    """The vector in 1/m that with S^-1 x gives the logarithm of what a Gaussian neglects, to first order.

    Let y = q - G move by A_j and, in second order, B_jk with its causes, whose covariance is C. At a pixel with
    p = S^-1 x the likeliest causes are -C A^T p, and what remains of their covariance is P = C - C A^T S^-1 A C. The
    determinant of P changes along the spot, by half the trace of 2 C A^T S^-1 dA + P (p . B) with the change dA of A.

    Args:
        lattice, beam: spreads of the causes.
        ray: unit direction and wavelength of the source.
        hkl: Miller indices.
        spread: S and its inverse.
    """
    (incident, wavelength_m), (total, inverse) = ray, spread
    star = hkl @ lattice.stars
    operators = _operators(lattice, star)
    moves = jnp.concatenate([operators @ star, -jnp.eye(3)])
    known = _covariance(lattice, beam, wavelength_m)
    pulls = known @ moves @ inverse
    rest = known - pulls @ moves.T @ known
    again = _again(operators, star, incident * wavelength_m)
    changed = jnp.einsum("jc,jcd,de->e", pulls[:7], operators, total) - jnp.einsum(
        "jc,jkc,ke->e", pulls, again, known @ moves
    )
    return -(changed + 0.5 * jnp.einsum("jk,jkc->c", rest, again))


def _operators(lattice: Lattice, star: Float[Array, "3"]) -> Float[Array, "7 3 3"]:
    """Moves of q, linear in it: by each length, turns about x, y and z, and the wavelength."""
    unit = jnp.eye(3)
    lengths = lattice.stars[:, :, None] * invert_basis(lattice.stars)[:, None, :]
    # back, as the lattice stays where it is
    turns = -cross_matrix(unit)
    return jnp.concatenate([lengths, turns, -unit[None]])


def _covariance(lattice: Lattice, beam: BeamSpread, wavelength_m: Float[Array, ""]) -> Float[Array, "10 10"]:
    found = jnp.zeros((_CAUSES, _CAUSES))
    found = found.at[_LENGTHS, _LENGTHS].set(lattice.cell_spread**2 * jnp.eye(3)).at[_TURNS, _TURNS].set(lattice.turns)
    found = found.at[_WAVE, _WAVE].set(beam.bandwidth)
    return found.at[_DIRECTION, _DIRECTION].set(beam.directions / wavelength_m**2)


def _again(
    operators: Float[Array, "7 3 3"], star: Float[Array, "3"], incident_m: Float[Array, "3"]
) -> Float[Array, "10 10 3"]:
    """Second derivatives of y."""
    twice = jnp.einsum("jab,kbc,c->jka", operators, operators, star)
    before, same = _GROUP[:, None] < _GROUP, _GROUP[:, None] == _GROUP
    of_operators = jnp.where(before[..., None], twice, 0)
    of_operators += 0.5 * jnp.where(same[..., None], twice, 0) * _AGAIN[:, None, None]
    of_operators += of_operators.swapaxes(0, 1)
    aslant = -operators.swapaxes(1, 2)
    # a direction of the beam that turns falls back along it
    along = jnp.eye(3)[..., None] * incident_m
    return jnp.concatenate(
        [
            jnp.concatenate([of_operators, aslant], 1),
            jnp.concatenate([aslant.swapaxes(0, 1), along], 1),
        ]
    )
