"""Profiles of the beam against numerical integrals."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nbjax.physics.beam_profiles import BEAM_PROFILES

SIZE_M = 2e-5
NAMES = list(BEAM_PROFILES)


def on_grid(name: str, edge_m: float, count: int = 1200) -> tuple[np.ndarray, float]:
    """Shares at the middles of the cells of a square about the centre, and the area of a cell."""
    steps = (np.arange(count) + 0.5) / count * edge_m - edge_m / 2
    places = jnp.stack(jnp.meshgrid(jnp.asarray(steps), jnp.asarray(steps)), -1).reshape(-1, 2)
    shares = jax.jit(jax.vmap(lambda place: BEAM_PROFILES[name].at(place, jnp.asarray(SIZE_M))))(places)
    return np.asarray(shares), (edge_m / count) ** 2


@pytest.mark.parametrize("name", NAMES)
def test_the_peak_times_the_area_is_the_flux(name: str) -> None:
    shares, cell = on_grid(name, 5 * SIZE_M)
    assert shares.max() == pytest.approx(1, abs=1e-4)
    assert shares.sum() * cell == pytest.approx(BEAM_PROFILES[name].area(SIZE_M), rel=1e-4)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("edge", [0.01, 0.6, 0.75, 0.95, 1.02, 1.8])
def test_the_mean_over_a_square(name: str, edge: float) -> None:
    shares, _ = on_grid(name, edge * SIZE_M)
    profile, at = BEAM_PROFILES[name], (jnp.asarray(edge * SIZE_M), jnp.asarray(SIZE_M))
    assert float(profile.over_square(*at)) == pytest.approx(shares.mean(), rel=2e-4)
    slope = float(jax.grad(profile.over_square)(*at))
    step = 1e-4 * SIZE_M
    sides = [float(profile.over_square(at[0] + change, at[1])) for change in (-step, step)]
    assert slope == pytest.approx((sides[1] - sides[0]) / (2 * step), rel=2e-3, abs=1e-4 / SIZE_M)


def test_a_gaussian_has_half_its_fluence_at_half_its_width() -> None:
    place = SIZE_M / 2 * jnp.array([0.6, -0.8])
    assert float(BEAM_PROFILES["gaussian"].at(place, jnp.asarray(SIZE_M))) == pytest.approx(0.5, rel=1e-12)


def test_a_top_hat_ends_at_half_its_diameter() -> None:
    inside, outside = (SIZE_M / 2 * r * jnp.array([0.6, 0.8]) for r in (0.999, 1.001))
    found = [float(BEAM_PROFILES["top_hat"].at(place, jnp.asarray(SIZE_M))) for place in (inside, outside)]
    assert found == [1.0, 0.0]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nothing_is_not_finite(name: str, dtype: str) -> None:
    for edge in (0.0, 1e-12, SIZE_M * 0.5**0.5, SIZE_M, 1.0):
        at = (jnp.asarray(edge, dtype), jnp.asarray(SIZE_M, dtype))
        mean = float(BEAM_PROFILES[name].over_square(*at))
        assert np.isfinite(mean)
        assert edge > 1e-9 or mean == pytest.approx(1, abs=1e-6)
        assert np.isfinite(jax.grad(BEAM_PROFILES[name].over_square, argnums=(0, 1))(*at)).all()
    centre = jnp.zeros(2, dtype), jnp.asarray(SIZE_M, dtype)
    assert np.isfinite(jax.grad(BEAM_PROFILES[name].at)(*centre)).all()
