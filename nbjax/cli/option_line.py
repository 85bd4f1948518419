"""``nbjax nanobragg``: images, traces and configurations from the C program's option line."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from nbjax.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from nbjax.cli.nanobragg import Request
    from nbjax.resolve import Resolved


def run_options(words: list[str]) -> int:
    """Do what an option line asks for; 0 on success.

    Raises:
        NbjaxError: a fault of the line, or of a file.
    """
    if any(word in ("-h", "-help", "--help") for word in words):
        from nbjax.cli.options import help_text

        print(help_text())
        return 0
    from nbjax.cli.nanobragg import name_options, read_options
    from nbjax.cli.outputs import file_names

    request = read_options(words)
    for note in request.notes:
        print(f"nbjax: warning: {note}", file=sys.stderr)
    if not (file_names(request.config.output) or request.printout or request.config_out or request.trace_file):
        raise UsageError(
            "no output was asked for; "
            "give -floatfile, -intfile, -pgmfile, -noisefile, -pngfile, -printout, -trace_file or -config_out"
        )
    try:
        _fulfil(request, words)
    except ConfigError as error:
        raise ConfigError(name_options(error.faults, request.sources)) from None
    return 0


def _fulfil(request: Request, words: list[str]) -> None:
    from nbjax.cli.outputs import check_outputs, file_names
    from nbjax.cli.printout import check_pixel
    from nbjax.cli.trace import check_pixels, trace_to_file
    from nbjax.config.inputs import absolute_inputs
    from nbjax.config.write import config_toml
    from nbjax.io.files import atomic_writer
    from nbjax.resolve import resolve
    from nbjax.tracing.files import check_suffix

    sources = {key: f"option {option}" for key, option in request.sources.items()}
    check_outputs(request.config.output, [name for name in (request.config_out, request.trace_file) if name])

    def check(resolved: Resolved) -> None:
        check_pixel(request.printout_pixel, resolved)
        check_pixels(resolved, request.trace_pixels, "-trace_pixel")
        if request.trace_file is not None:
            check_suffix(request.trace_file)

    if file_names(request.config.output) or request.printout:
        _render(request, sources, words, check)
    else:
        check(resolve(request.config, sources))
    if request.trace_file is not None:
        resolved = resolve(request.config, sources)
        trace_to_file(resolved, request.trace_pixels, request.trace_samples, request.trace_file, "-trace_pixel")
    if request.config_out is not None:
        with atomic_writer(request.config_out) as handle:
            handle.write(config_toml(absolute_inputs(request.config)).encode())


def _render(request: Request, sources: dict[str, str], words: list[str], check: Callable[[Resolved], None]) -> None:
    from nbjax.cli.nanobragg import option_departures
    from nbjax.cli.options import in_options
    from nbjax.cli.printout import print_pixels
    from nbjax.cli.render import render_to_files

    entries = option_departures(words)
    image = render_to_files(request.config, sources, request.progress, entries, check, in_options, request.annotate)
    if request.printout:
        print_pixels(request.printout_pixel, request.config.detector.roi, image)
