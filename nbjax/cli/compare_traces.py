"""``nbjax compare-traces``: where two programs part, and a report of every factor."""

from __future__ import annotations

import argparse
import shlex
from typing import Any

EQUAL, DIVERGENT = 0, 1
"""Exit codes; a trace that cannot be read or compared is an error like any other."""


def add_parser(commands: Any) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "compare-traces",
        help="find the first factor in which two traces differ",
        description="Compare two traces in the order of computation. Exit code: 0 equal, 1 divergent, 2 unreadable.",
    )
    parser.add_argument("reference", metavar="REFERENCE", help="trace of nbjax (json, h5, txt) or of another program")
    parser.add_argument("candidate", metavar="CANDIDATE", help="trace of the same pixels, in any of these forms")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder of the report")
    parser.add_argument(
        "--tolerance",
        action="append",
        default=[],
        metavar="KEY=RELATIVE",
        help="relative difference that counts as equal, for one key or for all; may be repeated",
    )
    parser.set_defaults(run=compare_traces)


def compare_traces(arguments: argparse.Namespace) -> int:
    """Compare two traces, write the report and print the first divergence.

    Args:
        arguments: reference, candidate, out, tolerance.

    Returns:
        0 if every factor that both traces have is equal within its tolerance, else 1.

    Raises:
        NbjaxError: a trace cannot be read, the two cannot be compared, or the report cannot be written.
    """
    from nbjax.io.files import read_bytes
    from nbjax.tracing.compare import compare
    from nbjax.tracing.files import parse_trace
    from nbjax.tracing.report import Input, check_folder, write_report
    from nbjax.tracing.tolerances import read_tolerances
    from nbjax.tracing.wording import verdict

    tolerances = read_tolerances(arguments.tolerance)
    check_folder(arguments.out)
    inputs = tuple(Input(name, read_bytes(name)) for name in (arguments.reference, arguments.candidate))
    reference, candidate = (parse_trace(item.content, item.name) for item in inputs)
    comparison = compare(reference, candidate, tolerances)
    write_report(arguments.out, comparison, inputs, _command(arguments))
    print(verdict(comparison))
    print(f"report in {arguments.out}: summary.md, factors.png, metrics.json, run_metadata.json")
    return EQUAL if comparison.first_divergence is None else DIVERGENT


def _command(arguments: argparse.Namespace) -> str:
    words = ["nbjax", "compare-traces", arguments.reference, arguments.candidate, "--out", arguments.out]
    return shlex.join([*words, *(word for item in arguments.tolerance for word in ("--tolerance", item))])
