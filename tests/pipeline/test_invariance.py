"""Laws that an image obeys whatever its parameters: units, scaling, symmetry, order of summation."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import residual, small_config
from hypothesis import given, settings
from hypothesis import strategies as st

from nbjax import prepare, simulate, simulate_pixels
from nbjax.experiment import Experiment
from nbjax.rotations import about_axis
from nbjax.sampling.sources import SourceTable

RICH = {
    "beam": {
        "polarization": 0.7,
        "divergence_horizontal_mrad": 2.0,
        "divergence_vertical_mrad": 1.0,
        "dispersion_percent": 1.0,
    },
    "crystal": {"mosaic_spread_deg": 0.4, "phi_start_deg": 3.0, "phi_range_deg": 2.0, "water_um": 5.0},
    "sampling": {
        "oversample": 2,
        "mosaic_domains": 4,
        "phi_steps": 3,
        "divergence_horizontal_steps": 3,
        "divergence_vertical_steps": 2,
        "dispersion_steps": 2,
    },
}


def _image(experiment: Experiment) -> np.ndarray:
    return np.asarray(simulate(experiment))


@pytest.mark.parametrize("tile", [1, 7, 479])
def test_the_image_does_not_depend_on_the_tile(tile: int) -> None:
    whole = _image(prepare(small_config(**RICH)))
    rich = {**RICH, "sampling": {**RICH["sampling"], "tile_pixels": tile}}
    np.testing.assert_allclose(_image(prepare(small_config(**rich))), whole, rtol=1e-12, atol=1e-12 * whole.max())


@settings(max_examples=5)
@given(st.randoms(use_true_random=False))
def test_the_order_of_domains_and_sources_does_not_matter(random) -> None:
    experiment = prepare(small_config(**RICH))
    whole = _image(experiment)
    domains = list(range(4))
    random.shuffle(domains)
    mosaic = jax.tree.map(lambda a: a if a.ndim == 0 else a[jnp.array(domains)], experiment.crystal.mosaic)
    sources = experiment.beam.sources
    order = list(range(len(sources.weights)))
    random.shuffle(order)
    weights = jnp.linspace(1, 2, len(order))
    weighted = replace(experiment, beam=replace(experiment.beam, sources=replace(sources, weights=weights)))
    shuffled_sources = jax.tree.map(lambda a: a if a.ndim == 0 else a[jnp.array(order)], weighted.beam.sources)
    shuffled = replace(
        weighted,
        crystals=(replace(experiment.crystal, mosaic=mosaic),),
        beam=replace(experiment.beam, sources=shuffled_sources),
    )
    wanted = _image(weighted)
    assert residual(wanted, whole) > 1e-6
    np.testing.assert_allclose(_image(shuffled), wanted, rtol=1e-12, atol=1e-12 * wanted.max())


@settings(max_examples=5)
@given(st.floats(0.1, 50.0))
def test_intensity_scales_with_fluence_and_with_the_square_of_structure_factors(factor: float) -> None:
    experiment = prepare(small_config(crystal={"default_F": 2.0}))
    whole = _image(experiment)
    beam = replace(experiment.beam, fluence_photons_per_m2=experiment.beam.fluence_photons_per_m2 * factor)
    np.testing.assert_allclose(_image(replace(experiment, beam=beam)), whole * factor, rtol=1e-12)
    factors = jax.tree.map(lambda a: a * factor, experiment.crystal.factors)
    crystal = replace(experiment.crystal, factors=factors)
    np.testing.assert_allclose(_image(experiment.with_crystal(crystal)), whole * factor**2, rtol=1e-12)


@settings(max_examples=5)
@given(st.floats(0.5, 20.0))
def test_point_pixels_fall_with_the_square_of_the_distance(factor: float) -> None:
    config = small_config(detector={"point_pixel": True, "convention": "xds"})
    near = prepare(config)
    panel = replace(
        near.panel,
        distance_m=near.panel.distance_m * factor,
        pixel_size_m=near.panel.pixel_size_m * factor,
        near_point_m=near.panel.near_point_m * factor,
        beam_centre_m=near.panel.beam_centre_m * factor,
    )
    whole = _image(near)
    np.testing.assert_allclose(_image(near.with_panel(panel)) * factor**2, whole, rtol=1e-7, atol=1e-10 * whole.max())


@settings(max_examples=5)
@given(
    st.tuples(st.floats(-1, 1), st.floats(-1, 1), st.floats(0.1, 1)),
    st.floats(-3.0, 3.0),
)
def test_the_whole_experiment_can_be_rotated(axis: tuple[float, float, float], angle: float) -> None:
    config = small_config(
        beam={"polarization": 0.9, "direction": (1.0, 0.0, 0.0), "polarization_axis": (0.0, 0.0, 1.0)},
        crystal={"phi_start_deg": 5.0, "phi_range_deg": 1.0},
        detector={
            "convention": "custom",
            "fast_axis": (0.0, 0.0, 1.0),
            "slow_axis": (0.0, -1.0, 0.0),
            "beam_x_mm": 9.0,
            "beam_y_mm": 10.0,
        },
        sampling={"phi_steps": 2},
    )
    experiment = prepare(config)
    direction = jnp.array(axis) / jnp.linalg.norm(jnp.array(axis))
    turn = about_axis(direction, jnp.float64(angle))
    beam = replace(
        experiment.beam,
        direction=turn @ experiment.beam.direction,
        polarization_axis=turn @ experiment.beam.polarization_axis,
    )
    crystal = replace(
        experiment.crystal,
        cell=replace(experiment.crystal.cell, orientation=turn @ experiment.crystal.cell.orientation),
        spindle=replace(experiment.crystal.spindle, axis=turn @ experiment.crystal.spindle.axis),
    )
    panel = replace(
        experiment.panel,
        **{name: turn @ getattr(experiment.panel, name) for name in ("fast_axis", "slow_axis", "normal_axis")},
    )
    whole = _image(experiment)
    turned = _image(replace(experiment, beam=beam).with_crystal(crystal).with_panel(panel))
    np.testing.assert_allclose(turned, whole, rtol=1e-8, atol=1e-11 * whole.max())


def test_a_source_table_equals_the_grid_it_lists() -> None:
    experiment = prepare(small_config(**RICH))
    from nbjax.sampling.sources import incident_rays

    beam = experiment.beam
    rays = incident_rays(beam.sources, beam.direction, beam.polarization_axis, beam.wavelength_m)
    table = SourceTable(rays.incident, rays.wavelength_m, rays.weight * 3)
    listed = replace(experiment, beam=replace(beam, sources=table))
    whole = _image(experiment)
    np.testing.assert_allclose(_image(listed), whole, rtol=1e-12, atol=1e-13 * whole.max())


def test_single_pixels_equal_the_image() -> None:
    experiment = prepare(small_config(**RICH))
    pixels = jnp.array([[0, 0], [23, 19], [5, 7], [12, 0]])
    image = _image(experiment)
    wanted = image[pixels[:, 0], pixels[:, 1]]
    np.testing.assert_allclose(np.asarray(simulate_pixels(experiment, pixels)), wanted, rtol=1e-13)


def test_pixels_outside_the_region_of_interest_are_dark() -> None:
    inside = prepare(small_config(detector={"roi": (3, 9, 4, 20)}))
    image, whole = _image(inside), _image(prepare(small_config()))
    np.testing.assert_allclose(image[4:21, 3:10], whole[4:21, 3:10], rtol=1e-13)
    assert np.count_nonzero(image) == np.count_nonzero(image[4:21, 3:10]) == 17 * 7
    assert np.asarray(simulate_pixels(inside, jnp.array([[0, 0], [4, 3]])))[0] == 0
