"""``nbjax import``: the configuration that files of processing programs describe."""

from __future__ import annotations

import argparse
import sys
from typing import Any


def add_parser(commands: Any) -> None:
    """Describe the command and its options."""
    parser = commands.add_parser(
        "import",
        help="write the configuration that files of DIALS, XDS, CrystFEL, MOSFLM, NeXus or pyFAI describe",
        description="Write the configuration of everything that files of processing programs say: crystal, beam, one "
        "panel of the detector, one image of the scan. Of several files the first that tells a thing counts.",
    )
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="x.expt, XPARM.XDS, XDS.INP, x.stream, x.geom, x.mat, x.mtz, ..."
    )
    parser.add_argument("--out", required=True, metavar="CONFIG.toml", help="the configuration")
    parser.add_argument("--image", type=int, metavar="N", help="image of the scan (default: the first)")
    parser.add_argument("--panel", metavar="NAME", help="one panel of the detector (default: all)")
    parser.add_argument(
        "--distance-mm",
        type=float,
        metavar="MM",
        help="mean distance of the panels, for a geometry that leaves it to the images",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the configuration and say what was taken; 0 on success.

    Raises:
        NbjaxError: a fault of the command line or of a file.
    """
    from nbjax.config.inputs import absolute_inputs
    from nbjax.config.write import config_toml
    from nbjax.exchange.importing import import_files
    from nbjax.io.files import atomic_writer, check_writable

    check_writable(arguments.out)
    imported = import_files(arguments.files, arguments.image, arguments.panel, arguments.distance_mm)
    with atomic_writer(arguments.out, "w") as handle:
        handle.write(config_toml(absolute_inputs(imported.config)))
    for line in imported.taken:
        print(line)
    for remark in imported.remarks:
        print(f"nbjax: {remark}", file=sys.stderr)
    print(f"wrote {arguments.out}")
    return 0
