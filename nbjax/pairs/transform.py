"""Any function of arrays, evaluated in pairs of 32-bit floats.

The function is traced as a program of 64-bit floats, which is never compiled; its operations are then carried out in
pairs one by one. Derivatives are those of the same function in plain 32 bits: they need no more than its precision.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from nbjax.errors import StructureError
from nbjax.pairs.arithmetic import (
    Pair,
    add,
    divide,
    multiply,
    negative,
    pair_of,
    square_root,
    subtract,
    total,
)
from nbjax.pairs.elementary import sine_cosine

Tree = Any
Value = Pair | Array
"""A float as a pair, anything else as it is."""

_ARITHMETIC: dict[str, Callable[..., Pair]] = {
    "add": add,
    "sub": subtract,
    "mul": multiply,
    "div": divide,
    "neg": negative,
    "sqrt": square_root,
    "square": lambda a: multiply(a, a),
    "abs": lambda a: Pair(*(jnp.where(_sign(a) < 0, -part, part) for part in a)),
    "max": lambda a, b: Pair(*(jnp.where(_sign(subtract(a, b)) < 0, y, x) for x, y in zip(a, b, strict=True))),
}
_COMPARISONS: dict[str, Callable[[Array], Array]] = {
    "eq": lambda d: d == 0,
    "ne": lambda d: d != 0,
    "lt": lambda d: d < 0,
    "le": lambda d: d <= 0,
    "gt": lambda d: d > 0,
    "ge": lambda d: d >= 0,
}
_REARRANGEMENTS = {
    "broadcast_in_dim",
    "concatenate",
    "copy",
    "dynamic_slice",
    "expand_dims",
    "gather",
    "reshape",
    "rev",
    "slice",
    "split",
    "squeeze",
    "stack",
    "stop_gradient",
    "transpose",
    "unstack",
}
"""Operations that move entries without changing them."""


def in_pairs(function: Callable[..., Tree]) -> Callable[[Tree, Tree], tuple[Tree, Tree]]:
    """``function`` as a function of two trees, of high and of low parts, that returns two such trees.

    Args:
        function: of one tree of arrays; its floats may be built from +, -, *, /, roots, sines, small products of
            matrices and rearrangements.

    Returns:
        A function (high, low) -> (high, low). Float leaves are 32-bit; low parts of other leaves are ignored. Nothing
        is differentiated by low parts.

    Raises:
        NotImplementedError: from the returned function, if ``function`` does anything else with floats.
    """

    def evaluate(high: Tree, low: Tree) -> tuple[Tree, Tree]:
        leaves, structure = jax.tree.flatten(high)
        rests = [
            jax.lax.stop_gradient(jnp.broadcast_to(rest, jnp.shape(leaf))) if _is_float(leaf) else None
            for leaf, rest in zip(leaves, _leaves_of_equal(high, low), strict=True)
        ]
        program, out_structure = _traced(function, structure, leaves)
        used = _used_inputs(program.jaxpr)
        where = [i for i, is_used in enumerate(used) if is_used]

        def fill(values: list[Any], absent: list[Any]) -> list[Any]:
            given = dict(zip(where, values, strict=True))
            return [given.get(i, leaf) for i, leaf in enumerate(absent)]

        @jax.custom_jvp
        def run(highs: list[Array], lows: list[Array | None]) -> tuple[list[Array], list[Array]]:
            inputs: list[Value] = [
                h if r is None else Pair(h, r) for h, r in zip(fill(highs, leaves), fill(lows, rests), strict=True)
            ]
            return _split(_run(program, inputs))

        def plain(highs: list[Array]) -> list[Array]:
            with jax.enable_x64(False):
                return jax.tree.leaves(function(jax.tree.unflatten(structure, fill(highs, held))))

        held = [jax.lax.stop_gradient(leaf) for leaf in leaves]

        @run.defjvp
        def _(primals: Tree, tangents: Tree) -> tuple[Tree, Tree]:
            out_high, out_low = run(*primals)
            _, slopes = jax.jvp(plain, primals[:1], tangents[:1])
            flat = [jnp.zeros_like(r) if _is_float(r) else np.zeros(r.shape, jax.dtypes.float0) for r in out_low]
            return (out_high, out_low), (slopes, flat)

        out_high, out_low = run([leaves[i] for i in where], [rests[i] for i in where])
        return jax.tree.unflatten(out_structure, out_high), jax.tree.unflatten(out_structure, out_low)

    return evaluate


def _leaves_of_equal(tree: Tree, other: Tree) -> list[Any]:
    """Leaves of ``other``, which must lie where those of ``tree`` do; choices and counts are those of ``tree`` alone.

    Raises:
        StructureError: one of the two has a number that the other lacks.
    """
    found = [dict(jax.tree.leaves_with_path(x)) for x in (tree, other)]
    for path in found[0].keys() ^ found[1].keys():
        has, lacks = ("high", "low") if path in found[0] else ("low", "high")
        name = jax.tree_util.keystr(path)
        raise StructureError(
            f"{name} has a {has} part and no {lacks} one; replace it in the experiment's field low too"
        )
    return list(found[1].values())


def _traced(function: Callable[..., Tree], structure: Any, leaves: list[Any]) -> tuple[Any, Any]:
    """The program of 64-bit floats, and the structure of what it returns."""

    def of_leaves(*values: Array) -> Tree:
        return function(jax.tree.unflatten(structure, values))

    with jax.enable_x64(True):
        shapes = [
            jax.ShapeDtypeStruct(jnp.shape(x), jnp.float64 if _is_float(x) else jnp.asarray(x).dtype) for x in leaves
        ]
        program, shape = jax.make_jaxpr(of_leaves, return_shape=True)(*shapes)
    return program, jax.tree.structure(shape)


def _used_inputs(program: Any) -> list[bool]:
    needed = {id(v) for v in program.outvars if not _is_literal(v)}
    for equation in reversed(program.eqns):
        if any(id(v) in needed for v in equation.outvars):
            needed.update(id(v) for v in equation.invars if not _is_literal(v))
    return [id(v) in needed for v in program.invars]


def _run(program: Any, arguments: list[Value]) -> list[Value]:
    jaxpr = program.jaxpr
    values: dict[Any, Value] = dict(zip(jaxpr.invars, arguments, strict=True))
    for variable, constant in zip(jaxpr.constvars, program.consts, strict=True):
        values[variable] = _constant(constant)

    needed = {v for v in jaxpr.outvars if not _is_literal(v)}
    wanted = []
    for equation in reversed(jaxpr.eqns):
        if needed.intersection(equation.outvars):
            wanted.append(equation)
            needed.update(v for v in equation.invars if not _is_literal(v))

    def read(atom: Any) -> Value:
        return _constant(atom.val) if _is_literal(atom) else values[atom]

    waves: dict[int, tuple[Pair, Pair]] = {}
    for equation in reversed(wanted):
        inputs = [read(v) for v in equation.invars]
        if equation.primitive.name in ("sin", "cos"):
            angle = id(equation.invars[0])
            waves[angle] = waves.get(angle) or sine_cosine(Pair(*inputs[0]))
            outputs: list[Value] = [waves[angle][equation.primitive.name == "cos"]]
        else:
            outputs = _apply(equation, inputs)
        values.update(zip(equation.outvars, outputs, strict=True))
    return [read(v) for v in jaxpr.outvars]


def _apply(equation: Any, inputs: list[Value]) -> list[Value]:
    name, parameters = equation.primitive.name, {k: _narrow(v) for k, v in equation.params.items()}
    floats = [x for x in inputs if isinstance(x, Pair)]
    for key in ("jaxpr", "call_jaxpr"):
        if key in parameters and name != "scan":
            return _run(parameters[key], inputs)
    if name == "scan":
        return _scan(parameters, inputs)
    if name == "convert_element_type":
        return [_converted(inputs[0], parameters["new_dtype"])]
    if not floats:
        return [Pair(x, jnp.zeros_like(x)) if _is_float(x) else x for x in _bind(equation, inputs, parameters)]
    if name in _ARITHMETIC:
        return [_ARITHMETIC[name](*_alike(floats))]
    if name in _COMPARISONS:
        return [_COMPARISONS[name](subtract(*_alike(floats)).high)]
    if name == "integer_pow":
        return [_power(floats[0], parameters["y"])]
    if name == "reduce_sum":
        result = floats[0]
        for axis in sorted(map(int, parameters["axes"]), reverse=True):
            result = total(result, axis)
        return [result]
    if name == "dot_general":
        return [_dot(floats[0], floats[1], parameters["dimension_numbers"])]
    if name == "select_n":
        return [Pair(*(jax.lax.select_n(jnp.asarray(inputs[0]), *parts) for parts in zip(*floats, strict=True)))]
    if name in _REARRANGEMENTS:
        high, low = (_bind(equation, [x[i] if isinstance(x, Pair) else x for x in inputs], parameters) for i in (0, 1))
        return [Pair(*parts) for parts in zip(high, low, strict=True)]
    raise NotImplementedError(f"{name!r} of floats is not known in pairs; add it to nbjax/pairs/transform.py")


def _bind(equation: Any, inputs: list[Any], parameters: dict[str, Any]) -> list[Array]:
    outputs = equation.primitive.bind(*inputs, **parameters)
    return list(outputs) if equation.primitive.multiple_results else [outputs]


def _scan(parameters: dict[str, Any], inputs: list[Value]) -> list[Value]:
    constants, carried = parameters["num_consts"], parameters["num_carry"]
    fixed, start, rows = inputs[:constants], inputs[constants : constants + carried], inputs[constants + carried :]

    def step(carry: list[Value], row: list[Value]) -> tuple[list[Value], list[Value]]:
        outputs = _run(parameters["jaxpr"], [*fixed, *carry, *row])
        return outputs[:carried], outputs[carried:]

    last, kept = jax.lax.scan(step, list(start), list(rows), length=parameters["length"], reverse=parameters["reverse"])
    return [*last, *kept]


def _dot(a: Pair, b: Pair, dimensions: Any) -> Pair:
    """A product of small matrices: the sum of outer products along the one contracted axis."""
    ((a_summed,), (b_summed,)), (a_batch, b_batch) = dimensions
    a_free = [i for i in range(a.high.ndim) if i not in (a_summed, *a_batch)]
    b_free = [i for i in range(b.high.ndim) if i not in (b_summed, *b_batch)]

    def left(x: Array) -> Array:
        x = jnp.transpose(x, (a_summed, *a_batch, *a_free))
        return x.reshape(*x.shape, *(1,) * len(b_free))

    def right(x: Array) -> Array:
        x = jnp.transpose(x, (b_summed, *b_batch, *b_free))
        return x.reshape(*x.shape[: 1 + len(b_batch)], *(1,) * len(a_free), *x.shape[1 + len(b_batch) :])

    return total(multiply(*_alike([Pair(*map(left, a)), Pair(*map(right, b))])), 0)


def _power(a: Pair, exponent: int) -> Pair:
    result = a
    for _ in range(abs(exponent) - 1):
        result = multiply(result, a)
    one = Pair(jnp.ones_like(a.high), jnp.zeros_like(a.high))
    return divide(one, result) if exponent < 0 else result


def _alike(operands: list[Pair]) -> list[Pair]:
    shape = jnp.broadcast_shapes(*(x.high.shape for x in operands))
    return [Pair(jnp.broadcast_to(x.high, shape), jnp.broadcast_to(x.low, shape)) for x in operands]


def _sign(a: Pair) -> Array:
    return jnp.sign(a.high)


def _converted(x: Value, dtype: Any) -> Value:
    if isinstance(x, Pair):
        return x if jnp.issubdtype(dtype, jnp.floating) else x.high.astype(dtype)
    if not jnp.issubdtype(dtype, jnp.floating):
        return x.astype(dtype)
    high = x.astype(jnp.float32)
    return Pair(high, jnp.zeros_like(high))


def _constant(value: Any) -> Value:
    if _is_float(value):
        return pair_of(value)
    value = np.asarray(value)
    return jnp.asarray(value, _narrow(value.dtype))


def _narrow(parameter: Any) -> Any:
    """A parameter of an operation, with 64-bit types replaced by 32-bit ones."""
    if isinstance(parameter, np.dtype) and parameter.itemsize == 8:
        return np.dtype(f"{parameter.kind}4")
    return parameter


def _split(values: list[Value]) -> tuple[list[Array], list[Array]]:
    high = [x.high if isinstance(x, Pair) else x for x in values]
    return high, [x.low if isinstance(x, Pair) else jnp.zeros_like(x) for x in values]


def _is_literal(atom: Any) -> bool:
    return hasattr(atom, "val")


def _is_float(x: Any) -> bool:
    return jnp.issubdtype(jnp.result_type(x), jnp.floating)
