"""What is compiled, and how often."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import small_config

from nbjax import compiled, prepare, simulate, simulate_pixels, trace
from nbjax.pipeline import compilation
from nbjax.pipeline.render import render


@contextmanager
def _compilations() -> Iterator[Callable[[], int]]:
    """Counts programs that are compiled, or fetched from the cache of compiled programs."""
    events: list[str] = []

    def heard(event: str, duration: float, **_: object) -> None:
        events.append(event)

    jax.monitoring.register_event_duration_secs_listener(heard)
    try:
        yield lambda: sum("backend_compile" in event for event in events)
    finally:
        jax.monitoring.unregister_event_duration_listener(heard)


def test_images_that_differ_only_in_numbers_compile_once() -> None:
    def config(i: int) -> object:
        return prepare(
            small_config(
                beam={"wavelength_A": 0.9 + 0.01 * i, "polarization": 0.01 * i, "fluence_photons_per_m2": 1e28 + i},
                crystal={
                    "cells": (9 + i, 7, 8 + i),
                    "misset_deg": (0.1 * i, 1.0, 2.0),
                    "mosaic_spread_deg": 0.1 + 0.01 * i,
                    "phi_start_deg": float(i),
                    "phi_range_deg": 1.0 + i,
                    "default_F": float(i),
                },
                detector={"distance_mm": 100.0 + i, "rotation_y_deg": 0.3 * i, "beam_x_mm": 9.0 + 0.1 * i},
                sampling={"mosaic_domains": 3, "phi_steps": 2},
            )
        )

    experiments = [config(i) for i in range(20)]
    with _compilations() as count:
        images = [render(experiments[0])]
        first = count()
        assert first > 0
        images += [render(experiment) for experiment in experiments[1:]]
        assert count() == first
    assert len({image.tobytes() for image in images}) == 20


def _maps() -> int:
    return len(Path("/proc/self/maps").read_text().splitlines())


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="other systems set no limit to memory maps")
def test_programs_that_are_not_used_again_give_their_memory_maps_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compilation, "_LEAST_KEPT", 4)

    def used(count: int) -> int:
        before, waves = _maps(), compiled(lambda x: jnp.sin(x) @ x)
        for size in range(2, 2 + count):
            waves(jnp.ones(size))
        return _maps() - before

    used(1)
    all_kept = used(12)
    monkeypatch.setattr(compilation, "_SHARE", 0.0)
    assert all_kept > 24
    assert used(12) < all_kept / 3


def test_the_programs_that_were_used_last_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compilation, "share_of_maps", lambda: 1.0)
    monkeypatch.setattr(compilation, "_LEAST_KEPT", 4)
    arrays, double = [jnp.ones(size) for size in range(2, 12)], compiled(lambda x: 2 * x)
    for other in arrays[1:]:
        # used every time, and so never the one to go
        double(arrays[0])
        double(other)
    with _compilations() as count:
        double(arrays[0])
        double(arrays[-1])
        assert count() == 0
        double(arrays[1])
        assert count() == 1


def test_programs_end_with_their_function() -> None:
    double = compiled(lambda x: 2 * x)
    ended = weakref.ref(double.__wrapped__)  # type: ignore[attr-defined]
    double(jnp.ones(3))
    del double
    gc.collect()
    assert ended() is None


def test_options_that_the_compiler_does_not_know_are_left_out() -> None:
    double = compiled(lambda x: 2 * x, options={jax.default_backend(): {"xla_no_such_option": 1}})
    assert [float(double(jnp.float32(x))) for x in (1.0, 2.0)] == [2.0, 4.0]


def test_entry_points_agree_inside_and_outside_of_a_transformation() -> None:
    experiment = prepare(small_config(crystal={"mosaic_spread_deg": 0.5}, sampling={"mosaic_domains": 5}))
    outside = np.asarray(simulate(experiment))
    inside = np.asarray(jax.jit(lambda e: simulate(e))(experiment))
    closed_over = np.asarray(jax.jit(lambda: simulate(experiment))())
    for image in (inside, closed_over):
        np.testing.assert_allclose(image, outside, rtol=1e-10, atol=1e-12 * outside.max())
    pixels = jnp.array([[11, 9], [3, 4]])
    wanted = simulate_pixels(experiment, pixels)
    np.testing.assert_allclose(jax.jit(simulate_pixels)(experiment, pixels), wanted, rtol=1e-10)
    np.testing.assert_allclose(trace(experiment, pixels).I_pixel_photons, wanted, rtol=1e-10)
    slope = jax.jvp(lambda x: simulate(replace(experiment, resolution_limit_m=x)).sum(), (1e-10,), (1.0,))[1]
    assert float(slope) == 0.0
