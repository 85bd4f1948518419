"""From a candidate, step by step, to its reference."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np

from nbjax.errors import FileError
from nbjax.experiment import Experiment, shown_pixels
from nbjax.io.images import other_size
from nbjax.pipeline.recording import trace
from nbjax.pipeline.render import render
from nbjax.stages import Stages
from nbjax.tracing.attribution.candidate import Candidate, Prepared
from nbjax.tracing.attribution.ledger_search import LedgerSearch, search_ledger
from nbjax.tracing.attribution.observation import INTENSITIES, Evidence, observe_pixels, observe_trace, thin
from nbjax.tracing.attribution.parameters import Motion, parameters_of
from nbjax.tracing.attribution.solve import Change, Solution, Solver, moved_experiment, solve
from nbjax.tracing.document import TraceDocument

Kind = Literal["candidate", "ledger", "parameter"]
Verdict = Literal["equal", "explained", "undetermined", "partly explained", "unexplained"]
Report = Callable[[str], None]

TRACE_TOLERANCE = 1e-8
IMAGE_TOLERANCE = 3e-7
"""Residuals that count as none: of traces, and of images whose pixels are 32-bit floats."""

_MOST_PIXELS = 1500
_MOST_SAMPLES = 2_000_000
"""Pixels of an image, and samples in all of them, that are traced."""


@dataclass(frozen=True)
class Cause:
    """One bar of the waterfall.

    Attributes:
        kind, name: what is changed.
        value: the intensity after the change, summed over the pixels.
        share: what the change takes away from the difference candidate - reference, relative to the reference.
        residual: the largest residual of the intensity after the change.
    """

    kind: Kind
    name: str
    value: float
    share: float
    residual: float


@dataclass(frozen=True, eq=False)
class Attribution:
    """What explains a difference.

    Attributes:
        verdict: whether a difference is left; "undetermined" if more parameters changed than numbers differed.
        quantity: key of the intensity that is explained.
        pixels: (slow, fast), or (panel, slow, fast), of the pixels that were looked at, shape (n, axes).
        reference: its intensity, summed over the pixels.
        intensities: candidate and reference of every intensity that the reference has, summed over the pixels.
        steps: the waterfall, the candidate first.
        ledger: what toggling entries does.
        singles: change of the intensity by each entry alone, relative to the reference.
        solution: changes of parameters; None where nothing was left for them.
        residuals: largest residual of every quantity of the candidate, after the ledger, and after everything.
        image_residual: largest residual of the whole image after everything; None for a trace.
        tolerance: residual that counts as none.
        notes: sentences about what could not be compared.
    """

    verdict: Verdict
    quantity: str
    pixels: np.ndarray
    reference: float
    intensities: Mapping[str, tuple[float, float]]
    steps: tuple[Cause, ...]
    ledger: LedgerSearch
    singles: Mapping[str, float]
    solution: Solution | None
    residuals: Mapping[str, tuple[float, float, float]]
    image_residual: float | None
    tolerance: float
    notes: tuple[str, ...]

    @property
    def unexplained(self) -> float:
        """What is left of the difference candidate - reference, relative to the reference."""
        return (self.steps[-1].value - self.reference) / (self.reference or 1.0)


def attribute_trace(
    candidate: Candidate | Prepared,
    document: TraceDocument,
    tolerance: float = TRACE_TOLERANCE,
    report: Report = lambda _: None,
) -> Attribution:
    """Attribute the difference to a reference trace.

    Args:
        candidate: the candidate.
        document: the reference.
        tolerance: residual, relative to the size of each quantity, that counts as none.
        report: told what is being done.
    """
    pixels = np.array([pixel.indices for pixel in document.pixels], int)
    stages = trace(candidate.experiment(candidate.base), pixels, samples=True)
    return _attribute(candidate, observe_trace(document, stages), tolerance, report, None)


def attribute_image(
    candidate: Candidate | Prepared,
    image: np.ndarray,
    tolerance: float = IMAGE_TOLERANCE,
    report: Report = lambda _: None,
) -> Attribution:
    """Attribute the difference to a reference image.

    Args:
        candidate: the candidate.
        image: photons, of the shape of ``simulate``; NaN only where the candidate shows no pixel.
        tolerance: residual, relative to the brightest pixel, that counts as none.
        report: told what is being done.

    Raises:
        FileError: the image has another size, holds NaN or infinity, or nothing that the candidate shows too.
    """
    experiment = candidate.experiment(candidate.base)
    shape = experiment.grid.shape
    if image.shape != shape:
        raise FileError(
            f"the reference image {other_size(image.shape, shape, 'the candidate')}; give an image of the same detector"
        )
    report("the candidate's image")
    shown = shown_pixels(experiment)
    if not np.isfinite(image[shown]).all():
        raise FileError("the reference image holds NaN or infinity; give an image of photons")
    if not shown.any():
        raise FileError("the candidate shows no pixel; give a larger region of interest, or another mask")
    reference = np.where(shown, image, 0.0)
    pixels = _telling_pixels(render(experiment), reference, shown, _samples(experiment))
    brightest = float(np.abs(reference).max())
    return _attribute(candidate, observe_pixels(reference, pixels, brightest), tolerance, report, reference)


def _samples(experiment: Experiment) -> int:
    stages = jax.eval_shape(
        lambda e: trace(e, jnp.zeros((1, len(experiment.grid.shape)), jnp.int32), samples=True), experiment
    )
    assert stages.samples is not None
    return sum(int(np.prod(crystal.lattice.shape)) for crystal in stages.samples)


def _telling_pixels(found: np.ndarray, wanted: np.ndarray, shown: np.ndarray, samples: int) -> np.ndarray:
    """Where the images differ most, where they are brightest, and some that are evenly spread; shape (n, axes)."""
    count = int(min(_MOST_PIXELS, max(_MOST_SAMPLES // max(samples, 1), 30)))
    places = np.flatnonzero(shown)
    third = max(count // 3, 1)
    difference = np.abs(found - wanted).reshape(-1)[places]
    bright = wanted.reshape(-1)[places]
    spread = np.linspace(0, len(places) - 1, min(third, len(places))).astype(int)
    chosen = np.concatenate([np.argsort(-difference)[:third], np.argsort(-bright)[:third], spread])
    return np.stack(np.unravel_index(places[np.unique(chosen)], shown.shape), axis=1)


def _attribute(
    candidate: Candidate | Prepared,
    observation: Evidence,
    tolerance: float,
    report: Report,
    image: np.ndarray | None,
) -> Attribution:
    wants_samples = observation.rows is not None
    known: dict[frozenset[str], Stages] = {}

    def stages_of(entries: frozenset[str]) -> Stages:
        if entries not in known:
            report(f"ledger: {', '.join(sorted(entries ^ candidate.base)) or 'the candidate'}")
            known[entries] = trace(candidate.experiment(entries), observation.pixels, wants_samples)
        return known[entries]

    def residuals(entries: frozenset[str]) -> dict[str, float]:
        return _largest(observation, stages_of(entries))

    ledger = search_ledger(candidate.relevant, candidate.base, residuals, tolerance)
    entries = candidate.base ^ frozenset(ledger.chosen)
    solution, entries, ledger = _solve_rest(candidate, observation, ledger, tolerance, report)
    steps = [_step(observation, "candidate", "candidate", stages_of(candidate.base), None)]
    state = candidate.base
    for name in ledger.chosen:
        state = state ^ {name}
        steps.append(_step(observation, "ledger", name, stages_of(state), steps[-1].value))
    experiment = candidate.experiment(entries)
    last = stages_of(entries)
    parameters = parameters_of(experiment)
    for change in solution.changes if solution else ():
        experiment = _apply(experiment, parameters, change)
        last = trace(experiment, observation.pixels, wants_samples)
        steps.append(_step(observation, "parameter", change.name, last, steps[-1].value))
    reference = float(observation.intensity.wanted.sum())
    singles = {
        name: (_intensity(observation, stages_of(candidate.base ^ {name})) - steps[0].value) / (reference or 1.0)
        for name in candidate.relevant
    }
    image_residual = None
    if image is not None:
        report("the whole image")
        image_residual = float(np.abs(render(experiment) - image).max() / (np.abs(image).max() or 1.0))
    before, after_ledger, after = residuals(candidate.base), residuals(entries), _largest(observation, last)
    left = max(after.values()) if image_residual is None else max(*after.values(), image_residual)
    return Attribution(
        verdict=_verdict(max(before.values()), left, tolerance, ledger, solution),
        quantity=observation.intensity.key,
        pixels=observation.pixels,
        reference=reference,
        intensities=_intensities(observation, stages_of(candidate.base)),
        steps=tuple(steps),
        ledger=ledger,
        singles=singles,
        solution=solution,
        residuals={key: (before[key], after_ledger[key], after[key]) for key in before},
        image_residual=image_residual,
        tolerance=tolerance,
        notes=observation.notes,
    )


def _solve_rest(
    candidate: Candidate | Prepared, observation: Evidence, ledger: LedgerSearch, tolerance: float, report: Report
) -> tuple[Solution | None, frozenset[str], LedgerSearch]:
    """Parameters for what the ledger leaves; where they fail, for the candidate without the ledger's help."""
    entries = candidate.base ^ frozenset(ledger.chosen)
    if ledger.reproduces:
        return None, entries, ledger
    solution = _solution(candidate.experiment(entries), observation, tolerance, report)
    if solution.explains or not ledger.chosen:
        return solution, entries, ledger
    plain = _solution(candidate.experiment(candidate.base), observation, tolerance, report)
    if plain.explains:
        return plain, candidate.base, replace(ledger, chosen=())
    return solution, entries, ledger


def _solution(experiment: Experiment, observation: Evidence, tolerance: float, report: Report) -> Solution:
    solver = Solver(experiment, thin(observation), parameters_of(experiment))
    return solve(solver, tolerance, lambda text: report(f"parameters {text}"))


def _apply(experiment: Experiment, parameters: tuple[Motion, ...], change: Change) -> Experiment:
    theta = np.array([change.value / p.typical if p.name == change.name else 0.0 for p in parameters])
    return moved_experiment(experiment, parameters, jnp.asarray(theta))


def _largest(observation: Evidence, stages: Stages) -> dict[str, float]:
    return {key: float(jnp.abs(part).max(initial=0.0)) for key, part in observation.residuals(stages).items()}


def _intensity(observation: Evidence, stages: Stages) -> float:
    return float(observation.found(stages)[observation.intensity.key].sum())


def _intensities(observation: Evidence, stages: Stages) -> dict[str, tuple[float, float]]:
    found = observation.found(stages)
    return {
        block.key: (float(found[block.key].sum()), float(block.wanted.sum()))
        for block in observation.blocks
        if block.key in INTENSITIES
    }


def _step(observation: Evidence, kind: Kind, name: str, stages: Stages, before: float | None) -> Cause:
    block = observation.intensity
    value = _intensity(observation, stages)
    share = 0.0 if before is None else (before - value) / (float(block.wanted.sum()) or 1.0)
    return Cause(kind, name, value, share, _largest(observation, stages)[block.key])


def _verdict(before: float, after: float, tolerance: float, ledger: LedgerSearch, solution: Solution | None) -> Verdict:
    if before <= tolerance:
        return "equal"
    changes = () if solution is None else solution.changes
    if after <= tolerance:
        return "explained" if solution is None or solution.determined else "undetermined"
    return "partly explained" if ledger.chosen or changes else "unexplained"
