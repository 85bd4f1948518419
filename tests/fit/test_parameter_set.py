from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import small_config
from problems import config

from nbjax.errors import ConfigError
from nbjax.experiment import Experiment
from nbjax.fit.parameter_set import Free, parameter_set
from nbjax.fit.scaling import Scaling
from nbjax.parameters import parameters_of
from nbjax.preparation import prepare

INF = np.inf


def scaling(start: float, lower: float, upper: float, scale: float, log: bool) -> Scaling:
    return Scaling(*(jnp.asarray([x]) for x in (start, lower, upper, scale)), (log,))


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize(("lower", "upper"), [(-INF, INF), (1.0, INF), (-INF, 7.0), (1.0, 7.0)])
def test_theta_starts_at_zero_with_the_slope_of_the_scale_and_keeps_to_the_bounds(
    lower: float, upper: float, log: bool
) -> None:
    found = scaling(4.0, lower, upper, 0.5, log)
    value, slope = jax.jvp(found.values, (jnp.zeros(1),), (jnp.ones(1),))
    assert float(value[0]) == pytest.approx(4.0)
    assert float(slope[0]) == pytest.approx(0.5)
    many = np.array([float(found.values(jnp.asarray([t]))[0]) for t in (-600.0, -3.0, 3.0, 600.0)])
    assert (np.diff(many) >= 0).all()
    assert (many >= lower).all()
    assert (many <= upper).all()
    assert found.at_bound(many[:1]).any() == np.isfinite(lower)
    assert found.at_bound(many[3:]).any() == np.isfinite(upper)
    if log:
        assert (many >= 0).all()


def faults(*frees: Free, **crystal: object) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parameter_set(frees, [prepare(small_config(crystal=crystal))], "mosflm")
    return [str(fault) for fault in caught.value.faults]


def test_faults_name_the_parameter_and_the_remedy() -> None:
    assert faults(Free("detector.distanse_mm")) == [
        "parameters: got 'detector.distanse_mm', no parameter of this experiment; did you mean detector.distance_mm?"
    ]
    assert faults(Free("detector.distance_mm", lower=100.0, upper=120.0)) == [
        "parameters.detector.distance_mm: lower bound 100 excludes the start 100; move one of them"
    ]
    assert "named twice" in faults(Free("scale"), Free("scale"))[0]
    assert "moves the same as crystal.cell;" in faults(Free("crystal.cell"), Free("crystal.cell_A"))[0]
    assert faults(Free("beam.energy_eV"), Free("beam.wavelength_A")) == [
        "parameters.beam.energy_eV: moves the same as beam.wavelength_A; leave one of them out"
    ]
    turns = ["detector.axes_deg", "detector.rotation_x_deg", "crystal.cells", "crystal.size_c_mm"]
    assert [fault.split(":")[0].removeprefix("parameters.") for fault in faults(*map(Free, turns))] == [
        turns[3],
        turns[1],
    ]
    assert "scale -1 must be above zero" in faults(Free("scale", scale=-1.0))[0]
    assert "a logarithm needs a start above zero" in faults(Free("beam.polarization", transform="log"))[0]


def test_shared_and_own_values_reach_the_experiment() -> None:
    experiment = prepare(small_config())
    other = replace(experiment, beam=replace(experiment.beam, wavelength_m=experiment.beam.wavelength_m * 1.1))
    found = parameter_set([Free("beam.wavelength_A"), Free("detector.distance_mm", shared=True)], [experiment, other])
    assert found.names == ("detector.distance_mm", "beam.wavelength_A")
    assert np.asarray(found.own.start)[:, 0] == pytest.approx([0.9, 0.99])
    moved = found.layout.moved(experiment, jnp.asarray([101.0]), jnp.asarray([1.2]))
    assert moved.panel.distance_m is not None
    assert float(moved.panel.distance_m) == pytest.approx(0.101)
    assert float(moved.beam.wavelength_m) == pytest.approx(1.2e-10)


QUANTITIES = {
    "crystal.cells": (1.0, INF),
    "crystal.cell": (0.0, INF),
    "scale": (0.0, INF),
    "beam.polarization": (-1.0, 1.0),
    "crystal.mosaic_spread_deg": (0.0, 180.0),
    "detector.distance_mm": (0.0, INF),
}


@pytest.mark.parametrize("path", QUANTITIES)
@pytest.mark.parametrize("transform", ["linear", "log"])
def test_no_step_leaves_what_a_quantity_can_be(path: str, transform: str) -> None:
    lower, upper = QUANTITIES[path]
    experiment = prepare(small_config(crystal={"mosaic_spread_deg": 0.1, "cells": (5.0, 9.0, 1.5)}))
    if path == "beam.polarization" and transform == "log":
        experiment = replace(experiment, beam=replace(experiment.beam, kahn_factor=jnp.asarray(0.4)))
    found = parameter_set([Free(path, transform=transform)], [experiment], system="orthorhombic").own
    for size in (0.3, 10.0, 300.0):
        for sign in (-1, 1):
            values = np.asarray(found.values(jnp.full(found.start.shape, sign * size)))
            assert (values >= lower).all()
            assert (values <= upper).all()


def test_cell_angles_stay_below_a_straight_one_and_user_bounds_come_first() -> None:
    experiment = prepare(small_config())
    found = parameter_set([Free("crystal.cell")], [experiment], system="triclinic").own
    assert (np.asarray(found.values(jnp.full((1, 6), 1e6)))[0, 3:] <= 180).all()
    assert (np.asarray(found.values(jnp.full((1, 6), -1e6))) >= 0).all()
    free = Free("crystal.cells", lower=0.2, upper=100.0)
    found = parameter_set([free], [experiment]).own
    assert np.asarray(found.lower).tolist() == [0.2] * 3
    assert np.asarray(found.upper).tolist() == [100.0] * 3


def test_a_start_on_a_limit_can_leave_it() -> None:
    experiment = prepare(small_config(crystal={"mosaic_spread_deg": 0.0}))
    frees = [Free("crystal.mosaic_spread_deg"), Free("beam.polarization")]
    polarized = replace(experiment, beam=replace(experiment.beam, kahn_factor=jnp.asarray(1.0)))
    found = parameter_set(frees, [polarized]).own
    for theta, side in ((jnp.ones((1, 2)), 1), (-jnp.ones((1, 2)), -1)):
        moved = np.asarray(found.values(theta) - found.start)[0]
        assert (side * moved > 0).all()
    assert 0 < float(found.start[0, 0]) < 0.01
    assert 0.99 < float(found.start[0, 1]) < 1


def test_mosaic_domains_stay_within_the_gap_of_the_spots() -> None:
    found = parameter_set([Free("crystal.mosaic_spread_deg")], [prepare(config())]).own
    # the corner of a panel of 16 mm at 60 mm, whose beam is one pixel off the middle
    two_theta = np.arctan(np.hypot(8.25, 8.25) / 60)
    assert float(found.upper[0]) == pytest.approx(np.degrees(1.0 / 53 / (2 * np.sin(two_theta / 2))), rel=1e-3)


def test_a_change_is_the_typical_one_or_a_hundredth_and_no_longer_than_the_way_to_a_bound() -> None:
    experiment = prepare(config(mosaic_spread_deg=0.1))
    at_zero = replace(experiment.crystal.mosaic, spread_rad=jnp.asarray(0.0))
    at_zero = experiment.with_crystal(replace(experiment.crystal, mosaic=at_zero))

    def start_and_scale(free: Free, of: Experiment = experiment) -> tuple[float, float]:
        found = parameter_set([free], [of]).own
        return float(found.start[0, 0]), float(found.scale[0, 0])

    distance, spread = "detector.distance_mm", "crystal.mosaic_spread_deg"
    assert parameters_of(experiment)[distance].typical == (0.01,)
    assert start_and_scale(Free(distance)) == (pytest.approx(60.0), 0.01)
    assert start_and_scale(Free(distance, scale=3.0)) == (pytest.approx(60.0), 3.0)
    assert start_and_scale(Free(distance, transform="log"))[1] == pytest.approx(0.6, rel=1e-9)
    assert start_and_scale(Free(distance, lower=59.995))[1] == pytest.approx(0.005, rel=1e-9)
    assert start_and_scale(Free(distance, upper=60.005))[1] == pytest.approx(0.005, rel=1e-9)
    assert start_and_scale(Free(distance, lower=59.0, scale=5.0))[1] == 5.0
    # on a limit a tenth of the change is gone inside, which then is the change
    assert start_and_scale(Free(spread), at_zero) == (pytest.approx(1e-3), pytest.approx(1e-3))
    assert start_and_scale(Free(spread, scale=0.2), at_zero) == (pytest.approx(0.02), 0.2)
    # what is zero has no hundredth
    dark = replace(experiment, beam=replace(experiment.beam, fluence_photons_per_m2=jnp.asarray(0.0)))
    assert start_and_scale(Free("beam.fluence_photons_per_m2"), dark) == (pytest.approx(0.1), pytest.approx(0.1))
    assert start_and_scale(Free("beam.fluence_photons_per_m2"))[1] == pytest.approx(4e26, rel=1e-9)


def test_logarithms_are_of_the_way_from_a_limit_that_is_not_zero() -> None:
    experiment = prepare(config())
    assert parameter_set([Free("scale", transform="log")], [experiment]).own.log == (True,)
    assert parameter_set([Free("scale", transform="log", lower=0.5)], [experiment]).own.log == (True,)
    cells = Free("crystal.cells", transform="log")
    assert parameter_set([cells], [experiment]).own.log == (False,) * 3
    assert parameter_set([replace(cells, upper=99.0)], [experiment]).own.log == (True,) * 3
    assert parameter_set([replace(cells, lower=1.0)], [experiment]).own.log == (True,) * 3
