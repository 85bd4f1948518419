"""Several fields of one computation, made by one loop.

XLA's CPU backend gives every result of a computation a loop of its own, and each of them computes anew what the results
share. A complex number of 128 bits holds four 32-bit floats or two of 64: packed into such numbers, the fields are one
result, computed once. Other backends merge loops themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jax import Array
from jax.custom_batching import custom_vmap

T = TypeVar("T")

_PACKED = {jnp.dtype("float32"): 4, jnp.dtype("float64"): 2}
"""Floats of each type in one packed number."""


def in_one_loop(function: Callable[..., Sequence[Array]], *arguments: Any) -> list[Array]:
    """The results of ``function(*arguments)`` packed into as few numbers as hold them, for ``field``.

    They are not differentiable, and 64-bit types must be enabled.

    Args:
        function: returns arrays of equal shape, all float32 or all float64. It may close over no traced value.
        arguments: pytrees of arrays, the first array not empty.
    """
    return held(lambda *arguments: _pack(function(*arguments)), *arguments)


def held(function: Callable[..., T], *arguments: Any) -> T:
    """``function(*arguments)``, which XLA cannot move into its uses. Not differentiable.

    Args:
        function: of arrays; it may close over no traced value.
        arguments: pytrees of arrays, the first array not empty.
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


def _pack(fields: Sequence[Array]) -> list[Array]:
    """Complex numbers that hold the bits of the fields, the last one filled up by its last field."""
    size = _PACKED[jnp.dtype(fields[0].dtype)]
    padded = [*fields, *[fields[-1]] * (-len(fields) % size)]
    if size == 4:
        padded = [_pair(high, low) for high, low in zip(padded[::2], padded[1::2], strict=True)]
    return [jax.lax.complex(real, imag) for real, imag in zip(padded[::2], padded[1::2], strict=True)]


def _pair(high: Array, low: Array) -> Array:
    bits = (jax.lax.bitcast_convert_type(x, jnp.uint32).astype(jnp.uint64) for x in (high, low))
    return jax.lax.bitcast_convert_type((next(bits) << jnp.uint64(32)) | next(bits), jnp.float64)


def field(words: Sequence[Array], place: int, dtype: Any) -> Array:
    """One field of ``in_one_loop``, of its place and type."""
    return _unpacked(words, jnp.asarray(place), dtype)


def fields(words: Sequence[Array], places: Sequence[int], dtype: Any) -> Array:
    """Some fields of ``in_one_loop`` along a new axis before the last, by one loop: each entry chooses its own."""
    return _unpacked([word[..., None, :] for word in words], jnp.asarray(places)[:, None], dtype)


def _unpacked(words: Sequence[Array], place: Array, dtype: Any) -> Array:
    parts = [part for word in words for part in (jnp.real(word), jnp.imag(word))]
    share = _PACKED[jnp.dtype(dtype)] // 2
    found = parts[0]
    for number, part in enumerate(parts[1:], 1):
        found = jnp.where(place // share == number, part, found)
    if share == 1:
        return found
    shift = jnp.where(place % 2 == 0, 32, 0).astype(jnp.uint64)
    bits = jax.lax.bitcast_convert_type(found, jnp.uint64) >> shift
    return jax.lax.bitcast_convert_type(bits.astype(jnp.uint32), jnp.float32)
