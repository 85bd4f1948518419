"""Intensities of the unique reflections from the spots of all shots, in turns with what is each shot's own.

A spot's height over the model says what its reflection's intensity is over the present one. Its variance is that of
the photons, with what the model lacks and what the shot's own numbers leave open. Weighted means over all shots are
the next intensities, and each shot then follows them. Sums are kept of the reflections alone, for two halves of the
shots.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from nbjax.experiment import Experiment
from nbjax.geometry.unit_cell import cell_of
from nbjax.io.symmetry import symmetry_of_hall
from nbjax.numerics import components
from nbjax.pipeline.closed.survey import longest_per_m
from nbjax.pipeline.compilation import compiled
from nbjax.refine.amplitudes import Prior, amplitudes, wilson_means
from nbjax.refine.equations import held, linearised, with_prior
from nbjax.refine.model import Shot, log_photons, spots_of
from nbjax.refine.outcome import ShotResult
from nbjax.refine.pixels import Pixels
from nbjax.refine.rounds import FACTORS, Rounds, as_arrays, of_arrays
from nbjax.refine.run import Run, shot_of, solved, still_of
from nbjax.refine.settings import RefineSettings, prior_sigmas
from nbjax.refine.shot import Noise, first_weights, weights_of
from nbjax.refine.stages import Look, finishing, look_of, schedule_of
from nbjax.refine.start import start_of
from nbjax.refine.unique import Unique, unique_reflections

ROUNDS = 4
_FAR = 4.0
"""Standard deviations from which on a spot counts less (Huber), once intensities are known."""
_MARGIN = 1.02
"""Of the resolution."""
_LEAST = 1e-3
"""Of the largest amplitude; of nothing no height can be told."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Observation:
    """What a shot says of its spots' intensities, all over those of the model.

    Attributes:
        height: photons over the model's.
        variance: of the photons alone.
        open: variance of the logarithm of the model, by what the shot's own numbers leave open.
    """

    height: Float[Array, " n"]
    variance: Float[Array, " n"]
    open: Float[Array, " n"]


@dataclass(frozen=True)
class Sums:
    """Of the observations of each reflection in both halves of the shots.

    Attributes:
        weight, first, second: weights, and with them the sums of intensities and of their squares, shape (2, n).
        plain: intensities without weights.
        count: how many.
    """

    weight: Float[np.ndarray, "2 n"]
    first: Float[np.ndarray, "2 n"]
    second: Float[np.ndarray, "2 n"]
    plain: Float[np.ndarray, "2 n"]
    count: Float[np.ndarray, "2 n"]

    def mean(self) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        """Weighted means with standard deviations, which are infinite where there are none.

        Where the observations differ by more than their standard deviations, those of the means are as much larger.
        """
        weight, first, second, count = (x.sum(0) for x in (self.weight, self.first, self.second, self.count))
        seen = count > 0
        mean = np.where(seen, first / np.where(seen, weight, 1), 0)
        rest = np.where(seen, second - weight * mean**2, 0).sum()
        spread = max(rest / max(float(np.maximum(count - 1, 0).sum()), 1.0), 1.0)
        return mean, np.where(seen, np.sqrt(spread / np.where(seen, weight, 1)), np.inf)

    def halves(self) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        """Means of each half; NaN where it has none."""
        seen = self.count > 0
        one, two = np.where(seen, self.first / np.where(seen, self.weight, 1), np.nan)
        return one, two


@dataclass(frozen=True)
class Merged:
    """Amplitudes of the unique reflections.

    Attributes:
        unique: the reflections.
        F, sigma_F: in electrons; of those that no shot has, what the prior says.
        sums: of the last round.
        before: of the first one, whose shots had been refined with the starting amplitudes.
        departures: of each shot, by its number.
    """

    unique: Unique
    F: Float[np.ndarray, " n"]
    sigma_F: Float[np.ndarray, " n"]
    sums: Sums
    before: Sums
    departures: dict[int, np.ndarray]


def tabled(run: Run) -> tuple[Run, Unique]:
    """The run with the amplitudes of the unique reflections in a table, and these reflections.

    Raises:
        FileError: memory does not hold the table.
    """
    experiment, still = run.experiment, run.inputs.first
    assert still.experiment.crystal is not None
    assert still.experiment.crystal.direct_A is not None
    lengths, angles = cell_of(still.experiment.crystal.direct_A)
    shortest_A = 1e10 / longest_per_m(experiment) / _MARGIN
    symmetry = symmetry_of_hall(next((each.space_group for each in run.inputs.stills if each.space_group), ""))
    cell = np.array([*lengths, *np.degrees(angles)])
    unique = unique_reflections(symmetry, cell, shortest_A, run.settings.mates_apart)
    return replace(run, experiment=with_amplitudes(experiment, unique, _starting(experiment, unique))), unique


def _starting(experiment: Experiment, unique: Unique) -> Float[np.ndarray, " n"]:
    """Amplitudes that the experiment has; where it has none, a small number."""
    factors = experiment.crystal.factors.seen_at(experiment.beam.wavelength_m)
    hkl = components(jnp.asarray(np.where(unique.minus[:, None], -1, 1) * unique.hkl, float))
    F = np.broadcast_to(np.asarray(factors.at(hkl, hkl), float), len(unique))
    return np.maximum(F, _LEAST * max(float(F.max(initial=0)), 1e-3))


def with_amplitudes(experiment: Experiment, unique: Unique, F: Float[np.ndarray, " n"]) -> Experiment:
    """The experiment with other amplitudes of the unique reflections, and those of its default beyond."""
    crystal = experiment.crystal
    h, k, l = unique.limits  # noqa: E741
    factors = replace(
        crystal.factors,
        values=jnp.asarray(unique.table(F, 0.0), crystal.factors.default.dtype),
        minimum=(-h, -k, -l),
        interpolate=False,
        wavelengths_m=None,
        channel=None,
    )
    return experiment.with_crystal(replace(crystal, factors=factors))


def refine_factors(
    run: Run,
    unique: Unique,
    shots: Sequence[ShotResult],
    pixels: Pixels,
    say: Callable[[str], None],
    rounds: Rounds,
) -> Merged:
    """Refine the intensities of the unique reflections in turns with the shots.

    Args:
        run: as ``tabled``.
        unique: its reflections.
        shots: refined one by one with the starting amplitudes.
        pixels: their shoeboxes.
        say: is told what is being done.
        rounds: those that were done before, and where each is kept.
    """
    settings = run.settings
    start = _starting(run.experiment, unique)
    errors = np.geomspace(max(settings.factor_error, settings.model_error), settings.model_error, ROUNDS)
    kept = rounds.read(FACTORS)
    if kept is None:
        departures = {shot.number: shot.departure for shot in shots if shot.outcome.value == "refined"}
        sums = before = _round(run, unique, start, departures, pixels, settings.factor_error, say, "spots")
        done = 0
    else:
        departures, sums, before = of_arrays(kept), _sums(kept["sums"]), _sums(kept["before"])
        done = int(kept["number"])
    F, sigma_F = _merged(unique, start, sums, settings)
    for number, error in enumerate(errors[done:], done + 1):
        now = replace(run, experiment=with_amplitudes(run.experiment, unique, F))
        name = f"factors, round {number}"
        _follow(now, departures, pixels, float(error), say, name)
        sums = _round(now, unique, F, departures, pixels, float(error), say, name)
        F, sigma_F = _merged(unique, start, sums, settings)
        rounds.write(FACTORS, number=number, sums=_columns(sums), before=_columns(before), **as_arrays(departures))
    return Merged(unique, F, sigma_F, sums, before, departures)


def _columns(sums: Sums) -> Float[np.ndarray, "5 2 n"]:
    """Sums as an array to keep."""
    return np.stack([getattr(sums, each.name) for each in fields(Sums)])


def _sums(columns: Float[np.ndarray, "5 2 n"]) -> Sums:
    """The inverse of ``_columns``."""
    return Sums(*columns)


def _follow(
    run: Run,
    departures: dict[int, np.ndarray],
    pixels: Pixels,
    height_sigma: float,
    say: Callable[[str], None],
    name: str,
) -> None:
    """Refine each shot's own numbers once more."""
    prior = jnp.asarray(prior_sigmas(run.settings.priors))
    for count, number in enumerate(departures, 1):
        say(f"{name}: shot {count} of {len(departures)}")
        start = start_of(still_of(run, number), run.experiment, run.settings)
        schedule = finishing(schedule_of(run.stages, np.asarray(start.tie), height_sigma))
        found = solved(run, start, pixels.read(number), prior, schedule, jnp.asarray(departures[number]))
        if np.isfinite(found.departure).all():
            departures[number] = np.asarray(found.departure)


def _round(
    run: Run,
    unique: Unique,
    F: Float[np.ndarray, " n"],
    departures: Mapping[int, np.ndarray],
    pixels: Pixels,
    height_sigma: float,
    say: Callable[[str], None],
    name: str,
) -> Sums:
    """Sums over the observations of all shots."""
    prior = jnp.asarray(prior_sigmas(run.settings.priors))
    nothing = np.zeros((2, len(unique)))
    sums = Sums(*(nothing.copy() for _ in range(5)))
    for half, number in enumerate(departures):
        say(f"{name}: shot {half + 1} of {len(departures)}")
        boxes = pixels.read(number)
        start = start_of(still_of(run, number), run.experiment, run.settings)
        look = look_of(run.stages[-1], np.asarray(start.tie), height_sigma)
        told = observe(run.experiment, shot_of(start, boxes), run.noise, prior, look, jnp.asarray(departures[number]))
        count = len(boxes.rows)
        rows = unique.of(boxes.hkl[:count].astype(int))
        own: Observation = jax.tree.map(lambda leaf, count=count: np.asarray(leaf)[:count], told)
        add(sums, half % 2, rows, F, own, run.settings.model_error)
    return sums


def add(
    sums: Sums,
    half: int,
    rows: Int[np.ndarray, " m"],
    F: Float[np.ndarray, " n"],
    told: Observation,
    model_error: float,
) -> None:
    """Add the observations of a shot.

    Args:
        sums: to which.
        half: of the shots to which it belongs.
        rows: of the reflections of its spots; ``NONE`` for spots of none.
        F: amplitudes that the model had.
        told: what it says.
        model_error: standard deviation of the model's intensities over themselves.
    """
    variance = told.variance + model_error**2 + told.open
    good = (rows >= 0) & np.isfinite(told.height) & np.isfinite(variance) & (told.variance > 0)
    rows, height, variance = rows[good], told.height[good], variance[good]
    scale = F[rows] ** 2
    far = np.abs(height - 1) / np.sqrt(variance)
    weight = np.minimum(1, _FAR / np.maximum(far, _FAR)) / (variance * scale**2)
    intensity = height * scale
    for of, values in (
        (sums.weight, weight),
        (sums.first, weight * intensity),
        (sums.second, weight * intensity**2),
        (sums.plain, intensity),
        (sums.count, np.ones(len(rows))),
    ):
        np.add.at(of[half], rows, values)


def _merged(
    unique: Unique, start: Float[np.ndarray, " n"], sums: Sums, settings: RefineSettings
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Amplitudes, on the scale of the starting ones."""
    mean, sigma = sums.mean()
    seen = np.isfinite(sigma)
    scale = (start[seen] ** 2).sum() / max(float(mean[seen].sum()), 1e-30)
    mean, sigma = scale * mean, scale * sigma
    if settings.factor_prior == "start":
        prior = Prior(start**2, settings.factor_error * start**2, unique.centric)
    else:
        prior = Prior(wilson_means(mean, sigma, unique.epsilon, unique.shell), None, unique.centric)
    return amplitudes(mean, sigma, prior)


@compiled
def observe(
    experiment: Experiment,
    shot: Shot,
    noise: Noise,
    prior: Float[Array, " p"],
    look: Look,
    departure: Float[Array, " p"],
) -> Observation:
    """What a shot says of its spots' intensities.

    Args:
        experiment: what all shots share.
        shot, noise: start and pixels of the shot.
        prior: standard deviations of its own numbers about zero.
        look: how the shot is looked at.
        departure: where it is.
    """
    # those of the structure factors alone, which this is about
    heights = jnp.full(len(shot.hkl), look.height_sigma)

    def step(weights: Array, _: None) -> tuple[Array, Observation]:
        at = linearised(lambda x: spots_of(experiment, shot, x, look.broaden), shot, weights, departure, heights)
        covariance = jnp.linalg.inv(held(with_prior(at.slopes, at.curvature, prior), look.free))
        by_own = jnp.einsum("nf,nfp->np", jax.vmap(jax.grad(log_photons))(at.features), at.slopes) * look.free
        height, sigma = at.boxes.free_height.T
        told = Observation(height, sigma**2, jnp.einsum("np,pq,nq->n", by_own, covariance, by_own))
        return weights_of(shot, noise, at.boxes, at.spots), told

    _, told = jax.lax.scan(step, first_weights(shot, noise), None, length=2)
    last: Observation = jax.tree.map(lambda leaf: leaf[-1], told)
    return last
