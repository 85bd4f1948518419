"""A formula evaluated in pairs: its value, its derivatives, and what it cannot contain."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array

from nbjax.errors import StructureError
from nbjax.geometry.unit_cell import UnitCell, direct_vectors_m
from nbjax.pairs.transform import in_pairs
from nbjax.rotations import about_xyz


def _formula(at: dict[str, Array]) -> dict[str, Array]:
    """A bit of everything that geometry is made of."""
    x, angle, count = at["x"], at["angle"], at["count"]
    turned = jnp.stack([jnp.cos(angle), jnp.sin(angle)], axis=1) @ x.reshape(2, 2)
    length = jnp.sqrt(jnp.sum(turned**2, axis=1))
    walk, _ = jax.lax.scan(lambda total, row: (total + row * 0.1, None), jnp.zeros(2, x.dtype), turned)
    sign = jnp.where(x > 1.5, -x, abs(x)) / (3 + count)
    return {
        "length": jnp.maximum(length, 1.0) - walk[0],
        "sign": sign,
        "first": jnp.arange(4.0) * turned[0, 0],
        "n": count + 1,
    }


@jax.tree_util.register_static
@dataclass(frozen=True)
class _Chosen:
    times: int


def _inputs() -> dict[str, np.ndarray]:
    return {"x": np.array([0.1, 1.2, 2.3, -0.7]), "angle": np.array([0.3, 4.0, -2.0]), "count": np.int32(4)}


def _split(values: dict[str, np.ndarray]) -> tuple[dict[str, Array], dict[str, Array]]:
    high = {k: jnp.asarray(v, jnp.float32 if k != "count" else None) for k, v in values.items()}
    low = {k: jnp.asarray(v - np.asarray(high[k], float), jnp.float32) for k, v in values.items()}
    return high, low


def test_compiled_rotations_keep_what_a_constant_one_would_fold() -> None:
    angles = np.random.default_rng(0).uniform(-np.pi, np.pi, (200, 3))
    high, low = (part["x"] for part in _split({"x": angles}))
    found = jax.jit(jax.vmap(in_pairs(about_xyz)))(high, low)
    exact = sum(np.asarray(part, float) for part in found)
    np.testing.assert_allclose(exact, jax.vmap(about_xyz)(jnp.asarray(angles)), rtol=0, atol=2e-10)


def test_compiled_direct_vectors_of_any_cell_and_orientation() -> None:
    rng = np.random.default_rng(1)
    lengths, angles = rng.uniform(1e-9, 1e-7, (200, 3)), np.radians(rng.uniform(70, 110, (200, 3)))
    turned = np.linalg.qr(rng.normal(size=(200, 3, 3)))[0]
    cells = UnitCell(lengths, angles, turned, rng.uniform(-np.pi, np.pi, (200, 3)))
    high = jax.tree.map(lambda x: jnp.asarray(x, jnp.float32), cells)
    low = jax.tree.map(lambda x, leading: jnp.asarray(x - np.asarray(leading, float), jnp.float32), cells, high)
    found = jax.jit(jax.vmap(in_pairs(direct_vectors_m)))(high, low)
    exact = sum(np.asarray(part, float) for part in found)
    wanted = jax.vmap(direct_vectors_m)(jax.tree.map(jnp.asarray, cells))
    assert (np.abs(exact - wanted) / lengths[:, :, None]).max() < 1e-9


def test_choices_are_those_of_the_high_part_and_numbers_need_both() -> None:
    def product(pair: tuple[dict[str, Array], _Chosen]) -> Array:
        return pair[0]["x"] * pair[1].times

    high, low = _split({"x": np.array([0.1, 1.2])})
    found = in_pairs(product)((high, _Chosen(3)), (low, _Chosen(2)))
    np.testing.assert_allclose(sum(np.asarray(part, float) for part in found), [0.3, 3.6], rtol=2**-33)
    with pytest.raises(StructureError, match=r"'x'\] has a high part and no low one"):
        in_pairs(product)((high, _Chosen(3)), ({}, _Chosen(3)))


@pytest.mark.parametrize("x64", [False, True])
def test_values_have_the_precision_of_64_bits(x64: bool) -> None:
    with jax.enable_x64(True):
        wanted = jax.tree.map(np.asarray, _formula({k: jnp.asarray(v) for k, v in _inputs().items()}))
    with jax.enable_x64(x64):
        compiled = jax.jit(in_pairs(_formula)).lower(*_split(_inputs())).compile()
        high, low = compiled(*_split(_inputs()))
    assert "f64" not in compiled.as_text()
    assert high["n"] == wanted["n"] == 5
    for name in ("length", "sign", "first"):
        assert high[name].dtype == jnp.float32
        np.testing.assert_allclose(np.asarray(high[name], float) + low[name], wanted[name], rtol=1e-9, atol=1e-10)
        assert np.abs(np.asarray(high[name], float) - wanted[name]).max() > 1e-9


def test_derivatives_are_those_of_the_formula() -> None:
    high, low = _split(_inputs())

    def first(x: Array) -> Array:
        return in_pairs(_formula)({**high, "x": x}, low)[0]["length"].sum()

    def plain(x: Array) -> Array:
        return _formula({**high, "x": x})["length"].sum()

    found, wanted = (jax.jit(lambda x, f=f: (jax.grad(f)(x), jax.hessian(f)(x)))(high["x"]) for f in (first, plain))
    np.testing.assert_allclose(found[0], wanted[0], rtol=1e-5)
    np.testing.assert_allclose(found[1], wanted[1], rtol=1e-4, atol=1e-5)
    batch, each = np.stack([high["x"], 2 * high["x"]]), jax.jit(first)
    np.testing.assert_allclose(jax.jit(jax.vmap(first))(batch), [each(x) for x in batch], rtol=1e-6)


def test_what_is_not_known_is_said() -> None:
    one = jnp.ones(2, jnp.float32)
    with pytest.raises(NotImplementedError, match=r"'erf' of floats"):
        in_pairs(jax.lax.erf)(one, one)
