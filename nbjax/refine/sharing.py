"""What all shots of a run share, refined once each shot has been refined by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import jax.numpy as jnp
import numpy as np

from nbjax.errors import NbjaxError
from nbjax.fit.geometry import placed_by
from nbjax.io.experiments.recorded import RecordedPanel
from nbjax.refine.displacements import displacement_png, motions_csv
from nbjax.refine.factor_files import factors_csv, factors_mtz, factors_words
from nbjax.refine.factors import refine_factors, tabled, with_amplitudes
from nbjax.refine.metrology import Metrology, refine_panels
from nbjax.refine.motions import moved, movers_of
from nbjax.refine.neighbours import photons_beside
from nbjax.refine.outcome import ShotResult, failed
from nbjax.refine.pixels import Pixels
from nbjax.refine.rounds import Rounds
from nbjax.refine.run import Run, finish_still

Say = Callable[[str], None]


@dataclass(frozen=True)
class Together:
    """A run after what its shots share was refined.

    Attributes:
        shots: once more, one by one.
        panels: where they stand; None: where they stood.
        contents: of further files, by their names.
        words: lines that say what was found.
    """

    shots: list[ShotResult]
    panels: tuple[RecordedPanel, ...] | None
    contents: dict[str, bytes]
    words: list[str]


def prepared(run: Run) -> Run:
    """The run in the form that what is shared needs, for its single shots too, so that they share a program.

    Raises:
        ConfigError: ``refine.moving`` names what the detector has not.
        FileError: memory does not hold a table of all reflections.
    """
    shared = run.settings.shared
    if "detector" in shared:
        movers = movers_of(run.experiment, run.settings.moving)
        run = replace(run, experiment=moved(run.experiment, movers, jnp.zeros((len(movers), 6))))
    return tabled(run)[0] if "factors" in shared else run


def alone(run: Run) -> Run:
    """The run of the single shots, none of which is set aside for a misfit that the panels may be the cause of."""
    if "detector" not in run.settings.shared:
        return run
    return replace(run, settings=replace(run.settings, most_misfit=np.inf))


def refine_together(run: Run, shots: Sequence[ShotResult], pixels: Pixels, say: Say, rounds: Rounds) -> Together:
    """Refine what the shots share, and then each shot again.

    Args:
        run: as ``prepared``.
        shots: of ``alone(run)``.
        pixels: their shoeboxes.
        say: is told what is being done.
        rounds: those that were done before, and where each is kept.
    """
    together = Together(list(shots), None, {}, [])
    if "detector" in run.settings.shared:
        run, together = _detector(run, together, pixels, say, rounds)
    return _factors(run, together, pixels, say, rounds) if "factors" in run.settings.shared else together


def _detector(run: Run, so_far: Together, pixels: Pixels, say: Say, rounds: Rounds) -> tuple[Run, Together]:
    """The run on other panels, and what was found."""
    movers = movers_of(run.experiment, run.settings.moving)
    found = refine_panels(run, movers, so_far.shots, pixels, say, rounds)
    run = replace(run, experiment=moved(run.experiment, movers, jnp.asarray(found.motions)))
    follows = "factors" in run.settings.shared
    shots = _again(replace(run, pixels=pixels if follows else None), so_far.shots, found.departures, say)
    recorded = run.inputs.first.experiment
    panels = placed_by(recorded, run.experiment).panels
    beam = np.asarray(run.experiment.beam.direction)
    contents = {"panels.csv": motions_csv(found), "panels.png": displacement_png(recorded.panels, panels, beam)}
    return run, Together(shots, panels, contents, [_of_panels(found)])


def _factors(run: Run, so_far: Together, pixels: Pixels, say: Say, rounds: Rounds) -> Together:
    run, unique = tabled(run)
    found = refine_factors(run, unique, so_far.shots, pixels, say, rounds)
    now = replace(run, experiment=with_amplitudes(run.experiment, unique, found.F))
    now = replace(now, settings=replace(run.settings, factor_error=run.settings.model_error))
    shots = _again(now, so_far.shots, found.departures, say)
    wavelength_A = run.inputs.first.experiment.beam.wavelength_A or 0.0
    contents = {"factors.mtz": factors_mtz(found, wavelength_A), "factors.csv": factors_csv(found)}
    return Together(shots, so_far.panels, so_far.contents | contents, [*so_far.words, factors_words(found)])


def _again(run: Run, shots: Sequence[ShotResult], departures: dict[int, np.ndarray], say: Say) -> list[ShotResult]:
    """Every shot that was not given up, refined from where it is."""
    found, now = [], [replace(shot, departure=departures.get(shot.number, shot.departure)) for shot in shots]
    for place, shot in enumerate(now):
        if shot.number not in departures:
            found.append(shot)
            continue
        say(f"shot {place + 1} of {len(shots)} again")
        try:
            found.append(finish_still(run, place, shot.departure, photons_beside(run, place, now)))
        except NbjaxError as error:
            found.append(failed(shot.number, str(error)))
    return found


def _of_panels(found: Metrology) -> str:
    seen = found.spots > 0
    if not seen.any():
        return "panels: none has spots, and none has moved"
    shift_mm = 1e3 * np.linalg.norm(found.motions[:, :3], axis=1).max()
    turn_deg = np.degrees(np.linalg.norm(found.motions[:, 3:], axis=1).max())
    return (
        f"panels: {int(seen.sum())} of {len(seen)} have spots; moved by at most {shift_mm:.4f} mm and {turn_deg:.4f} "
        f"degrees; misfit {found.misfit[0]:.3f} -> {found.misfit[1]:.3f} a pixel"
    )
