"""``nbjax export``: a configuration as an experiment list of DIALS, or its detector as a geometry of CrystFEL."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from nbjax.errors import UsageError


def add_parser(commands: Any) -> None:
    """Describe the command and its options."""
    parser = commands.add_parser(
        "export",
        help="write a configuration as an experiment list of DIALS or a geometry of CrystFEL",
        description="Write crystal, beam, detector and scan of a configuration as an experiment list of DIALS (.expt), "
        "or the detector as a geometry of CrystFEL (.geom).",
    )
    parser.add_argument("config", metavar="CONFIG.toml")
    parser.add_argument("--out", required=True, metavar="X.expt|X.geom", help="the file")
    parser.add_argument("--image", metavar="x_0001.img", help="file of the image, beside the list")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override a key")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the file; 0 on success.

    Raises:
        NbjaxError: a fault of the command line, of the configuration or of a file.
    """
    to_crystfel = arguments.out.endswith(".geom")
    if not to_crystfel and not arguments.out.endswith((".expt", ".json")):
        raise UsageError(f"--out {arguments.out}: is no name of such a file; give one that ends in .expt or .geom")
    if to_crystfel and arguments.image is not None:
        raise UsageError(f"--image {arguments.image}: a geometry names no image; leave it out")
    from nbjax.config.load import load_with_sources
    from nbjax.io.files import atomic_writer, check_writable

    check_writable(arguments.out)
    config, sources = load_with_sources(arguments.config, arguments.set)

    from nbjax.cli.said import say_resolved
    from nbjax.exchange.exporting import export, export_geometry
    from nbjax.resolve import resolve

    resolved = resolve(config, sources)
    say_resolved(resolved)
    exported = export_geometry(resolved) if to_crystfel else export(resolved, arguments.image)
    with atomic_writer(arguments.out, "w") as handle:
        handle.write(exported.text)
    for remark in exported.remarks:
        print(f"nbjax: {remark}", file=sys.stderr)
    print(f"wrote {arguments.out}")
    return 0
