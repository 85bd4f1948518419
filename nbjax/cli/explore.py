"""``nbjax explore``: the image of a configuration on a local page, live beside sliders."""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from nbjax.cli.said import say_resolved
from nbjax.errors import UsageError

_NEEDED = ("starlette", "uvicorn")


def add_parser(commands: Any) -> None:
    """Describe the command and its options."""
    parser = commands.add_parser(
        "explore",
        help="the image on a local page, live beside sliders",
        description="Serve a page on this machine alone: the image of a configuration beside sliders of its numbers, "
        "with rings, spots and the factors of each pixel; a measured image beside it, and a fit. Ctrl-C ends it.",
    )
    parser.add_argument("config", metavar="CONFIG.toml")
    parser.add_argument("--image", metavar="FILE[#N]", help="a measured image to compare with, of any kind")
    parser.add_argument("--dataset", metavar="PATH", help="path of an HDF5 dataset, or name of an array in .npz")
    parser.add_argument("--pedestal", type=float, metavar="COUNTS", help="what was added to each pixel of --image")
    parser.add_argument("--port", type=int, default=0, metavar="N", help="of the server (default: one that is free)")
    parser.add_argument("--browser", action="store_true", help="open the page in a browser")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override a key")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve the page until Ctrl-C; 0 then.

    Raises:
        NbjaxError: a fault of the command line, of the configuration or of a file.
    """
    _check(arguments)
    from nbjax.cli.configured import load_configured

    arguments.parity = arguments.precision = None
    load_configured(arguments)
    from nbjax.cli.interruption import interruptible
    from nbjax.config.load import read_data
    from nbjax.explore.application import Exhibit
    from nbjax.explore.measured import read_measured
    from nbjax.explore.model import Model
    from nbjax.explore.serving import serve
    from nbjax.plot import Wanted

    model = Model(read_data(arguments.config, arguments.set)[0])
    resolved, _ = model.prepared(model.base)
    say_resolved(resolved)
    measured = None
    if arguments.image is not None:
        wanted = Wanted(dataset=arguments.dataset, unit="photons", pedestal_counts=arguments.pedestal)
        measured = read_measured(arguments.image, resolved.detector, wanted)
    print("preparing the first image", file=sys.stderr, flush=True)
    interruptible(lambda: model.frame({}))
    name = None if arguments.image is None else Path(arguments.image).name
    exhibit = Exhibit(model, Path(arguments.config).name, measured, name)
    # the server ends by itself, and may raise the signal once more
    with suppress(KeyboardInterrupt):
        serve(exhibit, arguments.port, _ready(arguments.browser))
    print("nbjax: explore has ended", file=sys.stderr, flush=True)
    sys.stdout.flush()
    # a fit or an image that is still computed cannot be stopped
    os._exit(0)


def _check(arguments: argparse.Namespace) -> None:
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(
            f"explore: needs {' and '.join(missing)}, which not every user does; pip install 'nbjax[explore]'"
        )
    if not 0 <= arguments.port <= 65535:
        raise UsageError(f"--port {arguments.port}: is none; give 1024 to 65535, or 0 for a free one")
    for name, value in (("--dataset", arguments.dataset), ("--pedestal", arguments.pedestal)):
        if value is not None and arguments.image is None:
            raise UsageError(f"{name}: is of a measured image, and there is none; give --image FILE")


def _ready(browser: bool) -> Any:
    def ready(address: str) -> None:
        print(f"open {address}  (Ctrl-C ends)", flush=True)
        if browser:
            import webbrowser

            webbrowser.open(address)

    return ready
