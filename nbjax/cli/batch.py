"""``nbjax batch``: many images with their truth, in files that processing programs read."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from nbjax.cli.progress import progress_bar
from nbjax.errors import ConfigError, Fault, UsageError

_INTERRUPTED = 130


def add_parser(commands: Any) -> None:
    """Describe the command."""
    parser = commands.add_parser("batch", help="a dataset of many images, as NXmx HDF5")
    parser.add_argument("dataset", metavar="DATASET.toml", help="a configuration with a [dataset] section")
    parser.add_argument("--images", type=int, required=True, metavar="N", help="images of the whole dataset")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder of the files")
    parser.add_argument("--resume", action="store_true", help="continue a dataset that was begun")
    parser.add_argument("--dry-run", action="store_true", help="print size and time, and write nothing")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override a key")
    parser.add_argument("--precision", choices=("double", "mixed"), help="floating-point policy")
    parser.add_argument("--threads", type=int, metavar="N", help="threads that make images")
    parser.add_argument("--no-progress", action="store_true", help="no progress bar")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    _check(arguments)
    from nbjax.dataset.load import load_recipe

    flags = [f'precision="{arguments.precision}"'] if arguments.precision else []
    recipe = load_recipe(arguments.dataset, [*arguments.set, *flags])

    from nbjax.dataset.batch import Batch, default_workers
    from nbjax.dataset.run import Share

    share = Share(
        Path(arguments.out), Path(arguments.dataset).stem, arguments.images, recipe.dataset.frames_per_shard
    )
    batch = Batch(recipe, share, arguments.threads or default_workers())
    for sentence in batch.plan.resolved.warnings:
        print(f"nbjax: warning: {sentence}", file=sys.stderr)
    _make_folder(arguments.out)
    try:
        with progress_bar("batch", not arguments.no_progress, "image") as advance:
            master = batch.run(arguments.resume, advance)
    except KeyboardInterrupt:
        print(
            "nbjax: interrupted; the complete shards are kept, and the same command with --resume continues",
            file=sys.stderr,
            flush=True,
        )
        # threads that still compute an image are not waited for
        os._exit(_INTERRUPTED)
    if master is None:
        print("nbjax: shards of other processes are missing; when all have ended, --resume completes them")
    else:
        print(f"wrote {master}: {share.images} images in {share.shards} shard{'s' if share.shards > 1 else ''}")
    return 0


def _check(arguments: argparse.Namespace) -> None:
    faults = []
    if arguments.images < 1:
        faults.append(Fault("--images", f"got {arguments.images}, must be at least 1"))
    if arguments.threads is not None and arguments.threads < 1:
        faults.append(Fault("--threads", f"got {arguments.threads}, must be at least 1"))
    if faults:
        raise ConfigError(faults)


def _make_folder(name: str) -> None:
    try:
        Path(name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out {name}: cannot be made a folder ({error.strerror}); give another name") from None
