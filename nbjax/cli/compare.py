"""``nbjax compare``: how well two images agree, in numbers and in a figure."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from nbjax.cli import pictures
from nbjax.errors import UsageError

if TYPE_CHECKING:
    from nbjax.plot import Agreement

WITHIN, BEYOND = 0, 1
"""Exit codes; images that cannot be read or compared are an error like any other."""

_DEFAULT = ("r=0.01",)
_FIGURES = ("r", "r_scaled", "correlation", "scale", "rms_sigmas")


def add_parser(commands: Any) -> None:
    """Describe the command and its options."""
    parser = commands.add_parser(
        "compare",
        help="how well two images agree: correlation, R, scale, profiles, worst spots",
        description="Compare two images of any kind that nbjax reads, in photons. Exit code: 0 within the tolerances, "
        "1 beyond, 2 unreadable.",
    )
    parser.add_argument("first", metavar="A[#N]", help="an image; after # its number, from 0")
    parser.add_argument("second", metavar="B[#N]", help="the image that is compared with it")
    parser.add_argument("--out", metavar="FILE.{png,pdf}", help="figure of both, their difference and the worst spots")
    parser.add_argument("--json", metavar="FILE.json", help="the numbers for other programs; - for the terminal")
    parser.add_argument("--scaled", action="store_true", help="multiply B by the scale before it is compared")
    parser.add_argument(
        "--tolerance",
        action="append",
        default=[],
        metavar="NAME=X",
        help="largest r, r_scaled or rms_sigmas, least correlation, or largest |scale - 1|; may be repeated "
        "(default: r=0.01)",
    )
    pictures.add_options(parser)
    parser.set_defaults(run=compare)


def compare(arguments: argparse.Namespace) -> int:
    """Compare two images; 0 within the tolerances, else 1.

    Raises:
        NbjaxError: a fault of the command line, of the configuration or of a file.
    """
    tolerances = _tolerances(arguments.tolerance or _DEFAULT)
    names = [arguments.first, arguments.second]
    pictures.check_options(arguments)
    pictures.check_images(names)
    if arguments.out is not None:
        pictures.check_outputs(arguments.out, names)
    if arguments.json not in (None, "-"):
        from nbjax.io.files import check_writable

        pictures.check_apart("--json", arguments.json, names if arguments.out is None else [*names, arguments.out])
        check_writable(arguments.json)
    from nbjax.plot import Choices, agreement, comparison_page, read_pair, save

    resolved = pictures.resolved_of(arguments)
    camera = pictures.camera_of(arguments, resolved)
    wanted = pictures.wanted_of(arguments, unit="photons", overloads=False)
    first, second = read_pair(names[0], names[1], camera, wanted)
    marks = None if resolved is None else pictures.marks_of_config(resolved)
    found = agreement(first, second, arguments.scaled, marks)
    for remark in (*first.remarks, *second.remarks):
        print(f"nbjax: warning: {remark}", file=sys.stderr)
    verdicts = [_verdict(found, name, limit) for name, limit in tolerances.items()]
    within = all(good for good, _ in verdicts)
    if arguments.json is not None:
        _write_json(arguments.json, found, names, tolerances, within)
    if arguments.json != "-":
        print(*_lines(found, names), *(line for _, line in verdicts), sep="\n")
    if arguments.out is not None:
        choices = Choices(scale=pictures.scale_of(arguments), colours=arguments.colours, marks=marks)
        save(comparison_page(first, second, found, choices), arguments.out, arguments.dpi)
        print(f"wrote {arguments.out}", file=sys.stderr if arguments.json == "-" else sys.stdout)
    return WITHIN if within else BEYOND


def _tolerances(words: Any) -> dict[str, float]:
    """Name -> limit.

    Raises:
        UsageError: a word that is none.
    """
    from nbjax.cli.words import is_number

    found = {}
    for word in words:
        name, _, text = word.partition("=")
        if name not in _FIGURES or not is_number(text) or float(text) < 0:
            raise UsageError(f"--tolerance {word}: is none; give NAME=X with X from 0 and one of {', '.join(_FIGURES)}")
        found[name] = float(text)
    return found


def _verdict(found: Agreement, name: str, limit: float) -> tuple[bool, str]:
    """Whether one figure is within its limit, and the sentence about it; what is not a number is not."""
    value = found.figures[name]
    match name:
        case "correlation":
            good, wanted = value >= limit, f"at least {limit:g}"
        case "scale":
            good, wanted = abs(value - 1) <= limit, f"within {limit:g} of 1"
        case _:
            good, wanted = value <= limit, f"at most {limit:g}"
    return bool(good), f"{'within' if good else 'beyond'} the tolerance: {name} {value:.6g}, {wanted}"


def _lines(found: Agreement, names: list[str]) -> list[str]:
    lines = [
        f"{names[0]} and {names[1]}: {found.common} pixels in common{', B times the scale' if found.scaled else ''}",
        f"correlation {found.correlation:.8g}, scale {found.scale:.8g}, R {found.r:.6g}, R with the scale "
        f"{found.r_scaled:.6g}, rms difference {found.rms_sigmas:.6g} sigma",
    ]
    for worst in found.worst[:5]:
        fast, slow = worst.centre
        panel = f"panel {worst.panel}, " if found.sigmas.ndim == 3 else ""
        name = f"spot {worst.name} at" if worst.name else f"{worst.pixels} pixel{'s' if worst.pixels > 1 else ''} at"
        lines.append(
            f"  {name} {panel}fast {fast:.1f}, slow {slow:.1f}: {worst.first:.6g} and {worst.second:.6g} photons, "
            f"{worst.sigmas:+.3g} sigma"
        )
    return lines


def _write_json(path: str, found: Agreement, names: list[str], tolerances: dict[str, float], within: bool) -> None:
    from nbjax.io.files import atomic_writer
    from nbjax.plot.agreement import as_json

    tree = {**as_json(found, (names[0], names[1])), "tolerances": tolerances, "within": within}
    text = json.dumps(tree, indent=1, allow_nan=False) + "\n"
    if path == "-":
        print(text, end="")
        return
    with atomic_writer(path, "w") as handle:
        handle.write(text)
