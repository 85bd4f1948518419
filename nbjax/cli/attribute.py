"""``nbjax attribute``: what explains the difference between a configuration and a reference."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbjax.cli.said import say_resolved
from nbjax.errors import ConfigError, FileError, UsageError

if TYPE_CHECKING:
    import numpy as np

    from nbjax.resolve import Resolved
    from nbjax.tracing.attribution.attribution import Attribution
    from nbjax.tracing.attribution.candidate import Candidate

_USAGE = "nbjax attribute CONFIG.toml|OPTIONS --reference TRACE_OR_IMAGE --out DIR"
_EXPLAINED, _UNEXPLAINED = 0, 1


def add_parser(commands: Any) -> None:
    """Describe the command, for the list of commands."""
    commands.add_parser("attribute", help="find the cause of a difference from a trace or an image", add_help=False)


def parser(make: Any) -> argparse.ArgumentParser:
    """The command's own options; every other word is the configuration, or a word of an option line."""
    found: argparse.ArgumentParser = make(
        prog="nbjax attribute",
        usage=_USAGE,
        allow_abbrev=False,
        description="Find what explains the difference between a candidate (a TOML configuration, or the option line "
        "of nbjax nanobragg) and a reference: first the parity ledger, then changes of the traced parameters. "
        "Exit code: 0 equal or explained, 1 if something is left or undetermined, 2 bad input.",
    )
    found.add_argument("--reference", required=True, metavar="TRACE_OR_IMAGE", help="a trace, or a float image")
    found.add_argument("--out", required=True, metavar="DIR", help="folder of the report")
    found.add_argument("--tolerance", type=float, metavar="RELATIVE", help="residual that counts as none")
    found.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="override a key of the TOML file"
    )
    return found


def attribute(words: list[str], make: Any) -> int:
    """Attribute a difference, write the report and print what was found.

    Args:
        words: the command line after ``attribute``.
        make: class of the argument parser.

    Returns:
        0 if the candidate is equal or every difference is explained, else 1.

    Raises:
        NbjaxError: a fault of the command line, the configuration or the reference.
    """
    own, rest = _split(words)
    arguments = parser(make).parse_args(own)
    if arguments.tolerance is not None and not 0 < arguments.tolerance < 1:
        raise UsageError(f"--tolerance {arguments.tolerance:g}: is no relative difference; give one between 0 and 1")
    from nbjax.tracing.report import check_folder

    check_folder(arguments.out)
    import jax

    with jax.enable_x64(True):
        found = _attribution(arguments, rest)
    return _report(found, arguments, rest)


def _split(words: list[str]) -> tuple[list[str], list[str]]:
    """The command's own words, and those of the candidate."""
    own: list[str] = []
    rest: list[str] = []
    takes_value = False
    for word in words:
        mine = takes_value or word.startswith("--") or word == "-h"
        (own if mine else rest).append(word)
        takes_value = not takes_value and word in ("--reference", "--out", "--tolerance", "--set")
    return own, rest


def _attribution(arguments: argparse.Namespace, rest: list[str]) -> Attribution:
    from nbjax.cli.trace import check_pixels, check_traced
    from nbjax.tracing.attribution import attribution

    candidate = _candidate(arguments, rest)
    resolved = candidate.resolved(candidate.base)
    say_resolved(resolved)
    check_traced(resolved)
    with _status() as report:
        image = _image(arguments.reference, resolved)
        if image is not None:
            tolerance = arguments.tolerance or attribution.IMAGE_TOLERANCE
            return attribution.attribute_image(candidate, image, tolerance, report)
        from nbjax.tracing.files import read_trace

        document = read_trace(arguments.reference)
        if any(pixel.slow is None for pixel in document.pixels):
            raise FileError(f"{arguments.reference}: does not say which pixel it is; add a line that does")
        check_pixels(resolved, tuple(pixel.indices for pixel in document.pixels), arguments.reference)
        tolerance = arguments.tolerance or attribution.TRACE_TOLERANCE
        return attribution.attribute_trace(candidate, document, tolerance, report)


def _candidate(arguments: argparse.Namespace, rest: list[str]) -> Candidate:
    from nbjax.tracing.attribution.candidate import Candidate

    if not rest:
        raise UsageError(f"the candidate is missing; give a TOML file or an option line: {_USAGE}")
    if len(rest) == 1 and not rest[0].startswith("-"):
        from nbjax.config.load import load_with_sources

        config, _ = load_with_sources(rest[0], arguments.set)
        return Candidate(lambda names: replace(config, parity=names), config.parity, ())
    if arguments.set:
        raise UsageError("--set belongs to a TOML file; change the option line itself")
    from nbjax.cli.nanobragg import name_options, read_options, read_with_parity
    from nbjax.cli.passed_over import OPTION_ENTRIES

    request = read_options(rest)
    for note in request.notes:
        print(f"nbjax: warning: {note}", file=sys.stderr)
    try:
        entries = _differ(read_with_parity, rest, OPTION_ENTRIES)
        return Candidate(lambda names: read_with_parity(rest, names).config, request.config.parity, entries)
    except ConfigError as error:
        raise ConfigError(name_options(error.faults, request.sources)) from None


def _differ(read: Any, words: list[str], entries: Iterable[str]) -> tuple[str, ...]:
    """Entries under which an option line is read differently."""
    plain = replace(read(words, ()).config, parity=())
    return tuple(name for name in entries if replace(read(words, (name,)).config, parity=()) != plain)


def _image(name: str, resolved: Resolved) -> np.ndarray | None:
    """The reference as an image; None if it is a trace."""
    from nbjax.io.images import panel_images, read_images
    from nbjax.tracing.files import is_trace

    if is_trace(name):
        return None
    panels = resolved.detector.panels
    if len(panels) > 1:
        images = panel_images(name, panels)
    else:
        images = read_images(name, shape=(resolved.detector.pixels_slow, resolved.detector.pixels_fast))
    if len(images) > 1:
        raise FileError(f"{name}: holds {len(images)} images; give one image")
    if images[0].stored.dtype.kind != "f":
        raise FileError(f"{name}: is an image of integers, which are rounded; give the float image")
    return images[0].photons()


class _status:  # noqa: N801
    """A line on a terminal's stderr that says what is being done."""

    def __enter__(self) -> Any:
        from tqdm import tqdm

        self._bar = tqdm(bar_format="{desc}", disable=not sys.stderr.isatty(), file=sys.stderr, leave=False, delay=1.0)
        return self._bar.set_description_str

    def __exit__(self, *_: object) -> None:
        self._bar.close()


def _report(found: Attribution, arguments: argparse.Namespace, rest: list[str]) -> int:
    import shlex

    from nbjax.io.files import atomic_writer, make_folder
    from nbjax.tracing.attribution.waterfall import (
        attribution_json,
        summary_lines,
        summary_markdown,
        waterfall_png,
    )

    candidate = shlex.join(rest)
    tree = {**attribution_json(found), "candidate": candidate, "reference": arguments.reference}
    contents = {
        "attribution.json": (json.dumps(tree, indent=1, allow_nan=False) + "\n").encode(),
        "summary.md": summary_markdown(found, candidate, arguments.reference).encode(),
        "waterfall.png": waterfall_png(found),
    }
    make_folder(arguments.out, f"--out {arguments.out}")
    for name, content in contents.items():
        with atomic_writer(Path(arguments.out) / name) as handle:
            handle.write(content)
    for line in summary_lines(found):
        print(line)
    print(f"report in {arguments.out}: {', '.join(contents)}")
    return _EXPLAINED if found.verdict in ("equal", "explained") else _UNEXPLAINED
