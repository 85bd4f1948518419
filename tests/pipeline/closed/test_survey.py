"""Room for spots: enough for all, and not much more."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import nbjax
from nbjax.config.tree import Beam, Config, Crystal, Detector
from nbjax.experiment import Experiment
from nbjax.physics.structure_factor import StructureFactors
from nbjax.pipeline.closed.survey import (
    _capacity,
    _half,
    _is_enough,
    _Needs,
    _nodes,
    _price,
    _sizes,
    bucket,
    index_box,
    longest_per_m,
)
from nbjax.pipeline.scene import build_scene
from nbjax.sampling.capacity import MOST_NODES, SpotSize

LENGTHS_A = (40.0, 50.0, 60.0)


def experiment(**detector: Any) -> Experiment:
    given = {"pixel_mm": 0.5, "pixels_fast": 30, "pixels_slow": 20, "distance_mm": 50.0, **detector}
    crystal = Crystal(cell_A=LENGTHS_A, cell_deg=(80.0, 95.0, 105.0), cells=(9.0,) * 3, default_F=2.0, shape="gauss")
    return nbjax.prepare(Config(Beam(wavelength_A=1.25), replace(crystal, interpolate=False), Detector(**given)))


@given(st.integers(0, 5000), st.sampled_from([1.0, 1.25, 2.0]))
@example(17, 1.0)
@example(64, 1.0)
@example(97, 1.0)
def test_a_bucket_is_the_next_of_few_sizes(count: int, spare: float) -> None:
    powers = 2 ** np.arange(2, 20)
    sizes = np.sort(np.concatenate([powers, powers * 3 // 4]))
    assert bucket(count, spare) == sizes[sizes >= max(16, math.ceil(spare * count))][0]


def test_the_longest_vector_is_that_of_the_farthest_corner() -> None:
    made = experiment(beam_x_mm=3.0, beam_y_mm=2.0)
    fast, slow = (jnp.asarray(x).ravel() for x in np.meshgrid([0, 15e-3], [0, 10e-3]))
    corners = jax.jit(lambda e: jnp.stack(build_scene(e).panel.point(fast, slow, 0 * fast), -1))(made)
    directions = corners / np.linalg.norm(corners, axis=1, keepdims=True)
    q = np.linalg.norm(directions - np.asarray(made.beam.direction), axis=1).max() / 1.25e-10
    found = longest_per_m(replace(made, crystals=()))
    # a power of 1.05, half a power and up to one more beyond
    assert q * 1.05**0.5 <= found <= q * 1.05**1.5
    power = math.log(found, 1.05)
    assert power == pytest.approx(round(power), abs=1e-9)


def test_indices_reach_as_far_as_the_detector_and_the_table() -> None:
    crystal = experiment().crystal
    lengths = np.array(LENGTHS_A) * 1e-10
    longest = 7.3 / lengths[0]
    lowest, sizes = index_box(longest, crystal)
    reach = np.ceil(longest * lengths).astype(int) + 1
    assert (lowest, sizes) == (tuple(-reach), tuple(2 * reach + 1))
    values = jnp.ones((30, 5, 40))
    table = StructureFactors(values, jnp.zeros(()), (-3, 1, -50))
    low, size = index_box(longest, replace(crystal, factors=table))
    assert low == (-3, 1, -reach[2])
    assert size == (3 + reach[0] + 1, 5, -50 + 39 + reach[2] + 1)
    # an amplitude outside of the table is looked at too
    outside = replace(table, default=jnp.ones(()))
    assert index_box(longest, replace(crystal, factors=outside)) == (lowest, sizes)
    # the last three axes are those of the indices
    channels = replace(table, values=jnp.ones((2, 2, 30, 5, 40)), wavelengths_m=jnp.array([1e-10, 2e-10]))
    assert index_box(longest, replace(crystal, factors=channels)) == (low, size)
    away = replace(table, minimum=(500, 1, -50))
    assert index_box(longest, replace(crystal, factors=away))[1][0] == 1


@given(st.lists(st.tuples(*[st.integers(1, 90)] * 2, st.floats(0.02, 3.0)), max_size=60), st.booleans())
def test_every_spot_finds_room(spots: list[tuple[int, int, float]], exact: bool) -> None:
    found = np.array(spots, float).reshape(-1, 3)
    sizes = _sizes([found], exact, 1.25)
    left = np.ones(len(found), bool)
    for size in sizes:
        fits = left & size.holds(*found.T)
        assert size.count >= 1.25 * fits.sum()
        left &= ~fits
    assert not left.any()
    # the cheapest are looked at first, and no more work is done than with one size for all
    works = [_price(np.array([size.half_length, size.half_width, size.nodes])) for size in sizes]
    assert works == sorted(works)
    assert len(sizes) <= 4
    wider = _sizes([found], exact, 2.0)
    if spots:
        # a last size for what is larger than all of these
        assert all(at(size) <= at(wider[-1]) for size in sizes for at in (lambda s: s.half_length, lambda s: s.nodes))
        assert wider[-1].half_width == 2 * max(size.half_width for size in sizes)


def test_sizes_are_split_where_that_saves_work() -> None:
    alike = np.tile([[10.0, 6.0, 0.5]], (50, 1))
    assert len(_sizes([alike], False, 1.25)) == 1
    small, large = _sizes([np.concatenate([alike, [[80.0, 80.0, 0.1]]])], False, 1.25)
    assert (small.count, large.count) == (bucket(50), bucket(1))
    assert small.pixels * 20 < large.pixels


def test_images_share_sizes_with_room_for_the_most_that_one_of_them_has() -> None:
    few, many = (np.tile([[10.0, 6.0, 0.5]], (count, 1)) for count in (20, 50))
    (size,) = _sizes([few, many, np.zeros((0, 3))], False, 1.25)
    assert size.count == bucket(50)


def test_several_share_room_that_is_enough_for_each() -> None:
    spots = np.tile([[10.0, 6.0, 0.5]], (50, 1))
    one = _Needs((-9, -3, -5), (19, 8, 11), 2e9, 100, 200, 80, 60, 1, spots, False)
    other = replace(one, lowest=(-4, -6, -5), sizes=(12, 14, 11), longest_per_m=3e9, near=70, seen=90)
    shared = _capacity([one, other], 1.25)
    assert (shared.lowest, shared.sizes, shared.longest_per_m) == ((-9, -6, -5), (19, 14, 11), 3e9)
    assert (shared.blocks, shared.near, shared.excited, shared.seen) == tuple(map(bucket, (100, 200, 80, 90)))
    assert _is_enough(shared, one)
    assert _is_enough(shared, other)
    larger = (
        {"lowest": (-9, -7, -5)},
        {"sizes": (20, 8, 11)},
        {"longest_per_m": 3.1e9},
        {"near": 1000},
        {"seen": 1000},
        {"windows": 2},
        {"sizes_px": np.tile(spots, (2, 1))},
        {"sizes_px": spots * 2},
    )
    assert not any(_is_enough(shared, replace(one, **more)) for more in larger)


def test_work_is_that_of_pixels_and_their_nodes() -> None:
    # six nodes cost as much as a pixel without them
    assert _price(np.array([5, 3, 4])) == 11 * 7 * (16 + 6)


@given(st.integers(1, 900))
def test_half_sizes_have_a_little_room(pixels: int) -> None:
    found = int(_half(np.array([float(pixels)]))[0])
    wanted = max(2, math.ceil(1.05 * pixels))
    step = max(1, 2 ** (int(math.log2(wanted)) - 2))
    assert wanted <= found < wanted + step
    assert found % step == 0


@pytest.mark.parametrize(("exact", "error"), [(False, 3e-4), (True, 5e-7)])
@pytest.mark.parametrize("sigma", [0.08, 0.15, 0.3, 0.6, 1.0, 2.0])
def test_nodes_integrate_a_spot(exact: bool, error: float, sigma: float) -> None:
    count = int(_nodes(np.array([sigma]), exact)[0])
    assert sigma >= SpotSize(1, 1, count, 1).narrowest
    nodes, weights = np.polynomial.legendre.leggauss(count)
    # pixels whose edges lie anywhere
    edges = np.linspace(-4 * sigma - 1, 4 * sigma, 200)
    found = np.exp(-0.5 * ((edges[:, None] + (nodes + 1) / 2) / sigma) ** 2) @ weights / 2
    whole = np.array([_integral((edge + 1) / sigma) - _integral(edge / sigma) for edge in edges]) * sigma
    assert np.abs(found - whole).max() < error * whole.max()


def _integral(x: float) -> float:
    return math.sqrt(math.pi / 2) * math.erf(x / math.sqrt(2))


def test_there_are_never_more_nodes_than_the_most() -> None:
    assert int(_nodes(np.array([0.0]), True)[0]) == MOST_NODES
    assert SpotSize(1, 1, MOST_NODES, 1).narrowest == 0
    assert SpotSize(1, 1, 11, 1).narrowest == pytest.approx(1 / 10.1)
