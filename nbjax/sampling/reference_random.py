"""The reference's random numbers, so that equal seeds give equal crystals.

``ran1`` of Press et al., Numerical Recipes in C (1992), section 7.1: Park and Miller's multiplicative generator with a
Bays-Durham shuffle, returning 32-bit floats.
"""

from __future__ import annotations

import numpy as np

_IA, _IM, _IQ, _IR, _TABLE = 16807, 2147483647, 127773, 2836, 32
_DIVISOR = 1 + (_IM - 1) // _TABLE
_LARGEST = float(np.float32(1.0 - 1.2e-7))


class Ran1:
    """A stream of uniform deviates between 0 and 1.

    Args:
        seed: 0 or above; 0 acts as 1.
    """

    def __init__(self, seed: int):
        state = max(seed, 1)
        table = [0] * _TABLE
        for j in range(_TABLE + 7, -1, -1):
            state = _next(state)
            if j < _TABLE:
                table[j] = state
        self._state, self._table, self._last = state, table, table[0]

    def uniform(self) -> float:
        """The next deviate, a number that 32 bits hold exactly."""
        self._state = _next(self._state)
        j = self._last // _DIVISOR
        self._last = self._table[j]
        self._table[j] = self._state
        return min(float(np.float32((1.0 / _IM) * self._last)), _LARGEST)

    def uniforms(self, count: int) -> np.ndarray:
        """The next ``count`` deviates as float32."""
        return np.array([self.uniform() for _ in range(count)], np.float32)


def _next(state: int) -> int:
    k = state // _IQ
    state = _IA * (state - k * _IQ) - _IR * k
    return state + _IM if state < 0 else state


def cap_draws(spread_rad: float, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rotation axes (count, 3) and angles over spread (count,) of domains on a spherical cap.

    The angle is spread * (1 - r^2)^(1/3); the ratios carry the reference's 32-bit roundings of it. The first domain is
    aligned: its ratio is 0.
    """
    stream = Ran1(seed)
    draws = [_cap(spread_rad, stream) for _ in range(count)]
    axes = np.array([axis for axis, _ in draws])
    ratios = np.array([angle / spread_rad if spread_rad else 0.0 for _, angle in draws])
    ratios[0] = 0.0
    return axes, ratios


def uniform_rotation(seed: int) -> np.ndarray:
    """A rotation matrix (3, 3), uniform over all rotations: Shoemake, Graphics Gems III (1992), p. 124."""
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
    """The rotation matrix (3, 3) of the C program's random misset: the cap sampler with 90 for its angle in rad."""
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
