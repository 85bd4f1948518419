from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from problems import SHARP, config, moved, truth
from scipy.interpolate import BSpline
from scipy.optimize import minimize

from nbjax.fit.background import FittedBackground, cubic_spline, ground, undisturbed
from nbjax.fit.equations import broadened
from nbjax.fit.fitting import fit
from nbjax.fit.groups import groups_of, kind_for
from nbjax.fit.losses import Loss, Poisson, PoissonGaussian
from nbjax.fit.observation import boxes, observe
from nbjax.fit.parameter_set import Free
from nbjax.pipeline.image import simulate
from nbjax.preparation import prepare

SIDE = 7
PIXELS = np.argwhere(np.ones((SIDE, SIDE)))
UV = (PIXELS - 3) / 3
SPOT = np.exp(-((PIXELS - [3.4, 2.8]) ** 2).sum(axis=1))
PLANE = np.column_stack([np.ones(len(UV)), UV])
TRUE = PLANE @ [20.0, 6.0, -3.0]


def a_plane() -> FittedBackground:
    return FittedBackground(jnp.asarray(UV[None, None]), None, "plane", 3)


def counts(seed: int = 0, spot: float = 300.0) -> jax.Array:
    return jnp.asarray(np.random.default_rng(seed).poisson(TRUE + spot * SPOT).astype(float))[None]


def best(loss: Loss, data: jax.Array, spot: float):
    spots = spot * jnp.asarray(SPOT)[None]
    return ground(loss, a_plane(), spots, data, jnp.ones_like(data))


@pytest.mark.parametrize("loss", [Poisson(), PoissonGaussian(1.0)])
@pytest.mark.parametrize("spot", [0.0, 300.0, 3000.0])
def test_the_background_under_given_spots_is_the_likeliest_one(loss: Loss, spot: float) -> None:
    data = counts()
    found = best(loss, data, spot)
    whole = jax.jit(lambda c: loss.nll(spot * jnp.asarray(SPOT) + jnp.asarray(PLANE) @ c, data[0]).sum())
    start = np.linalg.lstsq(PLANE, np.asarray(found.level[0]), rcond=None)[0]
    wanted = minimize(whole, start, jac=jax.jit(jax.grad(whole)), method="BFGS", options={"gtol": 1e-6})
    # the prior is worth a few tenths of a count
    sigma = np.sqrt(np.diag(wanted.hess_inv))
    assert (np.abs(start - wanted.x) < 0.05 * sigma).all()


def others() -> dict[str, tuple[FittedBackground, np.ndarray, np.ndarray, np.ndarray]]:
    """Backgrounds, their basis functions and those where they are kept positive, and the part of each pixel's height
    that these make up together.
    """
    rng = np.random.default_rng(5)
    knots, factor = rng.uniform(0, 2, SIDE**2), rng.uniform(0.5, 1, SIDE**2)
    splines = np.stack([BSpline.basis_element([-2, -1, 0, 1, 2], False)(knots - at) for at in range(-1, 4)], 1)
    splines = factor[:, None] * np.nan_to_num(splines)
    radial = FittedBackground(jnp.asarray(np.stack([knots, factor], 1)[None, None]), None, "radial", 5)
    constant = FittedBackground(jnp.zeros((1, 1, SIDE**2, 0)), None, "constant", 1)
    corners = np.array([[1.0, y, x] for y in (-1, 1) for x in (-1, 1)])
    one = np.ones((SIDE**2, 1))
    return {
        "plane": (a_plane(), PLANE, corners, one[:, 0]),
        "constant": (constant, one, np.eye(1), one[:, 0]),
        "radial": (radial, splines, np.eye(5), factor),
    }


@pytest.mark.parametrize("kind", ["plane", "constant", "radial"])
def test_a_background_is_the_least_of_likelihood_and_prior(kind: str) -> None:
    background, basis, anchors, height = others()[kind]
    np.testing.assert_allclose(background.basis(background.place)[0, 0], basis, rtol=1e-12, atol=1e-15)
    data, weight = np.asarray(counts()[0]), np.ones(SIDE**2)
    weight[::5] = 0
    typical = (weight * data).sum() / (weight * height).sum()

    def prior(c: np.ndarray) -> float:
        # a tenth of a count at each place
        ratio = anchors @ c / typical
        return 0.1 * (ratio - 1 - np.log(ratio)).sum() if (ratio > 0).all() else np.inf

    def whole(c: np.ndarray) -> float:
        mean = 250.0 * SPOT + basis @ c
        return (weight * (mean - data * np.log(mean))).sum() + prior(c) if (mean > 0).all() else np.inf

    spots = 250.0 * jnp.asarray(SPOT)[None]
    found = jax.jit(lambda: ground_parts(background, spots, jnp.asarray(data)[None], jnp.asarray(weight)[None]))()
    level, value, gradient, information, residuals = map(np.asarray, found)
    at = np.linalg.lstsq(basis, level[0], rcond=None)[0]
    np.testing.assert_allclose(basis @ at, level[0], rtol=1e-9)
    slopes, curvature = differences(whole, at)
    # a step to the least one would be a small part of a standard deviation
    assert slopes @ np.linalg.solve(curvature, slopes) < 1e-9
    assert value.sum() == pytest.approx(prior(at), rel=1e-6, abs=1e-12)
    assert 0.5 * residuals @ residuals == pytest.approx(prior(at), rel=1e-6, abs=1e-12)
    slopes, curvature = differences(prior, at)
    np.testing.assert_allclose(gradient.reshape(-1), slopes, atol=1e-7)
    np.testing.assert_allclose(information.reshape(curvature.shape), curvature, rtol=1e-3, atol=1e-7)


def ground_parts(background: FittedBackground, *of: jax.Array) -> tuple[jax.Array, ...]:
    found = ground(Poisson(), background, *of)
    return found.level, *found.prior, found.prior_residuals


def differences(function: Callable[[np.ndarray], float], at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and second derivatives."""
    steps = 1e-3 * np.eye(len(at))
    slopes = np.array([(function(at + s) - function(at - s)) / 2e-3 for s in steps])
    second = [[function(at + a + b) - function(at + a - b) for b in steps] for a in steps]
    second = np.array(second) - [[function(at - a + b) - function(at - a - b) for b in steps] for a in steps]
    return slopes, second / 4e-6


def test_a_background_without_photons_stays_positive_and_finite() -> None:
    data = jnp.zeros((1, SIDE**2))
    found = best(Poisson(), data, 0.0)
    assert (found.level > 0).all()
    assert float(found.level.sum()) < 1.0
    nothing = ground(Poisson(), a_plane(), data, data, data)
    assert jnp.isfinite(nothing.level).all()
    assert jnp.isfinite(nothing.prior.information).all()


def test_the_background_widens_standard_deviations_by_what_it_leaves_open() -> None:
    data, spot = counts(), 300.0
    found, background = best(Poisson(), data, spot), a_plane()
    mean = found.level[0] + spot * jnp.asarray(SPOT)
    columns = np.column_stack([SPOT, PLANE])
    whole = columns.T @ (columns / np.asarray(mean)[:, None])
    place = replace(background, place=background.place[0])
    crossed = place.crossed(1 - data[0] / mean, 1 / mean, jnp.asarray(SPOT)[:, None])
    stacked = tuple(part[None] for part in crossed)
    gradient = jnp.asarray([SPOT @ np.asarray(1 - data[0] / mean)])
    slope, information = found.projected(stacked, gradient, jnp.asarray(whole[:1, :1]))
    assert float(information[0, 0]) == pytest.approx(1 / np.linalg.inv(whole)[0, 0], rel=2e-3)
    assert float(information[0, 0]) < 0.95 * whole[0, 0]

    def profile(at: jax.Array) -> jax.Array:
        under = best(Poisson(), data, at)
        photons = under.level[0] + at * jnp.asarray(SPOT)
        return Poisson().nll(photons, data[0]).sum() + under.prior.value.sum()

    step = 1e-3
    wanted = (profile(jnp.asarray(spot + step)) - profile(jnp.asarray(spot - step))) / (2 * step)
    assert float(slope[0]) == pytest.approx(float(wanted), rel=1e-5)
    assert float(jax.grad(profile)(jnp.asarray(spot))) == pytest.approx(float(wanted), rel=1e-5)


def test_the_background_is_seen_between_spots_whose_places_are_unknown() -> None:
    data = counts(spot=5000.0)
    level = undisturbed(Poisson(), a_plane(), data, jnp.ones_like(data))
    assert np.abs(np.asarray(level[0]) / TRUE - 1).max() < 0.25


def test_splines_sum_to_one() -> None:
    x = jnp.linspace(0, 5, 23)[:, None] - jnp.arange(-1.0, 7.0)
    np.testing.assert_allclose(cubic_spline(x).sum(axis=1), 1.0, rtol=1e-12)
    assert (cubic_spline(x) >= 0).all()


def test_every_pixel_has_one_group_and_boxes_that_touch_are_cut() -> None:
    mask = np.zeros((60, 60), bool)
    for slow, fast in ((2, 2), (2, 30), (30, 2), (40, 40), (48, 45), (40, 49)):
        mask[slow : slow + 11, fast : fast + 11] = True
    found = groups_of(mask, "plane", truth(), 4, 8192)
    pixels = np.concatenate(found.pixels)
    assert len(np.unique(pixels, axis=0)) == len(pixels) == mask.sum()
    assert max(len(group) for group in found.pixels) <= 15**2
    assert all(np.abs(place).max() <= 1 for place in found.places)
    image = np.arange(3600.0).reshape(60, 60)
    seen = observe([image], [found], "plane", 3, chunk=400)
    used = np.asarray(seen.weight).reshape(-1) > 0
    at = np.asarray(seen.pixels).reshape(-1, 2)[used]
    assert (np.asarray(seen.data).reshape(-1)[used] == image[tuple(at.T)]).all()
    assert used.sum() == mask.sum()


def test_what_auto_stands_for() -> None:
    whole, few = np.ones((9, 9), bool), np.eye(9, dtype=bool)
    assert kind_for("auto", [whole], ["scale"], True) == "radial"
    assert kind_for("auto", [few], ["scale"], True) == "plane"
    assert kind_for("auto", [whole], ["crystal.water_um"], True) == "none"
    assert kind_for("constant", [whole], ["crystal.water_um"], True) == "constant"


def test_a_background_that_the_model_lacks_does_not_mislead_a_fit() -> None:
    dry = prepare(config(water_um=0.0))
    rng = np.random.default_rng(3)
    data = rng.poisson(np.asarray(simulate(dry)) + 228.0).astype(float)
    start = moved(dry, 0.3)
    used = boxes(broadened(start, jnp.asarray(2.0)), 4, 3.0, most=40)
    frees = [Free("crystal.misset_deg"), Free("crystal.cells"), Free("scale")]
    result = fit([start], [data], frees, SHARP, used=[used])
    (shot,) = result.shots
    assert result.converged
    assert np.abs(shot.values[:3] - [10, 20, 30]).max() < 0.02
    assert (np.abs(shot.values - [10, 20, 30, 6, 6, 6, 1]) < 4 * shot.sigmas).all()
    assert shot.background is not None
    assert np.median(shot.background.photons) == pytest.approx(228.0, rel=0.02)
    assert shot.background.image(data.shape)[~used].max() == 0
