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
    from nbjax.dataset.lock import FolderLock

_MOST_IMAGES = 10**9


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
    from nbjax.dataset.batch import Batch
    from nbjax.dataset.lock import FolderLock
    from nbjax.dataset.run import Share
    from nbjax.dataset.settings import shard_size

    name, folder = Path(arguments.dataset).stem, Path(arguments.out)
    size = shard_size(recipe, folder, name, arguments.images)
    batch = Batch(recipe, Share(folder, name, arguments.images, size), 1)
    if arguments.dry_run:
        batch.check(resume=True)
        batch = _shared(arguments, batch)
        say_resolved(batch.plan.resolved)
        return _show_estimate(batch)
    with output_folder(arguments.out), FolderLock(folder, name) as lock:
        for sentence in batch.check(arguments.resume):
            _say(f"warning: {sentence}")
        batch = _shared(arguments, batch, lock)
        say_resolved(batch.plan.resolved)

        if recipe.dataset.also is None and recipe.dataset.single_files:
            _say(
                "the detector is drawn: each image has its own NXmx file (.nxs) beside the shards, for programs that "
                "take one detector a file; dataset.also = [] leaves them out"
            )

        def leave(number: int, frame: object) -> NoReturn:
            batch.share.discard_partial()
            lock.release()
            _leave()

        signal.signal(signal.SIGINT, leave)
        with progress_bar("batch", not arguments.no_progress, "image") as advance:
            master = batch.run(advance)
        _show_result(batch, master)
    return 0


def _shared(arguments: argparse.Namespace, batch: Batch, lock: FolderLock | None = None) -> Batch:
    """The batch with its threads and its share of the shards, once all processes have come."""
    from nbjax.dataset.batch import default_workers
    from nbjax.dataset.processes import meeting

    share = batch.share
    if arguments.distributed or arguments.coordinator is not None:
        if lock is not None:
            lock.loosen()
        with meeting(arguments.coordinator, arguments.process_id, arguments.processes, _say) as (process, processes):
            if lock is not None:
                lock.share(process)
        share = replace(share, process=process, processes=processes)
    return replace(batch, share=share, workers=arguments.threads or default_workers())


def _say(sentence: str) -> None:
    print(f"nbjax: {sentence}", file=sys.stderr, flush=True)


def _show_result(batch: Batch, master: Path | None) -> None:
    from nbjax.dataset.master import blank_images, overloads

    if master is None:
        print("nbjax: shards of other processes are missing; when all have ended, --resume completes them")
        return
    blank = blank_images(master)
    if blank:
        _say(f"warning: {len(blank)} images are blank; in image {blank[0]} {_why_blank(batch, blank[0])}")
    bright, affected = overloads(master)
    if saturated := batch.saturation(bright, affected, batch.share.images):
        _say(f"warning: {saturated}")
    said = f"{bright} overloaded pixels in {affected} of them" if bright else "no overloaded pixel"
    shards = f"{batch.share.shards} shard{'s' if batch.share.shards > 1 else ''}"
    print(f"wrote {master}: {batch.share.images} images in {shards}, {said}")


def _why_blank(batch: Batch, number: int) -> str:
    from nbjax.advice.blank import why_blank
    from nbjax.resolve import resolve

    image, base = resolve(batch.plan.image(number).lattices[0]), batch.plan.resolved.crystal
    # the images of a plan leave the table to the base
    return why_blank(replace(image, crystal=replace(image.crystal, table=base.table, default_F=base.default_F)))


def _show_estimate(batch: Batch) -> int:
    from nbjax.dataset.batch import estimate

    found, share = estimate(batch), batch.share
    if found.saturated:
        _say(f"warning: {found.saturated}")
    hours, rest = divmod(round(found.seconds), 3600)
    shards = f"{share.shards} shard{'s' if share.shards > 1 else ''}"
    print(
        f"{share.images} images in {shards}: about {found.bytes / 1e6:.3g} MB on disk, "
        f"{hours} h {rest // 60} min {rest % 60} s here ({found.first_s:.1f} s until the first image)"
    )
    return 0


def _check(arguments: argparse.Namespace) -> None:
    from nbjax.dataset.processes import split_place

    faults = []
    if not 1 <= arguments.images <= _MOST_IMAGES:
        faults.append(Fault("--images", f"got {arguments.images}, must be 1 to {_MOST_IMAGES}"))
    if arguments.threads is not None and arguments.threads < 1:
        faults.append(Fault("--threads", f"got {arguments.threads}, must be at least 1"))
    explicit = (arguments.coordinator, arguments.process_id, arguments.processes)
    if any(word is not None for word in explicit) and None in explicit:
        faults.append(Fault("--coordinator", "comes with --process-id and --processes; give all three, or none"))
    elif arguments.coordinator is not None and split_place(arguments.coordinator) is None:
        faults.append(Fault("--coordinator", f"got {arguments.coordinator!r}, wants HOST:PORT"))
    elif arguments.coordinator is not None and not 0 <= arguments.process_id < arguments.processes:
        got = f"got {arguments.process_id} of {arguments.processes} processes"
        faults.append(Fault("--process-id", f"{got}, must lie between 0 and --processes less one"))
    if faults:
        raise ConfigError(faults)
