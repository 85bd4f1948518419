"""Which panels rays meet."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import small_config
from several_panels import three_panels

from nbjax.experiment import Experiment
from nbjax.pipeline.scene import build_scene
from nbjax.pipeline.spots.listing import panels_met, placed_on_all
from nbjax.preparation import prepare

SLOW, FAST = 24, 20


def directions(one: Experiment) -> np.ndarray:
    """About the direct beam, far beside it and behind."""
    rng = np.random.default_rng(6)
    beam = np.asarray(one.beam.direction)
    spread = np.concatenate([rng.normal(size=(300, 3)) * 0.08, rng.normal(size=(40, 3))])
    found = np.concatenate([beam + spread, -beam + spread[:20]])
    return found / np.linalg.norm(found, axis=1, keepdims=True)


@jax.jit
def _met(one: Experiment, rays: jax.Array, margin_px: float) -> tuple[Any, ...]:
    scene = build_scene(one)
    scene = replace(scene, rays=replace(scene.rays, depth=jnp.full_like(scene.rays.depth, 0.5)))
    return panels_met(one, scene, rays, margin_px), placed_on_all(one, scene, rays), scene.panel


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("count", [1, 3])
def test_a_ray_meets_the_first_panel_that_it_hits_or_else_passes_by(count: int, masked: bool) -> None:
    one = prepare(small_config())
    assert one.grid.shape == (SLOW, FAST)
    one = one.with_panel(replace(one.panel, thickness_m=jnp.asarray(1e-3)))
    one = three_panels(one) if count == 3 else one
    ends = np.full((count, 2), [FAST, SLOW])
    if masked:
        mask = np.ones(one.grid.shape)
        if count == 3:
            # of several, a panel ends where all that follows is masked
            mask[1, :, 15:] = mask[2, 17:] = 0
            mask[0, 3] = 0
            ends[1, 0], ends[2, 1] = 15, 17
        else:
            mask[:, 15:] = 0
        one = replace(one, mask=jnp.asarray(mask))
    rays = directions(one)
    for margin in (0.0, 2.5):
        found, (places, along), panel = jax.tree.map(np.asarray, _met(one, jnp.asarray(rays), margin))
        panels = jax.tree.map(lambda leaf: leaf[None], panel) if count == 1 else panel
        for number, ray in enumerate(rays):
            hits, passes = {}, {}
            for which in range(count):
                fast, slow, normal = (at[which] for at in (panels.fast, panels.slow, panels.normal))
                origin_m = panels.origin_m[which] + 0.5e-3 * normal
                *at_m, away = np.linalg.solve(np.stack([-fast, -slow, ray], 1), origin_m)
                at = np.array(at_m) / float(one.detector.panels.pixel_size_m.reshape(-1)[0])
                np.testing.assert_allclose(places[which, number], at, rtol=1e-6, atol=1e-6)
                assert along[which, number] == pytest.approx(away, rel=1e-9)
                outside = np.maximum(-at, at - ends[which]).max()
                if away > 0 and outside < margin:
                    passes[which] = away
                if away > 0 and outside < 0:
                    hits[which] = away
            best = hits or passes
            assert found[number] == (min(best, key=lambda which, of=best: of[which]) if best else -1)
        assert len(set(found)) >= min(count, 2) + 1
