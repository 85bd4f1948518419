"""Between which values a fit keeps what turns domains, and how wide spots are."""

from __future__ import annotations

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest
from problems import truth

from nbjax.fit.limits import limits_of, spot_gap_deg, spot_width_px
from nbjax.parameters import parameters_of


@pytest.mark.parametrize("corner", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_the_gap_between_spots_is_that_of_the_corner_farthest_from_the_beam(corner: tuple[int, int]) -> None:
    made = truth()
    # 64 x 48 pixels of 0.25 mm, 60 mm away, with the beam near one of the corners
    made = replace(made, grid=replace(made.grid, slow=48))
    size, beam = np.array([16.0, 12.0]), np.array([2.0, 3.0])
    at = np.where(np.array(corner) == 1, size - beam, beam)
    made = made.with_panel(replace(made.panel, beam_centre_m=jnp.asarray(at * 1e-3)))
    angle = np.arctan2(np.hypot(*np.maximum(at, size - at)), 60.0)
    assert spot_gap_deg(made) == pytest.approx(np.degrees(1 / 53 / (2 * np.sin(angle / 2))), rel=1e-6)


def test_caps_of_domains_may_be_twice_as_wide_as_their_gaussian() -> None:
    spread = parameters_of(truth())["crystal.mosaic_spread_deg"]
    mosaicity = replace(spread, path="crystal.mosaicity_axes_deg", labels=("a", "b", "c"), unit=("degrees",) * 3)
    gap = spot_gap_deg(truth())
    (of_spread,) = limits_of(spread, truth())
    assert (of_spread.lower, of_spread.upper) == (0.0, pytest.approx(gap, rel=1e-9))
    assert [limits.upper for limits in limits_of(mosaicity, truth())] == pytest.approx([gap / 2] * 3, rel=1e-9)
    single = replace(mosaicity, path="crystal.mosaicity_deg", labels=("",), unit=("degrees",))
    assert limits_of(single, truth())[0].upper == pytest.approx(gap / 2, rel=1e-9)
    # where spots are very far apart, what the quantity can be is less
    far = truth().with_panel(replace(truth().panel, distance_m=jnp.asarray(60.0)))
    assert limits_of(single, far)[0].upper == 20.0


def test_of_several_crystals_the_widest_spot_counts_and_of_none_there_is_no_width() -> None:
    crystal = truth().crystal
    small = replace(crystal, cells=crystal.cells / 2)
    both = replace(truth(), crystals=(crystal, small))
    assert spot_width_px(both) == pytest.approx(2 * spot_width_px(truth()), rel=1e-12)
    assert spot_width_px(replace(truth(), crystals=())) == 0
