"""Absorption by bodies about the sample: closed forms, sums over many places, and the map that stands for them."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nbjax.fields import look_up, put
from nbjax.numerics import Components, components
from nbjax.physics.screens.absorber import BODIES, Absorber
from nbjax.physics.screens.screen import Way

AXES = ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.0, 1.0, 0.0))
SIZE_M = np.array([2e-4, 3e-4, 1e-4])


def axes() -> tuple[Components, Components, Components]:
    beam, along, across = (components(jnp.asarray(axis)) for axis in AXES)
    return beam, along, across


def way(directions: np.ndarray) -> Way:
    """Ways along directions: components along the beam, its electric vector, and across."""
    laboratory = directions[:, [0, 2, 1]] / np.linalg.norm(directions, axis=1, keepdims=True)
    found = components(jnp.asarray(laboratory))
    return Way(found, found, *axes())


def body(shape: str, mu_size: float = 2.0) -> Absorber:
    return Absorber(*map(jnp.asarray, (mu_size / SIZE_M[0], SIZE_M, 0.4)), shape)


exact = jax.jit(lambda absorber, way: absorber.transmission(way))
charted = jax.jit(lambda absorber, way: absorber.chart(*axes()).transmission(way))


@pytest.mark.parametrize("mu_radius", [0.1, 1.0])
def test_a_sphere_forward_and_back(mu_radius: float) -> None:
    x = mu_radius
    forward = 3 / (2 * x**3) * (0.5 - np.exp(-2 * x) * (0.5 + x + x**2))
    back = 3 / (4 * x) * (0.5 - (1 - (1 + 4 * x) * np.exp(-4 * x)) / (16 * x**2))
    found = exact(body("sphere", 2 * x), way(np.array([[1.0, 0, 0], [-1.0, 0, 0]])))
    np.testing.assert_allclose(found, [forward, back], rtol=2e-3)


@pytest.mark.parametrize("shape", BODIES)
def test_a_body_absorbs_as_the_mean_over_many_places_in_it(shape: str) -> None:
    random = np.random.default_rng(1)
    directions = np.array([[1.0, 0, 0], [0.5, 0.3, -0.8], [-0.2, 0.9, 0.4]])
    places = random.uniform(-0.5, 0.5, (200_000, 3)) * (SIZE_M if shape == "box" else SIZE_M[0])
    round_axes = {"sphere": [0, 1, 2], "cylinder": [0, 2], "box": []}[shape]
    places = places[np.sum(places[:, round_axes] ** 2, axis=1) <= SIZE_M[0] ** 2 / 4] if round_axes else places
    turn = np.array([[1, 0, 0], [0, np.cos(0.4), np.sin(0.4)], [0, -np.sin(0.4), np.cos(0.4)]])

    def path(direction: np.ndarray) -> np.ndarray:
        """By small steps through the body."""
        steps = np.linspace(0, 3 * SIZE_M.max(), 301)
        length = np.zeros(2000)
        for step in steps[:-1] + steps[1] / 2:
            at = places[:2000] + step * direction
            if shape == "box":
                inside = (np.abs(at) <= SIZE_M / 2).all(axis=1)
            else:
                inside = np.sum(at[:, round_axes] ** 2, axis=1) <= SIZE_M[0] ** 2 / 4
            length += inside * steps[1]
        return length

    into = path(turn @ [-1.0, 0, 0])
    for direction in directions:
        out = path(turn @ direction / np.linalg.norm(direction))
        wanted = np.exp(-2.0 / SIZE_M[0] * (into + out)).mean()
        found = float(exact(body(shape), way(direction[None]))[0])
        # the mean of 2000 places
        assert found == pytest.approx(wanted, rel=0.05)


@pytest.mark.parametrize("shape", BODIES)
def test_the_map_of_all_directions_stands_for_the_body(shape: str) -> None:
    angle = np.random.default_rng(2).uniform(0, 1.2, 300)
    turn = np.random.default_rng(3).uniform(0, 2 * np.pi, 300)
    at = way(np.column_stack([np.cos(angle), np.sin(angle) * np.cos(turn), np.sin(angle) * np.sin(turn)]))
    off = np.asarray(charted(body(shape, 1.0), at)) / np.asarray(exact(body(shape, 1.0), at)) - 1
    # a box has kinks at directions in its faces
    assert np.abs(off).max() < (1e-2 if shape == "box" else 1e-3)
    assert np.sqrt(np.mean(off**2)) < 2e-3


@pytest.mark.parametrize("shape", BODIES)
def test_derivatives_are_those_of_differences(shape: str) -> None:
    absorber, at = body(shape), way(np.array([[1.0, 0.3, 0.2], [0.8, -0.4, 0.3]]))
    total = jax.jit(lambda absorber: charted(absorber, at).sum())
    slopes = jax.jit(jax.grad(total))(absorber)
    for place in ("per_m", "size_m"):
        value = look_up(absorber, place)
        step = 1e-5 * float(jnp.abs(value).max())
        above, below = (float(total(put(absorber, place, value + change))) for change in (step, -step))
        assert float(look_up(slopes, place).sum()) == pytest.approx((above - below) / (2 * step), rel=1e-5)


def test_nothing_absorbs_nothing() -> None:
    at = way(np.random.default_rng(4).normal(size=(50, 3)))
    clear = replace(body("box"), per_m=jnp.zeros(()))
    np.testing.assert_allclose(charted(clear, at), 1.0, rtol=1e-12)


def moment(shape: str, *powers: int) -> float:
    nodes = BODIES[shape].nodes
    return float(nodes[:, 3] @ np.prod(nodes[:, :3] ** powers, axis=1))


@pytest.mark.parametrize("turn", range(3))
def test_nodes_have_the_moments_of_their_bodies(turn: int) -> None:
    def turned(*powers: int) -> tuple[int, ...]:
        return powers[turn:] + powers[:turn]

    # of a ball and of a disc of radius 1/2, and of a cube of edge 1
    for shape in BODIES:
        assert moment(shape, 0, 0, 0) == pytest.approx(1, rel=1e-12)
        assert moment(shape, *turned(1, 0, 0)) == pytest.approx(0, abs=1e-3 if shape == "box" else 1e-12)
    for powers, wanted in (((2, 0, 0), 1 / 20), ((4, 0, 0), 3 / 560), ((2, 2, 0), 1 / 560), ((2, 2, 2), 1 / 20160)):
        assert moment("sphere", *turned(*powers)) == pytest.approx(wanted, rel=1e-9)
    assert moment("box", *turned(2, 0, 0)) == pytest.approx(1 / 12, rel=1e-4)
    assert moment("box", *turned(2, 2, 0)) == pytest.approx(1 / 144, rel=1e-2)


def test_nodes_of_a_cylinder_lie_in_a_disc_across_it() -> None:
    moments = ((2, 0, 0), 1 / 16), ((0, 0, 2), 1 / 16), ((4, 0, 0), 1 / 128), ((2, 0, 2), 1 / 384), ((0, 2, 0), 0)
    for powers, wanted in moments:
        assert moment("cylinder", *powers) == pytest.approx(wanted, rel=1e-9, abs=1e-15)


@pytest.mark.parametrize("shape", BODIES)
def test_a_way_out_ends_on_the_surface(shape: str) -> None:
    random = np.random.default_rng(6)
    size = np.array([2.0, 3.0, 1.2])
    places = random.uniform(-0.5, 0.5, (200, 3)) * (size if shape == "box" else 0.57 * size[0])
    directions = random.normal(size=(200, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    leave = jax.jit(lambda place, direction: BODIES[shape].leave(place, direction, jnp.asarray(size)))
    ways = np.asarray(leave(components(jnp.asarray(places)), components(jnp.asarray(directions))))
    assert (ways > 0).all()
    ends = places + ways[:, None] * directions
    if shape == "box":
        np.testing.assert_allclose(np.abs(ends / size).max(axis=1), 0.5, rtol=1e-9)
    else:
        axes = [0, 2] if shape == "cylinder" else [0, 1, 2]
        np.testing.assert_allclose(np.linalg.norm(ends[:, axes], axis=1), 1.0, rtol=1e-9)


def test_a_way_along_the_axis_of_a_cylinder_is_a_thousand_times_as_long_as_one_across() -> None:
    at, along = (jnp.asarray(0.3), jnp.asarray(9.0), jnp.asarray(0.4)), (jnp.zeros(()), jnp.ones(()), jnp.zeros(()))
    assert float(BODIES["cylinder"].leave(at, along, jnp.full(3, 2.0))) == pytest.approx(1e3 * np.sqrt(1 - 0.25))
