from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import small_config

from nbjax.config.edit import with_values
from nbjax.errors import ConfigError
from nbjax.experiment import Experiment
from nbjax.parameters import find, parameters_of
from nbjax.preparation import prepare

BASE: dict[str, Any] = {
    "beam": {"dispersion_percent": 1.0, "divergence_horizontal_mrad": 1.0, "divergence_vertical_mrad": 1.0},
    "crystal": {"shape": "gauss", "water_um": 3.0, "phi_range_deg": 1.0, "mosaic_spread_deg": 0.2},
    "detector": {"thickness_um": 100.0, "attenuation_depth_um": 200.0},
    "sampling": {"mosaic_domains": 2, "phi_steps": 2, "dispersion_steps": 2},
}


def difference(a: Experiment, b: Experiment) -> float:
    """Largest difference of two leaves, relative to the leaf."""
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return max(float(np.abs(np.subtract(x, y)).max() / (np.abs(np.asarray(y)).max() or 1.0)) for x, y in pairs)


def test_setting_what_was_got_changes_nothing() -> None:
    experiment = prepare(small_config(**BASE))
    table = parameters_of(experiment, "mosflm")
    assert len(table) > 30
    values = jax.jit(lambda e: {path: p.get(e) for path, p in table.items()})(experiment)
    same = jax.jit(lambda e: {path: p.set(e, p.get(e)) for path, p in table.items()})(experiment)
    for path, parameter in table.items():
        assert values[path].shape == (len(parameter.labels),) == (len(parameter.unit),), path
        assert difference(same[path], experiment) < 1e-14, path


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("detector.distance_mm", 103.0),
        ("detector.pixel_mm", 0.95),
        ("detector.two_theta_deg", 4.0),
        ("detector.rotation_y_deg", -2.0),
        ("detector.origin_shift_mm", (0.1, -0.2, 0.3)),
        ("detector.thickness_um", 120.0),
        ("detector.attenuation_depth_um", 250.0),
        ("beam.wavelength_A", 1.1),
        ("beam.fluence_photons_per_m2", 3e20),
        ("beam.polarization", 0.5),
        ("beam.divergence_vertical_mrad", 1.3),
        ("crystal.misset_deg", (1.0, 2.0, 3.0)),
        ("crystal.phi_start_deg", 5.0),
        ("crystal.phi_range_deg", 1.2),
        ("crystal.mosaic_spread_deg", 0.3),
        ("crystal.cells", (10.5, 8.0, 7.0)),
        ("crystal.fudge", 1.2),
        ("crystal.water_um", 4.0),
    ],
)
def test_a_parameter_moves_the_experiment_as_its_key_does(path: str, value: float | tuple[float, ...]) -> None:
    # beam centre and cell are given, so that nothing else follows the key
    base = small_config(**BASE)
    base = with_values(base, {"detector.beam_x_mm": 9.0, "detector.beam_y_mm": 8.0})
    base = with_values(base, {"crystal.matrix_file": None, "crystal.cell_A": (40.0, 50.0, 60.0)})
    if path == "detector.pixel_mm":
        base = with_values(base, {"detector.convention": "denzo", "detector.org_x_px": 3.0, "detector.org_y_px": 2.0})
    experiment, wanted = prepare(base), prepare(with_values(base, {path: value}))
    found = parameters_of(experiment)[path].set(experiment, jnp.atleast_1d(jnp.asarray(value)))
    if path == "detector.pixel_mm":
        # the near point is counted in pixels, but means nothing under the beam pivot
        found = replace(found, panel=replace(found.panel, near_point_m=wanted.panel.near_point_m))
    # the draws of mosaic domains are scaled to the spread in 32 bits
    assert difference(found, wanted) < (1e-6 if "mosaic" in path else 1e-12)
    assert difference(experiment, wanted) > 1e-4


@pytest.mark.parametrize("convention", ["mosflm", "denzo", "adxv", "xds", "dials", "custom"])
def test_beam_centres_move_as_their_convention_says(convention: str) -> None:
    base = small_config(detector={"convention": convention})
    pivots_at_sample = convention in ("xds", "dials")
    keys = ("org_x_px", "org_y_px") if pivots_at_sample else ("beam_x_mm", "beam_y_mm")
    experiment = prepare(base)
    for number, key in enumerate(keys):
        path, value = f"detector.{key}", 7.0 + number
        start = with_values(base, {f"detector.{k}": 6.0 for k in keys})
        found = parameters_of(prepare(start), convention)[path].set(prepare(start), jnp.asarray([value]))
        wanted = prepare(with_values(start, {path: value}))
        if pivots_at_sample:
            assert np.allclose(found.panel.near_point_m, wanted.panel.near_point_m, rtol=1e-14)
        else:
            assert difference(found, wanted) < 1e-14
    assert f"detector.{keys[0]}" not in parameters_of(experiment)


def test_a_turn_comes_after_the_misset() -> None:
    experiment = prepare(small_config(crystal={"misset_deg": (0.0, 0.0, 30.0)}))
    turned = parameters_of(experiment)["crystal.rotation_deg"].set(experiment, jnp.asarray([0.0, 0.0, 5.0]))
    wanted = prepare(small_config(crystal={"misset_deg": (0.0, 0.0, 35.0)}))
    both = [e.crystal.cell.misset @ e.crystal.cell.orientation for e in (turned, wanted)]
    assert np.allclose(*both, atol=1e-14)


def test_an_unknown_path_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"did you mean crystal.misset_deg\?"):
        find(parameters_of(prepare(small_config())), "crystal.miset_deg")
