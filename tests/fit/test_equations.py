"""The likelihood of shots with its slopes and information, against sums over the pixels and differences."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from problems import SHARP, config, toy, toy_image, toy_photons

from nbjax.fit.equations import Focus, Theta, broadened, equations, modelled, residuals, value
from nbjax.fit.limits import spot_gap_deg, spot_width_px
from nbjax.fit.losses import Poisson
from nbjax.fit.parameter_set import Free
from nbjax.fit.problem import problem
from nbjax.preparation import prepare

FREES = [Free("crystal.misset_deg"), Free("scale", transform="log", shared=True)]


@pytest.fixture(autouse=True)
def _toy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbjax.fit.equations.simulate_pixels", toy_photons)


@pytest.mark.parametrize("background", ["none", "plane"])
def test_slopes_and_information_are_those_of_the_sum_over_pixels(background: str) -> None:
    mask = np.ones((16, 16), bool)
    mask[3] = False
    images = [toy_image(), toy_image()[::-1].copy()]
    posed = problem([toy(), toy()], images, FREES, SHARP, convention="mosflm", background=background, used=[mask, mask])
    shots = posed.shots
    focus = Focus(posed.loss, False, jnp.asarray(1.0), jnp.ones(1, bool), jnp.array([True, True, False]))
    theta = Theta(jnp.array([0.1]), jnp.array([[0.3, -0.2, 0.1], [0.1, 0.2, -0.3]]))
    at = equations(focus, shots, theta)

    def moved(step: np.ndarray) -> Theta:
        return Theta(theta.shared + step[:1], theta.own + step[1:])

    steps = 1e-4 * np.eye(4)
    values = [[np.asarray(equations(focus, shots, moved(sign * step)).value) for sign in (1, -1)] for step in steps]
    slopes = np.array([(up - down) / 2e-4 for up, down in values]).T
    # what does not move has none
    slopes[:, 3] = 0
    np.testing.assert_allclose(at.gradient, slopes, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(value(focus, shots, theta), at.value, rtol=1e-9)
    spots, level, alone = modelled(focus, shots, theta)
    used = np.asarray(shots.observation.weight) > 0
    data = np.asarray(shots.observation.data)
    prior = np.zeros(2)
    for shot in range(2):
        mean, seen = np.asarray(spots)[shot][used[shot]], data[shot][used[shot]]
        assert len(mean) == mask.sum()
        assert sorted(seen) == sorted(images[shot][mask])
        nll = np.asarray(Poisson().nll(jnp.asarray(mean), jnp.asarray(seen))).sum()
        prior[shot] = float(at.value[shot]) - nll
    if background == "none":
        assert level is alone is None
        np.testing.assert_allclose(prior, 0, atol=1e-9 * float(at.value[0]))
        up, down = (np.asarray(modelled(focus, shots, moved(s * steps[0]))[0]) for s in (1, -1))
        column = (up - down) / 2e-4
        wanted = np.where(used, column**2 / np.asarray(spots), 0).sum((1, 2))
        np.testing.assert_allclose(np.asarray(at.information)[:, 0, 0], wanted, rtol=1e-6)
    else:
        assert (prior > 0).all()
    one = jax.tree.map(lambda leaf: leaf[0], (shots.experiments, shots.observation, shots.own.start, shots.own.scale))
    first = replace(shots, experiments=one[0], observation=one[1], own=replace(shots.own, start=one[2], scale=one[3]))
    each = np.asarray(jax.jit(lambda t: residuals(focus, first, t.shared, t.own[0]))(theta))
    assert 0.5 * each @ each == pytest.approx(float(at.value[0]), rel=1e-9)


def test_spots_are_widened_down_to_cells_that_do_not_merge() -> None:
    crystal = prepare(config(cells=(6.0, 3.0, 1.5), shape="square")).crystals[0]
    made = replace(toy(), crystals=(crystal,))
    (wide,) = broadened(made, 2.0).crystals
    np.testing.assert_allclose(wide.cells, [3.0, 1.8, 1.5], rtol=1e-12)
    assert wide.shape == "gauss"
    # as many photons on average
    assert float(wide.factors.default) == pytest.approx(
        float(crystal.factors.default) * np.sqrt(2 * 3 / 1.8), rel=1e-12
    )
    (same,) = broadened(replace(made, crystals=(replace(crystal, shape="round"),)), 1.0).crystals
    assert same.shape == "round"
    np.testing.assert_array_equal(same.cells, crystal.cells)
    sheared = replace(crystal, cells=jnp.asarray([6.0, 8.0, 10.0]), cells_off_diagonal=jnp.asarray([2.0, -4.0, 1.0]))
    (even,) = broadened(replace(made, crystals=(replace(sheared, shape="gauss"),)), 2.0).crystals
    np.testing.assert_allclose(even.cells_off_diagonal, [1.0, -2.0, 0.5], rtol=1e-12)


def test_spots_are_as_wide_as_a_slit_says_and_as_far_apart_as_the_shortest_vector() -> None:
    made = prepare(config())
    # the middle of 6 x 41, 47 and 53 Angstrom, 60 mm away, on pixels of 0.25 mm
    assert spot_width_px(made) == pytest.approx(0.886 / (6 * 47) * 60 / 0.25, rel=1e-9)
    beam_mm = np.asarray(made.panel.beam_centre_m) * 1e3
    angle = np.arctan2(np.hypot(*np.maximum(beam_mm, 16 - beam_mm)), 60.0)
    longest = 2 * np.sin(angle / 2)
    assert spot_gap_deg(made) == pytest.approx(np.degrees(1 / 53 / longest), rel=1e-6)
