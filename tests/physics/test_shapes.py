"""Each crystal shape against its closed form, and what the fast derivative makes of it."""

from __future__ import annotations

from functools import partial
from typing import Any, get_args

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbjax.config import tree
from nbjax.physics.shapes import SHAPES, Radial, Shape, radius_squared
from nbjax.physics.shapes.distances import as_floats, fixed_point, fringe
from nbjax.physics.shapes.round import _quarter
from nbjax.physics.shapes.square import axis_signs, square

RADIAL = {name: shape.of_radius for name, shape in SHAPES.items() if isinstance(shape, Radial)}


def test_a_configuration_names_every_shape_but_that_of_the_reference() -> None:
    named = {*get_args(tree.Shape), "round_closed_form"}
    assert named | {f"nanobragg_{name}" for name in named - {"square"}} == set(SHAPES)


CELLS = [(2.0, 2.5, 3.0), (12.0, 5.0, 30.0), (7.25, 8.0, 9.0), (1.0, 1.0, 1.0), (1.0, 40.0, 2.0)]


@partial(jax.jit, static_argnames=("shape",))
def _lattice(shape: str, delta: tuple, cells: tuple, fudge: Any) -> jax.Array:
    return SHAPES[shape].lattice(delta, cells, fudge, jnp.float64)


def _total(shape: str, cells: tuple[float, ...], fudge: float) -> float:
    """The squared lattice factor over one cell of reciprocal space, over the number of cells."""
    count = 96 if "tophat" in shape else 12
    nodes, weights = np.polynomial.legendre.leggauss(count)
    axes = []
    for n in cells:
        pieces = 1 if "tophat" in shape else int(np.ceil(n * np.sqrt(fudge) / 2))
        starts = np.arange(pieces)[:, None] / (2 * pieces)
        axes.append(((starts + (nodes + 1) / (4 * pieces)).ravel(), np.tile(weights / (2 * pieces), pieces)))
    n = tuple(jnp.asarray(cells))
    delta = tuple(jnp.asarray(x) for x in np.meshgrid(*(at for at, _ in axes), indexing="ij", sparse=True))
    squared = np.asarray(_lattice(shape, delta, n, jnp.float64(fudge))) ** 2
    return float(np.einsum("abc,a,b,c", squared, *(weight for _, weight in axes)) / np.prod(cells))


@pytest.mark.parametrize("fudge", [1.0, 0.75, 4.0, 0.3])
@pytest.mark.parametrize("cells", CELLS)
@pytest.mark.parametrize("shape", ["round", "gauss", "tophat"])
def test_a_spot_adds_up_to_the_number_of_cells(shape: str, cells: tuple[float, ...], fudge: float) -> None:
    # a sphere in a grid of points is less exact
    assert _total(shape, cells, fudge) == pytest.approx(1.0, abs={"round": 1e-3, "gauss": 1e-9, "tophat": 2e-2}[shape])


def test_a_face_beyond_the_cell_of_a_round_spot_has_the_integrals_of_two_powers() -> None:
    # of 1/r^4 and 1/r^6 over a rectangle that is 1 away from the corner above which it begins
    nodes, weights = np.polynomial.legendre.leggauss(24)
    for a, b in ((0.7, 1.3), (2.0, 0.4)):
        square = 1 + (a / 2 * (nodes[:, None] + 1)) ** 2 + (b / 2 * (nodes + 1)) ** 2
        wanted = [a * b / 4 * weights @ square**power @ weights for power in (-2, -3)]
        (one, slope), (other, other_slope) = (_quarter(*map(jnp.asarray, edges)) for edges in ((a, b), (b, a)))
        # each half adds what it is and, of the steeper, minus half of its derivative by what is 1 here
        assert float(one + other) / 2 == pytest.approx(wanted[0], rel=1e-9)
        assert float(one + other + slope + other_slope) / 4 == pytest.approx(wanted[1], rel=1e-9)


def test_a_flat_spot_is_a_sphere_of_volume_one() -> None:
    radius_sq = jnp.linspace(0, 1, 100001)
    edge_sq = float(radius_sq[RADIAL["tophat"](radius_sq, jnp.float64(1.0), jnp.float64(1.0)) > 0].max())
    assert 4 / 3 * np.pi * edge_sq**1.5 == pytest.approx(1.0, rel=1e-4)


@pytest.mark.parametrize("ends", [(0.3, 0.4, 0.5), (0.7, 0.2, 0.55), (2.0, 0.6, 0.1), (0.5, 3.0, 0.5), (1.0, 1.0, 1.0)])
def test_a_cell_holds_what_it_leaves_of_a_flat_spot(ends: tuple[float, float, float]) -> None:
    radius = (3 / (4 * np.pi)) ** (1 / 3)
    a, b, c = ends
    x, y = (min(end, radius) * (np.arange(1000) + 0.5) / 1000 for end in (a, b))
    height = np.sqrt(np.maximum(radius**2 - x[:, None] ** 2 - y**2, 0))
    wanted = 8 * np.minimum(height, c).mean() * min(a, radius) * min(b, radius)
    found = float(jax.jit(SHAPES["tophat"].share_in_cell)(tuple(map(jnp.asarray, ends))))
    assert found == pytest.approx(wanted, abs=1e-4)


def test_the_constants_of_nanobragg_make_spots_of_other_sums() -> None:
    sums = {shape: _total(f"nanobragg_{shape}", (20.0, 20.0, 20.0), 1.0) for shape in ("round", "gauss")}
    assert sums["gauss"] == pytest.approx((np.pi * 0.63 / 2) ** 1.5, rel=1e-9)
    assert sums["round"] == pytest.approx(1 - 0.505 / 20, abs=1e-4)
    assert _total("nanobragg_gauss", (20.0, 20.0, 20.0), 4.0) == pytest.approx(sums["gauss"] / 8, rel=1e-9)


@settings(max_examples=30)
@given(st.tuples(*[st.floats(-0.49, 0.49).filter(lambda x: abs(x) > 1e-4)] * 3), st.tuples(*[st.integers(1, 40)] * 3))
def test_the_square_shape_is_the_sum_over_its_cells(delta: tuple, cells: tuple) -> None:
    exact = np.prod([abs(np.exp(2j * np.pi * d * np.arange(n)).sum()) for d, n in zip(delta, cells, strict=True)])
    fields = tuple(jnp.array([d]) for d in delta)
    found, axes = square(fields, tuple(jnp.array(cells, float)), jnp.float64)
    assert abs(float(found[0])) == pytest.approx(exact, abs=1e-9 * np.prod(cells))
    np.testing.assert_allclose(found, axes[0] * axes[1] * axes[2], rtol=1e-14)


@pytest.mark.parametrize("dtype", [jnp.float64, jnp.float32])
def test_the_square_shape_at_its_peak(dtype) -> None:
    def lattice(delta):
        return square((delta,) * 3, tuple(jnp.array([30.0, 20.0, 1.0])), dtype)[0]

    peak = jax.jit(lattice)(jnp.float64(0))
    assert peak.dtype == dtype
    assert float(peak) == pytest.approx(600, rel=2e-7)
    curvature = jax.jit(jax.grad(jax.grad(lambda d: lattice(d).astype(jnp.float64))))(jnp.float64(0))
    assert float(curvature) == pytest.approx(-600 * (30**2 + 20**2 - 2) * np.pi**2 / 3, rel=1e-6)


@pytest.mark.parametrize(("dtype", "tolerance"), [(jnp.float64, 1e-9), (jnp.float32, 1e-4)])
def test_slopes_of_the_square_shape(dtype, tolerance: float) -> None:
    """Against the sum over the cells, on the central maximum and beyond; up to the sign of the factor."""
    delta = jnp.concatenate([jnp.array([0.0, 1e-9]), jnp.geomspace(1e-6, 0.499, 400)])

    def lattice(delta, cells):
        return square((delta, jnp.full_like(delta, 0.003), jnp.full_like(delta, 0.2)), tuple(cells), dtype)[0]

    def exact(x, n):
        parts = jnp.stack([x, jnp.full_like(x, 0.003), jnp.full_like(x, 0.2)])
        safe = jnp.where(parts == 0, 0.25, parts)
        quotient = jnp.sin(np.pi * n[:, None] * safe) / jnp.sin(np.pi * safe)
        return jnp.prod(jnp.where(parts == 0, n[:, None], quotient), axis=0)

    cells, moved = jnp.array([30.0, 15.5, 3.0]), jax.jit(jax.jvp, static_argnums=0)
    tangents = (jnp.ones_like(delta), jnp.array([0.1, 1.0, -2.0]))
    for direction in ((tangents[0], 0 * tangents[1]), (0 * tangents[0], tangents[1])):
        value, slope = moved(lattice, (delta, cells), direction)
        wanted_value, wanted = moved(exact, (delta, cells), direction)
        signed = slope * jnp.sign(value) * jnp.sign(wanted_value)
        far = delta > 1e-4
        np.testing.assert_allclose(signed[far], wanted[far], atol=tolerance * float(jnp.abs(wanted).max()), rtol=0)
        np.testing.assert_allclose(jnp.abs(value), jnp.abs(wanted_value), rtol=0, atol=1e-2 * tolerance * 30 * 15 * 3)
        assert float(jnp.abs(slope[~far]).max()) <= 1.01 * float(jnp.abs(wanted).max())


@settings(max_examples=30)
@given(
    st.sampled_from(["square", "round", "gauss"]),
    st.tuples(*[st.floats(-0.49, 0.49)] * 3),
    st.tuples(*[st.floats(1.0, 40.0)] * 3),
)
def test_the_squares_multiply_to_the_squared_lattice_factor_with_its_slopes(
    shape: str, delta: tuple, cells: tuple
) -> None:
    at, n = tuple(jnp.float64(d) for d in delta), tuple(jnp.float64(c) for c in cells)
    factors, slopes = _squares_with_slopes(shape, at, n)
    squared, by_jax = _squared_with_slopes(shape, at, n)
    largest = np.prod(cells) ** 2
    np.testing.assert_allclose(np.prod(factors), squared, rtol=1e-12, atol=1e-14 * largest)
    np.testing.assert_allclose(slopes, by_jax, rtol=1e-10, atol=1e-12 * max(cells) * largest)


@partial(jax.jit, static_argnames=("shape",))
def _squares_with_slopes(shape: str, at: tuple, cells: tuple) -> tuple[jax.Array, jax.Array]:
    field = jnp.stack(at)[:, None]
    factors = SHAPES[shape].squares(field, cells, jnp.float64(0.9), jnp.float64)
    return factors[0], SHAPES[shape].slopes_of_square(field, cells, factors)[:, 0]


@partial(jax.jit, static_argnames=("shape",))
def _squared_with_slopes(shape: str, at: tuple, cells: tuple) -> tuple[jax.Array, tuple]:
    return jax.value_and_grad(lambda at: _lattice(shape, at, cells, jnp.float64(0.9)) ** 2)(at)


@settings(max_examples=30)
@given(st.lists(st.floats(-0.5, 0.4999), min_size=3, max_size=3), st.sampled_from([5.0, 30.0, 30.25, 100.0, 1000.0]))
def test_fixed_point_keeps_the_fringes_of_large_crystals(delta: list, count: float) -> None:
    field, n = jnp.asarray(delta)[:, None], (jnp.float64(count),) * 3
    found = SHAPES["square"].squares(fixed_point(field), n, jnp.float64(1.0), jnp.float32)
    wanted = SHAPES["square"].squares(field, n, jnp.float64(1.0), jnp.float64)
    assert found[0].dtype == jnp.float32
    # 1e-10 of a distance, and the rounding of 32 bits
    for one, other, largest in zip(found, wanted, (count**2, count**3), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=(1e-9 * count + 2e-6) * largest)
    # far from the peak the waves themselves are as exact as 32 bits can be
    far = jnp.abs(field) > 0.1
    np.testing.assert_allclose(found[0][far], wanted[0][far], rtol=0, atol=1e-5 / np.sin(0.1 * np.pi) ** 2)


@pytest.mark.parametrize("shape", ["square", "round", "gauss", "nanobragg_round"])
def test_growth_completes_the_derivative_by_the_number_of_cells(shape: str) -> None:
    delta, cells = tuple(jnp.array([0.03, -0.011, 0.07])), tuple(jnp.array([7.0, 8.5, 5.0]))

    def lattice(delta, cells):
        return _lattice(shape, delta, cells, jnp.float64(0.9))

    slopes = jax.jit(jax.grad(lattice))(delta, cells)
    growths = np.asarray(jax.jit(SHAPES[shape].growth)(jnp.stack(delta)[:, None], cells, jnp.float64(0.9)))
    for i in range(3):
        moved = [tuple(c + step * (j == i) for j, c in enumerate(cells)) for step in (1e-5, -1e-5)]
        wanted = cells[i] * (lattice(delta, moved[0]) - lattice(delta, moved[1])) / 2e-5
        found = delta[i] * slopes[i] + growths[i, 0] * lattice(delta, cells)
        assert float(found) == pytest.approx(float(wanted), rel=1e-8, abs=1e-8 * float(abs(lattice(delta, cells))))


def test_the_square_shape_of_one_cell_is_one() -> None:
    delta = (jnp.linspace(-0.5, 0.5, 101),) * 3
    np.testing.assert_allclose(jnp.abs(square(delta, (jnp.ones(()),) * 3, jnp.float64)[0]), 1.0, rtol=1e-14)


@pytest.mark.parametrize(("shape", "peak"), [("round", 0.723601254558268), ("gauss", 1.0), ("tophat", 1.0)])
def test_radial_shapes_peak_at_the_number_of_cells(shape: str, peak: float) -> None:
    cells = tuple(jnp.array([3.0, 4.0, 5.0]))
    assert float(SHAPES[f"nanobragg_{shape}"].peak(cells, jnp.float64(7.0), jnp.float64)) == pytest.approx(60 * peak)
    large = tuple(jnp.full(3, 1e5))
    assert float(SHAPES[shape].peak(large, jnp.float64(16.0), jnp.float64)) == pytest.approx(8e15 * peak, rel=1e-5)
    value = RADIAL[shape](jnp.array([0.0, 9.0]), jnp.float64(60.0 * peak), jnp.float64(1.0))
    assert float(value[0]) == pytest.approx(60 * peak)
    assert abs(float(value[1])) < 0.05 * 60


@settings(max_examples=50)
@given(st.integers(-40, 40), st.integers(1, 60), st.floats(-0.49, 0.49).filter(lambda d: abs(d) > 1e-3))
def test_the_sign_of_an_axis_is_that_of_the_whole_quotient(whole: int, cells: int, delta: float) -> None:
    index, count = (jnp.array([float(whole)]),) * 3, (jnp.float64(cells),) * 3
    hkl = tuple(i + delta for i in index)
    # the distance as the indices round it: half-way between two fringes the last bit decides the sign
    unsigned = square(tuple(x - i for x, i in zip(hkl, index, strict=True)), count, jnp.float64)[1][0]
    quotient = np.sin(np.pi * cells * (whole + delta)) / np.sin(np.pi * (whole + delta))
    assert float((unsigned * axis_signs(hkl, index, count)[0])[0]) == pytest.approx(quotient, abs=1e-7 * cells)


def test_fudge_scales_the_squared_radius() -> None:
    cells, radius_sq = tuple(jnp.array([3.0, 4.0, 5.0])), jnp.array([0.05, 0.3])
    for shape in ("round", "gauss"):
        wide, narrow = (
            RADIAL[shape](r, jnp.float64(60.0), jnp.float64(f)) for r, f in ((radius_sq * 2, 1.0), (radius_sq, 2.0))
        )
        np.testing.assert_allclose(wide, narrow, rtol=1e-13)
    delta = tuple(jnp.array([x]) for x in (0.1, -0.2, 0.05))
    assert float(radius_squared(delta, cells)[0]) == pytest.approx(0.09 + 0.64 + 0.0625)


def test_shapes_are_differentiable_at_the_peak() -> None:
    for shape in ("round", "gauss"):
        slope = jax.grad(lambda r, shape=shape: RADIAL[shape](r, jnp.float64(60.0), jnp.float64(1.0)))(jnp.float64(0.0))
        assert np.isfinite(float(slope))
        assert float(slope) < 0


@pytest.mark.parametrize("shape", RADIAL)
def test_radial_shapes_of_large_crystals_keep_their_digits_in_32_bits(shape: str) -> None:
    """At thousands of cells, in every fringe or at every exponent: their whole turns are off before 32 bits."""
    radius_sq = jnp.concatenate([jnp.linspace(0, 30, 500), jnp.linspace(1500, 1501, 500) ** 2])
    count, fudge = jnp.float64(60.0), jnp.float64(0.9)
    with_slopes = jax.jit(jax.vmap(jax.value_and_grad(RADIAL[shape]), in_axes=(0, None, None)))
    wanted, slope = map(np.asarray, with_slopes(radius_sq, count, fudge))
    found, found_slope = with_slopes(radius_sq, jnp.float32(60.0), fudge)
    assert found.dtype == jnp.float32
    radius_sq, found, found_slope = map(np.asarray, (radius_sq, found, found_slope))
    fringes = "round" in shape
    envelope = 130 / (3 + 9 * radius_sq) if fringes else np.abs(wanted)
    steepness = 40 / (1 + 1.8 * radius_sq**1.5) if fringes else np.abs(slope)
    assert (np.abs(found - wanted) <= 5e-7 * envelope).all()
    assert (np.abs(found_slope - slope) <= 2e-6 * steepness).all()


class OnlyItsLattice(Shape):
    """Gaussian spots with nothing but the one verb."""

    def lattice(self, delta, cells, fudge, dtype):
        return SHAPES["gauss"].lattice(delta, cells, fudge, dtype)


@pytest.mark.parametrize(("dtype", "tolerance"), [(jnp.float64, 1e-13), (jnp.float32, 2e-6)])
def test_a_shape_needs_only_its_lattice_factor(dtype, tolerance: float) -> None:
    delta = jnp.asarray(np.random.default_rng(1).uniform(-0.3, 0.3, (2, 3, 3, 5)))
    cells, fudge = tuple(jnp.array([4.0, 3.0, 2.5])), jnp.float64(0.9)
    found, wanted = [], []
    for shape, kept in ((OnlyItsLattice(), found), (SHAPES["gauss"], wanted)):
        for field in (delta, fixed_point(delta)):
            factors = jax.jit(shape.squares, static_argnums=3)(field, cells, fudge, dtype)
            slopes = jax.jit(shape.slopes_of_square)(field, cells, factors)
            assert factors[0].shape == factors[1].shape
            assert slopes.dtype == dtype
            kept += [np.prod(factors[0], axis=-2), np.asarray(slopes)]
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance * float(np.abs(other).max()))


def test_radial_shapes_are_their_formulas() -> None:
    radius_sq = np.array([0.0, 0.01, 0.3, 2.0, 7.7])
    fudge, x = 0.8, np.pi * np.sqrt(0.8 * np.array([1.0, 0.01, 0.3, 2.0, 7.7]))
    sphere = np.r_[1.0, (3 * (np.sin(x) / x - np.cos(x)) / x**2)[1:]]
    formulas = {
        "gauss": np.exp(-np.pi / 2 * fudge * radius_sq),
        "nanobragg_gauss": np.exp(-fudge * radius_sq / 0.63),
        "round": sphere,
        "round_closed_form": sphere,
    }
    for shape, wanted in formulas.items():
        found = RADIAL[shape](jnp.asarray(radius_sq), jnp.float64(7.0), jnp.float64(fudge))
        np.testing.assert_allclose(found, 7 * wanted, rtol=1e-9, atol=1e-12)
    for shape, edge_sq in (("tophat", (3 / (4 * np.pi)) ** (2 / 3)), ("nanobragg_tophat", 0.3969)):
        near = jnp.asarray(edge_sq / fudge) * jnp.array([0.0, 1 - 1e-9, 1 + 1e-9])
        np.testing.assert_array_equal(RADIAL[shape](near, jnp.float64(7.0), jnp.float64(fudge)), [7, 7, 0])


@pytest.mark.parametrize("cells", [30.0, 30.25, 1000.0])
def test_fringes_are_counted_from_the_nearest_whole_one(cells: float) -> None:
    delta = np.random.default_rng(4).uniform(-0.5, 0.5, 50)
    fixed = fixed_point(jnp.asarray(delta))
    np.testing.assert_allclose(as_floats(fixed, jnp.float64), delta, rtol=0, atol=2.0**-33)
    turns = cells * delta
    wanted = turns - np.round(turns)
    for distance, near in ((jnp.asarray(delta), 1e-12), (fixed, 3e-10 * cells)):
        np.testing.assert_allclose(fringe(distance, jnp.float64(cells), jnp.float64), wanted, rtol=0, atol=near)
