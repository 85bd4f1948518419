"""First and second derivatives of images by every traced parameter, against differences of images and of gradients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import INPUTS, small_config

from nbjax import prepare, simulate
from nbjax.experiment import Experiment
from nbjax.fields import look_up, put

Tree = dict[str, Any]

STEPS = {
    "beam.direction": 1e-5,
    "beam.wavelength_m": 1e-15,
    "beam.fluence_photons_per_m2": 1e26,
    "beam.kahn_factor": 1e-2,
    "beam.polarization_axis": 1e-3,
    "beam.sources.horizontal_range_rad": 1e-5,
    "beam.sources.horizontal_step_rad": 1e-5,
    "beam.sources.vertical_range_rad": 1e-5,
    "beam.sources.vertical_step_rad": 1e-5,
    "beam.sources.dispersion": 1e-5,
    "beam.sources.dispersion_step": 1e-5,
    "beam.sources.weights": 1e-2,
    "beam.sources.directions": 3e-6,
    "beam.sources.wavelengths_m": 1e-15,
    "crystal.cell.lengths_m": 1e-13,
    "crystal.cell.angles_rad": 1e-5,
    "crystal.cell.misset_rad": 1e-5,
    "crystal.cells": 1e-2,
    "crystal.fudge": 1e-2,
    "crystal.factors.values": 1.0,
    "crystal.factors.default": 1.0,
    "crystal.spindle.axis": 1e-3,
    "crystal.spindle.start_rad": 1e-5,
    "crystal.spindle.step_rad": 1e-5,
    "crystal.mosaic.spread_rad": 1e-5,
    "backgrounds.0.size_m": 1e-10,
    "panel.pixel_size_m": 1e-8,
    "panel.distance_m": 1e-6,
    "panel.beam_centre_m": 1e-7,
    "panel.near_point_m": 1e-7,
    "panel.rotation_rad": 1e-5,
    "panel.two_theta_rad": 1e-5,
    "panel.two_theta_axis": 1e-3,
    "panel.origin_shift_m": 1e-7,
    "panel.thickness_m": 1e-7,
    "panel.attenuation_per_m": 1e1,
}
"""Steps of the differences, far from where the images bend and from where they round."""

FLAT = (
    "beam.fluence_photons_per_m2",
    "beam.kahn_factor",
    "beam.sources.weights",
    "crystal.factors.values",
    "backgrounds.0.size_m",
    "panel.thickness_m",
    "panel.attenuation_per_m",
)
LISTED = (
    "beam.direction",
    "beam.sources.directions",
    "beam.sources.wavelengths_m",
    "beam.sources.weights",
    "panel.near_point_m",
    "panel.distance_m",
    "panel.rotation_rad",
    "panel.two_theta_rad",
    "panel.two_theta_axis",
)
ELSEWHERE = ("crystal.fudge", "beam.sources.directions", "beam.sources.wavelengths_m")
ELSEWHERE += ("panel.near_point_m", "panel.two_theta_axis")
SQUARE = tuple(path for path in STEPS if path not in ELSEWHERE)
PARAMETERS = {
    "square": SQUARE,
    "round": (*SQUARE, "crystal.fudge"),
    "gauss": (*SQUARE, "crystal.fudge"),
    "tophat": FLAT,
    "listed": LISTED,
    "interpolated": ("crystal.cell.misset_rad", "crystal.factors.values", "panel.distance_m"),
}
"""What is moved for each shape; "listed" are listed sources on a panel that hangs on its near point. Flat spots with a
sharp edge have no gradient in what moves or scales them."""

TWICE = ("square", "round", "gauss", "listed")

ANGLES = ("crystal.cell.misset_rad", "crystal.spindle", "crystal.mosaic.spread_rad", "panel.rotation_rad")
ANGLES += ("panel.two_theta_rad", "beam.sources.dispersion", "beam.sources.horizontal", "beam.sources.vertical")


def experiment(shape: str) -> Experiment:
    """6 x 5 pixels, the beam through the middle of one; everything is on but for listed sources and interpolation.

    At this distance no step takes a sample across the middle between two reflections, where images by
    themselves bend: those of round crystals in their first derivatives, those of square ones in that by N.
    """
    listed = shape == "listed"
    whole = not listed and shape != "interpolated"
    spread = {"divergence_horizontal_mrad": 0.2, "divergence_vertical_mrad": 0.2, "dispersion_percent": 0.2}
    sensor = {"thickness_um": 300.0, "attenuation_depth_um": 200.0, "two_theta_deg": 4.0}
    table = {"source_file": str(INPUTS / "sources.txt")}
    hung = {"convention": "custom", "pivot": "sample", "two_theta_deg": 4.0}
    steps = {"divergence_horizontal_steps": 2, "divergence_vertical_steps": 1, "dispersion_steps": 2}
    return prepare(
        small_config(
            beam={
                "divergence_shape": "square",
                "polarization": 0.9,
                **(spread if whole else {}),
                **(table if listed else {}),
            },
            crystal={
                "shape": "gauss" if shape in ("interpolated", "listed") else shape,
                "default_F": 10.0,
                "interpolate": shape == "interpolated",
                "misset_deg": (1.0, -2.0, 3.0),
                "mosaic_spread_deg": 0.1,
                "phi_start_deg": 0.3,
                "phi_range_deg": 0.2,
                "water_um": 0.005 if whole else None,
            },
            detector={
                "distance_mm": 75.0,
                "pixels_fast": 5,
                "pixels_slow": 6,
                "pixel_mm": 4.0,
                "beam_x_mm": 8.0,  # the convention adds half a pixel
                "beam_y_mm": 8.0,
                "curved": shape == "interpolated",
                "rotation_x_deg": 1.0,
                "rotation_y_deg": -2.0,
                "rotation_z_deg": 3.0,
                **(sensor if whole else {}),
                **(hung if listed else {}),
            },
            sampling={"mosaic_domains": 2, "phi_steps": 2, **(steps if whole else {})},
        )
    )


@dataclass(frozen=True)
class Programs:
    """Compiled functions of the parameters, and two points.

    Attributes:
        points: values of the parameters; all angles are zero in the second.
        weights: of the pixels.
        first: (image, gradient of the weighted sum) at a point.
        pushed: the image's derivative along a direction.
        second: image and gradient, and their derivatives along a direction.
        twice: the image's derivative along two directions.
    """

    points: dict[str, Tree]
    weights: Any
    first: Callable[[Tree], tuple[Any, Tree]]
    pushed: Callable[[Tree, Tree], Any]
    second: Callable[[Tree, Tree], Any]
    twice: Callable[[Tree, Tree, Tree], Any]


@cache
def programs(shape: str) -> Programs:
    """Compiled once for a shape."""
    e = experiment(shape)
    turned = {path: look_up(e, path) for path in PARAMETERS[shape]}
    still = {path: value * (not path.startswith(ANGLES)) for path, value in turned.items()}
    if "crystal.spindle.axis" in still:
        still["crystal.spindle.axis"] = turned["crystal.spindle.axis"]
    weights = jnp.asarray(np.random.default_rng(3).uniform(0.5, 1.5, (6, 5)))

    def image(p: Tree) -> Any:
        moved = e
        for path, value in p.items():
            moved = put(moved, path, value)
        return simulate(moved)

    def first(p: Tree) -> tuple[Any, Tree]:
        photons, back = jax.vjp(image, p)
        return photons, back(weights)[0]

    def pushed(p: Tree, d: Tree) -> Any:
        return jax.jvp(image, (p,), (d,))[1]

    second = jax.jit(lambda p, d: jax.jvp(first, (p,), (d,)))

    def first_of_second(p: Tree) -> tuple[Any, Tree]:
        """What is compiled anyway holds it."""
        return second(p, jax.tree.map(jnp.zeros_like, p))[0]

    return Programs(
        points={"turned": turned, "zero angles": still},
        weights=weights,
        first=first_of_second if shape in TWICE else jax.jit(first),
        pushed=jax.jit(pushed),
        second=second,
        twice=jax.jit(lambda p, d, other: jax.jvp(lambda q: pushed(q, d), (p,), (other,))[1]),
    )


def _direction(at: Tree, path: str) -> Tree:
    values = np.random.default_rng(len(path)).uniform(0.5, 1.0, at[path].shape) * STEPS[path]
    return {name: jnp.asarray(values) if name == path else jnp.zeros_like(x) for name, x in at.items()}


def _difference(function: Callable[[Tree], Any], at: Tree, direction: Tree) -> Any:
    """Richardson's central difference of sixth order."""

    def central(h: float) -> Any:
        ends = [function(jax.tree.map(lambda x, d, s=s: x + s * h * d, at, direction)) for s in (1, -1)]
        return jax.tree.map(lambda up, down: (up - down) / (2 * h), *ends)

    return jax.tree.map(lambda a, b, c: (64 * a - 20 * b + c) / 45, *(central(h) for h in (1.0, 2.0, 4.0)))


def _largest(values: Any) -> float:
    return float(jnp.abs(values).max())


@pytest.mark.parametrize("point", ["turned", "zero angles"])
@pytest.mark.parametrize(("shape", "path"), [(shape, path) for shape, paths in PARAMETERS.items() for path in paths])
def test_derivatives_match_differences(shape: str, path: str, point: str) -> None:
    made = programs(shape)
    at = made.points[point]
    direction = _direction(at, path)
    photons, gradient = made.first(at)
    rounding = 1e-13 * float((made.weights * photons).sum())
    if shape in TWICE:
        (_, gradient), (pushed, curvature) = made.second(at, direction)
    else:
        pushed = made.pushed(at, direction)
    image_change, gradient_change = _difference(made.first, at, direction)
    assert _largest(pushed - image_change) <= 1e-6 * _largest(image_change) + rounding
    pulled = float((gradient[path] * direction[path]).sum())
    assert pulled == pytest.approx(float((made.weights * pushed).sum()), rel=1e-9, abs=rounding)
    if shape not in TWICE:
        return
    for other in at:
        found, wanted = curvature[other] * STEPS[other], gradient_change[other] * STEPS[other]
        assert _largest(found - wanted) <= 1e-6 * _largest(wanted) + rounding, other


@pytest.mark.parametrize("point", ["turned", "zero angles"])
@pytest.mark.parametrize("path", PARAMETERS["interpolated"])
def test_second_derivatives_of_interpolated_amplitudes_match_differences(path: str, point: str) -> None:
    """Of every pixel, forward twice: backwards through the interpolation is slow to compile."""
    made = programs("interpolated")
    at = made.points[point]
    direction = _direction(at, path)
    rounding = 1e-13 * _largest(made.first(at)[0])
    for other in at:
        second = made.twice(at, direction, _direction(at, other))
        wanted = _difference(lambda p: made.pushed(p, direction), at, _direction(at, other))
        assert _largest(second - wanted) <= 1e-6 * _largest(wanted) + rounding, other
        assert _largest(wanted) > 0


@pytest.mark.parametrize("shape", [shape for shape in PARAMETERS if shape != "tophat"])
def test_every_parameter_changes_the_image(shape: str) -> None:
    made = programs(shape)
    _, gradient = made.first(made.points["turned"])
    assert all(np.abs(value).max() > 0 for value in gradient.values())


@pytest.mark.parametrize("shape", TWICE)
@pytest.mark.parametrize("point", ["turned", "zero angles"])
def test_nothing_is_nan_where_every_parameter_moves_at_once(shape: str, point: str) -> None:
    made = programs(shape)
    at = made.points[point]
    if point == "zero angles" and shape == "square":
        assert float(made.first(at)[0].max()) == float(made.first(at)[0][2, 2])  # the direct beam, where delta is 0
    direction = {path: jnp.full_like(value, STEPS[path]) for path, value in at.items()}
    for tree in made.second(at, direction):
        assert all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(tree))


def test_memory_of_a_gradient_under_tiling() -> None:
    """More pixels in tiles of one size take no more than two buffers of the size of the image."""

    def temporaries(pixels: int) -> int:
        config = small_config(
            detector={"pixels_fast": pixels, "pixels_slow": pixels}, sampling={"tile_pixels": 128, "oversample": 1}
        )
        gradient = jax.jit(jax.grad(lambda e: (simulate(e) ** 2).sum(), allow_int=True))
        memory = gradient.lower(prepare(config)).compile().memory_analysis()
        return int(memory.temp_size_in_bytes)

    assert temporaries(64) - temporaries(16) <= 2 * 8 * (64**2 - 16**2)
