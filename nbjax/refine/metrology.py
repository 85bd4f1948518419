"""Where the panels are, from the spots of all shots: each shot's own numbers are eliminated from its equations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from nbjax.experiment import Experiment
from nbjax.pipeline.compilation import compiled
from nbjax.pipeline.spots.table import Spots
from nbjax.refine.elimination import Reduced, blocks_of, eliminated, followed, shared_step
from nbjax.refine.equations import linearised
from nbjax.refine.model import Shot, spots_of
from nbjax.refine.motions import MOTION, Movers, moved
from nbjax.refine.outcome import ShotResult
from nbjax.refine.parameters import COUNT, place
from nbjax.refine.pixels import Pixels
from nbjax.refine.rounds import PANELS, Rounds, as_arrays, of_arrays
from nbjax.refine.run import Run, shot_of, still_of
from nbjax.refine.settings import prior_sigmas
from nbjax.refine.shot import Noise, change_of_scale, far_errors, first_weights, weights_of
from nbjax.refine.stages import Look, look_of
from nbjax.refine.start import start_of

_STAGES = ((4.0, 0.5), (2.0, 0.5), (1.0, None))
"""Factors of the mosaicity, and standard deviations of heights over the model's; None: of the structure factors."""
_ROUNDS = 6
"""At most, of each stage."""
_FOLLOWING = 2
"""Steps of a shot's own numbers in a round."""
_DONE = 0.2
"""Standard deviations below which a step of the panels is the last one of its stage."""
_BAD_SHOT = 3.0
"""Misfit over the median, from which on a shot has no part in this."""
_Followed = tuple[Array, tuple[Array, Array]]
"""Departure of a shot, weights of its pixels, and errors of its heights by their rocking curve."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Part:
    """What a shot says in a round.

    Attributes:
        reduced: of the motions.
        departure: its own numbers, which have followed.
        misfit, pixels: weighted squares, and how many pixels they are of.
        spots: of each mover.
    """

    reduced: Reduced
    departure: Float[Array, " p"]
    misfit: Float[Array, ""]
    pixels: Float[Array, ""]
    spots: Float[Array, " movers"]


@dataclass(frozen=True)
class Metrology:
    """Where the panels are.

    Attributes:
        movers: which ones move.
        motions: by ``MOTION``.
        sigma: their standard deviations, of motions against the detector as a whole.
        spots: of each mover.
        misfit: chi squared a pixel in the first and in the last round.
        departures: of each shot, by its number.
    """

    movers: Movers
    motions: Float[np.ndarray, "movers 6"]
    sigma: Float[np.ndarray, "movers 6"]
    spots: Int[np.ndarray, " movers"]
    misfit: tuple[float, float]
    departures: dict[int, np.ndarray] = field(repr=False)


def refine_panels(
    run: Run, movers: Movers, shots: Sequence[ShotResult], pixels: Pixels, say: Callable[[str], None], rounds: Rounds
) -> Metrology:
    """Refine the places of the panels together with all shots.

    Args:
        run: whose experiment has the detector as the file has it.
        movers: groups of panels.
        shots: refined one by one.
        pixels: their shoeboxes.
        say: is told what is being done.
        rounds: those that were done before, and where each is kept.
    """
    used = _used(run, shots)
    sigma = np.tile(motion_sigmas(run), len(movers))
    looks = [each for each in _looks(run) for _ in range(_ROUNDS)]
    state = _begun(rounds.read(PANELS), shots, movers, sigma)
    while state.number < len(looks) and used:
        say(f"panels, round {len(state.misfits) + 1}")
        total: Part | None = None
        for shot in used:
            part = _part_of(run, movers, state.motions, shot, state.departures[shot], pixels, looks[state.number])
            state.departures[shot] = np.asarray(part.departure)
            total = part if total is None else jax.tree.map(np.add, total, part)
        assert total is not None
        step, covariance = shared_step(total.reduced, state.motions, sigma)
        against_body = without_body(movers, np.sqrt(np.diag(covariance)))
        done = (np.abs(against_body @ step) <= _DONE * _sigmas(against_body, covariance)).all()
        state = _Rounds(
            number=(state.number // _ROUNDS + 1) * _ROUNDS if done else state.number + 1,
            motions=state.motions + step,
            covariance=covariance,
            misfits=[*state.misfits, float(total.misfit / max(float(total.pixels), 1.0))],
            spots=np.asarray(total.spots),
            departures=state.departures,
        )
        rounds.write(PANELS, **vars(state) | as_arrays(state.departures))
    misfits = state.misfits
    against_body = without_body(movers, np.sqrt(np.diag(state.covariance)))
    return Metrology(
        movers,
        state.motions.reshape(-1, 6),
        _sigmas(against_body, state.covariance).reshape(-1, 6) * np.sqrt(max([*misfits[-1:], 1.0])),
        state.spots.astype(int),
        (misfits[0], misfits[-1]) if misfits else (np.nan, np.nan),
        state.departures,
    )


@dataclass(frozen=True)
class _Rounds:
    """Where the rounds stand.

    Attributes:
        number: of the next one.
        motions, covariance: of the panels.
        misfits: of each round that was done.
        spots: of each mover.
        departures: of each shot, by its number.
    """

    number: int
    motions: Float[np.ndarray, " q"]
    covariance: Float[np.ndarray, "q q"]
    misfits: list[float]
    spots: Float[np.ndarray, " movers"]
    departures: dict[int, np.ndarray]


def _begun(
    kept: dict[str, np.ndarray] | None, shots: Sequence[ShotResult], movers: Movers, sigma: Float[np.ndarray, " q"]
) -> _Rounds:
    """Where the rounds go on, or begin."""
    if kept is None:
        departures = {shot.number: shot.departure for shot in shots if shot.departure.size}
        return _Rounds(0, np.zeros(len(sigma)), np.diag(sigma**2), [], np.zeros(len(movers)), departures)
    return _Rounds(
        number=int(kept["number"]),
        motions=kept["motions"],
        covariance=kept["covariance"],
        misfits=kept["misfits"].tolist(),
        spots=kept["spots"],
        departures=of_arrays(kept),
    )


def motion_sigmas(run: Run) -> Float[np.ndarray, "6"]:
    """Standard deviations of the prior of a group's motion, by ``MOTION``."""
    priors = run.settings.priors
    return np.array([1e-3 * priors.panel_mm] * 3 + [np.radians(priors.panel_deg)] * 3)


def _used(run: Run, shots: Sequence[ShotResult]) -> list[int]:
    """Numbers of the shots that have a part in this."""
    known = [shot for shot in shots if shot.outcome.value == "refined"]
    most = _BAD_SHOT * np.median([shot.misfit for shot in known]) if known else 0.0
    return [shot.number for shot in known if shot.misfit <= max(most, run.settings.most_misfit)]


def _looks(run: Run) -> list[Look]:
    start = start_of(run.inputs.first, run.experiment, run.settings)
    stages = [replace(run.stages[-1], broaden=broaden, height_sigma=height) for broaden, height in _STAGES]
    return [look_of(stage, np.asarray(start.tie), run.settings.factor_error) for stage in stages]


def _part_of(
    run: Run,
    movers: Movers,
    motions: Float[np.ndarray, " q"],
    number: int,
    departure: Float[np.ndarray, " p"],
    pixels: Pixels,
    look: Look,
) -> Part:
    """What one shot says, as numbers of the host."""
    shot = shot_of(start_of(still_of(run, number), run.experiment, run.settings), pixels.read(number))
    prior = jnp.asarray(prior_sigmas(run.settings.priors))
    at = jnp.asarray(motions.reshape(-1, 6))
    part: Part = jax.tree.map(
        np.asarray, part_of(run.experiment, shot, run.noise, prior, look, movers, at, jnp.asarray(departure))
    )
    return part


@compiled
def part_of(
    experiment: Experiment,
    shot: Shot,
    noise: Noise,
    prior: Float[Array, " p"],
    look: Look,
    movers: Movers,
    motions: Float[Array, "movers 6"],
    departure: Float[Array, " p"],
) -> Part:
    """What a shot says of the motions, after its own numbers have followed to where they are best.

    Args:
        experiment: what all shots share, with the detector as the file has it.
        shot, noise: start and pixels of the shot.
        prior: standard deviations of its own numbers about zero.
        look: how the shot is looked at.
        movers, motions: groups of panels, and where they are.
        departure: of the shot.
    """
    nothing = jnp.zeros(len(MOTION), departure.dtype)
    mover = movers.of_panel[shot.panel]

    def spots_at(numbers: Array) -> Spots:
        # a spot sees its own group alone, so that all of them can move at once
        elsewhere = moved(experiment, movers, motions + numbers[COUNT:])
        return spots_of(elsewhere, shot, numbers[:COUNT], look.broaden)

    def step(state: _Followed, number: Array) -> tuple[_Followed, tuple[Reduced, Array]]:
        departure, (weights, far) = state
        heights = jnp.hypot(look.height_sigma, far)
        at = linearised(spots_at, shot, weights, jnp.concatenate([departure, nothing]), heights)
        blocks = blocks_of(at, mover, len(movers), departure, prior)
        stepped = departure + followed(blocks, look.free, jnp.zeros_like(motions))
        scaled = departure.at[place("log_scale")].add(change_of_scale(at.boxes))
        # first the scale and the weights, then the steps; the last look is what is told
        kind = jnp.where(number == 0, 0, jnp.where(number <= _FOLLOWING, 1, 2))
        weights = jnp.where(kind == 0, weights_of(shot, noise, at.boxes, at.spots), weights)
        far = jnp.where(kind == 0, far_errors(noise, at.spots), far)
        departure = jnp.stack([scaled, stepped, departure])[kind]
        return (departure, (weights, far)), (eliminated(blocks, look.free), at.boxes.misfit.sum())

    begun = departure, (first_weights(shot, noise), jnp.zeros(len(shot.hkl)))
    (departure, _), told = jax.lax.scan(step, begun, jnp.arange(_FOLLOWING + 2))
    reduced, misfit = jax.tree.map(lambda leaf: leaf[-1], told)
    seen = shot.valid.any((1, 2)).astype(departure.dtype)
    return Part(
        reduced=reduced,
        departure=departure,
        misfit=misfit,
        pixels=shot.valid.sum(),
        spots=jax.ops.segment_sum(seen, mover, len(movers) + 1)[:-1],
    )


def without_body(movers: Movers, sigma: Float[np.ndarray, " q"]) -> Float[np.ndarray, "q q"]:
    """What takes from motions that which all groups do as one body, and no spot can tell from other crystals.

    Args:
        movers: the groups; of one nothing is taken.
        sigma: of their motions, by which these are compared, so that groups of few spots have no say.
    """
    if len(movers) == 1:
        return np.eye(len(sigma))
    body = body_motions(np.asarray(movers.centre_m)) / sigma[:, None]
    kept: np.ndarray = np.eye(len(sigma)) - body @ np.linalg.pinv(body)
    return kept * sigma[:, None] / sigma


def _sigmas(matrix: Float[np.ndarray, "q q"], covariance: Float[np.ndarray, "q q"]) -> Float[np.ndarray, " q"]:
    """Standard deviations of a matrix times numbers of a covariance."""
    found: np.ndarray = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", matrix, covariance, matrix), 0))
    return found


def body_motions(centre_m: Float[np.ndarray, "movers 3"]) -> Float[np.ndarray, "q 6"]:
    """Small shifts and turns of the whole detector about the mean of the centres, as motions of each group."""
    arms = centre_m - centre_m.mean(0)
    columns = []
    for axis in np.eye(3):
        columns.append(np.tile(np.concatenate([axis, np.zeros(3)]), len(arms)))
    for axis in np.eye(3):
        columns.append(np.concatenate([np.cross(axis, arms), np.tile(axis, (len(arms), 1))], 1).reshape(-1))
    return np.stack(columns, 1)
