"""``nbjax batch``: many images with their truth, in files that processing programs read."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from nbjax.cli.folder import output_folder
from nbjax.cli.interruption import INTERRUPTED
from nbjax.cli.said import say_resolved
from nbjax.errors import ConfigError, Fault

if TYPE_CHECKING:
    from nbjax.dataset.batch import Batch
    from nbjax.dataset.load import Recipe


def add_parser(commands: Any) -> None:
    """Describe the command."""
    parser = commands.add_parser("batch", help="a dataset of many images, as NXmx HDF5")
    parser.add_argument("dataset", metavar="DATASET.toml", help="a configuration with a [dataset] section")
    parser.add_argument("--images", type=int, required=True, metavar="N", help="images of the whole dataset")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder of the files")
    parser.add_argument("--resume", action="store_true", help="continue a dataset that was begun")
    parser.add_argument("--dry-run", action="store_true", help="print size and time, and write nothing")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override a key")
    parser.add_argument("--precision", choices=("double", "mixed", "single"), help="floating-point policy")
    parser.add_argument("--threads", type=int, metavar="N", help="threads that make images")
    parser.add_argument("--distributed", action="store_true", help="one of several processes of Slurm or Open MPI")
    parser.add_argument("--coordinator", metavar="HOST:PORT", help="where process 0 awaits the others")
    parser.add_argument("--process-id", type=int, metavar="I", help="number of this process, from 0")
    parser.add_argument("--processes", type=int, metavar="P", help="processes in all")
    parser.add_argument("--no-progress", action="store_true", help="no progress bar")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    _check(arguments)
    from nbjax.dataset.load import load_recipe

    flags = [f'precision="{arguments.precision}"'] if arguments.precision else []
    recipe = load_recipe(arguments.dataset, [*arguments.set, *flags])

    before = signal.getsignal(signal.SIGINT)
    # no KeyboardInterrupt: imports and the destructors of libraries may swallow one
    signal.signal(signal.SIGINT, lambda number, frame: _leave())
    try:
        return _write(arguments, recipe)
    except KeyboardInterrupt:
        _leave()
    finally:
        signal.signal(signal.SIGINT, before)


def _leave() -> NoReturn:
    """End at once: threads that still compute an image are not waited for."""
    print(
        "nbjax: interrupted; the complete shards are kept, and the same command with --resume continues",
        file=sys.stderr,
        flush=True,
    )
    os._exit(INTERRUPTED)


def _write(arguments: argparse.Namespace, recipe: Recipe) -> int:
    from nbjax.cli.progress import progress_bar
    from nbjax.dataset.batch import Batch, default_workers
    from nbjax.dataset.processes import join
    from nbjax.dataset.run import Share

    name, size = Path(arguments.dataset).stem, recipe.dataset.frames_per_shard
    share = Share(Path(arguments.out), name, arguments.images, size)
    batch = Batch(recipe, share, 1)
    batch.check(arguments.resume or arguments.dry_run)
    if arguments.distributed or arguments.coordinator is not None:
        process, processes = join(arguments.coordinator, arguments.process_id, arguments.processes)
        share = replace(share, process=process, processes=processes)
    batch = replace(batch, share=share, workers=arguments.threads or default_workers())
    say_resolved(batch.plan.resolved)
    if arguments.dry_run:
        return _show_estimate(batch)

    def leave(number: int, frame: object) -> NoReturn:
        share.discard_partial()
        _leave()

    signal.signal(signal.SIGINT, leave)
    with output_folder(arguments.out), progress_bar("batch", not arguments.no_progress, "image") as advance:
        master = batch.run(advance)
    if master is None:
        print("nbjax: shards of other processes are missing; when all have ended, --resume completes them")
    else:
        from nbjax.dataset.master import blank_images, overloads

        blank = blank_images(master)
        if blank:
            why = _why_blank(batch, blank[0])
            print(f"nbjax: warning: {len(blank)} images are blank; in image {blank[0]} {why}", file=sys.stderr)

        bright, affected = overloads(master)
        said = f"{bright} overloaded pixels in {affected} of them" if bright else "no overloaded pixel"
        print(f"wrote {master}: {share.images} images in {share.shards} shard{'s' if share.shards > 1 else ''}, {said}")
    return 0


def _why_blank(batch: Batch, number: int) -> str:
    from nbjax.advice.blank import why_blank
    from nbjax.resolve import resolve

    image, base = resolve(batch.plan.image(number).lattices[0]), batch.plan.resolved.crystal
    # the images of a plan leave the table to the base
    return why_blank(replace(image, crystal=replace(image.crystal, table=base.table, default_F=base.default_F)))


def _show_estimate(batch: Batch) -> int:
    from nbjax.dataset.batch import estimate

    found, share = estimate(batch), batch.share
    hours, rest = divmod(round(found.seconds), 3600)
    shards = f"{share.shards} shard{'s' if share.shards > 1 else ''}"
    print(
        f"{share.images} images in {shards}: about {found.bytes / 1e6:.3g} MB on disk, "
        f"{hours} h {rest // 60} min {rest % 60} s here ({found.first_s:.1f} s until the first image)"
    )
    return 0


def _check(arguments: argparse.Namespace) -> None:
    faults = []
    if arguments.images < 1:
        faults.append(Fault("--images", f"got {arguments.images}, must be at least 1"))
    if arguments.threads is not None and arguments.threads < 1:
        faults.append(Fault("--threads", f"got {arguments.threads}, must be at least 1"))
    explicit = (arguments.coordinator, arguments.process_id, arguments.processes)
    if any(word is not None for word in explicit) and None in explicit:
        faults.append(Fault("--coordinator", "comes with --process-id and --processes; give all three, or none"))
    elif arguments.coordinator is not None and not 0 <= arguments.process_id < arguments.processes:
        got = f"got {arguments.process_id} of {arguments.processes} processes"
        faults.append(Fault("--process-id", f"{got}, must lie between 0 and --processes less one"))
    if faults:
        raise ConfigError(faults)
