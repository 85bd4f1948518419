"""Sizes of spots and what fits into them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr

from nbjax.sampling.capacity import BLOCK, MOST_NODES, Capacity, SpotSize

SIZE = SpotSize(4, 2, 8, 10)


def test_a_box_reaches_as_far_on_either_side_of_its_middle() -> None:
    assert SIZE.pixels == 9 * 5
    assert BLOCK == 3


@pytest.mark.parametrize(
    ("length", "width", "sigma", "fits"),
    [(4, 2, 0.1409, True), (5, 2, 1.0, False), (4, 3, 1.0, False), (4, 2, 0.1408, False), (1, 1, 1.0, True)],
)
def test_a_spot_fits_if_it_is_no_longer_no_wider_and_no_narrower(
    length: int, width: int, sigma: float, fits: bool
) -> None:
    assert SIZE.holds(length, width, sigma) == fits


@pytest.mark.parametrize("nodes", [4, 8, 20, 63])
def test_nodes_integrate_the_narrowest_spot_over_any_pixel(nodes: int) -> None:
    sigma = SpotSize(1, 1, nodes, 1).narrowest
    assert 1 / sigma == pytest.approx(nodes - 0.9, rel=1e-12)
    places, weights = np.polynomial.legendre.leggauss(nodes)
    edges = np.linspace(-3, 3, 601)[:, None]
    found = np.exp(-0.5 * ((edges + 0.5 * (1 + places)) / sigma) ** 2) @ weights / 2
    wanted = sigma * np.sqrt(2 * np.pi) * (ndtr((edges[:, 0] + 1) / sigma) - ndtr(edges[:, 0] / sigma))
    assert np.abs(found - wanted).max() < 2e-3 * wanted.max()


def test_the_most_nodes_take_any_spot() -> None:
    assert MOST_NODES == 64
    assert SpotSize(1, 1, 64, 1).narrowest == 0
    assert SpotSize(1, 1, 64, 1).holds(1, 1, 0.0)


def test_doubled_room_goes_farther_in_every_index() -> None:
    room = Capacity((-5, 2, -40), (11, 3, 21), 1e9, 8, 16, 16, 16, 1, (SpotSize(4, 4, 2, 16),))
    twice = room.doubled()
    assert twice.lowest == (-7, 2, -50)
    # up to 7, 5 and -20
    assert twice.sizes == (15, 4, 31)
    assert twice.longest_per_m == 1.25e9
