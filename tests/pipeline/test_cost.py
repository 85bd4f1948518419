"""The cost of an image from its shapes, and the slices of about a second that follow from it."""

from __future__ import annotations

import os
from dataclasses import replace

import jax
import numpy as np
import pytest
from cases import small_config

from nbjax import prepare, simulate
from nbjax.pipeline import render
from nbjax.pipeline.cost import Cost, cost_of


def test_counts_and_memory_follow_the_shapes() -> None:
    config = small_config(
        beam={"dispersion_percent": 1.0},
        crystal={"phi_range_deg": 1.0, "mosaic_spread_deg": 0.5},
        sampling={"oversample": 3, "mosaic_domains": 4, "phi_steps": 5, "dispersion_steps": 2, "thickness_layers": 2},
        detector={"thickness_um": 100.0, "attenuation_depth_um": 200.0},
    )
    found = cost_of(prepare(config))
    assert list(found.counts.values()) == [24 * 20, 9, 2, 2, 5, 4]
    assert found.samples == 24 * 20 * 9 * 2 * 2 * 5 * 4
    larger = cost_of(prepare(small_config(detector={"pixels_fast": 2000, "pixels_slow": 2000})))
    assert larger.bytes - found.bytes > 8 * 2000 * 2000


def test_orientations_of_all_crystals_are_counted() -> None:
    turning = {"crystal": {"phi_range_deg": 1.0}, "sampling": {"phi_steps": 5}}
    one, still = prepare(small_config(**turning)), prepare(small_config())
    both, none = (replace(one, crystals=crystals) for crystals in ((*one.crystals, *still.crystals), ()))
    assert cost_of(both).counts["orientations"] == 6
    assert cost_of(none).samples == 0
    seconds = [cost_of(each).seconds for each in (none, one, still, both)]
    assert seconds[3] - seconds[0] == pytest.approx(seconds[1] + seconds[2] - 2 * seconds[0])
    assert not np.asarray(render.render(none)).any()


def test_a_slow_image_is_computed_in_slices_and_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = prepare(small_config(detector={"pixels_fast": 50, "pixels_slow": 50, "pixel_mm": 0.4}))
    monkeypatch.setattr(render, "cost_of", lambda experiment: Cost({}, 60.0, 0.0))
    done: list[int] = []
    image = render.render(experiment, lambda pixels, total: done.append(pixels), jax.local_devices()[:1])
    assert done == [1024, 2048, 2500]
    whole = np.asarray(simulate(experiment))
    np.testing.assert_allclose(image, whole, rtol=0, atol=1e-13 * whole.max())
    if not os.environ.get("XLA_FLAGS"):
        # to the last bit where a program is compiled as users compile it
        np.testing.assert_array_equal(image, whole)
