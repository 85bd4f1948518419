"""Programs for devices that are not at hand: they lower, from the same code, to what those devices' compilers take."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import pytest
from cases import small_config

from nbjax import prepare, put, simulate
from nbjax.config.tree import Precision


@cache
def traced(precision: Precision) -> dict[str, Any]:
    """The image, its gradient, and that of the gradient along the distance."""
    config = replace(small_config(sampling={"mosaic_domains": 4}), precision=precision)
    experiment = prepare(config)

    def total(distance_m: jax.Array, e: Any) -> jax.Array:
        return simulate(put(e, "panel.distance_m", distance_m)).sum()

    def bent(e: Any) -> Any:
        at = e.panel.distance_m
        return jax.jvp(lambda d: jax.grad(total)(d, e), (at,), (jnp.ones_like(at),))

    gradient = jax.grad(lambda e: simulate(e).sum(), allow_int=True)
    return {
        name: jax.jit(function).trace(experiment)
        for name, function in (("image", simulate), ("gradient", gradient), ("bent", bent))
    }


def lowered(precision: Precision, platform: str) -> dict[str, str]:
    return {
        name: program.lower(lowering_platforms=(platform,)).as_text() for name, program in traced(precision).items()
    }


@pytest.mark.parametrize("platform", ["cuda", "rocm", "tpu"])
@pytest.mark.parametrize("precision", ["double", "mixed", "single"])
def test_images_and_derivatives_lower_for_other_platforms(precision: Precision, platform: str) -> None:
    for text in lowered(precision, platform).values():
        # neither host calls nor kernels of the CPU's own
        assert "custom_call" not in text
        # numbers are paired for the CPU's compiler alone
        assert "complex" not in text


def test_numbers_are_paired_on_cpus() -> None:
    found = lowered("mixed", "cpu")
    assert "complex" in found["gradient"]
    assert "complex" not in found["image"]
