"""How sure the numbers of a shot are, by how far its spots differ about them.

A model is off by more than its noise, in ways that are alike over the pixels of a spot and differ between spots. What
counts is therefore how the slopes of single spots scatter at the end, and not the noise of pixels that these were
weighed by (Huber 1967, White 1980): with the curvature H, the slopes g of n spots and the prior P, the covariance is
H^-1 (n / (n - q) sum g g' + P) H^-1, where q numbers are taken from the spots (MacKinnon and White 1985).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def covariance(
    curvature: Float[np.ndarray, "p p"],
    spot_slope: Float[np.ndarray, "n p"],
    prior: Float[np.ndarray, " p"],
    free: Float[np.ndarray, " p"],
) -> Float[np.ndarray, "p p"]:
    """Covariance of the numbers of a shot; zero of those that are not free.

    Args:
        curvature: half that of the misfit with its prior.
        spot_slope: half the slope of the misfit of each spot, without the prior.
        prior: standard deviations about zero.
        free: 1 for the numbers that were refined, else 0.
    """
    rows = np.flatnonzero(free)
    inverse, slope = np.linalg.inv(curvature[np.ix_(rows, rows)]), spot_slope[:, rows]
    told = np.diag(1 / prior[rows] ** 2)
    count = max(len(slope), 1)
    taken = min(len(rows) - np.trace(told @ inverse), count - 1)
    scatter = count / (count - taken) * slope.T @ slope + told
    found = np.zeros_like(curvature)
    found[np.ix_(rows, rows)] = inverse @ scatter @ inverse
    return found
