"""Each factor of the intensity against its closed form."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbjax.physics.absorption import capture_fraction
from nbjax.physics.backgrounds.water import Water
from nbjax.physics.lattice_factor import (
    RADIAL,
    axis_signs,
    fixed_point,
    growth,
    radius_squared,
    slopes_of_square,
    square,
    squares,
)
from nbjax.physics.polarization import polarization_factor
from nbjax.physics.solid_angle import solid_angle_sr

BEAM = tuple(jnp.array([x]) for x in (1.0, 0.0, 0.0))
AXIS = tuple(jnp.array([x]) for x in (0.0, 0.0, 1.0))


def _towards(two_theta: float, azimuth: float) -> tuple:
    s = np.sin(two_theta)
    return tuple(jnp.array([x]) for x in (np.cos(two_theta), s * np.sin(azimuth), s * np.cos(azimuth)))


@settings(max_examples=30, deadline=None)
@given(st.floats(0.0, 3.1), st.floats(-3.1, 3.1), st.floats(-1, 1))
def test_polarization_is_kahns_formula(two_theta: float, azimuth: float, kahn: float) -> None:
    found = polarization_factor(jnp.float64(kahn), BEAM, _towards(two_theta, azimuth), AXIS)
    cos2, sin2 = np.cos(two_theta) ** 2, np.sin(two_theta) ** 2
    assert float(found[0]) == pytest.approx((1 + cos2 - kahn * np.cos(2 * azimuth) * sin2) / 2, abs=1e-12)


def test_full_polarization_vanishes_along_the_electric_vector() -> None:
    assert float(polarization_factor(jnp.float64(1), BEAM, _towards(np.pi / 2, 0.0), AXIS)[0]) == pytest.approx(0)
    assert float(polarization_factor(jnp.float64(1), BEAM, _towards(np.pi / 2, np.pi / 2), AXIS)[0]) == pytest.approx(1)


def test_solid_angles_of_a_plane_add_up_to_a_half_space() -> None:
    distance, half, pixel = 0.01, 2.0, 0.004
    y = (np.arange(-half / pixel, half / pixel) + 0.5) * pixel
    airpath = jnp.sqrt(distance**2 + y[:, None] ** 2 + y[None, :] ** 2)
    total = solid_angle_sr(airpath, jnp.float64(pixel), jnp.float64(distance), False).sum()
    exact = 4 * np.arcsin(half**2 / (half**2 + distance**2))
    assert float(total) == pytest.approx(exact, rel=2e-3)
    assert float(solid_angle_sr(jnp.float64(2.0), jnp.float64(1), jnp.float64(1), True)) == 0.25


def test_layers_capture_what_the_whole_sensor_captures() -> None:
    normal = tuple(jnp.float64(x) for x in (1.0, 0.0, 0.0))
    ray = _towards(0.4, 1.0)
    layers = sum(
        capture_fraction(ray, normal, jnp.float64(t), jnp.float64(1e-4), jnp.float64(3000.0)) for t in range(5)
    )
    whole = capture_fraction(ray, normal, jnp.float64(0), jnp.float64(5e-4), jnp.float64(3000.0))
    np.testing.assert_allclose(layers, whole, rtol=1e-13)
    np.testing.assert_allclose(whole, 1 - np.exp(-5e-4 * 3000 / np.cos(0.4)), rtol=1e-13)


def test_water_scatters_like_its_molecules() -> None:
    # a cubic centimetre of water weighs a gram
    found = Water(jnp.float64(0.01)).electrons_squared((jnp.float64(0.0),) * 3)
    assert float(found) == pytest.approx(2.57**2 * 6.02214179e23 / 18)


@settings(max_examples=30, deadline=None)
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

    peak = lattice(jnp.float64(0))
    assert peak.dtype == dtype
    assert float(peak) == pytest.approx(600, rel=2e-7)
    curvature = jax.grad(jax.grad(lambda d: lattice(d).astype(jnp.float64)))(jnp.float64(0))
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

    cells = jnp.array([30.0, 15.5, 3.0])
    tangents = (jnp.ones_like(delta), jnp.array([0.1, 1.0, -2.0]))
    for direction in ((tangents[0], 0 * tangents[1]), (0 * tangents[0], tangents[1])):
        value, slope = jax.jvp(lattice, (delta, cells), direction)
        wanted_value, wanted = jax.jvp(exact, (delta, cells), direction)
        signed = slope * jnp.sign(value) * jnp.sign(wanted_value)
        far = delta > 1e-4
        np.testing.assert_allclose(signed[far], wanted[far], atol=tolerance * float(jnp.abs(wanted).max()), rtol=0)
        np.testing.assert_allclose(jnp.abs(value), jnp.abs(wanted_value), rtol=0, atol=1e-2 * tolerance * 30 * 15 * 3)
        assert float(jnp.abs(slope[~far]).max()) <= 1.01 * float(jnp.abs(wanted).max())


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(["square", "round", "gauss"]),
    st.tuples(*[st.floats(-0.49, 0.49)] * 3),
    st.tuples(*[st.floats(1.0, 40.0)] * 3),
)
def test_the_squares_multiply_to_the_squared_lattice_factor_with_its_slopes(
    shape: str, delta: tuple, cells: tuple
) -> None:
    at, n, fudge = tuple(jnp.float64(d) for d in delta), tuple(jnp.float64(c) for c in cells), jnp.float64(0.9)

    def squared(at):
        if shape == "square":
            return square(at, n, jnp.float64)[0] ** 2
        return RADIAL[shape](radius_squared(at, n), n[0] * n[1] * n[2], fudge) ** 2

    field = jnp.stack(at)[:, None]
    factors = squares(shape, field, n, fudge, jnp.float64)
    largest = np.prod(cells) ** 2
    np.testing.assert_allclose(jnp.prod(factors[0]), squared(at), rtol=1e-12, atol=1e-14 * largest)
    slopes = slopes_of_square(shape, field, n, factors)[:, 0]
    np.testing.assert_allclose(slopes, jax.grad(squared)(at), rtol=1e-10, atol=1e-12 * max(cells) * largest)


@settings(max_examples=30, deadline=None)
# half-way between two reflections either is the nearest, and the slope has two signs
@given(st.lists(st.floats(-0.5, 0.4999), min_size=3, max_size=3), st.sampled_from([5.0, 30.0, 30.25, 100.0, 1000.0]))
def test_fixed_point_keeps_the_fringes_of_large_crystals(delta: list, count: float) -> None:
    field, n = jnp.asarray(delta)[:, None], (jnp.float64(count),) * 3
    found = squares("square", fixed_point(field), n, jnp.float64(1.0), jnp.float32)
    wanted = squares("square", field, n, jnp.float64(1.0), jnp.float64)
    assert found[0].dtype == jnp.float32
    # 1e-10 of a distance, and the rounding of 32 bits
    for one, other, largest in zip(found, wanted, (count**2, count**3), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=(1e-9 * count + 2e-6) * largest)
    # far from the peak the waves themselves are as exact as 32 bits can be
    far = jnp.abs(field) > 0.1
    np.testing.assert_allclose(found[0][far], wanted[0][far], rtol=0, atol=1e-5 / np.sin(0.1 * np.pi) ** 2)


@pytest.mark.parametrize("shape", ["square", "round", "gauss"])
def test_growth_completes_the_derivative_by_the_number_of_cells(shape: str) -> None:
    delta, cells = tuple(jnp.array([0.03, -0.011, 0.07])), tuple(jnp.array([7.0, 8.5, 5.0]))

    def lattice(delta, cells):
        if shape == "square":
            return square(delta, cells, jnp.float64)[0]
        return RADIAL[shape](radius_squared(delta, cells), cells[0] * cells[1] * cells[2], jnp.float64(0.9))

    for i in range(3):
        moved = [tuple(c + step * (j == i) for j, c in enumerate(cells)) for step in (1e-5, -1e-5)]
        wanted = cells[i] * (lattice(delta, moved[0]) - lattice(delta, moved[1])) / 2e-5
        slope = jax.grad(lattice)(delta, cells)[i]
        found = delta[i] * slope + growth(shape, delta[i]) * lattice(delta, cells)
        assert float(found) == pytest.approx(float(wanted), rel=1e-8, abs=1e-8 * float(abs(lattice(delta, cells))))


def test_the_square_shape_of_one_cell_is_one() -> None:
    delta = (jnp.linspace(-0.5, 0.5, 101),) * 3
    np.testing.assert_allclose(jnp.abs(square(delta, (jnp.ones(()),) * 3, jnp.float64)[0]), 1.0, rtol=1e-14)


@pytest.mark.parametrize(("shape", "peak"), [("round", 0.723601254558268), ("gauss", 1.0), ("tophat", 1.0)])
def test_radial_shapes_peak_at_the_number_of_cells(shape: str, peak: float) -> None:
    value = RADIAL[shape](jnp.array([0.0, 9.0]), jnp.float64(60.0), jnp.float64(1.0))
    assert float(value[0]) == pytest.approx(60 * peak)
    assert abs(float(value[1])) < 0.05 * 60


@settings(max_examples=50, deadline=None)
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
    wanted, slope = jax.vmap(jax.value_and_grad(lambda r: RADIAL[shape](r, count, fudge)))(radius_sq)
    narrow = lambda r: RADIAL[shape](r, jnp.float32(60.0), fudge)  # noqa: E731
    found, found_slope = jax.vmap(jax.value_and_grad(narrow))(radius_sq)
    assert found.dtype == jnp.float32
    fringes = shape == "round"
    envelope = 130 / (3 + 9 * radius_sq) if fringes else np.abs(wanted)
    steepness = 40 / (1 + 1.8 * radius_sq**1.5) if fringes else np.abs(slope)
    assert (np.abs(found - wanted) <= 5e-7 * envelope).all()
    assert (np.abs(found_slope - slope) <= 2e-6 * steepness).all()
