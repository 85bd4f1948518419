"""How the entry points of the pipeline are compiled."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import ParamSpec, TypeVar

import jax
import jax.numpy as jnp

P = ParamSpec("P")
R = TypeVar("R")

Options = Mapping[str, Mapping[str, int | str]]
"""Options of the compiler for each backend."""

OPTIONS: Options = {
    "cpu": {"xla_cpu_prefer_vector_width": 512, "xla_cpu_scheduler_type": "CPU_SCHEDULER_TYPE_MEMORY_OPTIMIZED"},
}
"""LLVM counts the lanes of a loop by its widest type: of 256-bit vectors, its choice, the 32-bit half of the mixed
arithmetic would use one half. Registers of 256 bits then hold two halves of a 64-bit vector.

XLA runs the steps of a program one after the other. In the order of least memory, which is not its choice, a gradient
takes a quarter less of it, and on several devices a third.
"""

_NOT_KNOWN = "No such compile option"


def compiled(
    function: Callable[P, R], static_argnames: Sequence[str] = (), options: Options = OPTIONS
) -> Callable[P, R]:
    """``jax.jit``, with the options for the backend that ``nbjax.simulate`` is compiled with.

    For what is built on ``simulate``, such as ``nbjax.compiled(jax.value_and_grad(loss))``. The options hold where
    nothing traces the call; JAX takes none inside a transformation.

    Args:
        function: pure, of pytrees of arrays.
        static_argnames: as for ``jax.jit``.
        options: left out where the compiler does not know them.
    """
    plain = jax.jit(function, static_argnames=static_argnames)
    tuned = {
        backend: jax.jit(function, static_argnames=static_argnames, compiler_options=dict(chosen))
        for backend, chosen in options.items()
    }

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        # under jit a new array is a tracer too, though every argument may be a constant
        values = [jnp.zeros(()), *jax.tree.leaves((args, kwargs))]
        if any(isinstance(value, jax.core.Tracer) for value in values):
            return plain(*args, **kwargs)
        try:
            return tuned.get(jax.default_backend(), plain)(*args, **kwargs)
        except jax.errors.JaxRuntimeError as error:
            if _NOT_KNOWN not in str(error):
                raise
        # a compiler of another release than those that the options are for
        tuned.clear()
        return plain(*args, **kwargs)

    return call
