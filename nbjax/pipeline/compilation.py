"""How the entry points of the pipeline are compiled, and how long their programs are kept."""

from __future__ import annotations

import gc
import itertools
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import wraps
from typing import Any, Generic, ParamSpec, TypeVar
from weakref import WeakSet

import jax
import numpy as np

from nbjax.memory import share_of_maps

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

_LEAST_KEPT = 16
"""Programs that are kept however crowded the process is."""

_SHARE = 0.25
"""The part of the memory maps of a process that may be in use when a program is added to those that are kept."""


def compiled(
    function: Callable[P, R], static_argnames: Sequence[str] = (), options: Options = OPTIONS
) -> Callable[P, R]:
    """``jax.jit``, with the options for the backend that ``nbjax.simulate`` is compiled with.

    For what is built on ``simulate``, such as ``nbjax.compiled(jax.value_and_grad(loss))``. The options hold where
    nothing traces the call; JAX takes none inside a transformation.

    A process may meet any number of structures: programs that were not used for long are dropped before it runs out of
    memory maps, of which each takes a hundred or more. ``jax.jit`` keeps all of its own.

    Args:
        function: pure, of pytrees of arrays.
        static_argnames: as for ``jax.jit``.
        options: left out where the compiler does not know them.
    """
    names, chosen = tuple(static_argnames), dict(options)
    traced = jax.jit(function, static_argnames=names)
    programs = _Programs(function, names)

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        leaves, tree = jax.tree.flatten((args, kwargs))
        # under jit whatever is computed is a tracer too, though every argument may be a constant
        if any(isinstance(value, jax.core.Tracer) for value in (_same(_ZERO), *leaves)):
            return traced(*args, **kwargs)
        structure = (tree, *map(_kind, leaves))
        try:
            return programs.of(structure, chosen.get(jax.default_backend(), {}))(*args, **kwargs)
        except jax.errors.JaxRuntimeError as error:
            if _NOT_KNOWN not in str(error):
                raise
        # a compiler of another release than those that the options are for
        chosen.clear()
        programs.clear()
        return programs.of(structure, {})(*args, **kwargs)

    return call


_ZERO = np.zeros((), np.float32)
_same = jax.jit(lambda value: value)
"""What JAX computes fastest, of a type that it has with and without 64 bits."""


def _kind(leaf: Any) -> Hashable:
    """What a program can depend on; of numbers their type alone, though they may be static."""
    if hasattr(leaf, "shape") and hasattr(leaf, "dtype"):
        return leaf.shape, leaf.dtype
    kind: Any = type(leaf) if isinstance(leaf, int | float | complex) else leaf
    return kind


class _Programs(Generic[P, R]):
    """The compiled programs of a function, by the structure of its arguments."""

    def __init__(self, function: Callable[P, R], static_argnames: Sequence[str]) -> None:
        self._function, self._static_argnames = function, static_argnames
        self._kept: dict[Hashable, tuple[int, Callable[P, R]]] = {}
        _EVERY.add(self)

    def of(self, structure: Hashable, options: Mapping[str, int | str]) -> Callable[P, R]:
        """What ``jax.jit`` makes of the function for one structure."""
        _, program = self._kept.get(structure, (0, None))
        if program is None:
            _make_room()
            program = self._new(options)
        self._kept[structure] = next(_CALLS), program
        return program

    def _new(self, options: Mapping[str, int | str]) -> Callable[P, R]:
        function = self._function

        # JAX keeps programs as long as the function that it was given
        @wraps(function)
        def alone(*args: P.args, **kwargs: P.kwargs) -> R:
            return function(*args, **kwargs)

        return jax.jit(alone, static_argnames=self._static_argnames, compiler_options=dict(options) or None)

    def ages(self) -> list[tuple[int, Hashable]]:
        """When each program was last used, and its structure."""
        return [(used, structure) for structure, (used, _) in list(self._kept.items())]

    def drop(self, structure: Hashable) -> None:
        """Forget a program."""
        self._kept.pop(structure, None)

    def clear(self) -> None:
        """Forget every program."""
        self._kept.clear()


_EVERY: WeakSet[_Programs[Any, Any]] = WeakSet()
_CALLS = itertools.count()


def _make_room() -> None:
    """In a crowded process, drop the half of all programs that was not used for longest."""
    share = share_of_maps()
    if share is None or share < _SHARE:
        return
    ages = [(used, programs, structure) for programs in list(_EVERY) for used, structure in programs.ages()]
    ages.sort(key=lambda age: age[0])
    for _, programs, structure in ages[: max(0, min(len(ages) // 2, len(ages) - _LEAST_KEPT))]:
        programs.drop(structure)
    gc.collect()
