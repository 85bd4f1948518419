"""The reference's random numbers: `ran1`, the spherical-cap sampler and the Poisson and Gaussian deviates.

C `float` variables are numpy float32 here, and every rounding of the reference happens where it happens there.
"""

from __future__ import annotations

import math

import numpy as np

F32 = np.float32


class Ran1:
    """Uniform deviates in (0, 1) as float32: minimal standard generator with a 32-entry shuffle table.

    `seed` must not be positive: the reference passes the negative of the number on its command line.
    """

    IA, IM, IQ, IR, NTAB = 16807, 2147483647, 127773, 2836, 32
    NDIV = 1 + (IM - 1) // NTAB
    RNMX = 1.0 - 1.2e-7

    def __init__(self, seed: int) -> None:
        self.idum = max(-seed, 1)
        self.table = [0] * self.NTAB
        for j in range(self.NTAB + 7, -1, -1):
            self._advance()
            if j < self.NTAB:
                self.table[j] = self.idum
        self.last = self.table[0]
        self.spare: np.float32 | None = None

    def _advance(self) -> None:
        k = self.idum // self.IQ
        self.idum = self.IA * (self.idum - k * self.IQ) - self.IR * k
        if self.idum < 0:
            self.idum += self.IM

    def __call__(self) -> np.float32:
        """The next deviate."""
        self._advance()
        j = self.last // self.NDIV
        self.last = self.table[j]
        self.table[j] = self.idum
        value = F32((1.0 / self.IM) * self.last)
        return F32(self.RNMX) if float(value) > self.RNMX else value


def cap_rotation(spread: float, ran1: Ran1) -> np.ndarray:
    """Rotation matrix (3, 3) by spread*(1-r3^2)^(1/3) radians about a random axis; float32 angle as in C."""
    r1, r2, r3 = (2.0 * float(ran1()) - 1.0 for _ in range(3))
    power = F32(float(F32(1.0 - r3 * r3)) ** float(F32(1.0 / 3.0)))
    angle = float(F32(spread) * power)
    radius = math.sqrt(1.0 - r2 * r2)
    axis = np.array([radius * math.sin(math.pi * r1), radius * math.cos(math.pi * r1), r2])
    cos, sin = math.cos(angle), math.sin(angle)
    cross = np.array([[0.0, -axis[2], axis[1]], [axis[2], 0.0, -axis[0]], [-axis[1], axis[0], 0.0]])
    return cos * np.eye(3) + (1.0 - cos) * np.outer(axis, axis) + sin * cross


def rotation_to_misset(umat: np.ndarray) -> tuple[float, float, float]:
    """Angles (radians) about x, then y, then z of a rotation matrix (3, 3)."""
    u = umat / np.linalg.norm(umat, axis=1, keepdims=True)
    if u[2, 0] ** 2 < 1.0:
        rotx = math.atan2(u[2, 1], u[2, 2])
        roty = math.atan2(-u[2, 0], math.hypot(u[2, 1], u[2, 2]))
        return rotx, roty, math.atan2(u[1, 0], u[0, 0])
    return math.pi, math.pi / 2, math.atan2(u[0, 1], -u[1, 1])


def uniform_rotation(ran1: Ran1) -> np.ndarray:
    """Rotation matrix (3, 3) uniform over all rotations: Shoemake's quaternion (x, y, z, w) from three deviates."""
    u1, u2, u3 = (float(ran1()) for _ in range(3))
    x, y = math.sqrt(1 - u1) * math.sin(2 * math.pi * u2), math.sqrt(1 - u1) * math.cos(2 * math.pi * u2)
    z, w = math.sqrt(u1) * math.sin(2 * math.pi * u3), math.sqrt(u1) * math.cos(2 * math.pi * u3)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def gammln(xx: np.float32) -> np.float32:
    """Logarithm of the gamma function: float32 in and out, double inside."""
    cof = (76.18009172947146, -86.50532032941677, 24.01409824083091)
    cof += (-1.231739572450155, 0.1208650973866179e-2, -0.5395239384953e-5)
    x = float(xx)
    tmp = x + 5.5
    tmp -= (x + 0.5) * math.log(tmp)
    series, y = 1.000000000190015, x
    for c in cof:
        y += 1.0
        series += c / y
    return F32(-tmp + math.log(2.5066282746310005 * series / x))


def gaussdev(ran1: Ran1) -> np.float32:
    """Gaussian deviate of unit variance (Box-Muller, one spare kept)."""
    if ran1.spare is not None:
        value, ran1.spare = ran1.spare, None
        return value
    while True:
        v1 = F32(2.0 * float(ran1()) - 1.0)
        v2 = F32(2.0 * float(ran1()) - 1.0)
        rsq = v1 * v1 + v2 * v2
        if 0 < rsq < 1:
            break
    fac = F32(math.sqrt(-2.0 * math.log(float(rsq)) / float(rsq)))
    ran1.spare = v1 * fac
    return v2 * fac


def poidev(mean: np.float32, ran1: Ran1) -> np.float32:
    """Poisson deviate of the given mean; Gaussian above a million."""
    xm = F32(mean)
    if xm > 1.0e6:
        return F32(float(xm) + math.sqrt(float(xm)) * float(gaussdev(ran1)))
    if xm < 12.0:
        limit, count, t = F32(math.exp(-float(xm))), 0, ran1()
        while t > limit:
            count += 1
            t = t * ran1()
        return F32(count)
    width = F32(math.sqrt(2.0 * float(xm)))
    logarithm = F32(math.log(float(xm)))
    g = xm * logarithm - gammln(F32(float(xm) + 1.0))
    while True:
        y = F32(math.tan(math.pi * float(ran1())))
        em = width * y + xm
        while em < 0.0:
            y = F32(math.tan(math.pi * float(ran1())))
            em = width * y + xm
        em = np.floor(em)
        exponent = em * logarithm - gammln(F32(float(em) + 1.0)) - g
        t = F32(0.9 * (1.0 + float(y * y)) * math.exp(float(exponent)))
        if not ran1() > t:
            return em


def noise_image(image: np.ndarray, seed: int, adc: float, window: np.ndarray | None = None) -> np.ndarray:
    """Photon-counting image (uint16) of a photon image (slow, fast), drawn in row order; `window` selects pixels."""
    ran1 = Ran1(seed)
    noisy = np.zeros(image.shape, np.uint16)
    inside = np.ones(image.shape, bool) if window is None else window
    means = image.astype(F32)
    for s, f in zip(*np.nonzero(inside), strict=True):
        noisy[s, f] = int(min(float(poidev(means[s, f], ran1)) + adc, 65535.0))
    return noisy
