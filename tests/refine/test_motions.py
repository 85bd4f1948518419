"""Motions of panels: which groups move, and where to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from panels import GEOMETRY, experiment
from scipy.spatial.transform import Rotation

import nbjax
from nbjax.errors import ConfigError
from nbjax.experiment import Experiment
from nbjax.preparation import place
from nbjax.refine.motions import moved, movers_of
from nbjax.refine.parameters import COUNT, Start, departed
from nbjax.refine.parameters import place as number_of

MOTION = np.array([1e-4, -2e-4, 3e-4, 0.0, 0.01, 0.0])
GROUPED = "rigid_group_pair = left,right\nrigid_group_collection_all = pair\n"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Experiment]:
    with jax.enable_x64(True):
        yield experiment(tmp_path_factory.mktemp("pair"))


def test_a_panel_turns_about_its_middle_and_is_shifted(pair: Experiment) -> None:
    movers = movers_of(pair, ["panels[right]"])
    assert movers.of_panel.tolist() == [1, 0]
    at, then = (place(e.detector, e.beam.direction) for e in (pair, moved(pair, movers, jnp.asarray(MOTION[None]))))
    turn = Rotation.from_rotvec(MOTION[3:]).as_matrix()
    middle = np.asarray(movers.centre_m[0])
    np.testing.assert_allclose(middle, at.origin_m[1] + 0.008 * at.fast[1] + 0.016 * at.slow[1], atol=1e-12)
    np.testing.assert_allclose(then.origin_m[1], turn @ (at.origin_m[1] - middle) + middle + MOTION[:3], atol=1e-12)
    np.testing.assert_allclose(then.fast[1], turn @ at.fast[1], atol=1e-12)
    np.testing.assert_array_equal(then.origin_m[0], at.origin_m[0])


def test_an_only_panel_moves_alike(pair: Experiment, tmp_path: Path) -> None:
    only = nbjax.prepare(nbjax.load_config("configs/simple_cubic.toml"))
    only = nbjax.put(only, "panel.rotation_rad", jnp.array([0.02, 0.1, -0.03]))
    movers = movers_of(only, ["panels[*]"])
    at, then = (place(e.detector, e.beam.direction) for e in (only, moved(only, movers, jnp.asarray(MOTION[None]))))
    turn, middle = Rotation.from_rotvec(MOTION[3:]).as_matrix(), np.asarray(movers.centre_m[0])
    np.testing.assert_allclose(then.origin_m, turn @ (at.origin_m - middle) + middle + MOTION[:3], atol=1e-12)
    np.testing.assert_allclose(then.slow, turn @ at.slow, atol=1e-12)
    still = place(moved(only, movers, jnp.zeros((1, 6))).detector, only.beam.direction)
    np.testing.assert_allclose(still.origin_m, at.origin_m, atol=1e-14)


def test_a_shot_shifts_all_panels(pair: Experiment) -> None:
    cell = pair.crystal.cell
    start = Start(pair.beam.wavelength_m, cell.lengths_m, cell.angles_rad, cell.orientation, jnp.zeros((6, 6)))
    shifted = departed(pair, start, jnp.zeros(COUNT).at[number_of("shift_z_mm")].set(0.5))
    at, then = (place(e.detector, e.beam.direction).origin_m for e in (pair, shifted))
    np.testing.assert_allclose(then - at, [[0, 0, 5e-4]] * 2, atol=1e-15)
    elsewhere = replace(start, shift_mm=jnp.array([0.1, 0.0, -0.2]))
    apart = jnp.zeros(COUNT).at[number_of("shift_z_mm")].set(0.5).at[number_of("log_size_b")].set(np.log(2))
    made = departed(pair, elsewhere, apart.at[number_of("log_size")].set(np.log(3)))
    then = place(made.detector, made.beam.direction).origin_m
    np.testing.assert_allclose(then - at, [[1e-4, 0, 3e-4]] * 2, atol=1e-15)
    np.testing.assert_allclose(made.crystal.cells / pair.crystal.cells, [3, 6, 3], rtol=1e-12)


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (["panels[top]"], "has 'panels[top]', and the panels are left, right; name one of them"),
        (["quads[*]"], "has 'quads[*]'; give panels[*], groups[*], or one of them as panels[NAME]"),
        (["groups[*]"], "has 'groups[*]', and the detector has no groups; give panels[*]"),
    ],
)
def test_names_that_are_none(pair: Experiment, wanted: list[str], words: str) -> None:
    with pytest.raises(ConfigError) as error:
        movers_of(pair, wanted)
    assert f"refine.moving: {words}" in str(error.value)


def test_a_panel_moves_once(tmp_path: Path) -> None:
    third = "top/corner_x = -82\ntop/corner_y = 90\n"
    with jax.enable_x64(True):
        three = experiment(tmp_path, GEOMETRY + third + GROUPED)
        assert movers_of(three, ["groups[pair]", "panels[top]"]).of_panel.tolist() == [0, 0, 1]
        with pytest.raises(ConfigError, match="moves panel 'left' twice, with pair and left"):
            movers_of(three, ["panels[*]", "groups[pair]"])
