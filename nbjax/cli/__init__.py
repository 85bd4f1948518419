"""The command line: one sub-command for each thing a user does.

Heavy modules are imported inside the commands, so that help and errors come at once.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path
from typing import NoReturn

from nbjax import __version__
from nbjax.cli import (
    attribute,
    batch,
    compare,
    compare_traces,
    converge,
    explore,
    export,
    fit,
    import_,
    predict,
    record,
    refine,
    show,
    structure_factors,
    trace,
)
from nbjax.cli.folder import output_folder
from nbjax.cli.interruption import leave
from nbjax.cli.startup import collect_garbage_less, keep_compiled_programs
from nbjax.errors import ConfigError, NbjaxError, UsageError

_EXHAUSTED = "RESOURCE_EXHAUSTED"
"""What begins an error of XLA about memory."""


class _Parser(argparse.ArgumentParser):
    """An argument parser that raises instead of leaving the process."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; {self.prog} --help shows the usage")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        raise _Finished(status)


class _Finished(Exception):  # noqa: N818
    """Help or version was printed."""


def main(argv: list[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: words after the program's name; those of the process by default.

    Returns:
        0 on success, 2 on bad input, 130 when interrupted.
    """
    words = sys.argv[1:] if argv is None else list(argv)
    keep_compiled_programs()
    collect_garbage_less()
    try:
        if "" in words:
            raise UsageError(
                f"word {words.index('') + 1} of the command is empty, as where a variable of the shell is not set; "
                "give it a value, or leave it out"
            )
        if words[:1] == ["nanobragg"]:
            from nbjax.cli.option_line import run_options

            return run_options(words[1:])
        if words[:1] == ["attribute"]:
            return attribute.attribute(words[1:], _Parser)
        arguments = _parser().parse_args(words)
        return int(arguments.run(arguments))
    except _Finished as finished:
        return int(finished.args[0])
    except ConfigError as error:
        for fault in error.faults:
            print(f"nbjax: {fault}", file=sys.stderr)
        return 2
    except NbjaxError as error:
        print(f"nbjax: {error}", file=sys.stderr)
        return 2
    except MemoryError:
        print("nbjax: the image does not fit into memory; use fewer pixels or a smaller -roi", file=sys.stderr)
        return 2
    except RuntimeError as error:
        # XLA has an error of its own for it
        if _EXHAUSTED not in str(error):
            raise
        found = re.search(r"allocating (\d+) bytes", str(error))
        wanted = f", {int(found[1]) / 1e9:.3g} GB were wanted at once" if found else ""
        print(f"nbjax: memory has run out{wanted}; use fewer pixels or samples, or a smaller cell", file=sys.stderr)
        return 2
    except UnicodeEncodeError:
        print("nbjax: a file name is not valid UTF-8 and cannot be written as text; rename the file", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # whoever read the output has seen enough; nothing more may be flushed into the closed pipe
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
        return 0
    except KeyboardInterrupt as interruption:
        return leave(str(interruption) or "interrupted; nothing half-written is left behind")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="nbjax", description="Diffraction images of crystals on an absolute photon scale.")
    parser.add_argument("--version", action="version", version=f"nbjax {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)

    simulate = commands.add_parser("simulate", help="render a TOML configuration")
    simulate.add_argument("config", metavar="CONFIG.toml")
    _add_run_options(simulate)
    simulate.set_defaults(run=_simulate)

    commands.add_parser("nanobragg", help="render the C program's option line (nbjax nanobragg --help)")

    config = commands.add_parser("config", help="inspect configurations")
    inspections = config.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)
    resolved = inspections.add_parser("resolve", help="every resolved value, and where it came from")
    resolved.add_argument("config", metavar="CONFIG.toml")
    resolved.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override a key")
    resolved.set_defaults(run=_resolve)

    import_.add_parser(commands)
    export.add_parser(commands)
    structure_factors.add_parser(commands)
    predict.add_parser(commands)
    record.add_parser(commands)
    show.add_parser(commands)
    explore.add_parser(commands)
    compare.add_parser(commands)
    trace.add_parser(commands)
    compare_traces.add_parser(commands)
    attribute.add_parser(commands)
    batch.add_parser(commands)
    fit.add_parser(commands)
    refine.add_parser(commands)
    converge.add_parser(commands)

    sample = commands.add_parser("sample", help="render the embedded crystal (PDB entry 2ERL)")
    _add_run_options(sample)
    sample.add_argument("--save-config", metavar="FILE.toml", help="write its configuration too, to go on from")
    sample.set_defaults(run=_sample)
    return parser


def _add_run_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override a key")
    parser.add_argument("--out", metavar="DIR", help="folder of the output files (default: the current one)")
    parser.add_argument("--parity", nargs="?", const="all", metavar="NAMES", help="reproduce the C program")
    parser.add_argument("--precision", choices=("double", "mixed", "single"), help="floating-point policy")
    parser.add_argument("--annotate", action="store_true", help="axes, colour bar and rings on output.png_file")
    parser.add_argument("--no-progress", action="store_true", help="no progress bar")


def _simulate(arguments: argparse.Namespace) -> int:
    from dataclasses import replace

    from nbjax.cli.configured import load_configured

    config, sources = load_configured(arguments)

    from nbjax.cli.outputs import file_names, placed_in
    from nbjax.cli.render import render_to_files

    output = config.output
    if not file_names(output):
        stem = Path(arguments.config).stem
        output = replace(output, float_file=f"{stem}.bin", png_file=f"{stem}.png")
    config = replace(config, output=placed_in(output, arguments.out))
    with output_folder(arguments.out):
        render_to_files(config, sources, progress=not arguments.no_progress, annotate=arguments.annotate)
    return 0


def _sample(arguments: argparse.Namespace) -> int:
    import nbjax

    arguments.config = str(Path(nbjax.__file__).parent / "data" / "2erl.toml")
    if arguments.save_config is not None:
        from nbjax.cli.configured import load_configured
        from nbjax.config.inputs import absolute_inputs
        from nbjax.config.write import config_toml
        from nbjax.io.files import atomic_writer

        text = config_toml(absolute_inputs(load_configured(arguments)[0]))
        with atomic_writer(arguments.save_config, "w") as handle:
            handle.write(text)
    return _simulate(arguments)


def _resolve(arguments: argparse.Namespace) -> int:
    from nbjax.cli.said import say_resolved
    from nbjax.config.load import load_with_sources
    from nbjax.resolve import resolve

    config, sources = load_with_sources(arguments.config, arguments.set)
    resolved = resolve(config, sources)
    say_resolved(resolved)
    rows = [(key, _shown(value), origin) for key, value, origin in sorted(resolved.rows())]
    widths = [max(len(row[i]) for row in rows) for i in range(2)]
    for key, value, origin in rows:
        print(f"{key:{widths[0]}}  {value:{widths[1]}}  {origin}")
    return 0


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, tuple):
        return "(" + ", ".join(_shown(item) for item in value) + ")"
    return str(value)
