from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import INPUTS, small_config
from scipy.spatial.transform import Rotation

from nbjax.config.edit import with_values
from nbjax.constants import HC_EV_A
from nbjax.errors import ConfigError
from nbjax.experiment import Experiment
from nbjax.fields import look_up, put
from nbjax.geometry.panel import place_panel
from nbjax.parameters import find, parameters_of
from nbjax.preparation import prepare

BASE: dict[str, Any] = {
    "beam": {"dispersion_percent": 1.0, "divergence_horizontal_mrad": 1.0, "divergence_vertical_mrad": 1.0},
    "crystal": {"shape": "gauss", "water_um": 3.0, "volume_um3": 0.2, "phi_range_deg": 1.0, "mosaic_spread_deg": 0.2},
    "detector": {"thickness_um": 100.0, "attenuation_depth_um": 200.0},
    "sampling": {"mosaic_domains": 2, "phi_steps": 2, "dispersion_steps": 2},
}


def difference(a: Experiment, b: Experiment) -> float:
    """Largest difference of two leaves, relative to the leaf."""
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return max(float(np.abs(np.subtract(x, y)).max() / (np.abs(np.asarray(y)).max() or 1.0)) for x, y in pairs)


LISTED: dict[str, Any] = {**BASE, "beam": {"source_file": str(INPUTS / "sources.txt")}}
DISORDERED: dict[str, Any] = {
    **BASE,
    "beam": {"divergence_horizontal_mrad": 1.0, "divergence_vertical_mrad": 2.0, "divergence_shape": "gaussian"},
    "crystal": {"mosaicity_axes_deg": (0.1, 0.2, 0.4), "cell_spread_percent": 0.3},
}


@pytest.mark.parametrize(("sections", "convention"), [(BASE, "mosflm"), (LISTED, "custom"), (DISORDERED, "mosflm")])
def test_setting_what_was_got_changes_nothing(sections: dict[str, Any], convention: str) -> None:
    experiment = prepare(small_config(**{**sections, "detector": {**BASE["detector"], "convention": convention}}))
    table = parameters_of(experiment, convention)
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
        ("beam.energy_eV", 12000.0),
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
        ("crystal.volume_um3", 0.3),
    ],
)
def test_a_parameter_moves_the_experiment_as_its_key_does(path: str, value: float | tuple[float, ...]) -> None:
    # beam centre and cell are given, so that nothing else follows the key
    base = small_config(**BASE)
    base = with_values(base, {"detector.beam_x_mm": 9.0, "detector.beam_y_mm": 8.0})
    base = with_values(base, {"crystal.matrix_file": None, "crystal.cell_A": (40.0, 50.0, 60.0)})
    if path == "beam.energy_eV":
        base = with_values(base, {"beam.wavelength_A": None, path: HC_EV_A / 0.9})
    if path == "detector.pixel_mm":
        base = with_values(base, {"detector.convention": "denzo", "detector.org_x_px": 3.0, "detector.org_y_px": 2.0})
    experiment, wanted = prepare(base), prepare(with_values(base, {path: value}))
    found = parameters_of(experiment)[path].set(experiment, jnp.atleast_1d(jnp.asarray(value)))
    if path == "detector.pixel_mm":
        # the near point is counted in pixels, but means nothing under the beam pivot
        found = put(found, "panel.near_point_m", wanted.panel.near_point_m)
    # the draws of mosaic domains are scaled to the spread in 32 bits
    assert difference(found, wanted) < (1e-6 if "mosaic" in path else 1e-12)
    assert difference(experiment, wanted) > 1e-4


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("crystal.mosaicity_deg", 0.3),
        ("crystal.mosaicity_axes_deg", (0.1, 0.2, 0.3)),
        ("crystal.cell_spread_percent", 0.7),
        ("beam.divergence_sigma_mrad", 1.1),
    ],
)
def test_a_width_moves_the_experiment_as_its_key_does(path: str, value: float | tuple[float, ...]) -> None:
    start = {"crystal.mosaicity_deg": 0.1, "crystal.cell_spread_percent": 0.2, "beam.divergence_sigma_mrad": 0.5}
    base = with_values(small_config(sampling={"mosaic_domains": 30}), start)
    instead = {"crystal.mosaicity_deg": None, path: value} if path.startswith("crystal.mosaicity") else {path: value}
    experiment, wanted = prepare(base), prepare(with_values(base, instead))
    found = parameters_of(experiment)[path].set(experiment, jnp.atleast_1d(jnp.asarray(value)))
    assert difference(found, wanted) < 1e-12
    assert difference(experiment, wanted) > 1e-4


def test_one_width_for_all_keeps_the_differences_of_those_that_differ() -> None:
    experiment = prepare(small_config(**DISORDERED))
    parameter = parameters_of(experiment)["crystal.mosaicity_deg"]
    moved = parameter.set(experiment, parameter.get(experiment) + 0.1)
    found = parameters_of(moved)["crystal.mosaicity_axes_deg"].get(moved)
    np.testing.assert_allclose(found, [0.2, 0.3, 0.5], rtol=1e-12)


def test_widths_that_an_experiment_lacks_are_told_of() -> None:
    table = parameters_of(prepare(small_config()))
    with pytest.raises(ConfigError, match="which needs Gaussian domains; give it in the configuration"):
        find(table, "crystal.mosaicity_deg")
    with pytest.raises(ConfigError, match="which is a cap of domains, and these are Gaussian; use crystal"):
        find(parameters_of(prepare(small_config(**DISORDERED))), "crystal.mosaic_spread_deg")
    with pytest.raises(ConfigError, match="which needs a Gaussian divergence; give it in the configuration"):
        find(table, "beam.divergence_sigma_mrad")


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
    vector = np.array([4.0, -3.0, 5.0])
    experiment = prepare(small_config(crystal={"misset_deg": (10.0, 20.0, 30.0)}))
    turned = parameters_of(experiment)["crystal.rotation_deg"].set(experiment, jnp.asarray(vector))
    before, after = (np.asarray(e.crystal.cell.misset @ e.crystal.cell.orientation) for e in (experiment, turned))
    turn = Rotation.from_rotvec(vector, degrees=True).as_matrix()
    np.testing.assert_allclose(after, turn @ before, atol=1e-14)
    assert np.abs(after - before @ turn).max() > 0.01


AXES = {
    "beam.polarization_axis": "beam.polarization_axis",
    "crystal.spindle_axis": "crystal.spindle.axis",
    "detector.two_theta_axis": "panel.two_theta_axis",
}


@pytest.mark.parametrize("path", AXES)
def test_an_axis_turns_by_degrees(path: str) -> None:
    oblique = {"beam.polarization_axis": (0.0, 0.3, 1.0), "crystal.spindle_axis": (1.0, 2.0, 3.0)}
    base = with_values(small_config(detector={"convention": "custom"}), oblique)
    experiment = prepare(with_values(base, {"detector.two_theta_axis": (0.1, 0.2, -1.0)}))
    parameter, before = parameters_of(experiment)[path], np.asarray(look_up(experiment, AXES[path]))
    for direction in np.eye(len(parameter.labels)):
        moved = parameter.set(experiment, jnp.asarray(2.0 * direction))
        after = np.asarray(look_up(moved, AXES[path]))
        assert np.degrees(np.arccos(before @ after)) == pytest.approx(2.0)
        assert difference(put(moved, AXES[path], before), experiment) < 1e-14
    if path == "beam.polarization_axis":
        assert after @ np.asarray(experiment.beam.direction) == pytest.approx(0.0, abs=1e-14)


def test_turned_panel_axes_are_a_rotated_panel() -> None:
    experiment = prepare(small_config(detector={"convention": "custom", "two_theta_deg": 5.0}))
    axes = parameters_of(experiment)["detector.axes_deg"].set(experiment, jnp.asarray([0.0, 3.0, 0.0]))
    rotation = parameters_of(experiment)["detector.rotation_y_deg"].set(experiment, jnp.asarray([3.0]))
    panels = [place_panel(e.panel, e.beam.direction) for e in (axes, rotation)]
    assert difference(*panels) < 1e-14
    assert (
        np.abs(np.asarray(panels[0].origin_m - place_panel(experiment.panel, experiment.beam.direction).origin_m)).max()
        > 1e-5
    )


def test_sizes_are_cells_times_lengths() -> None:
    experiment = prepare(small_config())
    table = parameters_of(experiment)
    assert float(table["crystal.size_b_mm"].get(experiment)[0]) == pytest.approx(
        7e3 * float(experiment.crystal.cell.lengths_m[1])
    )
    twice = table["crystal.size_b_mm"].set(experiment, 2 * table["crystal.size_b_mm"].get(experiment))
    assert np.asarray(twice.crystal.cells) == pytest.approx([9.0, 14.0, 8.0])


def test_every_listed_source_moves_on_its_own() -> None:
    experiment = prepare(small_config(beam={"source_file": str(INPUTS / "sources.txt")}))
    table = parameters_of(experiment)
    assert table["beam.source_directions"].names[3] == "beam.source_directions 1 about slow"
    tilted = table["beam.source_directions"].set(experiment, jnp.asarray([0.0, 0.0, 0.0, 5.0, 0.0, 0.0]))
    before, after = (np.asarray(e.beam.sources.directions) for e in (experiment, tilted))
    assert np.arccos((before * after).sum(axis=1)) == pytest.approx([0.0, 5e-3, 0.0], abs=1e-7)
    assert np.asarray(table["beam.source_wavelengths_A"].get(experiment)) == pytest.approx([1.0, 1.01, 0.99])
    lit = table["beam.source_weights"].set(experiment, jnp.asarray([2.0, 3.0]))
    assert np.asarray(lit.beam.sources.weights).tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    ("path", "remedy"),
    [
        ("beam.flux_photons_per_s", "only scales the fluence; use scale or beam.fluence_photons_per_m2"),
        ("beam.beamsize_mm", "use scale or beam.fluence_photons_per_m2"),
        ("beam.source_weights", "give beam.source_file"),
        ("detector.normal_axis", "use detector.axes_deg"),
        ("detector.close_x_mm", "use detector.beam_x_mm"),
        ("detector.org_y_px", "use detector.beam_y_mm"),
        ("sampling.phi_step_deg", "use crystal.phi_range_deg"),
        ("crystal.default_F", "use crystal.structure_factors"),
    ],
)
def test_a_key_that_is_no_parameter_names_the_one_to_use(path: str, remedy: str) -> None:
    experiment = prepare(small_config())
    with pytest.raises(ConfigError) as caught:
        find(parameters_of(experiment, "mosflm"), path)
    (fault,) = caught.value.faults
    assert str(fault).startswith(f"parameters: got '{path}', which ")
    assert str(fault).endswith(remedy)
    assert remedy.split()[-1] in (*parameters_of(experiment, "mosflm"), "beam.source_file")


def test_a_beam_centre_without_a_convention_asks_for_it() -> None:
    with pytest.raises(ConfigError, match="the detector's convention decides; give the convention too"):
        find(parameters_of(prepare(small_config())), "detector.beam_x_mm")


def test_an_unknown_path_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"did you mean crystal.misset_deg\?"):
        find(parameters_of(prepare(small_config())), "crystal.miset_deg")
