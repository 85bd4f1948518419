from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from scipy.special import gammaln, logsumexp, xlogy

from nbjax.fit.losses import Gaussian, Loss, Poisson, PoissonGaussian, Robust

DATA = np.array([0.0, 1.0, 3.0, 40.0, 4000.0, 0.0, 25.0])
PHOTONS = np.array([0.3, 1.0, 9.0, 39.0, 4100.0, 1e-9, 25.0 * (1 + 1e-5)])


@pytest.mark.parametrize("loss", [Poisson(), Gaussian(2.0), Robust(3.0, 1.5)])
def test_half_the_squared_residual_is_the_likelihood(loss: Loss) -> None:
    both = jax.jit(lambda m, data: (loss.residual(m, data), loss.nll(m, data)))
    residual, nll = map(np.asarray, both(PHOTONS, DATA))
    assert residual**2 / 2 == pytest.approx(nll, rel=1e-6, abs=1e-9)
    apart = np.abs(PHOTONS - DATA) > 1e-5
    assert (np.sign(residual) == np.sign(PHOTONS - DATA))[apart].all()


def test_each_likelihood_and_its_information_by_definition() -> None:
    m, d = PHOTONS, DATA
    variance = np.maximum(d, 0) + 1.5**2
    student = stats.t(3.0)
    expected = {
        Poisson(): (m - d + xlogy(d, d / m), 1 / m),
        Gaussian(2.0): (0.5 * ((m - d) / 2) ** 2, np.full(7, 0.25)),
        Robust(3.0, 1.5): (
            student.logpdf(0) - student.logpdf((m - d) / np.sqrt(variance)),
            (4 / 6) / (m + 1.5**2),
        ),
    }
    for loss, (nll, information) in expected.items():
        np.testing.assert_allclose(jax.jit(loss.nll)(m, d), nll, rtol=1e-9, atol=1e-11)
        # a photon counts as 1e-12 more
        np.testing.assert_allclose(jax.jit(loss.information)(m), information, rtol=2e-3)
        np.testing.assert_allclose(jax.jit(loss.information)(m[:5]), information[:5], rtol=1e-11)
    np.testing.assert_allclose(jax.jit(PoissonGaussian(0.7).information)(m), 1 / (m + 0.49), rtol=1e-11)
    shifted, counts = jax.jit(PoissonGaussian(0.7).residual)(m, d - 1), np.maximum(d - 0.51, 0)
    np.testing.assert_allclose(shifted, jax.jit(Poisson().residual)(m + 0.49, counts), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("loss", [Poisson(), PoissonGaussian(0.7), Robust(), Gaussian()])
def test_a_model_without_photons_is_no_worse_than_very_unlikely(loss: Loss) -> None:
    dark, data = jnp.zeros(2), jnp.array([0.0, 5.0])
    both = jax.jit(lambda m, d: (loss.nll(m, d), loss.residual(m, d), loss.information(m)))(dark, data)
    assert all(jnp.isfinite(part).all() for part in both)
    assert float(both[0][1]) > float(both[0][0])
    assert (both[2] > 0).all()
    assert loss.least_photons == (0.0 if isinstance(loss, Poisson) else -np.inf)


@pytest.mark.parametrize("freedom", [2.0, 5.0])
def test_the_mean_deviance_of_other_losses_is_an_integral(freedom: float) -> None:
    z = np.linspace(-12, 12, 20001)
    wanted = np.trapezoid((freedom + 1) * np.log1p(z**2 / freedom) * stats.norm.pdf(z), z)
    np.testing.assert_allclose(Robust(freedom).mean_deviance(np.ones(3)), np.full(3, wanted), rtol=1e-4)
    np.testing.assert_array_equal(Gaussian(freedom).mean_deviance(np.zeros(3)), np.ones(3))


@pytest.mark.parametrize(("loss", "most"), [(Poisson(), 9e-4), (Robust(3.0, 1.5), 4e-5)])
def test_a_small_residual_is_the_root_of_the_deviance_too(loss: Loss, most: float) -> None:
    data, off = np.full(4, 400.0), most * np.array([-1.0, -0.4, 0.4, 1.0])
    both = jax.jit(lambda m, data: (loss.residual(m, data), loss.nll(m, data)))
    residual, nll = map(np.asarray, both(data * (1 + off), data))
    assert residual**2 / 2 == pytest.approx(nll, rel=2e-7)
    assert (np.sign(residual) == np.sign(off)).all()


# from 30 photons on by the first terms of a series
@pytest.mark.parametrize(("mean", "within"), [(1e-3, 1e-5), (0.3, 1e-5), (7.0, 1e-5), (40.0, 2e-4), (1500.0, 1e-6)])
def test_the_mean_deviance_of_poisson_is_the_sum_over_its_counts(mean: float, within: float) -> None:
    counts = np.arange(5000.0)
    weight = np.exp(counts * np.log(mean) - mean - gammaln(counts + 1))
    deviance = 2 * (mean - counts + xlogy(counts, counts / mean))
    found = float(Poisson().mean_deviance(np.array([mean]))[0])
    assert found == pytest.approx(float(weight @ deviance), rel=within)
    # readout noise counts as that of more photons
    noisy = PoissonGaussian(0.5).mean_deviance(np.array([max(mean - 0.25, 0.0)]))[0]
    assert mean < 0.25 or noisy == pytest.approx(found, rel=1e-9)


@pytest.mark.parametrize("loss", [Poisson(), Gaussian(2.0), Robust(), PoissonGaussian(0.7)])
def test_slopes_are_those_of_finite_differences_and_never_nan(loss: Loss) -> None:
    data = jnp.asarray(DATA)
    for function in (loss.nll, loss.residual):
        step = 1e-5 * PHOTONS
        compiled = jax.jit(lambda m, f=function: jax.jvp(lambda x: f(x, data), (m,), (jnp.ones(7),)))
        _, slope = compiled(jnp.asarray(PHOTONS))
        up, down = (np.asarray(compiled(jnp.asarray(PHOTONS + s * step))[0]) for s in (1, -1))
        clear = np.array([True, True, True, True, True, False, False])
        assert np.asarray(slope)[clear] == pytest.approx(((up - down) / (2 * step))[clear], rel=1e-5, abs=1e-6)
        assert np.isfinite(np.asarray(slope)).all()
    at_zero = jax.jit(jax.grad(lambda m: loss.nll(m, jnp.zeros(1)).sum()))(jnp.zeros(1))
    assert np.isfinite(np.asarray(at_zero)).all()


def test_poisson_information_is_the_mean_curvature() -> None:
    mean = 2.5
    counts = np.arange(60.0)
    weight = np.exp(counts * np.log(mean) - mean - gammaln(counts + 1))
    nll = lambda m: Poisson().nll(jnp.full(60, m), jnp.asarray(counts))  # noqa: E731
    curvature = jax.jit(jax.jacfwd(jax.jacfwd(nll)))(jnp.asarray(mean))
    assert float(weight @ np.asarray(curvature)) == pytest.approx(float(Poisson().information(jnp.asarray([mean]))[0]))


def mean_square_slope(loss: Loss, mean: float, data: np.ndarray, weight: np.ndarray) -> float:
    """The Fisher information by its definition."""
    slope = jax.jit(jax.grad(lambda m: loss.nll(m, jnp.asarray(data)).sum()))(np.full(data.shape, mean))
    return float(weight @ np.asarray(slope) ** 2)


@pytest.mark.parametrize(("sigma", "mean", "within"), [(0.4, 10.0, 2e-3), (1.0, 2.0, 0.025), (3.0, 10.0, 0.01)])
def test_information_with_readout_noise_is_the_mean_square_slope(sigma: float, mean: float, within: float) -> None:
    counts, deviates = np.arange(60.0), np.linspace(-7, 7, 141)
    weight = np.exp(counts * np.log(mean) - mean - gammaln(counts + 1))[:, None] * np.exp(-0.5 * deviates**2)
    data = counts[:, None] + sigma * deviates
    wanted = mean_square_slope(PoissonGaussian(sigma), mean, data.ravel(), weight.ravel() / weight.sum())
    # the shifted Poisson approximation, which leaves out the third moment
    assert float(jax.jit(PoissonGaussian(sigma).information)(jnp.asarray([mean]))[0]) == pytest.approx(
        wanted, rel=within
    )


@pytest.mark.parametrize("freedom", [3.0, 4.0, 10.0])
def test_robust_information_is_the_mean_square_slope(freedom: float) -> None:
    # so many photons that the variance of the counts is that of the model
    mean, sigma, z = 1e8, 1e4, np.linspace(-60, 60, 24001)
    weight = (1 + z**2 / freedom) ** (-(freedom + 1) / 2)
    data = mean + z * np.sqrt(mean + sigma**2)
    wanted = mean_square_slope(Robust(freedom, sigma), mean, data, weight / weight.sum())
    assert float(Robust(freedom, sigma).information(jnp.asarray([mean]))[0]) == pytest.approx(wanted, rel=2e-3)


@pytest.mark.parametrize("sigma", [0.4, 1.0, 5.0, 30.0])
def test_counts_with_readout_noise_are_the_whole_convolution(sigma: float) -> None:
    n = np.arange(2000.0)
    nll = jax.jit(PoissonGaussian(sigma).nll)
    pairs = ((0.2, -1.5), (0.2, 3.0), (30.0, 25.0), (900.0, 850.0), (3.0, 60.0), (60.0, 3.0), (1500.0, 100.0))
    for mean, data in pairs:
        terms = n * np.log(mean) - mean - gammaln(n + 1) - 0.5 * ((data - n) / sigma) ** 2
        wanted = -(logsumexp(terms) - np.log(sigma * np.sqrt(2 * np.pi)))
        found = float(nll(jnp.asarray([mean]), jnp.asarray([data]))[0])
        assert found == pytest.approx(wanted, rel=1e-7)


def test_an_outlier_loses_its_pull() -> None:
    slope = jax.jit(jax.grad(lambda m, d: Robust().nll(m, d).sum()))
    at, far, farther = (abs(float(slope(jnp.asarray([100.0]), jnp.asarray([d]))[0])) for d in (110.0, 200.0, 1e5))
    assert farther < far
    assert farther < at / 10
