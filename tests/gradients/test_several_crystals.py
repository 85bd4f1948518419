"""``jax.grad`` of a whole experiment of two crystals, against differences of images."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import small_config

from nbjax import Experiment, prepare, put, simulate
from nbjax.fields import look_up

STEPS = {
    "cell.lengths_m": 1e-13,
    "cell.angles_rad": 1e-5,
    "cell.misset_rad": 1e-5,
    "cells": 1e-2,
    "factors.default": 1e-1,
    "spindle.start_rad": 1e-5,
    "mosaic.spread_rad": 1e-5,
}
SHARED = {"beam.wavelength_m": 1e-15, "panel.distance_m": 1e-6, "backgrounds.0.size_m": 1e-11}


def both(table: bool) -> Experiment:
    """A crystal with domains and a rotation, and a round one; the same table for both, or a constant for each."""
    own = {} if table else {"hkl_file": None}
    pixels = {"pixels_fast": 5, "pixels_slow": 6, "pixel_mm": 4.0, "distance_mm": 75.0}
    first, second = (
        prepare(small_config(crystal={"default_F": 10.0, **own, **crystal}, detector=pixels, sampling=sampling))
        for crystal, sampling in (
            (
                {"mosaic_spread_deg": 0.1, "phi_range_deg": 0.2, "water_um": 0.005},
                {"mosaic_domains": 2, "phi_steps": 2},
            ),
            ({"shape": "round", "misset_deg": (3.0, 20.0, -8.0), "cells": (5, 6, 7)}, {}),
        )
    )
    return replace(first, crystals=(*first.crystals, *second.crystals))


@pytest.mark.parametrize("table", [True, False])
def test_every_crystal_has_its_derivatives(table: bool) -> None:
    start = both(table)
    weights = jnp.asarray(np.random.default_rng(3).uniform(0.5, 1.5, (6, 5)))

    @jax.jit
    def total(experiment: Experiment) -> Any:
        return (weights * simulate(experiment)).sum()

    slopes = jax.jit(jax.grad(total))(start)
    assert (start.crystals[0].factors.values is not None) == table
    places = {f"crystals.{i}.{name}": step for i in range(2) for name, step in STEPS.items()} | SHARED
    # the second crystal is a perfect one
    del places["crystals.1.mosaic.spread_rad"]
    if table:
        places = {place: step for place, step in places.items() if not place.endswith("default")}
    rng = np.random.default_rng(1)
    for place, step in places.items():
        value = look_up(start, place)
        direction = rng.choice([-1.0, 1.0], jnp.shape(value))
        four = [float(total(put(start, place, value + n * step * direction))) for n in (-2, -1, 1, 2)]
        wanted = (8 * (four[2] - four[1]) - (four[3] - four[0])) / (12 * step)
        found = float((look_up(slopes, place) * direction).sum())
        assert found == pytest.approx(wanted, rel=1e-6), place
        assert wanted != 0, place
    if table:
        # one table of both: its slopes are those of both crystals
        by_table = [crystal.factors.values for crystal in slopes.crystals]
        brightest = np.unravel_index(int(jnp.abs(by_table[0] * by_table[1]).argmax()), by_table[0].shape)
        shifted = [start.crystals[0].factors.values.at[brightest].add(h) for h in (-1.0, 1.0)]
        two = [
            float(total(put(put(start, "crystals.0.factors.values", t), "crystals.1.factors.values", t)))
            for t in shifted
        ]
        assert float(sum(values[brightest] for values in by_table)) == pytest.approx((two[1] - two[0]) / 2, rel=1e-7)
        assert all(float(values[brightest]) != 0 for values in by_table)
