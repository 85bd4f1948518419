"""The reference's random numbers, so that equal seeds give equal crystals.

``ran1`` of Press et al., Numerical Recipes in C (1992), section 7.1: Park and Miller's multiplicative generator with a
Bays-Durham shuffle, returning 32-bit floats.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np

_MULTIPLIER, _MODULUS, _TABLE, _WARM_UP, _BLOCK = 16807, 2147483647, 32, 8, 1024
_DIVISOR = 1 + (_MODULUS - 1) // _TABLE
_LARGEST = np.float32(1.0 - 1.2e-7)
# a state times these, modulo the modulus, is the block of states that follow it
_POWERS = np.array([pow(_MULTIPLIER, i, _MODULUS) for i in range(1, _BLOCK + 1)], np.int64)


class Ran1:
    """A stream of uniform deviates between 0 and 1.

    Args:
        seed: 0 to 2147483647; 0 acts as 1, and so does 2147483647 after a first deviate of 0.
    """

    def __init__(self, seed: int):
        self._deviates = _deviates(seed)

    def uniform(self) -> float:
        """The next deviate, a number that 32 bits hold exactly."""
        return next(self._deviates)

    def uniforms(self, count: int) -> np.ndarray:
        """The next ``count`` deviates, shape (count,), as float32."""
        return np.fromiter(islice(self._deviates, count), np.float32, count)


def _deviates(seed: int) -> Iterator[float]:
    if seed == _MODULUS:
        yield 0.0
        seed = 1
    warm_up = max(seed, 1) * _POWERS[: _TABLE + _WARM_UP] % _MODULUS
    state, table = int(warm_up[-1]), warm_up[: _WARM_UP - 1 : -1].tolist()
    last = table[0]
    while True:
        following = state * _POWERS % _MODULUS
        state = int(following[-1])
        shuffled = []
        for new in following.tolist():
            j = last // _DIVISOR
            last = table[j]
            table[j] = new
            shuffled.append(last)
        yield from np.minimum((np.array(shuffled) * (1.0 / _MODULUS)).astype(np.float32), _LARGEST).tolist()


def cap_draws(spread_rad: float, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rotations of mosaic domains, drawn on a spherical cap.

    The first domain is aligned, though it uses up its draws: its ratio is 0. So is every ratio of a spread of 0.

    Args:
        spread_rad: half-angle of the cap.
        count: number of domains.
        seed: seed of ``Ran1``, which gives three deviates to each domain.

    Returns:
        Unit rotation axes, shape (count, 3), and rotation angles over the spread, shape (count,). The angle is
        spread * (1 - r^2)^(1/3), r between -1 and 1; the ratios carry the reference's 32-bit roundings of it.
    """
    stream = Ran1(seed)
    draws = [_cap(spread_rad, stream) for _ in range(count)]
    axes = np.array([axis for axis, _ in draws]).reshape(count, 3)
    ratios = np.array([angle / spread_rad if spread_rad else 0.0 for _, angle in draws])
    ratios[:1] = 0.0
    return axes, ratios


def uniform_rotation(seed: int) -> np.ndarray:
    """A rotation drawn uniformly from all rotations: Shoemake, in Graphics Gems III (1992), p. 124.

    Args:
        seed: seed of ``Ran1``, of which three deviates are used.

    Returns:
        Rotation matrix, shape (3, 3), which acts on column vectors.
    """
    stream = Ran1(seed)
    u1, u2, u3 = stream.uniform(), 2 * np.pi * stream.uniform(), 2 * np.pi * stream.uniform()
    x, y, z, w = np.array(
        [np.sqrt(1 - u1) * np.sin(u2), np.sqrt(1 - u1) * np.cos(u2), np.sqrt(u1) * np.sin(u3), np.sqrt(u1) * np.cos(u3)]
    )
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def reference_misset_rotation(seed: int) -> np.ndarray:
    """The C program's random misset, which is not uniform: the cap sampler with 90 for its half-angle in rad.

    Args:
        seed: seed of ``Ran1``, of which three deviates are used.

    Returns:
        Rotation matrix, shape (3, 3), which acts on column vectors.
    """
    axis, angle = _cap(90.0, Ran1(seed))
    x, y, z = axis
    skew = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.cos(angle) * np.eye(3) + np.sin(angle) * skew + (1 - np.cos(angle)) * np.outer(axis, axis)


def _cap(spread_rad: float, stream: Ran1) -> tuple[np.ndarray, float]:
    r1, r2, r3 = (2.0 * stream.uniform() - 1.0 for _ in range(3))
    radius = np.sqrt(1.0 - r2 * r2)
    axis = np.array([radius * np.sin(np.pi * r1), radius * np.cos(np.pi * r1), r2])
    power = np.float32(float(np.float32(1.0 - r3 * r3)) ** float(np.float32(1.0 / 3.0)))
    return axis, float(np.float32(spread_rad) * power)
