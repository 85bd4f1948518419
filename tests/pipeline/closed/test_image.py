"""Images of closed crystals equal those of sampled ones that are sampled finely enough."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from one_size import of_one_size
from several_panels import alone, three_panels

import nbjax
from nbjax.config.tree import Beam, Config, Crystal, Detector, Sampling
from nbjax.errors import NonFiniteError
from nbjax.experiment import Experiment
from nbjax.fields import look_up
from nbjax.pipeline.closed.crossing import Passage
from nbjax.pipeline.closed.image import sorted_by_size
from nbjax.pipeline.closed.listing import Count, Listed
from nbjax.pipeline.closed.survey import with_capacity
from nbjax.pipeline.render import render
from nbjax.sampling.capacity import Capacity, SpotSize

TRICLINIC: dict[str, Any] = {"cell_A": (40.0, 50.0, 60.0), "cell_deg": (75.0, 85.0, 110.0)}
SPOT = (174, 197, 171, 194)
"""About the middle of a spot on a panel of 240 pixels."""


def config(model: str, sampling: dict[str, Any], beam: dict[str, Any], **crystal: Any) -> Config:
    """One spot of a crystal of 12 cells along each axis."""
    limit_A = sampling.get("resolution_limit_A")
    given = {"cells": (12.0,) * 3, "default_F": 100.0, "misset_deg": (10.0, 20.0, 30.0), **TRICLINIC, **crystal}
    return Config(
        beam=Beam(wavelength_A=1.0, **beam),
        crystal=Crystal(model=model, shape="gauss", interpolate=None if model == "closed" else False, **given),
        detector=Detector(
            pixel_mm=0.06, pixels_fast=240, pixels_slow=240, distance_mm=120.0, beam_x_mm=2.0, beam_y_mm=30.0, roi=SPOT
        ),
        sampling=Sampling(**sampling) if model == "sampled" else Sampling(resolution_limit_A=limit_A),
    )


def image(
    model: str, sampling: dict[str, Any], beam: dict[str, Any], sizes: bool = False, **crystal: Any
) -> np.ndarray:
    """The window about the spot, closed crystals with boxes of one size or of several."""
    with jax.enable_x64(True):
        made = nbjax.prepare(config(model, sampling, beam, **crystal))
        if model == "closed" and not sizes:
            made = of_one_size(made)
        whole = np.asarray(nbjax.simulate(made))
    return whole[SPOT[2] : SPOT[3] + 1, SPOT[0] : SPOT[1] + 1]


def sampled(subpixels: int, sampling: dict[str, Any], beam: dict[str, Any], **crystal: Any) -> np.ndarray:
    """The image at two numbers of subpixels, extrapolated to none: the error falls with their square."""
    once, twice = (
        image("sampled", {**sampling, "oversample": count}, beam, **crystal) for count in (subpixels, 2 * subpixels)
    )
    return (4 * twice - once) / 3


SPREADS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any], int, float]] = {
    "size alone": ({"cells_off_diagonal": (2.0, -3.0, 1.5)}, {}, {}, 20, 1e-6),
    "mosaicity": ({"mosaicity_deg": 0.1}, {}, {"mosaic_domains": 3000}, 3, 2e-3),
    "anisotropic": ({"mosaicity_axes_deg": (0.02, 0.1, 0.2)}, {}, {"mosaic_domains": 3000}, 3, 3e-3),
    "cell": ({"cell_spread_percent": 0.3}, {}, {"mosaic_domains": 3000}, 3, 3e-3),
    "spectrum": ({}, {"bandwidth_percent": 0.6, "channels": 121}, {}, 3, 2e-3),
    "divergence": (
        {},
        {"divergence_sigma_mrad": 0.5},
        {"divergence_horizontal_steps": 9, "divergence_vertical_steps": 9},
        3,
        2e-3,
    ),
    "rotation": ({"phi_range_deg": 0.3}, {}, {"phi_steps": 300}, 3, 2e-3),
    "reversed": ({"phi_range_deg": -0.3}, {}, {"phi_steps": 300}, 3, 2e-3),
}


def test_the_resolution_limit_cuts_through_a_spot() -> None:
    """Through the middle of it, where a pixel that the limit crosses is integrated by few nodes."""
    limited = {"resolution_limit_A": 5.8113}
    expected = sampled(8, limited, {})
    cut, whole = image("closed", limited, {}), image("closed", {}, {})
    assert 0.3 * whole.sum() < cut.sum() < 0.7 * whole.sum()
    assert np.abs(cut - expected).max() < 0.025 * whole.max()
    assert abs(cut.sum() / expected.sum() - 1) < 1e-3


OF_SEVERAL_SIZES = ("size alone", "mosaicity", "rotation", "reversed")


@pytest.mark.parametrize("name", SPREADS)
def test_equals_the_sampled_model(name: str) -> None:
    crystal, beam, sampling, subpixels, tolerance = SPREADS[name]
    expected = sampled(subpixels, sampling, beam, **crystal)
    closed = image("closed", {}, beam, sizes=name in OF_SEVERAL_SIZES, **crystal)
    assert expected.max() > 3 * expected.mean()
    assert np.abs(closed - expected).max() < tolerance * expected.max()
    assert abs(closed.sum() / expected.sum() - 1) < tolerance


@pytest.mark.parametrize(
    "crystal",
    [
        {"phi_start_deg": 1.2, "cells": (9.0,) * 3},
        {"phi_start_deg": 0.3, "mosaicity_axes_deg": (0.05, 0.2, 0.1)},
    ],
)
def test_a_rotation_is_the_mean_of_its_stills(crystal: dict[str, Any]) -> None:
    """At its ends too, where most of a spot is cut off."""
    width = 0.3
    rotated = image("closed", {}, {}, phi_range_deg=width, **crystal)
    with jax.enable_x64(True):
        still = with_capacity(nbjax.prepare(config("closed", {}, {}, **crystal)), 4.0)
        places, weights = np.polynomial.legendre.leggauss(6)
        angles = still.crystal.spindle.start_rad + np.deg2rad(width) * 0.5 * (1 + places)
        at = jax.jit(lambda angle: nbjax.simulate(nbjax.put(still, "crystals.0.spindle.start_rad", angle)))
        whole = sum(0.5 * weight * np.asarray(at(angle)) for angle, weight in zip(angles, weights, strict=True))
    expected = whole[SPOT[2] : SPOT[3] + 1, SPOT[0] : SPOT[1] + 1]
    assert expected.max() > 3 * expected.mean()
    assert np.abs(rotated - expected).max() < 7e-4 * expected.max()
    assert abs(rotated.sum() / expected.sum() - 1) < 2e-4


def experiment(**crystal: Any) -> Experiment:
    """A closed crystal on the whole panel."""
    whole = config("closed", {}, {}, **{"mosaicity_deg": 0.1, **crystal})
    return of_one_size(nbjax.prepare(replace(whole, detector=replace(whole.detector, roi=None))))


def test_every_way_to_an_image_is_the_same() -> None:
    with jax.enable_x64(True):
        one = experiment()
        whole = np.asarray(nbjax.simulate(one))
        pixels = np.argwhere(whole > 0.1 * whole.max())
        assert len(pixels) > 3
        np.testing.assert_array_equal(nbjax.simulate_pixels(one, pixels), whole[tuple(pixels.T)])
        np.testing.assert_array_equal(render(one), whole)
        np.testing.assert_allclose(nbjax.simulate_on(jax.devices(), one), whole, rtol=1e-12)
        both = nbjax.simulate_batch(nbjax.stack([one, one]))
        np.testing.assert_allclose(both, np.stack([whole, whole]), rtol=1e-9, atol=1e-9 * whole.max())


def test_each_of_several_panels_shows_what_it_would_alone_but_for_what_a_mask_hides() -> None:
    with jax.enable_x64(True):
        one = experiment()
        wanted = np.stack([np.asarray(nbjax.simulate(alone(one, number))) for number in range(3)])
        room = one.crystal.capacity
        assert room is not None
        size = replace(room.spots[0], count=3 * room.spots[0].count)
        one = one.with_crystal(replace(one.crystal, capacity=replace(room, seen=3 * room.seen, spots=(size,))))
        mask = np.random.default_rng(3).random(wanted.shape) < 0.9
        found = np.asarray(nbjax.simulate(replace(three_panels(one), mask=jnp.asarray(mask, float))))
    assert (wanted.max((1, 2)) > 0).all()
    np.testing.assert_allclose(found, np.where(mask, wanted, 0), rtol=1e-6, atol=1e-9 * wanted.max())


def test_each_spot_goes_where_it_fits_first() -> None:
    rng = np.random.default_rng(2)
    count, room = 12, 20
    axes = rng.uniform(0.3, 2.5, (room, 2))
    covariance = np.stack([np.diag(pair**2) for pair in axes])
    numbers = np.arange(room, dtype=float)
    passage = Passage(*map(jnp.asarray, (numbers, numbers, numbers)))
    hkl = np.stack([numbers] * 3, 1)
    listed = Listed(
        *map(jnp.asarray, (hkl, numbers.astype(int), numbers.astype(int))),
        passage,
        *map(jnp.asarray, (numbers, hkl[:, :2], covariance, 0 * numbers, hkl)),
    )
    sizes = (SpotSize(8, 8, 8, 3), SpotSize(10, 10, 8, 2), SpotSize(15, 15, 64, 20))
    capacity = Capacity((0, 0, 0), (1, 1, 1), 1.0, 1, 1, 1, room, 1, sizes)
    found, too_large = _sorted(jax.tree.map(lambda leaf: leaf[None], listed), jnp.full((1,), count), capacity)
    assert not too_large
    longer, shorter = axes[:count].max(1), axes[:count].min(1)
    length, width = np.ceil(5.3 * longer + 0.5), np.ceil(5.3 * shorter + 0.5)
    left = np.ones(count, bool)
    for size, (rows, number) in zip(sizes, found, strict=True):
        fits = left & (length <= size.half_length) & (width <= size.half_width) & (shorter >= size.narrowest)
        own = np.flatnonzero(fits)[: size.count]
        assert int(number) == len(own) > 0
        np.testing.assert_array_equal(rows.hkl[: len(own), 0], own)
        left[own] = False
    assert not left.any()
    few = replace(capacity, spots=sizes[:2])
    assert _sorted(jax.tree.map(lambda leaf: leaf[None], listed), jnp.full((1,), count), few)[1]


@partial(jax.jit, static_argnums=2)
def _sorted(listed: Listed, seen: jax.Array, capacity: Capacity) -> Any:
    return sorted_by_size(listed, Count(seen, seen), capacity)


def test_two_crystals_add_up() -> None:
    with jax.enable_x64(True):
        one, other = experiment(), experiment(misset_deg=(11.0, 19.0, 30.0))
        two = replace(one, crystals=(*one.crystals, *other.crystals))
        images = [np.asarray(nbjax.simulate(each)) for each in (one, other, two)]
    np.testing.assert_allclose(images[2], images[0] + images[1], rtol=1e-12)
    assert not np.allclose(images[0], images[1])


def test_too_many_spots_are_an_error() -> None:
    """Room that was made for a narrow crystal is none for a wide one, and no spot is lost without a word."""
    with jax.enable_x64(True):
        narrow = experiment()
        wide = nbjax.put(narrow, "crystals.0.disorder.mosaicity_rad", jnp.full(3, 0.02))
        assert np.isnan(nbjax.simulate(wide)).all()
        with pytest.raises(NonFiniteError, match="with_capacity"):
            render(wide)
        assert np.isfinite(render(with_capacity(wide))).all()


@pytest.mark.parametrize(
    ("place", "factor"), [("detector.panels.distance_m", 0.9), ("crystals.0.cell.lengths_m", np.array([1.0, 1.4, 1.0]))]
)
def test_spots_that_are_not_searched_for_are_an_error(place: str, factor: Any) -> None:
    """A detector that came nearer, or a longer axis, shows indices beyond those that were prepared."""
    with jax.enable_x64(True):
        made = experiment()
        moved = nbjax.put(made, place, factor * look_up(made, place))
        assert np.isfinite(nbjax.simulate(made)).all()
        assert np.isnan(nbjax.simulate(moved)).all()
        # a little does not matter
        near = nbjax.put(made, place, (1 + 0.01 * (factor - 1)) * look_up(made, place))
        assert np.isfinite(nbjax.simulate(near)).all()
