"""``nbjax structure-factors``: reflections or coordinates as the files that other programs read."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nbjax.errors import ConfigError, Fault, FileError

if TYPE_CHECKING:
    from nbjax.reflections.shells import Shell

_OPTIONS = {
    "crystal.reflections_column": "--column",
    "crystal.space_group": "--space-group",
    "crystal.missing_reflections": "--missing",
    "crystal.cell_A": "--cell",
    "crystal.cell_deg": "--cell",
    "crystal.coordinates_resolution_A": "--resolution",
    "beam.wavelength_A": "--wavelength",
}


def add_parser(commands: Any) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "structure-factors",
        help="structure factors of reflections or coordinates, as text, MTZ or a CrystFEL list",
        description="Writes the structure factors of a file of reflections or coordinates, and prints their shells.",
    )
    parser.add_argument("input", metavar="INPUT", help="reflections or coordinates of any known kind")
    parser.add_argument("--out", required=True, metavar="FILE", help=".hkl or .txt, .mtz, .crystfel.hkl")
    parser.add_argument("--format", choices=("text", "mtz", "crystfel"), help="format, whatever the name ends with")
    parser.add_argument("--resolution", type=float, metavar="A", help="smallest spacing (coordinates: 2 by default)")
    parser.add_argument("--wavelength", type=float, metavar="A", help="wavelength, for what depends on it")
    parser.add_argument("--column", metavar="NAME", help="column of the reflections (default: the best)")
    parser.add_argument("--space-group", metavar="NAME", help="symmetry of the reflections (default: the file's)")
    parser.add_argument("--missing", choices=("zero", "shell_mean", "error"), help="what missing reflections get")
    parser.add_argument(
        "--cell",
        type=float,
        nargs=6,
        metavar=("a", "b", "c", "alpha", "beta", "gamma"),
        help="cell, if the file has none",
    )
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="any other key of the crystal")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from nbjax.io.files import check_writable
    from nbjax.io.reflections.writing import format_of, write_factors
    from nbjax.reflections.asymmetric_unit import unique_factors
    from nbjax.resolve.factors_of_file import factors_of_file

    kind = arguments.format or format_of(arguments.out)
    check_writable(arguments.out)
    crystal = {
        "reflections_column": arguments.column,
        "space_group": arguments.space_group,
        "missing_reflections": arguments.missing,
        "cell_A": None if arguments.cell is None else arguments.cell[:3],
        "cell_deg": None if arguments.cell is None else arguments.cell[3:],
    }
    try:
        found = factors_of_file(arguments.input, crystal, arguments.resolution, arguments.wavelength, arguments.set)
    except FileError as error:
        raise FileError(_reword(str(error))) from None
    except ConfigError as error:
        faults = [Fault(_reword(fault.key), _reword(fault.problem)) for fault in error.faults]
        raise ConfigError(faults) from None
    for sentence in found.warnings:
        print(f"nbjax: warning: {_reword(sentence)}", file=sys.stderr)
    for sentence in found.remarks:
        print(f"nbjax: {_reword(sentence)}", file=sys.stderr)
    factors = unique_factors(found.table, found.given, found.symmetry, found.cell, found.phased, found.wavelength_A)
    write_factors(arguments.out, factors, kind)
    for line in shell_lines(found.shells):
        print(line)
    count = len(factors.sphere) if kind == "text" else len(factors.miller)
    what = {"text": "indices of the sphere in P1", "mtz": "unique reflections", "crystfel": "unique reflections"}[kind]
    print(f"wrote {arguments.out}: {count} {what} ({factors.symmetry.name})")
    return 0


def _reword(sentence: str) -> str:
    """A sentence about keys of a configuration in the words of the command's options."""
    for key, option in _OPTIONS.items():
        sentence = sentence.replace(key, option)
    return sentence


def shell_lines(shells: Sequence[Shell]) -> list[str]:
    """A table of the shells, with the whole as its last row."""
    lines = ["    from A      to A    unique     count   complete %     mean F   missing"]
    rows = [(s.longest_A, s.shortest_A, s.possible, s.count, s.mean_F) for s in shells]
    possible, count = sum(s.possible for s in shells), sum(s.count for s in shells)
    total = sum(s.count * s.mean_F for s in shells) / max(count, 1)
    rows.append((shells[0].longest_A, shells[-1].shortest_A, possible, count, total))
    for longest, shortest, unique, listed, mean in rows:
        share = 100 * listed / max(unique, 1)
        lines.append(
            f"{longest:10.3f}{shortest:10.3f}{unique:10d}{listed:10d}{share:13.1f}{mean:11.5g}{unique - listed:10d}"
        )
    return lines
