"""``nbjax fit``: fit configurations to measured images."""

from __future__ import annotations

import argparse
import re
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbjax.cli.folder import output_folder
from nbjax.cli.interruption import interruptible
from nbjax.cli.progress import line
from nbjax.errors import NonFiniteError
from nbjax.io.files import atomic_writer

if TYPE_CHECKING:
    from nbjax.fit.fitting import OnStep
    from nbjax.fit.problem import Problem
    from nbjax.fit.result import FitResult, Step
    from nbjax.fit.settings import FitSettings

CHECKPOINT = "checkpoint.npz"
_CHECKPOINT_EVERY_S = 5.0
_SHOWN_SHOTS = 10


def add_parser(commands: Any) -> None:
    """Describe the command."""
    parser = commands.add_parser("fit", help="fit configurations to measured images")
    parser.add_argument("settings", metavar="FIT.toml", help="data, free parameters and stages")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder of fitted configuration and report")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint in the output folder")
    parser.add_argument("--no-progress", action="store_true", help="no line of progress")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    """Exit code 0: every shot converged; 1: not every one did; 2: bad input, or no finite loss."""
    from nbjax.fit.settings import load_settings

    settings = load_settings(arguments.settings)
    with output_folder(arguments.out):
        return _fit_into(Path(arguments.out), arguments, settings)


def _fit_into(folder: Path, arguments: argparse.Namespace, settings: FitSettings) -> int:
    kept = _Kept(folder / CHECKPOINT)
    with line("fit", not arguments.no_progress) as say:
        try:
            result, names, contents = interruptible(lambda: _fitted(arguments, settings, kept, say))
        except KeyboardInterrupt:
            if kept.write_last():
                raise KeyboardInterrupt(
                    f"interrupted; {kept.path} holds the last step, and the same command with --resume goes on from it"
                ) from None
            raise
    for name, content in contents.items():
        with atomic_writer(folder / name) as handle:
            handle.write(content)
    kept.path.unlink(missing_ok=True)
    _print(result, names)
    print(f"wrote {arguments.out}: {_listed(list(contents))}")
    if all(shot.outcome.value in ("diverged", "unusable") for shot in result.shots):
        raise NonFiniteError(
            f"the loss is not finite after step {result.history[-1].step} of stage "
            f"{result.stages[result.history[-1].stage]!r}; the last good values are in {arguments.out}: start closer, "
            "bound the parameters or lower the learning rate"
        )
    return 0 if result.converged else 1


def _fitted(
    arguments: argparse.Namespace, settings: FitSettings, kept: _Kept, say: Callable[[str], None]
) -> tuple[FitResult, list[str], dict[str, bytes]]:
    """The result, the name of each shot's image, and the content of the files that the result is written to."""
    import jax

    from nbjax.fit.checkpoint import read_checkpoint
    from nbjax.fit.fitting import run
    from nbjax.fit.measurement import read_measurement
    from nbjax.fit.output import output_contents

    with jax.enable_x64(True):
        measured = read_measurement(settings, say)
        for sentence in measured.warnings:
            print(f"nbjax: warning: {sentence}", file=sys.stderr)
        posed = measured.problem
        resume = read_checkpoint(kept.path, posed) if arguments.resume else None
        on_step = kept.begin(posed, say, list(resume.history) if resume else [])
        result = run(posed, set_aside=settings.set_aside, on_step=on_step, resume=resume)
        say("writing the report")
        files = [source.file for source in measured.sources]
        names = [
            Path(source.file).name + (f", image {source.image}" if files.count(source.file) > 1 else "")
            for source in measured.sources
        ]
        return result, names, output_contents(measured, result, f"Fit {Path(arguments.settings).stem}")


class _Kept:
    """The checkpoint of a fit: written now and then, and once more when the fit is interrupted."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._last: tuple[Problem, int, Any, list[Step]] | None = None

    def begin(self, posed: Problem, say: Callable[[str], None], history: list[Step]) -> OnStep:
        """What a fit calls after every step."""
        written = time.monotonic()

        def on_step(stage: int, state: Any, entry: Step) -> None:
            nonlocal written
            history.append(entry)
            name = posed.stages[stage].name or f"stage {stage + 1}"
            say(f"{name}: step {entry.step}, loss {float(entry.losses.sum()):.8g}")
            with self._lock:
                self._last = (posed, stage, state, list(history))
                if time.monotonic() - written > _CHECKPOINT_EVERY_S or entry.step == 0:
                    self._write()
                    written = time.monotonic()

        return on_step

    def write_last(self) -> bool:
        """Write the last step, if there is one; no other is written any more."""
        if not self._lock.acquire(timeout=1.0) or self._last is None:
            return self._last is not None
        self._write()
        return True

    def _write(self) -> None:
        from nbjax.fit.checkpoint import write_checkpoint

        if self._last is not None:
            write_checkpoint(self.path, *self._last)


def _print(result: FitResult, names: list[str]) -> None:
    from nbjax.fit.report.document import with_sigma

    for number, shot in enumerate(result.shots[:_SHOWN_SHOTS]):
        label = f"shot {number + 1} ({names[number]}): " if len(result.shots) > 1 else ""
        print(f"{label}{shot.outcome.value}: {shot.reason}")
        if shot.goodness is None:
            continue
        print(f"  {shot.goodness.sentence}")
        for i, (name, unit) in enumerate(zip(result.names, result.units, strict=True)):
            if number == 0 or i >= result.shared:
                where = ", at the bound" if shot.at_bound[i] else ""
                print(f"  {name:32} {with_sigma(shot.values[i], shot.sigmas[i]):>22} {unit}{where}")
        for sentence in shot.warnings:
            print(f"nbjax: warning: {label}{sentence}", file=sys.stderr)
    if len(result.shots) > _SHOWN_SHOTS:
        print(f"and {len(result.shots) - _SHOWN_SHOTS} more shots, see parameters.json")


def _listed(names: list[str]) -> str:
    """Names in one line; of those that each shot has, the first and the last."""
    kinds: dict[str, list[str]] = {}
    for name in names:
        kinds.setdefault(re.sub(r"_\d+", "", name), []).append(name)
    return ", ".join(group[0] if len(group) == 1 else f"{group[0]} to {group[-1]}" for group in kinds.values())
