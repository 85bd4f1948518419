"""Pairs against 64-bit floats, compiled and not: a compiler may fuse products and sums without any effect."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nbjax.pairs import arithmetic
from nbjax.pairs.arithmetic import Pair, pair_of
from nbjax.pairs.elementary import sine_cosine


def _exact(x: Pair) -> np.ndarray:
    assert x.high.dtype == x.low.dtype == jnp.float32
    return np.asarray(x.high, float) + np.asarray(x.low, float)


def _numbers(seed: int) -> Pair:
    rng = np.random.default_rng(seed)
    return pair_of(rng.normal(size=1000) * 10.0 ** rng.uniform(-9, 9, 1000))


@pytest.mark.parametrize("compiled", [jax.jit, lambda function: function])
@pytest.mark.parametrize(
    ("operation", "wanted"),
    [("multiply", np.multiply), ("divide", np.divide), ("square_root", np.sqrt)],
)
def test_relative_errors(operation: str, wanted: np.ufunc, compiled: Callable) -> None:
    a, b = _numbers(1), _numbers(2)
    if operation == "square_root":
        a = arithmetic.multiply(a, a)
    operands = (a,) if wanted.nin == 1 else (a, b)
    result = compiled(getattr(arithmetic, operation))(*operands)
    np.testing.assert_allclose(_exact(result), wanted(*map(_exact, operands)), rtol=2**-33)


@pytest.mark.parametrize("compiled", [jax.jit, lambda function: function])
@pytest.mark.parametrize(("operation", "wanted"), [("add", np.add), ("subtract", np.subtract)])
def test_errors_of_sums(operation: str, wanted: np.ufunc, compiled: Callable) -> None:
    a, b = _numbers(3), _numbers(4)
    error = _exact(compiled(getattr(arithmetic, operation))(a, b)) - wanted(_exact(a), _exact(b))
    assert np.max(np.abs(error) / np.maximum(np.abs(_exact(a)), np.abs(_exact(b)))) < 2**-45


def test_products_with_whole_numbers_are_exact() -> None:
    steps = pair_of(np.arange(-50.0, 50.0))
    width = pair_of(np.full(100, np.deg2rad(0.1)))
    np.testing.assert_array_equal(_exact(arithmetic.multiply(steps, pair_of(np.ones(100)))), _exact(steps))
    np.testing.assert_allclose(_exact(arithmetic.multiply(steps, width)), _exact(steps) * _exact(width), rtol=2**-33)


@pytest.mark.parametrize("length", [0, 1, 2, 3, 5, 64, 1001])
def test_total(length: int) -> None:
    rows = np.random.default_rng(length).normal(size=(2, length))
    found = arithmetic.total(pair_of(rows), 1)
    np.testing.assert_allclose(_exact(found), rows.sum(1), atol=2**-40 * max(length, 1))


@pytest.mark.parametrize("compiled", [jax.jit, lambda function: function])
def test_sines(compiled: Callable) -> None:
    angles = pair_of(np.concatenate([np.linspace(-7, 7, 501), [0.0, 1e-9, np.pi / 2, np.pi / 4, -np.pi]]))
    sine, cosine = compiled(sine_cosine)(angles)
    np.testing.assert_allclose(_exact(sine), np.sin(_exact(angles)), rtol=0, atol=2e-10)
    np.testing.assert_allclose(_exact(cosine), np.cos(_exact(angles)), rtol=0, atol=2e-10)


def test_a_pair_holds_what_32_bits_lose() -> None:
    x = np.array([np.pi, 1e10 / 3, -1e-10 / 7, 0.0, np.inf])
    pair = pair_of(x)
    assert np.abs(np.asarray(pair.high, float) - np.where(np.isfinite(x), x, 0))[:3].min() > 0
    np.testing.assert_allclose(_exact(pair), x, rtol=2**-47)
