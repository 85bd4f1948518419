"""Pixels that always show the same, and pixels that are too bright."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nbjax.physics.readout import HotAndDead, Moments, Saturation

STAGE = HotAndDead(*map(jnp.asarray, (0.1, 0.2, 9e3, -4.0)), None, 3)
IMAGE = jnp.full((100, 200), 7.0)


def test_parts_of_all_pixels_are_hot_and_dead_the_same_ones_in_every_image() -> None:
    found = np.asarray(STAGE.record(None, IMAGE))
    assert set(np.unique(found)) == {-4.0, 7.0, 9e3}
    for value, part in ((9e3, 0.1), (-4.0, 0.2)):
        assert (found == value).mean() == pytest.approx(part, abs=4.5 * np.sqrt(part * (1 - part) / found.size))
    np.testing.assert_array_equal(STAGE.record(jax.random.key(5), IMAGE), found)
    assert (np.asarray(replace(STAGE, seed=4).record(None, IMAGE)) != found).any()
    # none is both, whatever the parts
    every = replace(STAGE, hot_part=jnp.asarray(0.5), dead_part=jnp.asarray(0.5)).record(None, IMAGE)
    assert (np.asarray(every) != 7).all()
    none = replace(STAGE, hot_part=jnp.asarray(0.0), dead_part=jnp.asarray(0.0))
    np.testing.assert_array_equal(none.record(None, IMAGE), IMAGE)
    before = Moments(IMAGE, IMAGE)
    assert STAGE.moments(before) is before


def test_a_mask_says_which_pixels_are_dead_before_any_is_hot() -> None:
    mask = jnp.zeros(IMAGE.shape, bool).at[:, 3].set(True)
    hot = replace(STAGE, hot_part=jnp.asarray(1.0), dead_part=jnp.asarray(0.0), dead_mask=mask)
    np.testing.assert_array_equal(hot.record(None, IMAGE), np.where(mask, -4.0, 9e3))


def test_pixels_at_a_limit_are_overloaded_and_no_longer_vary() -> None:
    stage = Saturation(jnp.asarray(50.0), jnp.asarray(60.0))
    image = jnp.array([-1.0, 49.9, 50.0, 1e5])
    np.testing.assert_array_equal(stage.record(None, image), [-1, 49.9, 60, 60])
    found = stage.moments(Moments(image, jnp.full(4, 3.0)))
    np.testing.assert_array_equal(found.mean, [-1, 49.9, 60, 60])
    np.testing.assert_array_equal(found.variance, [3, 3, 0, 0])
