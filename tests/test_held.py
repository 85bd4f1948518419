"""Results that XLA makes once: the function's own, under every transformation that the pipeline uses."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from nbjax.held import apart, held


def test_what_is_held_is_computed_once() -> None:
    def wave(x: jax.Array) -> jax.Array:
        return jnp.round(x * 9) * x

    def used_twice(hold):
        def results(x: jax.Array) -> tuple[jax.Array, jax.Array]:
            found = hold(wave, x)
            return found[:, None] * x, found[::2] + found[1::2]

        text = jax.jit(results).lower(jnp.linspace(0, 1, 300, dtype=jnp.float32)).compile().as_text()
        assert text is not None
        return text.count("round-nearest-even(")

    assert used_twice(held) == 1
    assert used_twice(lambda function, x: function(x)) > 1


def test_what_is_held_is_the_functions_even_where_its_first_number_is_nan() -> None:
    x = jnp.array([jnp.nan, 2.0, 3.0])
    np.testing.assert_array_equal(held(lambda x: x * x, x), [np.nan, 4.0, 9.0])


def test_batches_are_held_over_any_arguments() -> None:
    x, scale = jnp.arange(12.0).reshape(3, 4), jnp.arange(1.0, 4.0)

    def product(x: jax.Array, scale: jax.Array) -> jax.Array:
        return held(lambda x, s: s * x, x, scale)

    np.testing.assert_array_equal(jax.vmap(product)(x, scale), scale[:, None] * x)
    np.testing.assert_array_equal(jax.vmap(product, in_axes=(0, None))(x, scale[1]), scale[1] * x)
    np.testing.assert_array_equal(jax.vmap(product, in_axes=(None, 0))(x[0], scale), scale[:, None] * x[0])
    twice = jax.vmap(jax.vmap(product, in_axes=(0, None)), in_axes=(None, 0))(x, scale)
    np.testing.assert_array_equal(twice, scale[:, None, None] * x)


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
