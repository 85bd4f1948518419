"""Packed fields: the same bits as separate ones, under every transformation that the pipeline uses."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nbjax.together import apart, field, fields, held, in_one_loop


def _powers(x: jax.Array, scale: dict[str, jax.Array]) -> list[jax.Array]:
    return [scale["of"] * x**power for power in range(1, 8)]


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 7])
def test_fields_come_back_bit_for_bit(dtype, count: int) -> None:
    x = jnp.array([[0.0, -0.0, 1e-30, -1.5], [jnp.inf, -jnp.inf, 3e30, 0.1]], dtype)

    def both(x):
        separate = _powers(x, {"of": jnp.ones((), dtype)})[:count]
        words = in_one_loop(lambda x, scale: _powers(x, scale)[:count], x, {"of": jnp.ones((), dtype)})
        return separate, fields(words, range(count), dtype), [field(words, i, dtype) for i in range(count)]

    separate, stacked, single = jax.jit(both)(x)
    assert stacked.dtype == dtype
    for i, wanted in enumerate(separate):
        for found in (stacked[:, i], single[i]):
            np.testing.assert_array_equal(np.asarray(found).view(np.uint8), np.asarray(wanted).view(np.uint8))


def test_a_nan_at_the_first_place_leaves_the_others_alone() -> None:
    x = jnp.array([jnp.nan, 2.0, 3.0])
    words = in_one_loop(lambda x: [x, x * x], x)
    np.testing.assert_array_equal(field(words, 1, jnp.float64), [np.nan, 4.0, 9.0])


def test_batches_are_packed_too() -> None:
    x, scale = jnp.arange(12.0, dtype=jnp.float32).reshape(3, 4), jnp.arange(1.0, 4.0, dtype=jnp.float32)

    def stacked(x, scale):
        return fields(in_one_loop(lambda x, s: [x, s * x, x + s], x, scale), [0, 1, 2], jnp.float32)

    for axes in ((0, 0), (0, None), (None, 0)):
        found = jax.vmap(stacked, in_axes=axes)(x if axes[0] == 0 else x[0], scale if axes[1] == 0 else scale[0])
        for i in range(3):
            one, s = x[i if axes[0] == 0 else 0], scale[i if axes[1] == 0 else 0]
            np.testing.assert_array_equal(found[i], jnp.stack([one, s * one, one + s]))
    twice = jax.vmap(jax.vmap(stacked, in_axes=(0, None)), in_axes=(None, 0))(x, scale)
    assert twice.shape == (3, 3, 3, 4)


def test_one_number_holds_four_32_bit_fields_or_two_of_64() -> None:
    for dtype, words in ((jnp.float32, 1), (jnp.float64, 2)):
        assert len(in_one_loop(lambda x: [x] * 4, jnp.ones(5, dtype))) == words


def test_what_fields_share_is_computed_once() -> None:
    def shared(x):
        wave = jnp.round(x * 9) * x
        return [wave * (x + i) for i in range(4)]

    def used_twice(x):
        words = in_one_loop(shared, x)
        return [field(words, i, jnp.float32)[:, None] * x for i in range(4)], fields(words, range(4), jnp.float32).sum(
            1
        )

    text = jax.jit(used_twice).lower(jnp.linspace(0, 1, 300, dtype=jnp.float32)).compile().as_text()
    assert text.count("round-nearest-even(") == 1


def test_what_is_computed_apart_has_the_derivatives_of_the_function() -> None:
    def function(x: jax.Array, scale: jax.Array) -> list[jax.Array]:
        return [x**3 * scale, jnp.sin(x)]

    def total(through):
        return lambda x, scale: sum((part**2).sum() for part in through(x, scale))

    at = jnp.arange(1.0, 5.0), jnp.asarray(0.3)
    for derive in (jax.grad, jax.hessian):
        found, wanted = (derive(total(f))(*at) for f in (lambda *at: apart(function, *at), function))
        np.testing.assert_allclose(found, wanted, rtol=1e-14)
    batch = jax.vmap(lambda x: apart(function, x, at[1]))(jnp.stack([at[0], -at[0]]))
    np.testing.assert_array_equal(batch[0][1], function(-at[0], at[1])[0])


def test_what_is_held_keeps_its_structure_and_is_a_choice_in_a_batch_too() -> None:
    def function(x: jax.Array, scale: jax.Array) -> dict[str, jax.Array]:
        return {"scaled": x * scale, "whole": x.astype(jnp.int32)}

    x = jnp.arange(6.0).reshape(2, 3)
    found = jax.vmap(lambda x: held(function, x, jnp.asarray(2.0)))(x)
    np.testing.assert_array_equal(found["scaled"], 2 * x)
    assert found["whole"].dtype == jnp.int32
    assert "cond[" in str(jax.make_jaxpr(jax.vmap(lambda x: held(function, x, x[0])))(x))
