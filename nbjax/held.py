"""Results of one computation that XLA makes once.

XLA's CPU backend computes a result anew in every loop that uses it, where that spares memory. A result that is held has
a loop of its own. Other backends merge loops themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jax.custom_batching import custom_vmap

T = TypeVar("T")


def held(function: Callable[..., T], *arguments: Any) -> T:
    """``function(*arguments)``, which XLA cannot move into its uses. Not differentiable.

    Args:
        function: of arrays; it may close over no traced value.
        arguments: pytrees of arrays, the first array of floats and not empty.
    """

    @custom_vmap
    def alone(*arguments: Any) -> T:
        return apart(function, *arguments)

    @alone.def_vmap
    def _alone_batch(size: int, in_batched: list[Any], *arguments: Any) -> tuple[T, Any]:
        del size
        axes = [jax.tree.map(lambda b: 0 if b else None, one) for one in in_batched]
        # a choice for each member of the batch would be none: both branches are computed then
        result = held(jax.vmap(function, in_axes=axes), *arguments)
        return result, jax.tree.map(lambda _: True, result)

    found: T = alone(*arguments)
    return found


def apart(function: Callable[..., T], *arguments: Any) -> T:
    """``held`` that can be differentiated as ``function`` can, and that holds nothing back in a batch.

    It is the branch of a choice that XLA cannot foresee.
    """

    def never(*arguments: Any) -> T:
        # made of the arguments, so that it varies over the devices of ``jax.shard_map`` as they do
        nothing = sum(0 * leaf.reshape(-1)[0].real for leaf in jax.tree.leaves(arguments))
        shapes = jax.eval_shape(function, *arguments)
        found: T = jax.tree.map(lambda shape: jnp.broadcast_to(nothing, shape.shape).astype(shape.dtype), shapes)
        return found

    witness = jax.tree.leaves(arguments)[0].reshape(-1)[0]
    found: T = jax.lax.cond((witness == witness) | (witness != witness), function, never, *arguments)
    return found
