"""Parameters of several panels: all of them together, each, and their groups."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from panel_files import write_geometry
from scipy.spatial.transform import Rotation

from nbjax.config.edit import with_values
from nbjax.config.tree import Config, Crystal, Sampling
from nbjax.errors import ConfigError
from nbjax.experiment import Experiment
from nbjax.geometry.detector import place_detector
from nbjax.parameters import find, meant, parameters_of
from nbjax.preparation import prepare

place = jax.jit(lambda e: place_detector(e.detector, e.beam.direction))


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """Three panels, of which the first two are a group, and whose thickness is known."""
    file = write_geometry(tmp_path_factory.mktemp("panels"))
    crystal = Crystal(cell_A=(40.0, 50.0, 60.0), cell_deg=(90.0,) * 3, default_F=100.0, cells=(5.0,) * 3)
    detector = {"detector.file": file, "detector.thickness_um": 320.0, "detector.attenuation_depth_um": 200.0}
    return with_values(Config(crystal=crystal, sampling=Sampling(oversample=1)), detector)


@pytest.fixture(scope="module")
def experiment(config: Config) -> Experiment:
    with jax.enable_x64(True):
        return prepare(config)


def moved(experiment: Experiment, path: str, value: Any) -> Experiment:
    return parameters_of(experiment)[path].set(experiment, jnp.atleast_1d(jnp.asarray(value, float)))


def difference(a: Any, b: Any) -> float:
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return max(float(np.abs(np.subtract(x, y)).max() / (np.abs(np.asarray(y)).max() or 1.0)) for x, y in pairs)


def test_setting_what_was_got_changes_nothing(experiment: Experiment) -> None:
    table = parameters_of(experiment)
    same = jax.jit(lambda e: {path: p.set(e, p.get(e)) for path, p in table.items()})(experiment)
    for path, parameter in table.items():
        assert parameter.get(experiment).shape == (len(parameter.labels),) == (len(parameter.unit),), path
        assert difference(same[path], experiment) < 1e-14, path
    own = [f"{which}.{motion}" for motion in ("shift_mm", "rotation_deg") for which in ("groups[pair]",)]
    own += [f"panels[{name}].{m}" for m in ("shift_mm", "rotation_deg") for name in ("left", "right", "upper")]
    assert [path for path in table if "[" in path] == own


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("detector.distance_mm", 103.0),
        ("detector.two_theta_deg", 4.0),
        ("detector.rotation_y_deg", -2.0),
        ("detector.origin_shift_mm", (0.1, -0.2, 0.3)),
        ("detector.thickness_um", 120.0),
        ("detector.attenuation_depth_um", 250.0),
    ],
)
def test_what_moves_all_panels_does_what_its_key_does(
    config: Config, experiment: Experiment, path: str, value: float | tuple[float, ...]
) -> None:
    wanted = prepare(with_values(config, {path: value}))
    found = moved(experiment, path, value)
    assert difference(place(found), place(wanted)) < 1e-13
    assert difference(found, wanted) < 1e-13
    assert difference(experiment, wanted) > 1e-4
    again = parameters_of(found)[path].get(found)
    np.testing.assert_allclose(again, np.atleast_1d(value), rtol=1e-13)


def test_the_distance_changes_by_a_shift_along_the_beam_however_panels_stand(experiment: Experiment) -> None:
    stands = moved(moved(experiment, "groups[pair].rotation_deg", (1.0, 2.0, 3.0)), "panels[right].shift_mm", (1, 2, 3))
    stands = moved(moved(stands, "detector.two_theta_deg", 10.0), "detector.rotation_z_deg", 20.0)
    before, after = (place(e) for e in (stands, moved(stands, "detector.distance_mm", 110.0)))
    (by_mm,) = 110.0 - parameters_of(stands)["detector.distance_mm"].get(stands)
    shift_m = 1e-3 * by_mm * stands.beam.direction
    np.testing.assert_allclose(after.origin_m - before.origin_m, np.broadcast_to(shift_m, (3, 3)), atol=1e-15)
    np.testing.assert_allclose(after.fast, before.fast, atol=1e-15)


@pytest.mark.parametrize(("path", "panels"), [("groups[pair]", (0, 1)), ("panels[upper]", (2,))])
def test_panels_and_groups_turn_about_their_middles_and_shift(
    experiment: Experiment, path: str, panels: tuple[int, ...]
) -> None:
    angles, shift_mm = (3.0, -4.0, 5.0), (0.3, 0.2, -0.1)
    found = place(moved(moved(experiment, f"{path}.rotation_deg", angles), f"{path}.shift_mm", shift_mm))
    before = place(experiment)
    turn = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    groups = experiment.detector.groups
    assert groups is not None
    middle = np.asarray(groups.centre_m[groups.names.index(path.split("[")[1][:-1])])
    for number in range(3):
        here = turn if number in panels else np.eye(3)
        wanted = here @ (before.origin_m[number] - middle) + middle + (number in panels) * np.array(shift_mm) * 1e-3
        np.testing.assert_allclose(found.origin_m[number], wanted, atol=1e-15)
        np.testing.assert_allclose(found.slow[number], here @ before.slow[number], atol=1e-14)


def test_panels_that_differ_keep_their_differences(experiment: Experiment) -> None:
    panels = experiment.detector.panels
    rotation = panels.rotation_rad.at[1, 2].add(0.1)
    unlike = replace(panels, rotation_rad=rotation, thickness_m=panels.thickness_m * jnp.array([1.0, 2.0, 0.5]))
    other = replace(experiment, detector=replace(experiment.detector, panels=unlike))
    thicker = moved(other, "detector.thickness_um", 480.0).detector.panels.thickness_m
    np.testing.assert_allclose(thicker, 480e-6 * np.array([1.0, 2.0, 0.5]), rtol=1e-14)
    turned = moved(other, "detector.rotation_z_deg", 2.0).detector.panels.rotation_rad[:, 2]
    np.testing.assert_allclose(turned, np.radians(2.0) + np.array([0.0, 0.1, 0.0]), rtol=1e-14)


def test_names_of_all_and_numbers_stand_for_parameters(experiment: Experiment) -> None:
    table = parameters_of(experiment)
    assert meant(table, "panels[*].shift_mm") == [f"panels[{name}].shift_mm" for name in ("left", "right", "upper")]
    assert meant(table, "panels[1].rotation_deg") == ["panels[right].rotation_deg"]
    assert meant(table, "groups[0].shift_mm") == ["groups[pair].shift_mm"]
    assert meant(table, "crystals[*].cells") == ["crystal.cells"]
    assert meant(table, "scale") == ["scale"]
    assert meant(table, "panels[3].shift_mm") == meant(table, "panels[lower].shift_mm") == []


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("panels[lower].shift_mm", "but the panels of this detector are left, right, upper; name one of them, or [*]"),
        ("panels[3].shift_mm", "but the panels of this detector are left, right, upper"),
        ("groups[quad].shift_mm", "but the groups of this detector are pair; name one of them"),
        ("panels[left].tilt", "which is no motion of panels; use panels[left].shift_mm or panels[left].rotation_deg"),
        ("panels.shift_mm", "which names none of the panels; use panels[*].shift_mm for all of them"),
        ("detector.pixel_mm", "which is of one panel, and this detector has several; use detector.distance_mm"),
        ("detector.close_distance_mm", "use detector.distance_mm"),
        ("detector.beam_x_mm", "use detector.origin_shift_mm for all of them, or panels[*].shift_mm for each"),
        ("detector.fast_axis", "use detector.axes_deg"),
    ],
)
def test_a_name_that_several_panels_do_not_have_is_answered(experiment: Experiment, path: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        find(parameters_of(experiment, "custom"), path)
    assert said in str(caught.value)


def test_a_detector_without_groups_and_one_panel_say_so(config: Config, tmp_path: Path) -> None:
    text = "".join(
        line for line in Path(config.detector.file or "").read_text().splitlines(True) if "rigid_group" not in line
    )
    apart = prepare(with_values(config, {"detector.file": write_geometry(tmp_path, text)}))
    with pytest.raises(ConfigError, match=r"has no groups; use panels\[\*\].shift_mm"):
        find(parameters_of(apart), "groups[pair].shift_mm")
    alone = prepare(with_values(config, {"detector.file": None, "detector.distance_mm": 100.0}))
    with pytest.raises(ConfigError, match=r"which has one panel; use detector.origin_shift_mm"):
        find(parameters_of(alone), "panels[0].shift_mm")
