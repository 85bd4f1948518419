"""Light and charge that reach other pixels."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import dblquad
from scipy.signal import convolve2d
from scipy.special import ndtr

from nbjax.physics.readout import ChargeSharing, Moments, PointSpread
from nbjax.physics.readout.kernels import FORMS, FWHM_PER_FIBER_G, FWHM_PER_SIGMA, counted

FWHM = 2.3


def point(shape: tuple[int, ...] = (61, 81), at: tuple[int, ...] = (30, 40)) -> jax.Array:
    return jnp.zeros(shape).at[at].set(1000.0)


def test_a_gaussian_spot_keeps_its_flux_and_has_its_width() -> None:
    spread = np.asarray(PointSpread(jnp.asarray(FWHM)).record(None, point()))
    assert spread.sum() == pytest.approx(1000.0, rel=1e-6)
    slow = np.arange(61) - 30
    variance = (spread.sum(axis=1) * slow**2).sum() / 1000
    # the pixels themselves add a twelfth
    assert variance == pytest.approx((FWHM / FWHM_PER_SIGMA) ** 2 + 1 / 12, rel=1e-6)


def test_what_a_fiber_spreads_is_on_the_panel_or_beyond_it() -> None:
    spread = np.asarray(PointSpread(jnp.asarray(FWHM), form="fiber").record(None, point()))
    g = FWHM / FWHM_PER_FIBER_G
    beyond = 4 * np.arctan(30.5 * 40.5 / (g * np.sqrt(g**2 + 30.5**2 + 40.5**2))) / (2 * np.pi)
    assert spread.sum() == pytest.approx(1000.0 * beyond, rel=1e-6)
    cut = PointSpread(jnp.asarray(FWHM), form="fiber", radius_px=9)
    assert np.asarray(cut.record(None, point())).sum() == pytest.approx(1000.0, rel=1e-9)


@pytest.mark.parametrize("name", FORMS)
def test_shares_are_integrals_over_pixels(name: str) -> None:
    g, sigma = FWHM / FWHM_PER_FIBER_G, FWHM / FWHM_PER_SIGMA
    forms = {
        "fiber": lambda y, x: g / (2 * np.pi) * (g**2 + x**2 + y**2) ** -1.5,
        "gaussian": lambda y, x: np.exp(-0.5 * (x**2 + y**2) / sigma**2) / (2 * np.pi * sigma**2),
    }
    found = FORMS[name](jnp.asarray(FWHM), jnp.arange(-3.0, 4.0), jnp.arange(-3.0, 4.0))
    for slow, fast in ((0, 0), (1, 0), (-3, 2)):
        wanted = dblquad(forms[name], fast - 0.5, fast + 0.5, slow - 0.5, slow + 0.5)[0]
        assert found[slow + 3, fast + 3] == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("form", FORMS)
def test_the_transform_is_a_sum_over_pixels(form: str) -> None:
    image = np.random.default_rng(0).poisson(3.0, (2, 17, 14)).astype(float)
    stage = PointSpread(jnp.asarray(1.4), form=form, radius_px=4)  # type: ignore[arg-type]
    kernel = np.asarray(stage._kernel((17, 14), jnp.float64.dtype))
    for panel, spread in zip(image, np.asarray(stage.record(None, jnp.asarray(image))), strict=True):
        np.testing.assert_allclose(spread, convolve2d(panel, kernel, mode="same"), atol=1e-12)


def test_a_kernel_that_is_not_symmetric_keeps_its_sides() -> None:
    kernel = np.arange(15.0).reshape(5, 3)
    spread = np.asarray(PointSpread(None, jnp.asarray(kernel)).record(None, point((9, 9), (4, 4)) / 1000))
    np.testing.assert_allclose(spread[2:7, 3:6], kernel, atol=1e-12)


@pytest.mark.parametrize("stage", [PointSpread(jnp.asarray(FWHM)), ChargeSharing(jnp.asarray(0.1))])
def test_pixels_without_a_value_stay_so_and_give_nothing(stage: PointSpread | ChargeSharing) -> None:
    image = point().at[5, 6].set(jnp.nan)
    spread = np.asarray(stage.record(None, image))
    assert np.array_equal(np.argwhere(np.isnan(spread)), [[5, 6]])
    assert np.nansum(spread) == pytest.approx(1000.0, rel=1e-6)


@pytest.mark.parametrize("form", FORMS)
def test_the_width_has_a_derivative(form: str) -> None:
    image, weights = point((21, 21), (9, 11)), jnp.asarray(np.random.default_rng(2).uniform(size=(21, 21)))

    def total(fwhm: jax.Array) -> jax.Array:
        return (PointSpread(fwhm, form=form).record(None, image) * weights).sum()  # type: ignore[arg-type]

    at, step = jnp.asarray(FWHM), 1e-5
    slope = (total(at + step) - total(at - step)) / (2 * step)
    assert jax.grad(total)(at) == pytest.approx(float(slope), rel=1e-6)


def test_moments_are_those_of_many_draws() -> None:
    stage, many = PointSpread(jnp.asarray(1.5)), 400
    photons = jnp.asarray(np.random.default_rng(3).uniform(0, 50, (24, 24)))
    drawn = np.asarray(stage.record(None, jnp.asarray(np.random.default_rng(4).poisson(photons, (many, 24, 24)) * 1.0)))
    mean, variance = stage.moments(Moments(photons, photons))
    assert np.abs((drawn.mean(axis=0) - mean) / np.sqrt(variance / many)).max() < 5
    assert drawn.var(axis=0).sum() == pytest.approx(float(variance.sum()), rel=0.02)


@pytest.mark.parametrize("cloud", [0.12, 0.4])
def test_charge_is_shared_as_a_cloud_anywhere_in_the_pixel_has_it(cloud: float) -> None:
    shares = np.asarray(ChargeSharing(jnp.asarray(cloud)).shares())
    assert shares.sum() == pytest.approx(1.0, rel=1e-12)
    places = (np.arange(4000) + 0.5) / 4000
    own = (ndtr((1 - places) / cloud) - ndtr(-places / cloud)).mean()
    assert shares[1, 1] == pytest.approx(own**2, rel=1e-6)
    assert shares[0, 1] == pytest.approx(own * (1 - own) / 2, rel=1e-6)
    spread = np.asarray(ChargeSharing(jnp.asarray(cloud)).record(None, point()))
    np.testing.assert_allclose(spread[29:32, 39:42], 1000 * shares, rtol=1e-12)


def test_a_threshold_at_half_the_charge_counts_every_photon_but_those_at_corners_once() -> None:
    sharp = np.asarray(counted(jnp.asarray(0.1), jnp.asarray(0.5), jnp.asarray(1e-3)))
    # about a corner no pixel has a half
    x, y = np.random.default_rng(1).uniform(size=(2, 200_000))
    own = (ndtr((1 - x) / 0.1) - ndtr(-x / 0.1)) * (ndtr((1 - y) / 0.1) - ndtr(-y / 0.1))
    assert sharp.sum() == pytest.approx((own > 0.5).mean(), abs=0.002)
    low = np.asarray(counted(jnp.asarray(0.1), jnp.asarray(0.2), jnp.asarray(1e-3)))
    assert low.sum() > 1.05
    stage = ChargeSharing(jnp.asarray(0.1), jnp.asarray(0.5), jnp.asarray(1e-3))
    assert np.asarray(stage.record(None, point())).sum() == pytest.approx(1000 * sharp.sum(), rel=1e-9)


def test_photons_are_counted_where_a_mean_over_places_says() -> None:
    cloud, threshold, noise = 0.15, 0.3, 0.05
    place = (np.arange(128) + 0.5) / 128
    # of a row of pixels from one before to one after
    edges = np.arange(-1, 3)[:, None]
    share = np.diff(ndtr((edges - place) / cloud), axis=0)
    charge = share[:, None, :, None] * share[:, None]
    wanted = [[ndtr((charge[i, j] - threshold) / noise).mean() for j in range(3)] for i in range(3)]
    np.testing.assert_allclose(counted(*map(jnp.asarray, (cloud, threshold, noise))), wanted, rtol=1e-9)


@pytest.mark.parametrize("form", FORMS)
def test_a_form_is_half_as_high_at_half_its_width(form: str) -> None:
    # so wide that a pixel is a point
    middle, half = np.asarray(FORMS[form](jnp.asarray(1e3), jnp.zeros(1), jnp.array([0.0, 500.0])))[0]
    assert half / middle == pytest.approx(0.5, rel=1e-5)


def test_a_spot_ends_at_its_radius() -> None:
    stage = PointSpread(jnp.asarray(FWHM), form="fiber", radius_px=3)
    spread = np.asarray(stage.record(None, point((15, 13), (6, 7)) / 1000))
    slow, fast = (np.arange(n) - at for n, at in ((15, 6), (13, 7)))
    shares = np.array(FORMS["fiber"](jnp.asarray(FWHM), jnp.asarray(slow * 1.0), jnp.asarray(fast * 1.0)))
    shares[slow[:, None] ** 2 + fast**2 > 9] = 0
    np.testing.assert_allclose(spread, shares / shares.sum(), rtol=0, atol=1e-12)


def test_without_a_radius_light_goes_from_end_to_end() -> None:
    spread = np.asarray(PointSpread(jnp.asarray(9.0)).record(None, point((15, 13), (0, 12)) / 1000))
    shares = FORMS["gaussian"](jnp.asarray(9.0), jnp.arange(15.0), jnp.arange(-12.0, 1.0))
    np.testing.assert_allclose(spread, shares, rtol=0, atol=1e-12)
