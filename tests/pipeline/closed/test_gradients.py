"""Derivatives of closed images: forward, reverse, by differences, and where every width is zero."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from one_size import of_one_size

import nbjax
from nbjax.config.tree import Beam, Config, Crystal, Detector
from nbjax.experiment import Experiment
from nbjax.fields import look_up, put

CHANGES = {
    "crystals.0.disorder.mosaicity_rad": 1e-4,
    "crystals.0.disorder.cell_spread": 1e-4,
    "crystals.0.cell.misset_rad": 1e-4,
    "crystals.0.cell.lengths_m": 1e-13,
    "crystals.0.cell.angles_rad": 1e-4,
    "crystals.0.cells": 0.1,
    "crystals.0.cells_off_diagonal": 0.1,
    "crystals.0.fudge": 0.01,
    "crystals.0.b_factor_m2": 1e-21,
    "crystals.0.spindle.start_rad": 1e-4,
    "beam.wavelength_m": 1e-14,
    "beam.sources.band": 1e-4,
    "detector.panels.distance_m": 1e-5,
    "detector.panels.beam_centre_m": 1e-5,
    "detector.panels.rotation_rad": 1e-3,
}


def experiment(widths: bool, **crystal: Any) -> Experiment:
    """A triclinic crystal with every width, or with none, with some fifty spots on 64 x 64 pixels."""
    spread = {"mosaicity_axes_deg": (0.1, 0.2, 0.15), "cell_spread_percent": 0.2} if widths else {"mosaicity_deg": 0.0}
    config = Config(
        beam=Beam(wavelength_A=1.0, bandwidth_percent=0.5 if widths else None),
        crystal=Crystal(
            model="closed",
            cell_A=(25.0, 30.0, 35.0),
            cell_deg=(80.0, 95.0, 105.0),
            default_F=100.0,
            cells=(15.0,) * 3,
            cells_off_diagonal=(2.0, -1.0, 3.0),
            misset_deg=(10.0, 20.0, 30.0),
            b_factor_A2=10.0,
            **spread,
            **crystal,
        ),
        detector=Detector(pixel_mm=0.4, pixels_fast=64, pixels_slow=64, distance_mm=80.0),
    )
    return of_one_size(nbjax.prepare(config))


def values_of(start: Experiment) -> tuple[dict[str, jax.Array], dict[str, jax.Array]]:
    """All parameters, and a direction that differs in every component."""
    values = {place: jnp.asarray(look_up(start, place)) for place in CHANGES}
    direction = {}
    for number, (place, change) in enumerate(CHANGES.items()):
        signs = jnp.asarray(np.resize([1.0, -0.7, 0.4], values[place].shape))
        direction[place] = change * signs * (-1) ** number
    return values, direction


@pytest.mark.parametrize(("crystal", "second"), [({}, True), ({"phi_range_deg": 0.4}, False)])
def test_forward_reverse_and_differences_agree(crystal: dict[str, Any], second: bool) -> None:
    """And where they are compiled, the second derivatives in a direction: those of all parameters are finite."""
    with jax.enable_x64(True):
        start = experiment(True, **crystal)
        weights = jnp.asarray(np.random.default_rng(1).random(start.grid.shape))
        values, direction = values_of(start)

        def loss(values: dict[str, jax.Array]) -> jax.Array:
            moved = start
            for place, value in values.items():
                moved = put(moved, place, value)
            return jnp.sum(weights * nbjax.simulate(moved))

        def along(step: float) -> dict[str, jax.Array]:
            return {place: value + step * direction[place] for place, value in values.items()}

        pushed = jax.jit(lambda values: jax.jvp(loss, (values,), (direction,)))
        forward = pushed(values)[1]
        if second:
            twice = jax.jit(lambda values: jax.jvp(jax.grad(loss), (values,), (direction,)))
            gradient, curved = twice(values)
        else:
            gradient, curved = jax.jit(jax.grad(loss))(values), {}
        h = 0.02
        near, far = (float(pushed(along(k * h))[0] - pushed(along(-k * h))[0]) / (2 * k * h) for k in (1, 2))
        after, before = (twice(along(step))[0] if second else {} for step in (h, -h))
    np.testing.assert_allclose(forward, sum(jnp.vdot(gradient[at], direction[at]) for at in CHANGES), rtol=1e-9)
    np.testing.assert_allclose(forward, (4 * near - far) / 3, rtol=1e-6)
    for place in curved:
        change = (after[place] - before[place]) / (2 * h)
        largest = np.abs(curved[place]).max()
        np.testing.assert_allclose(curved[place], change, rtol=1e-3, atol=1e-3 * largest, err_msg=place)
        assert largest > 0


def test_nothing_is_nan_without_widths() -> None:
    with jax.enable_x64(True):
        start = experiment(False)
        gradient = jax.jit(jax.grad(lambda e: jnp.sum(nbjax.simulate(e) ** 2)))(start)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))
    # narrower than nothing is as wide
    np.testing.assert_array_equal(gradient.crystal.disorder.mosaicity_rad, np.zeros(3))
    assert np.all(gradient.crystal.cell.misset_rad != 0)
