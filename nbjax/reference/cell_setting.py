"""cell_setting: the angles of the cell that the C program builds from given lengths and angles."""

from __future__ import annotations

import numpy as np

from nbjax.geometry.unit_cell import cell_of

Triple = tuple[float, float, float]


def volume_ratio(angles_used_deg: Triple, angles_given_deg: Triple) -> float:
    """Volume of the cell that is simulated over the volume that the C program divides its a*, b*, c* by."""
    used, given = (_unit_volume(np.radians(angles)) for angles in (angles_used_deg, angles_given_deg))
    return used / given


def _unit_volume(angles_rad: np.ndarray) -> float:
    half = angles_rad.sum() / 2
    return float(2 * np.sqrt(abs(np.sin(half) * np.prod(np.sin(half - angles_rad)))))


def angles_of_c_program_deg(lengths_A: Triple, angles_deg: Triple) -> Triple:
    """Angles in degrees of the direct vectors that follow from the C program's reciprocal vectors.

    Its c* takes the ratio V/(abc) where V*/(a*b*c*) belongs, which tilts a and b of oblique cells; lengths are
    restored afterwards.
    """
    a, b, c = lengths_A
    angles = np.radians(angles_deg)
    cos, sin = np.cos(angles), np.sin(angles)
    volume = a * b * c * _unit_volume(angles)
    star = np.array([b * c * sin[0], c * a * sin[1], a * b * sin[2]]) / volume
    cos_star = (np.roll(cos, 1) * np.roll(cos, 2) - cos) / (np.roll(sin, 1) * np.roll(sin, 2))
    sin_gamma_star = c / volume / star[0] / star[1]
    reciprocal = np.array(
        [
            [star[0], 0, 0],
            [star[1] * cos_star[2], star[1] * sin_gamma_star, 0],
            [
                star[2] * cos_star[1],
                star[2] * (cos_star[0] - cos_star[1] * cos_star[2]) / sin_gamma_star,
                star[2] * volume / (a * b * c * sin_gamma_star),
            ],
        ]
    )
    alpha, beta, gamma = np.degrees(cell_of(np.linalg.inv(reciprocal).T)[1])
    return float(alpha), float(beta), float(gamma)
