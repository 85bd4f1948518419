"""Frames of spots: every pixel that a spot touches, and no more than it needs."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbjax.pipeline.closed.frame import Frame, frame_of, narrowest

CUT = 5.3
SPOTS = st.tuples(st.floats(0.05, 4.0), st.floats(0.05, 4.0), st.floats(0.0, np.pi))


def covariance_of(spot: tuple[float, float, float]) -> np.ndarray:
    """Of standard deviations along two axes, of which the first has an angle with fast."""
    first, second, angle = spot
    axes = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return axes.T @ np.diag([first**2, second**2]) @ axes


frame = jax.jit(lambda centre, covariance, arc: frame_of(centre, covariance, arc, CUT))


line, _narrowest = jax.jit(Frame.line), jax.jit(narrowest)


@settings(max_examples=60)
@given(SPOTS, st.tuples(*[st.floats(-3.0, 60.0, allow_subnormal=False)] * 2), st.floats(0.0, 2.0))
def test_a_frame_holds_the_ellipse_of_the_cut(spot: Any, centre: Any, arc: float) -> None:
    covariance = covariance_of(spot)
    found = jax.tree.map(np.asarray, frame(jnp.asarray(centre), jnp.asarray(covariance), arc))
    # (along, across) are (slow, fast) of a steep spot
    order = [1, 0] if found.steep else [0, 1]
    own = covariance[np.ix_(order, order)]
    assert own[0, 0] >= own[1, 1]
    along, across = np.array(centre)[order]
    assert (found.along, found.across) == (along, across)
    assert found.lean == pytest.approx(own[0, 1] / own[0, 0], abs=1e-12)
    # the ellipse of so many standard deviations, drawn with the pixels that it touches
    root = np.linalg.cholesky(own)
    turn = np.linspace(0, 2 * np.pi, 721)
    x, y = CUT * root @ np.stack([np.cos(turn), np.sin(turn)])
    off = y - found.lean * x
    lean = abs(float(found.lean))
    reach, beside = CUT * np.sqrt(own[0, 0]) + 0.5, CUT * np.sqrt(np.linalg.det(own) / own[0, 0])
    assert np.abs(x).max() + 0.5 == pytest.approx(reach, rel=1e-4)
    assert np.abs(off).max() == pytest.approx(beside, rel=1e-4)
    for size, wanted in ((found.length, reach), (found.width, beside + 0.5 + 0.5 * lean + arc)):
        assert size == np.floor(size)
        assert wanted - 1e-9 <= size < wanted + 1 + 1e-9
    np.testing.assert_allclose(line(found, along + x), across + found.lean * x, rtol=0, atol=1e-11)


@pytest.mark.parametrize("steep", [False, True])
def test_pixels_lie_about_the_line(steep: bool) -> None:
    one = Frame(jnp.asarray(steep), *map(jnp.asarray, (7.3, -2.6, 0.4, 3.0, 2.0, 2.5, 1.5)))
    rows, columns = map(np.asarray, jax.jit(Frame.pixels, static_argnums=(1, 2))(one, 3, 2))
    np.testing.assert_array_equal(rows, np.arange(4, 11))
    middles = -2.6 + 0.4 * (rows + 0.5 - 7.3)
    np.testing.assert_array_equal(columns, np.floor(middles)[:, None] + np.arange(-2, 3))
    slow, fast = one.point(jnp.asarray(1.0), jnp.asarray(2.0))
    assert (float(slow), float(fast)) == ((1.0, 2.0) if steep else (2.0, 1.0))


def test_a_spot_without_extent_has_a_frame() -> None:
    found = frame(jnp.array([3.0, 4.0]), jnp.zeros((2, 2)), 0.25)
    assert (float(found.length), float(found.width), float(found.lean)) == (1.0, 1.0, 0.0)


@settings(max_examples=40)
@given(SPOTS)
def test_the_narrowest_is_the_smaller_axis(spot: tuple[float, float, float]) -> None:
    found = float(_narrowest(jnp.asarray(covariance_of(spot))))
    assert found == pytest.approx(min(spot[:2]), rel=1e-6, abs=1e-6)
