"""``nbjax converge``: how finely a configuration must be sampled."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from nbjax.cli.said import say_resolved
from nbjax.errors import UsageError

if TYPE_CHECKING:
    from nbjax.convergence.change import Change
    from nbjax.convergence.closed import Closed
    from nbjax.convergence.convergence import Convergence
    from nbjax.convergence.search import Trial

_ROW = "{:24} {:>8} {:>8}  {:>8} {:>8} {:>8}  {}"
_SHOWN = 9.99
"""Changes beyond are told no closer."""


def add_parser(commands: Any) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "converge",
        help="how many domains, wavelengths, steps and subpixels an image needs",
        description="Double each count of the sampling until the image no longer changes. Exit code: 0 the counts were "
        "found, 1 the error was not met by what could be tried, 2 bad input.",
    )
    parser.add_argument("config", metavar="CONFIG.toml")
    parser.add_argument("--error", type=float, default=0.01, metavar="E", help="relative error that is wanted (0.01)")
    parser.add_argument(
        "--seconds", type=float, default=10.0, metavar="S", help="what the finest result of a trial may take (10)"
    )
    parser.add_argument("--out", metavar="FILE.json", help="all numbers as JSON")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override a key")
    parser.add_argument("--parity", nargs="?", const="all", metavar="NAMES", help="reproduce the C program")
    parser.add_argument("--precision", choices=("double", "mixed", "single"), help="floating-point policy")
    parser.add_argument("--no-progress", action="store_true", help="no progress bar")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from nbjax.cli.configured import load_configured
    from nbjax.io.files import atomic_writer, check_writable

    if not 0 < arguments.error < 1:
        raise UsageError(f"--error: got {arguments.error:g}, a part between 0 and 1 is wanted, as 0.01 for 1 %")
    if not arguments.seconds > 0:
        raise UsageError(f"--seconds: got {arguments.seconds:g}, a time above zero is wanted, as 10")
    config, sources = load_configured(arguments)
    if arguments.out is not None:
        check_writable(arguments.out)

    import jax

    from nbjax.cli.interruption import interruptible
    from nbjax.cli.progress import progress_bar
    from nbjax.convergence.closed import closed_of
    from nbjax.convergence.convergence import converge
    from nbjax.convergence.document import document_of
    from nbjax.resolve import resolve

    say_resolved(resolve(config, sources))
    table = _Table()

    with progress_bar("looking for spots", not arguments.no_progress) as advance:

        def work() -> tuple[Convergence, Closed]:
            with jax.enable_x64(True):
                found = converge(config, arguments.error, arguments.seconds, table.say, advance)
                return found, closed_of(config, found.values, found.pixels, found.found.finest)

        found, closed = interruptible(work)
    _print(found, closed)
    if arguments.out is not None:
        with atomic_writer(arguments.out, "w") as handle:
            json.dump(document_of(found, closed, arguments.config), handle, indent=2, allow_nan=False)
            handle.write("\n")
        print(f"wrote {arguments.out}")
    return 0 if found.found.met else 1


class _Table:
    """Trials, a line each as they come."""

    def __init__(self) -> None:
        self._begun = False

    def say(self, trial: Trial) -> None:
        """Print a line, the first time after a heading."""
        if not self._begun:
            print(_ROW.format("changed alone", "count", "up to", "pixel", "spot", "total", "").rstrip())
            self._begun = True
        parts = _parts(trial.change)
        verdict = "enough" if trial.good else ""
        print(_ROW.format(trial.dimension, trial.count, trial.finest, *parts, verdict).rstrip(), flush=True)


def _parts(change: Change) -> list[str]:
    parts = (change.pixel, change.spot, change.total)
    return [f"{100 * part:.2g} %" if part < _SHOWN else f"> {100 * _SHOWN:.0f} %" for part in parts]


def _print(convergence: Convergence, closed: Closed) -> None:
    found = convergence.found
    print()
    print(f"{'for an error of ' + _per_cent(convergence.error):24} {'given':>8} {'needed':>8}")
    for one in convergence.dimensions:
        more = "> " if one.name in found.short else ""
        print(f"{one.name:24} {one.given:8} {more + str(found.counts[one.name]):>8}")
    print(f"{'seconds an image':24} {convergence.given_s:8.2g} {convergence.needed_s:8.2g}")
    for label, change in (("error as given", convergence.given), ("error all together", found.check)):
        if change is not None:
            pixel, spot, total = _parts(change)
            print(f"{label}: {pixel} of a pixel, {spot} of a spot, {total} of the total")
    print(_closed_line(closed))
    if not found.met:
        print("the error is not met by what could be tried; give trials more --seconds, or accept a larger --error")
    print()
    print(_lines(convergence))


def _closed_line(closed: Closed) -> str:
    if closed.change is None:
        return f"closed model: not for this configuration, {closed.why_not}"
    pixel, spot, total = _parts(closed.change)
    differs = f"{pixel} of a pixel, {spot} of a spot, {total} of the total"
    return f"closed model: {closed.seconds:.2g} s an image, differs by {differs}"


def _per_cent(part: float) -> str:
    return f"{100 * part:g} %"


def _lines(convergence: Convergence) -> str:
    """The lines of a configuration that say the counts."""
    import tomli_w

    sections: dict[str, dict[str, Any]] = {}
    left_out = []
    for key, value in convergence.values.items():
        section, name = key.split(".")
        if value is None:
            left_out.append(f"# leave out {key}")
        else:
            sections.setdefault(section, {})[name] = value
    if not sections:
        return "the configuration's own counts are those"
    return "\n".join([*left_out, tomli_w.dumps(sections).rstrip()])
