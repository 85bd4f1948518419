"""The maps of a fit between what is moved and values, by their closed forms."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbjax.fit.scaling import Scaling

INF = np.inf
BOUNDS = [(-INF, INF), (1.5, INF), (-INF, 7.0), (1.5, 7.0)]


def scaling(start: float, lower: float, upper: float, scale: float, log: bool = False) -> Scaling:
    return Scaling(*(jnp.asarray([x]) for x in (start, lower, upper, scale)), (log,))


def moved(start: float, lower: float, upper: float, step: float) -> float:
    """From a start by a step that bounds bend: exponentially to one of them, by a logit between two."""
    if np.isfinite(lower) and np.isfinite(upper):
        share = (start - lower) / (upper - lower)
        logit = np.log(share / (1 - share)) + step / (upper - lower) / (share * (1 - share))
        return lower + (upper - lower) / (1 + np.exp(-logit))
    if np.isfinite(lower):
        return lower + (start - lower) * np.exp(step / (start - lower))
    if np.isfinite(upper):
        return upper - (upper - start) * np.exp(-step / (upper - start))
    return start + step


_values = jax.jit(lambda found, theta: found.values(theta))


@settings(max_examples=60)
@given(st.sampled_from(BOUNDS), st.booleans(), st.floats(2.0, 6.5), st.floats(0.1, 1.0), st.floats(-2.0, 2.0))
def test_a_step_is_bent_by_the_bounds(bounds: tuple, log: bool, start: float, scale: float, theta: float) -> None:
    check(bounds, log, start, scale, theta)
    # in a unit in which all of it is below one
    check(tuple(x / 10 for x in bounds), log, start / 10, scale / 10, theta)


def check(bounds: tuple, log: bool, start: float, scale: float, theta: float) -> None:
    """Where a step leads to, against the closed form."""
    found = float(_values(scaling(start, *bounds, scale, log), jnp.asarray([theta]))[0])
    if log:
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            lower, upper = (x if np.isinf(x) else np.log(x) for x in bounds)
        wanted = np.exp(moved(np.log(start), lower, upper, theta * scale / start))
    else:
        wanted = moved(start, *bounds, theta * scale)
    assert found == pytest.approx(wanted, rel=1e-9)


def test_bounds_of_zero_and_below_bind_no_logarithm() -> None:
    for lower in (0.0, -3.0):
        found = _values(scaling(2.0, lower, INF, 0.5, True), jnp.asarray([-3.0]))
        assert float(found[0]) == pytest.approx(2 * np.exp(-0.75), rel=1e-12)
    # nor has what a bound takes no part in a derivative that is not a number
    slope = jax.jacfwd(lambda start: scaling(2.0, -3.0, INF, 0.5, True).values(jnp.asarray([start])))(-3.0)
    assert np.isfinite(slope).all()


def test_components_are_bent_each_on_its_own() -> None:
    both = Scaling(*map(jnp.asarray, ([2.0, 3.0], [1.5, -INF], [INF, 7.0], [0.5, 0.25])), (False, True))
    found = np.asarray(both.values(jnp.asarray([0.7, -0.4])))
    wanted = [moved(2.0, 1.5, INF, 0.35), np.exp(moved(np.log(3.0), -INF, np.log(7.0), -0.1 / 3))]
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_a_value_is_at_a_bound_within_a_thousandth_of_where_it_started_from() -> None:
    def at_bound(start: float, lower: float, upper: float, value: float) -> bool:
        return bool(scaling(start, lower, upper, 1.0).at_bound(np.array([value]))[0])

    assert at_bound(4.0, 2.0, INF, 2.0 + 1.9e-3)
    assert not at_bound(4.0, 2.0, INF, 2.0 + 2.1e-3)
    assert at_bound(4.0, -INF, 7.0, 7.0 - 2.9e-3)
    assert not at_bound(4.0, -INF, 7.0, 7.0 - 3.1e-3)
    assert not at_bound(4.0, -INF, INF, 1e9)
    # what is above zero only gets small
    assert not at_bound(4.0, 0.0, INF, 1e-9)


def test_a_value_is_at_zero_if_it_is_small_and_uncertain() -> None:
    def at_zero(lower: float, value: float, sigma: float) -> bool:
        return bool(scaling(4.0, lower, INF, 1.0).at_zero(np.array([value]), np.array([sigma]))[0])

    assert at_zero(0.0, 3.9e-3, 5e-3)
    assert at_zero(0.0, 3.9e-3, np.nan)
    assert not at_zero(0.0, 3.9e-3, 3.8e-3)
    assert not at_zero(0.0, 4.1e-3, 5e-3)
    assert not at_zero(-1.0, 3.9e-3, 5e-3)
