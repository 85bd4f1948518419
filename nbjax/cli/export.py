"""``nbjax export``: a configuration as an experiment list of DIALS."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from nbjax.errors import UsageError


def add_parser(commands: Any) -> None:
    """Describe the command and its options."""
    parser = commands.add_parser(
        "export",
        help="write a configuration as an experiment list of DIALS",
        description="Write crystal, beam, panel and scan of a configuration as an experiment list of DIALS.",
    )
    parser.add_argument("config", metavar="CONFIG.toml")
    parser.add_argument("--out", required=True, metavar="X.expt", help="the experiment list")
    parser.add_argument("--image", metavar="x_0001.img", help="file of the image, beside the list")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override a key")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the experiment list; 0 on success.

    Raises:
        NbjaxError: a fault of the command line, of the configuration or of a file.
    """
    if not arguments.out.endswith((".expt", ".json")):
        raise UsageError(f"--out {arguments.out}: is no name of an experiment list; give one that ends in .expt")
    from nbjax.config.load import load_with_sources
    from nbjax.io.files import atomic_writer, check_writable

    check_writable(arguments.out)
    config, sources = load_with_sources(arguments.config, arguments.set)

    from nbjax.cli.said import say_resolved
    from nbjax.exchange.exporting import export
    from nbjax.resolve import resolve

    resolved = resolve(config, sources)
    say_resolved(resolved)
    exported = export(resolved, arguments.image)
    with atomic_writer(arguments.out, "w") as handle:
        handle.write(exported.text)
    for remark in exported.remarks:
        print(f"nbjax: {remark}", file=sys.stderr)
    print(f"wrote {arguments.out}")
    return 0
