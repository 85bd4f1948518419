"""``nbjax refine``: indexed stills refined against their pixels."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbjax.cli.folder import output_folder
from nbjax.cli.interruption import interruptible
from nbjax.cli.progress import line
from nbjax.errors import FileError

if TYPE_CHECKING:
    from nbjax.refine.outcome import ShotResult

_SHOWN = 10


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
    parser.add_argument("--no-progress", action="store_true", help="no line of progress")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    """Exit code 0: a shot was refined; 1: none was; 2: bad input."""
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
    _print(shots)
    print("".join(f"{each}\n" for each in words), end="")
    print(f"wrote {folder}: {', '.join(contents)}")
    return 0 if any(shot.outcome.value == "refined" for shot in shots) else 1


def _refined(folder: Path, arguments: argparse.Namespace, say: Any) -> tuple[list[ShotResult], list[str], list[str]]:
    import jax

    from nbjax.refine.inputs import read_inputs
    from nbjax.refine.kept import FOLDER, Kept
    from nbjax.refine.output import output_contents, write_outputs
    from nbjax.refine.pixels import Pixels
    from nbjax.refine.run import Run, refine_all
    from nbjax.refine.settings import load_refine
    from nbjax.refine.sharing import Together, alone, prepared, refine_together
    from nbjax.refine.start import shared_experiment

    told, settings = load_refine(arguments.config, tuple(arguments.set))
    if arguments.refine_factors:
        settings = replace(settings, shared=tuple(dict.fromkeys((*settings.shared, "factors"))))
    files = arguments.experiments, arguments.reflections, arguments.images
    inputs = read_inputs(*files, settings, arguments.geometry)
    with jax.enable_x64(True):
        say("structure factors")
        run = prepared(Run(inputs, shared_experiment(inputs.first, told), settings))
        question = repr((told, settings, *files[:2], arguments.geometry, inputs.frames))
        pixels = Pixels(folder / FOLDER) if settings.shared else None
        kept = Kept(folder, question, arguments.resume)
        shots = []

        def done(number: int) -> ShotResult | None:
            return kept.read(number) if pixels is None or pixels.has(number) else None

        for shot in refine_all(replace(alone(run), pixels=pixels), done, say):
            kept.write(shot)
            shots.append(shot)
        if all(shot.outcome.value == "failed" for shot in shots):
            raise FileError(f"no shot could be refined; the first one: {shots[0].reason}")
        together = Together(shots, None, {}, [])
        if pixels is not None:
            together = refine_together(run, shots, pixels, say)
        say("writing")
        contents = output_contents(inputs, together.shots, together.panels) | together.contents
        write_outputs(folder, contents)
    return together.shots, list(contents), together.words


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
