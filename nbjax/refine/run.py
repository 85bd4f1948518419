"""All shots of a run, by one process or several: a bad one is a row of the table, not the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from nbjax.errors import FileError, NbjaxError
from nbjax.experiment import Experiment
from nbjax.io.experiments.stills import Still
from nbjax.pipeline.spots.prediction import predict, spot_capacity
from nbjax.refine.claims import Claims
from nbjax.refine.inputs import Inputs, read_frame
from nbjax.refine.kept import Kept
from nbjax.refine.model import Shot
from nbjax.refine.outcome import Outcome, ShotResult, failed
from nbjax.refine.parameters import COUNT, Start, departed
from nbjax.refine.pixels import Pixels
from nbjax.refine.settings import RefineSettings, prior_sigmas
from nbjax.refine.shoeboxes import Marks, Shoeboxes, chosen_spots, cut, joined
from nbjax.refine.shot import Noise, Solution, solve
from nbjax.refine.stages import STAGES, Schedule, Stage, finishing, schedule_of
from nbjax.refine.start import direct_angstrom, start_of
from nbjax.refine.uncertainty import covariance
from nbjax.sampling.capacity import Capacity

_LOOK_S = 0.2
_SPARE = 1.5
_SHOWN = 6
"""Spots of a shot that its report has pictures of."""
_LEAST_PARTIALITY = 0.05
_FAINT = 0.02
"""Photons of a spot that disturbs its neighbours, over the median of those that are looked at."""
_FAR = 5.0
"""Standard deviations of a prior from which on a shot is set aside."""
_OUTLYING = 4.0
"""Misfit of a box over the median, from which on it is left out."""


@dataclass(frozen=True)
class Run:
    """What is refined, with what all shots share."""

    inputs: Inputs
    experiment: Experiment
    settings: RefineSettings
    pixels: Pixels | None = None
    """Keeps the shoeboxes of its shots, for what they share."""

    @cached_property
    def noise(self) -> Noise:
        """Of the pixels."""
        return Noise(
            *map(
                jnp.asarray,
                (self.settings.readout_sigma_photons, self.settings.profile_error, self.settings.rocking_error),
            )
        )

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        """Coarse to fine, and what the settings free besides."""
        free = self.settings.free
        return (*STAGES, replace(STAGES[-1], free=(*STAGES[-1].free, *free))) if free else STAGES

    @cached_property
    def capacity(self) -> Capacity:
        """Room for the spots of any shot."""
        start = start_of(self.inputs.first, self.experiment, self.settings)
        found = spot_capacity(departed(self.experiment, start, jnp.zeros(COUNT), 2.0))
        blocks, near, excited, seen = (
            int(_SPARE * count) for count in (found.blocks, found.near, found.excited, found.seen)
        )
        return replace(found, blocks=blocks, near=near, excited=excited, seen=seen)


def refine_all(
    run: Run, shots: Kept, claims: Claims, say: Callable[[str], None], wait: bool = True
) -> list[ShotResult]:
    """Refine every still, each by one of the processes that share the run.

    Args:
        run: what.
        shots: those that are done, of which more come while others work.
        claims: which shots are being refined.
        say: is told what is being done.
        wait: for the shots that other processes have; else these are not among the results.

    Returns:
        The shots in the order of the list.
    """
    found: dict[int, ShotResult] = {}
    left = list(range(len(run.inputs.stills)))
    while left:
        before, left = left, []
        for place in before:
            still = run.inputs.stills[place]
            shot = shots.read(still.number)
            if shot is None and claims.take(still.number):
                try:
                    shot = _own(run, shots, place, say)
                finally:
                    claims.release(still.number)
            if shot is None:
                left.append(place)
            else:
                found[place] = shot
        if not wait:
            break
        if left and len(left) == len(before):
            say(f"waiting for {len(left)} shots of other processes")
            time.sleep(_LOOK_S)
    return [found[place] for place in sorted(found)]


def _own(run: Run, shots: Kept, place: int, say: Callable[[str], None]) -> ShotResult:
    """A shot that this process refines, unless another has done so just before."""
    still = run.inputs.stills[place]
    shot = shots.read(still.number)
    if shot is not None:
        return shot
    if still.fault:
        shot = failed(still.number, still.fault)
    else:
        say(f"shot {place + 1} of {len(run.inputs.stills)}")
        try:
            shot = refine_still(run, place)
        except NbjaxError as error:
            shot = failed(still.number, str(error))
    shots.write(shot)
    return shot


def refine_still(run: Run, place: int) -> ShotResult:
    """Refine one still.

    Args:
        run: of which.
        place: of the still in the inputs.

    Raises:
        FileError: its image cannot be used, or it has too few spots.
    """
    coarse = _schedule(run, place)
    return _refined(run, place, jnp.zeros(COUNT), (coarse, finishing(coarse)))


def finish_still(
    run: Run,
    place: int,
    departure: Float[np.ndarray, " p"],
    beside: Float[np.ndarray, "panel slow fast"] | None = None,
) -> ShotResult:
    """The last stage of a still alone, from where it is, with its spots predicted anew.

    Args:
        run, place: as of ``refine_still``.
        departure: where it is.
        beside: photons of the other lattices on its image; None: where they are strong its pixels are left out.

    Raises:
        FileError: as of ``refine_still``.
    """
    return _refined(run, place, jnp.asarray(departure), (finishing(_schedule(run, place)),), beside)


def _schedule(run: Run, place: int) -> Schedule:
    start = start_of(run.inputs.stills[place], run.experiment, run.settings)
    return schedule_of(run.stages, np.asarray(start.tie), run.settings.factor_error)


def _refined(
    run: Run,
    place: int,
    departure: jax.Array,
    schedules: Sequence[Schedule],
    beside: Float[np.ndarray, "panel slow fast"] | None = None,
) -> ShotResult:
    settings, still = run.settings, run.inputs.stills[place]
    photons, usable = read_frame(run.inputs, place, settings)
    start = start_of(still, run.experiment, settings)
    prior = jnp.asarray(prior_sigmas(settings.priors))
    left_out = set[tuple[int, ...]]()
    for schedule in schedules:
        spots, others = _listed(run, place, start, departure, left_out)
        if beside is None:
            frames = run.inputs.frames
            same = [i for i, frame in enumerate(frames) if frame == frames[place] and i != place]
            others = joined(others, *(run.inputs.indexed[i] for i in same))
        boxes = cut(photons, usable, spots, others, settings.box_px, settings.spots, beside)
        if len(boxes.rows) < settings.fewest_spots:
            raise FileError(
                f"{still.experiment.file}: has {len(boxes.rows)} spots with pixels, and {settings.fewest_spots} are "
                "wanted; lower refine.fewest_spots"
            )
        solution = solved(run, start, boxes, prior, schedule, departure)
        departure = jnp.asarray(solution.departure)
        left_out |= _outlying(boxes, solution)
    if run.pixels is not None:
        run.pixels.write(still.number, boxes)
    return _result(run, place, (start, boxes, solution), schedules[-1])


def still_of(run: Run, number: int) -> Still:
    """The still of a number in the list."""
    return next(still for still in run.inputs.stills if still.number == number)


def solved(
    run: Run, start: Start, boxes: Shoeboxes, prior: jax.Array, schedule: Schedule, departure: jax.Array
) -> Solution:
    """The solution of a shot, as numbers of the host."""
    found = solve(run.experiment, shot_of(start, boxes), run.noise, prior, schedule, departure)
    numbers: Solution = jax.tree.map(np.asarray, found)
    return numbers


def shot_of(start: Start, boxes: Shoeboxes) -> Shot:
    """The arrays of a shot."""
    pixels = boxes.data, boxes.valid, boxes.beside
    return Shot(start, *map(jnp.asarray, (boxes.hkl, boxes.panel.astype(np.int32), boxes.corner, *pixels)))


def _listed(
    run: Run, place: int, start: Start, departure: jax.Array, left_out: set[tuple[int, ...]]
) -> tuple[Marks, Marks]:
    """The spots that are looked at, and all others that are strong, but those of other crystals."""
    inputs, settings = run.inputs, run.settings
    experiment = departed(run.experiment, start, departure)
    spots = predict(experiment, capacity=run.capacity)
    count = min(int(spots.count), len(spots))
    spots = jax.tree.map(np.asarray, spots)
    # the direct beam is none of them
    real = (spots.partiality > _LEAST_PARTIALITY) & (spots.photons > 0) & spots.miller_index.any(1)
    rows = np.flatnonzero(real[:count])
    rows = rows[np.argsort(-spots.photons[rows], kind="stable")]
    predicted = Marks(spots.miller_index, spots.panel, spots.centre).of(rows)
    own = inputs.indexed[place]
    looked = chosen_spots(own, predicted, settings.spots)
    looked = looked.of(np.array([tuple(hkl) not in left_out for hkl in looked.hkl.tolist()], bool))
    known = set(map(tuple, looked.hkl.tolist()))
    strong = spots.photons[rows] > _FAINT * np.median(spots.photons[rows[: settings.spots]]) if len(rows) else rows > 0
    rest = [row for row, hkl in enumerate(predicted.hkl.tolist()) if strong[row] and tuple(hkl) not in known]
    return looked, joined(predicted.of(np.array(rest, int)), inputs.found[place])


def _outlying(boxes: Shoeboxes, solution: Solution) -> set[tuple[int, ...]]:
    """Indices of spots that the model does not describe, as when another crystal's lie on them."""
    count = len(boxes.rows)
    misfit = solution.boxes.misfit[:count] / np.maximum(boxes.valid[:count].sum((1, 2)), 1)
    far = misfit > _OUTLYING * max(float(np.median(misfit)), 1.0)
    return set(map(tuple, boxes.hkl[:count][far].astype(int).tolist()))


def _result(run: Run, place: int, found: tuple[Start, Shoeboxes, Solution], schedule: Schedule) -> ShotResult:
    start, boxes, solution = found
    still, count, size = run.inputs.stills[place], len(boxes.rows), run.settings.box_px
    free, priors = np.asarray(schedule.free[-1]), prior_sigmas(run.settings.priors)
    slopes = np.asarray(solution.spot_slope)[:count]
    sigma = np.sqrt(np.diag(covariance(np.asarray(solution.curvature), slopes, priors, free)))
    spots, own_boxes = jax.tree.map(
        lambda leaf: leaf[:count], (replace(solution.spots, count=solution.spots.partiality), solution.boxes)
    )
    height, height_sigma = own_boxes.free_height.T
    model = spots.photons
    hkl = boxes.hkl[:count].astype(int)
    at = {
        tuple(h): xy
        for h, xy in zip(run.inputs.indexed[place].hkl.tolist(), run.inputs.indexed[place].centre, strict=True)
    }
    observed = np.array([at.get(tuple(h), (np.nan, np.nan)) for h in hkl.tolist()]).reshape(-1, 2)
    outcome, reason = _verdict(run.settings, solution)
    seen = height * model
    shown = np.argsort(-model, kind="stable")[:_SHOWN]
    first = np.stack([boxes.corner[:count, 0], boxes.corner[:count, 1], np.zeros(count, int)], -1)
    return ShotResult(
        number=still.number,
        outcome=outcome,
        reason=reason,
        departure=np.asarray(solution.departure),
        sigma=sigma,
        direct_A=direct_angstrom(departed(run.experiment, start, jnp.asarray(solution.departure))),
        misfit=float(solution.misfit),
        correlation=float(np.corrcoef(seen, model)[0, 1]) if count > 1 else float("nan"),
        r=float(np.abs(seen - model).sum() / max(np.abs(seen).sum(), 1e-30)),
        hkl=hkl,
        panel=boxes.panel[:count],
        centre=spots.centre,
        observed=observed,
        bbox=np.stack([first, first + np.array([size, size, 1])], -1).reshape(count, 6),
        photons=seen,
        photons_sigma=height_sigma * model,
        model=model,
        background=np.asarray(own_boxes.linear[:, 0]),
        partiality=spots.partiality,
        s1_per_A=spots.s1_per_m * 1e-10,
        shown=shown,
        shown_data=np.where(boxes.valid[shown] > 0, boxes.data[shown], np.nan).astype(np.float32),
        shown_model=np.asarray(own_boxes.model[shown], np.float32),
    )


def _verdict(settings: RefineSettings, solution: Solution) -> tuple[Outcome, str]:
    misfit = float(solution.misfit)
    if not np.isfinite(solution.departure).all() or not np.isfinite(misfit):
        return Outcome.SET_ASIDE, "its misfit is not finite"
    if misfit > settings.most_misfit:
        return Outcome.SET_ASIDE, f"its misfit is {misfit:.3g} a pixel, above refine.most_misfit"
    if (far := _away(settings, np.asarray(solution.departure))) > _FAR:
        return Outcome.SET_ASIDE, f"it went {far:.1f} standard deviations of its prior away from its start"
    return Outcome.REFINED, ""


def within_priors(settings: RefineSettings, departure: Float[np.ndarray, " p"]) -> bool:
    """Whether a shot ended where its start lets one believe it."""
    return _away(settings, departure) <= _FAR


def _away(settings: RefineSettings, departure: Float[np.ndarray, " p"]) -> float:
    """Largest departure, in standard deviations of its prior."""
    return float((np.abs(departure) / prior_sigmas(settings.priors)).max())
