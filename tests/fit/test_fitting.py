from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from problems import (
    CRYSTAL,
    PIXELS,
    SHARP,
    TRUTH,
    config,
    image,
    moved,
    toy,
    toy_image,
    toy_photons,
    truth,
)

from nbjax.errors import ConfigError
from nbjax.fit.descent import Descent
from nbjax.fit.equations import broadened
from nbjax.fit.fitting import fit
from nbjax.fit.least_squares import LeastSquares
from nbjax.fit.losses import Gaussian, Loss, PoissonGaussian, Robust
from nbjax.fit.observation import boxes
from nbjax.fit.parameter_set import Free
from nbjax.fit.result import FitResult, Outcome
from nbjax.fit.scoring import Scoring
from nbjax.fit.stages import COARSE_TO_FINE, Stage
from nbjax.physics.noise import poisson_counts
from nbjax.pipeline.image import simulate
from nbjax.preparation import prepare

ORIENTING = [Free("crystal.misset_deg"), Free("scale", transform="log")]


def fitted(start: list, images: list, frees=CRYSTAL, stages=SHARP, **options: object) -> FitResult:
    return fit(start, images, frees, stages, convention="mosflm", system="orthorhombic", **options)


def test_a_still_is_recovered_coarse_to_fine() -> None:
    result = fitted([moved(truth(), 0.5, 0.005, 1 / 3, 2.0)], [image()], stages=COARSE_TO_FINE[1:])
    (shot,) = result.shots
    assert result.converged
    assert shot.warnings == ()
    off = np.abs(shot.values - [*TRUTH[:9], 0.5])
    assert off[:3].max() < 5 * shot.sigmas[:3].max()
    assert off[3:6].sum() < 0.02
    assert off[6:9].max() < 0.2
    assert off[9] / 0.5 < 0.005
    assert (np.abs(off / shot.sigmas) < 4).all()
    assert {entry.stage for entry in result.history} == {0, 1, 2, 3}
    assert result.experiments[0].crystal.cell.misset_rad == pytest.approx(np.radians(shot.values[:3]))


def test_pulls_are_normal_and_one_bad_shot_does_not_sink_the_others() -> None:
    draws = 60
    mean = simulate(truth())
    images = [np.asarray(poisson_counts(mean, jax.random.key(i))) for i in range(draws)]
    bad = replace(truth(), beam=replace(truth().beam, wavelength_m=jnp.asarray(np.nan)))
    starts = [moved(truth(), 0.01, 1e-4, 0.01, 1.01)] * draws
    result = fitted([*starts, bad], [*images, images[0]])
    *good, last = result.shots
    assert last.outcome is Outcome.DIVERGED
    assert "not finite" in last.reason
    assert all(shot.outcome is Outcome.CONVERGED for shot in good)
    pulls = np.array([(shot.values - [*TRUTH[:9], 1 / 1.01]) / shot.sigmas for shot in good])
    # of 600 numbers, so that four standard deviations of the sample's own spread are left
    assert np.abs(pulls.mean(axis=0)).max() < 4 / np.sqrt(draws)
    assert np.abs(pulls.std(axis=0, ddof=1) - 1).max() < 4 / np.sqrt(2 * draws)
    assert abs(pulls.std() - 1) < 0.15
    alone = fitted(starts[:1], images[:1])
    assert alone.shots[0].values == pytest.approx(good[0].values, rel=1e-9)


def test_shots_share_a_detector() -> None:
    missets = np.random.default_rng(4).uniform(-180, 180, (6, 3))
    turned = [prepare(config(misset_deg=tuple(m))) for m in missets]
    images = [np.asarray(poisson_counts(simulate(e), jax.random.key(i))) for i, e in enumerate(turned)]
    off = {"distance_m": 0.06005, "beam_centre_m": turned[0].panel.beam_centre_m + 5e-5}
    starts = [e.with_panel(replace(e.panel, **off)) for e in turned]
    images[2] = images[3]
    shared = ("detector.distance_mm", "detector.beam_x_mm", "detector.beam_y_mm")
    frees = [*(Free(path, shared=True) for path in shared), Free("scale", transform="log")]
    result = fitted(starts, images, frees, [Stage(), Stage()], set_aside=3.0)
    assert [shot.outcome.value for shot in result.shots] == ["converged"] * 2 + ["diverged"] + ["converged"] * 3
    assert "far worse than the other shots" in result.shots[2].reason
    # the convention counts from the middle of the first pixel, and its default is the middle of the detector
    wanted = [60.0, 8.125, 8.125]
    found = [result.value(path) for path in shared]
    sigmas = [result.sigma(path) for path in shared]
    assert (np.abs(np.subtract(found, wanted)) < 4 * np.array(sigmas)).all()
    assert np.abs(np.subtract(found, wanted)).max() < 0.005
    assert len({tuple(shot.values[:3]) for shot in result.shots}) == 1


@pytest.fixture
def _toy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbjax.fit.equations.simulate_pixels", toy_photons)


@pytest.mark.usefixtures("_toy")
@pytest.mark.parametrize(
    "optimiser",
    [
        LeastSquares(),
        LeastSquares("gauss_newton"),
        LeastSquares("dogleg"),
        Descent(optax.adam(optax.cosine_decay_schedule(1.0, 400)), 100),
        Descent(optax.lbfgs()),
    ],
)
def test_other_optimisers_end_where_scoring_ends(optimiser: LeastSquares | Descent) -> None:
    start = [moved(toy(), 0.3), moved(toy(), -0.2, scale=1.3)]
    wanted = fitted(start, [toy_image()] * 2, ORIENTING)
    found = fitted(start, [toy_image()] * 2, ORIENTING, [Stage(optimiser=optimiser, steps=500, tolerance=1e-3)])
    for ours, theirs in zip(found.shots, wanted.shots, strict=True):
        assert ours.outcome is Outcome.CONVERGED
        assert np.isfinite(theirs.sigmas).all()
        assert (np.abs(ours.values - theirs.values) < 0.1 * theirs.sigmas).all()


@pytest.mark.usefixtures("_toy")
@pytest.mark.parametrize("loss", [PoissonGaussian(3.0), Gaussian(6.0), Robust(4.0, 3.0)])
def test_losses_with_readout_noise_take_negative_photons(loss: Loss) -> None:
    noisy = toy_image() + np.random.default_rng(2).normal(0, 3.0, toy_image().shape)
    assert (noisy < 0).any()
    (shot,) = fitted([moved(toy(), 0.1, scale=1.3)], [noisy], ORIENTING, loss=loss).shots
    assert shot.outcome is Outcome.CONVERGED
    assert shot.values[[0, 1, 3]] == pytest.approx([10.0, 20.0, 1 / 1.3], abs=0.05)


@pytest.mark.usefixtures("_toy")
def test_a_fit_in_32_bits_ends_where_one_in_64_does() -> None:
    start = moved(toy(), 0.1, scale=1.3)
    wanted = fitted([start], [toy_image()], ORIENTING).shots[0]
    start = jax.tree.map(lambda x: jnp.asarray(x, jnp.float32), start)
    with jax.enable_x64(False):
        found = fitted([start], [toy_image()], ORIENTING).shots[0]
    assert found.outcome is wanted.outcome is Outcome.CONVERGED
    assert (np.abs(found.values - wanted.values) < 0.02 * wanted.sigmas).all()


@pytest.mark.usefixtures("_toy")
def test_a_shot_that_cannot_be_used_is_a_row_with_its_reason() -> None:
    good, hole = toy_image(), toy_image().copy()
    hole[3, 5] = np.nan
    every = np.ones_like(good, bool)
    images = [good, np.zeros_like(good), hole, -good, good, good]
    used = [every] * 4 + [np.zeros_like(every), every]
    frees = [Free("crystal.misset_deg"), Free("scale", transform="log", shared=True)]
    result = fitted([moved(toy(), 0.3)] * 6, images, frees, [Stage(), Stage()], used=used, set_aside=5.0)
    assert [shot.outcome.value for shot in result.shots] == ["converged", *["unusable"] * 4, "converged"]
    reasons = [shot.reason for shot in result.shots[1:5]]
    assert reasons[0].startswith("is blank: all of its 256 pixels hold 0")
    assert reasons[1].startswith("1 pixel is NaN or infinite, the first at (slow, fast) = (3, 5)")
    assert reasons[2].startswith("256 pixels are negative")
    assert reasons[3].startswith("no pixel is left")
    assert all(shot.goodness is None and np.isnan(shot.loss) and shot.pixels == 0 for shot in result.shots[1:5])
    alone = fitted([moved(toy(), 0.3)] * 2, [good] * 2, frees, [Stage(), Stage()])
    for shot, same in zip((result.shots[0], result.shots[5]), alone.shots, strict=True):
        assert shot.values == pytest.approx(same.values, rel=1e-9)
        assert shot.sigmas == pytest.approx(same.sigmas, rel=1e-6)


@pytest.mark.usefixtures("_toy")
def test_convergence_needs_a_model_that_agrees_with_the_data() -> None:
    (good,) = fitted([moved(toy(), 0.3)], [toy_image()], ORIENTING).shots
    assert good.goodness is not None
    assert good.goodness.verdict == "good"
    assert good.warnings == ()
    assert not good.goodness.structured
    halo = 3 + np.add.outer(np.arange(16), np.arange(16)) / 8
    above = toy_image() + np.random.default_rng(6).poisson(halo)
    (lacking,) = fitted([moved(toy(), 0.1)], [above], ORIENTING, background="none").shots
    assert any(note.startswith("residuals of neighbouring pixels are alike") for note in lacking.warnings)
    flat = np.random.default_rng(5).poisson(20.0, toy_image().shape).astype(float)
    (noise,) = fitted([toy()], [flat], [Free("scale", transform="log")]).shots
    assert (noise.outcome, noise.goodness.verdict) == (Outcome.POOR, "poor")
    elsewhere = np.roll(toy_image(), 5)
    (wrong,) = fitted([toy()], [elsewhere], [Free("scale", transform="log")]).shots
    assert wrong.outcome is Outcome.POOR
    worst = wrong.goodness.worst[0]
    assert worst.data == elsewhere[worst.slow, worst.fast]
    spike = 1e4 * (np.arange(16) == 2) * (np.arange(16)[:, None] == 14)
    (hot,) = fitted([toy()], [toy_image() + spike], ORIENTING, background="none").shots
    assert (hot.goodness.worst[0].slow, hot.goodness.worst[0].fast) == (14, 2)
    assert hot.goodness.worst[0].sigmas > 100
    assert hot.outcome is Outcome.POOR
    (without,) = fitted([toy()], [toy_image()], [Free("scale"), Free("beam.wavelength_A")]).shots
    assert without.outcome is Outcome.UNDETERMINED
    assert without.reason == "nothing in the data determines beam.wavelength_A; leave it out"


def test_least_squares_take_several_shots_of_the_whole_model() -> None:
    start = [moved(truth(), scale=1.2), moved(truth(), scale=0.9)]
    solver = Stage(optimiser=LeastSquares(), steps=20, tolerance=1e-3)
    result = fitted(start, [image()] * 2, [Free("scale", transform="log")], [solver])
    assert result.converged
    assert [result.value("scale", i) for i in (0, 1)] == pytest.approx([1 / 1.2, 1 / 0.9], rel=0.003)


@pytest.mark.usefixtures("_toy")
def test_outcomes_other_than_convergence() -> None:
    start, image = moved(toy(), 0.3, scale=1.25), toy_image()
    result = fitted([start], [image], ORIENTING, [Stage(steps=1, tolerance=1e-9)])
    assert result.shots[0].outcome is Outcome.STALLED
    assert "not done after 1 steps" in result.shots[0].reason
    narrow = [Free("crystal.misset_deg", upper=31.0), Free("scale", lower=0.9, upper=1.1)]
    result = fitted([start], [image], narrow, [Stage(steps=80)])
    assert result.shots[0].outcome is Outcome.OUT_OF_BOUNDS
    assert result.shots[0].reason == "ran into a bound of scale"
    assert 0.9 <= result.value("scale") < 0.901
    blind = fitted([start], [image], [Free("beam.wavelength_A")])
    assert blind.shots[0].outcome is Outcome.STALLED
    assert blind.shots[0].warnings[0].startswith("beam.wavelength_A has no effect")


@pytest.mark.usefixtures("_toy")
def test_a_rate_that_is_too_high_leaves_the_last_good_values() -> None:
    wild = Stage(optimiser=Descent(optax.sgd(1e308), 2), steps=10)
    result = fitted([moved(toy(), 0.3)], [toy_image()], ORIENTING, [wild])
    assert result.shots[0].outcome is Outcome.DIVERGED
    assert np.isfinite(result.shots[0].values).all()
    assert np.isfinite(result.shots[0].loss)


def test_wider_spots_hold_as_many_photons() -> None:
    dry = prepare(config(water_um=0.0))
    sharp = float(simulate(dry).sum())
    # the exact sum over a lattice has side maxima, and a Gaussian has none
    assert float(simulate(broadened(dry, 1.5)).sum()) == pytest.approx(sharp, rel=0.3)
    first, second = (float(simulate(broadened(dry, factor)).sum()) for factor in (1.3, 2.6))
    assert second == pytest.approx(first, rel=0.1)


def test_a_stage_moves_what_it_is_told_to() -> None:
    broad = COARSE_TO_FINE[1]
    assert broad.moves("crystal.misset_deg")
    assert broad.moves("detector.distance_mm")
    assert not broad.moves("crystal.cells")
    assert not Stage(("scale",)).moves("crystal.misset_deg")
    # stages in which nothing moves are left out
    result = fitted([moved(truth(), cells=0.1)], [image()], [Free("crystal.cells")], COARSE_TO_FINE[1:])
    assert {entry.stage for entry in result.history} == {2, 3}


def test_boxes_hold_the_brightest_spots() -> None:
    used = boxes(truth(), 2, 5.0)
    photons = np.asarray(simulate(truth()))
    few = boxes(truth(), 2, 5.0, most=10)
    assert (few <= used).all()
    assert 100 < few.sum() <= 250
    assert few[np.unravel_index(photons.argmax(), photons.shape)]
    assert photons[few].mean() > 3 * photons[~few].mean()


def test_faulty_input_is_refused() -> None:
    good, start = image(), [truth()]

    def message(images: list, frees=ORIENTING, experiments=start, **options: object) -> str:
        with pytest.raises(ConfigError) as caught:
            fitted(experiments, images, frees, **options)
        return str(caught.value)

    assert "data, shot 1: has 10 x 64 pixels" in message([good[:10]])
    hole = np.where(np.arange(PIXELS) == 3, np.nan, good)
    assert "64 pixels are NaN or infinite, the first at (slow, fast) = (0, 3)" in message([hole])
    assert f"{PIXELS**2} pixels are negative" in message([-good - 1])
    assert f"data, shot 1: is blank: all of its {PIXELS**2} pixels hold 0" in message([0 * good])
    assert "no pixel is left after masking" in message([good], used=[np.zeros_like(good, bool)])
    tophat = truth().with_crystal(replace(truth().crystal, shape="tophat"))
    assert "tophat', which has no gradient" in message([good], experiments=[tophat])
    found = message([good], stages=[Stage(("detector.distance_mm",))])
    assert "detector.distance_mm is not among the free parameters (crystal.misset_deg, " in found
    misspelt = message([good], frees=[Free("crystal.missets_deg")], stages=[Stage(("crystal.misset_deg",))])
    assert "did you mean crystal.misset_deg?" in misspelt
    assert "none is free" in message([good], frees=[])
    with pytest.raises(ConfigError, match="knows no shared parameters"):
        fitted(start, [good], [Free("scale", shared=True)], [Stage(optimiser=LeastSquares())])
    assert isinstance(Stage().optimiser, Scoring)
