"""``nbjax refine``: indexed stills refined against their pixels."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbjax.cli.folder import output_folder
from nbjax.cli.interruption import interruptible
from nbjax.cli.progress import line
from nbjax.cli.workers import parent_is_gone, workers
from nbjax.errors import FileError, UsageError

if TYPE_CHECKING:
    from nbjax.refine.inputs import Inputs
    from nbjax.refine.kept import Kept
    from nbjax.refine.outcome import ShotResult
    from nbjax.refine.run import Run
    from nbjax.refine.sharing import Together

_SHOWN = 10
_MOST_PROCESSES = 256


def add_parser(commands: Any) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "refine",
        help="refine indexed stills against their pixels",
        description="Refine the crystals of indexed stills against the pixels about their spots, and integrate these.",
    )
    parser.add_argument(
        "experiments", metavar="STILLS", help="indexed stills: an experiment list of DIALS, or a stream of CrystFEL"
    )
    parser.add_argument("--reflections", metavar="FILE.refl", help="the indexed spots of an experiment list")
    parser.add_argument("--geometry", metavar="FILE.geom", help="of a stream; default: the stream's own")
    parser.add_argument("--images", nargs="+", default=[], metavar="FILE", help="default: those of the experiments")
    parser.add_argument("--config", required=True, metavar="REFINE.toml", help="structure factors, and [refine]")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder of the refined experiments and tables")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override a key")
    parser.add_argument(
        "--refine-factors", action="store_true", help='structure factors of all shots, as refine.shared = ["factors"]'
    )
    parser.add_argument("--resume", action="store_true", help="go on with the shots that are not in the folder")
    parser.add_argument(
        "--processes", type=int, default=1, metavar="N", help="processes on this machine that share the shots out"
    )
    parser.add_argument(
        "--report-shot", type=int, nargs="+", default=[], metavar="N", help="HTML reports of shots, by their numbers"
    )
    parser.add_argument("--no-report", action="store_true", help="no HTML report of the run")
    # of the processes that --processes starts: number of the first one
    parser.add_argument("--worker-of", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--no-progress", action="store_true", help="no line of progress")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    """Exit code 0: a shot was refined; 1: none was; 2: bad input."""
    if not 1 <= arguments.processes <= _MOST_PROCESSES:
        raise UsageError(f"--processes {arguments.processes}: give 1 to {_MOST_PROCESSES}")
    with output_folder(arguments.out):
        return _refine_into(Path(arguments.out), arguments)


def _refine_into(folder: Path, arguments: argparse.Namespace) -> int:
    with line("refine", not arguments.no_progress) as say:
        try:
            shots, contents, words = interruptible(lambda: _refined(folder, arguments, say))
        except KeyboardInterrupt:
            raise KeyboardInterrupt(
                f"interrupted; {folder} holds the shots that are done, and the same command with --resume goes on"
            ) from None
    if arguments.worker_of is not None:
        return 0
    _print(shots)
    print("".join(f"{each}\n" for each in words), end="")
    print(f"wrote {folder}: {', '.join(contents)}")
    return 0 if any(shot.outcome.value == "refined" for shot in shots) else 1


def _refined(folder: Path, arguments: argparse.Namespace, say: Any) -> tuple[list[ShotResult], list[str], list[str]]:
    import jax

    from nbjax.refine.inputs import read_inputs
    from nbjax.refine.kept import FOLDER, Kept
    from nbjax.refine.neighbours import refine_beside
    from nbjax.refine.output import output_contents, write_outputs
    from nbjax.refine.pixels import Pixels
    from nbjax.refine.run import Run
    from nbjax.refine.settings import load_refine
    from nbjax.refine.sharing import Together, alone, prepared, refine_together
    from nbjax.refine.start import shared_experiment

    told, settings = load_refine(arguments.config, tuple(arguments.set))
    if arguments.refine_factors:
        settings = replace(settings, shared=tuple(dict.fromkeys((*settings.shared, "factors"))))
    files = arguments.experiments, arguments.reflections, arguments.images
    inputs = read_inputs(*files, settings, arguments.geometry)
    _check_numbers(arguments.report_shot, inputs)
    with jax.enable_x64(True):
        say("structure factors")
        run = prepared(Run(inputs, shared_experiment(inputs.first, told), settings))
        question = repr((told, settings, *files[:2], arguments.geometry, inputs.frames))
        pixels = Pixels(folder / FOLDER) if settings.shared else None
        count = arguments.processes
        kept = Kept(folder, question, arguments.resume or count > 1, pixels)
        if count > 1 and not arguments.resume:
            kept.clear()
        shots = _one_by_one(replace(alone(run), pixels=pixels), kept, folder, arguments, say)
        if arguments.worker_of is not None:
            return shots, [], []
        if all(shot.outcome.value == "failed" for shot in shots):
            raise FileError(f"no shot could be refined; the first one: {shots[0].reason}")
        shots = refine_beside(replace(alone(run), pixels=pixels), shots, say)
        together = Together(shots, None, {}, [])
        if pixels is not None:
            together = refine_together(run, shots, pixels, say, kept.rounds())
        say("writing")
        contents = output_contents(inputs, together.shots, together.panels) | together.contents
        contents |= _reports(run, together, arguments)
        write_outputs(folder, contents)
    return together.shots, list(contents), together.words


def _check_numbers(wanted: Sequence[int], inputs: Inputs) -> None:
    known = {still.number for still in inputs.stills}
    for number in wanted:
        if number not in known:
            raise UsageError(
                f"--report-shot {number}: {inputs.file} has no such shot; give numbers of the column experiment of "
                "shots.csv"
            )


def _reports(run: Run, found: Together, arguments: argparse.Namespace) -> dict[str, bytes]:
    """The pages that are wanted, by the names of their files."""
    from nbjax.refine.inputs import read_frame
    from nbjax.refine.output import table_rows
    from nbjax.refine.report.document import run_report, shot_reports

    inputs, contents = run.inputs, dict[str, bytes]()
    rows = table_rows(inputs, found.shots)
    if not arguments.no_report:
        pictures = {"Panels": found.contents["panels.png"]} if "panels.png" in found.contents else {}
        contents["report.html"] = run_report(Path(inputs.file).name, rows, found.shots, found.words, pictures)

    def image(place: int) -> Any:
        return read_frame(inputs, place, run.settings)

    return contents | shot_reports(inputs, rows, found.shots, arguments.report_shot, image)


def _one_by_one(run: Run, kept: Kept, folder: Path, arguments: argparse.Namespace, say: Any) -> list[ShotResult]:
    """Every shot, by this process and those that it starts."""
    from nbjax.refine.claims import Claims
    from nbjax.refine.kept import FOLDER
    from nbjax.refine.run import refine_all

    parent, count = arguments.worker_of, arguments.processes

    def told(what: str) -> None:
        if parent is not None and parent_is_gone(parent):
            raise KeyboardInterrupt
        say(what)

    with Claims(folder / FOLDER) as claims, workers(_words_of_worker(arguments), count - 1) as others:
        shots = refine_all(run, kept, claims, told, wait=parent is None)
        for worker in others:
            problem = worker.problem()
            if problem:
                print(
                    f"nbjax: warning: one of the processes failed, and the others did its shots: {problem}",
                    file=sys.stderr,
                )
    return shots


def _words_of_worker(arguments: argparse.Namespace) -> list[str]:
    """The command of a further process, which refines shots and writes nothing else."""
    words = ["refine", arguments.experiments, "--config", arguments.config, "--out", arguments.out]
    for option in ("reflections", "geometry"):
        if getattr(arguments, option) is not None:
            words += [f"--{option}", getattr(arguments, option)]
    words += ["--images", *arguments.images] if arguments.images else []
    words += [word for setting in arguments.set for word in ("--set", setting)]
    words += ["--refine-factors"] if arguments.refine_factors else []
    return [*words, "--resume", "--no-progress", "--worker-of", str(os.getpid())]


def _print(shots: list[ShotResult]) -> None:
    import numpy as np

    counts = {name: sum(shot.outcome.value == name for shot in shots) for name in ("refined", "set aside", "failed")}
    print(f"{len(shots)} shots: " + ", ".join(f"{count} {name}" for name, count in counts.items() if count))
    known = [shot for shot in shots if shot.outcome.value == "refined"]
    if known:
        turned = np.degrees([np.linalg.norm(shot.departure[1:4]) for shot in known])
        print(
            f"medians: turned by {np.median(turned):.4f} degrees, misfit {np.median([s.misfit for s in known]):.3f} a "
            f"pixel, correlation {np.median([s.correlation for s in known]):.4f}, offset "
            f"{np.nanmedian([s.offset_px for s in known]):.3f} px"
        )
    others = [shot for shot in shots if shot.outcome.value != "refined"]
    for shot in others[:_SHOWN]:
        print(f"shot {shot.number}: {shot.outcome.value}: {shot.reason}")
    if len(others) > _SHOWN:
        print(f"and {len(others) - _SHOWN} more, see shots.csv")
