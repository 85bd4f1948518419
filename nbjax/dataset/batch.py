"""A dataset from its recipe: what is written where, what is there already, and the threads that make it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import jax

from nbjax.dataset.check import check_draws
from nbjax.dataset.companions import Told, write_companions
from nbjax.dataset.counts import saturation_warning
from nbjax.dataset.header import Header
from nbjax.dataset.images import Simulator
from nbjax.dataset.labels import labels_of
from nbjax.dataset.load import Recipe
from nbjax.dataset.machine import made_by
from nbjax.dataset.master import flat_path, master_path, write_flat, write_master
from nbjax.dataset.plan import Plan
from nbjax.dataset.recorder import Recorder, recorder_of
from nbjax.dataset.run import Share, made_ahead, write_shards
from nbjax.dataset.settings import check_settings, portable, settings_text, write_settings
from nbjax.dataset.shard import Frame, stored_bytes, write_shard
from nbjax.dataset.single_formats import check_formats
from nbjax.dataset.singles import Singles
from nbjax.dataset.truth import panels_of, truth_of

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Batch:
    """A dataset that is to be written.

    Attributes:
        recipe: what its images follow from.
        share: its files, and which of them this process writes.
        workers: threads that make images.
    """

    recipe: Recipe
    share: Share
    workers: int

    @cached_property
    def settings(self) -> str:
        """TOML text of everything that the files follow from.

        Raises:
            FileError: an input file cannot be read.
        """
        return settings_text(self.recipe, self.share, made_by())

    @cached_property
    def plan(self) -> Plan:
        """Images by number."""
        return Plan(self.recipe)

    @cached_property
    def simulator(self) -> Simulator:
        """Photons by number."""
        return Simulator(self.plan)

    @cached_property
    def recorder(self) -> Recorder:
        """Pixels of photons."""
        return recorder_of(self.plan.resolved, self.recipe.dataset)

    @cached_property
    def header(self) -> Header:
        """What the files say of the images."""
        return Header(self.plan)

    def frame(self, number: int) -> Frame:
        """One image, as it is stored."""
        devices = jax.local_devices()
        labels = self.recipe.dataset.labels
        by_lattice = labels.spots or labels.miller_index or labels.lattice
        photons = self.simulator.photons(number, by_lattice, devices[number % len(devices)])
        with jax.default_device(devices[number % len(devices)]):
            pixels = self.recorder.pixels(photons.total, number)
        bright, rotation = self.recorder.how.overloads(pixels), self.header.geometry.rotation
        truth = truth_of(photons, pixels, bright, rotation, self.plan.start_deg(number))
        truth |= panels_of(photons.experiments[0], self.header.geometry.rotation)
        maps, spots = labels_of(self.simulator.background, photons, labels)
        return Frame(number, pixels, truth, maps, spots)

    def saturation(self, bright: int, affected: int, images: int) -> str | None:
        """A sentence where images are too bright for their type, see ``saturation_warning``."""
        pixels = int(self.plan.resolved.evaluated()[0].sum())
        return saturation_warning(bright, affected, images, pixels, self.recorder.how)

    def check(self, resume: bool) -> list[str]:
        """Make sure that the folder may take this dataset; every process does before the first one writes.

        Args:
            resume: continue a dataset that was begun.

        Returns:
            Sentences on what has changed since it was begun.

        Raises:
            ConfigError: the folder holds a dataset, and ``resume`` is off or it is another one; or a format of single
                images cannot tell the geometry.
        """
        found = check_settings(self.share, self.settings, resume)
        self._check_formats()
        return found

    def _check_formats(self) -> None:
        dataset = self.recipe.dataset
        if dataset.single_files:
            check_formats(dataset.single_files, self.header.geometry_of(0), dataset.kind == "rotation")

    def run(self, progress: Progress | None = None) -> Path | None:
        """Write what is missing.

        Args:
            progress: called with (images done, images to do).

        Returns:
            The master, or None while shards of other processes are missing.

        Raises:
            ConfigError: impossible values were drawn.
            FileError: a file cannot be written, or a shard is damaged.
        """
        texts = {"config": portable(self.settings), **made_by()}
        check_draws(self.simulator, self.share.images)
        dataset, instrument = self.recipe.dataset, self.header.instrument
        singles = Singles(self.share, dataset.single_files, self.header.single)
        self._check_formats()
        write_settings(self.share, self.settings)

        def write(shard: int, frames: Iterator[Frame]) -> None:
            numbers = self.share.numbers(shard)
            path, series = self.share.path(shard), self.header.series(numbers)
            write_shard(path, singles.beside(shard, frames), len(numbers), instrument, series, texts)

        missing = self.share.missing()
        singles.restore([shard for shard in self.share.own() if shard not in missing])
        write_shards(self.share, missing, self.frame, write, self.workers, progress)
        self.share.check_written()
        paths = [self.share.path(shard) for shard in range(self.share.shards)]
        if not all(path.exists() for path in paths):
            return None
        path = master_path(self.share.folder, self.share.name)
        series = self.header.series(range(self.share.images))
        write_master(path, paths, instrument, series)
        if instrument.geometry.several:
            write_flat(flat_path(self.share.folder, self.share.name), paths, instrument, series)
        told = Told(self.share.name, instrument, series, one_geometry=not dataset.draws_detector)
        write_companions(self.share.folder, told)
        return path


@dataclass(frozen=True)
class Estimate:
    """What a run will take.

    Attributes:
        bytes: on disk, of the whole dataset.
        first_s: until the first image is there, of which most is compilation.
        seconds: of this process.
        saturated: a sentence for the user where the images that were tried are too bright for their type.
    """

    bytes: float
    first_s: float
    seconds: float
    saturated: str | None


def estimate(batch: Batch, tried: int = 3) -> Estimate:
    """Size and time, from a few images that are made and compressed in memory.

    Args:
        batch: the dataset.
        tried: images that are made after the first.
    """
    check_draws(batch.simulator, batch.share.images)
    begin = time.perf_counter()
    batch.frame(0)
    first_s = time.perf_counter() - begin
    begin = time.perf_counter()
    tried = min(tried, batch.share.images)
    size, bright = 0, []
    for frame in made_ahead(batch.frame, list(range(tried)), batch.workers):
        size += stored_bytes(frame)
        bright.append(batch.recorder.how.overloads(frame.pixels))
    an_image_s = (time.perf_counter() - begin) / tried
    own = sum(len(batch.share.numbers(shard)) for shard in batch.share.own())
    saturated = batch.saturation(sum(bright), sum(count > 0 for count in bright), tried)
    return Estimate(size / tried * batch.share.images, first_s, first_s + an_image_s * own, saturated)


def default_workers() -> int:
    """Threads that make images: one for each device, or on CPUs for each core, up to four."""
    if jax.default_backend() == "cpu":
        return max(1, min(4, len(os.sched_getaffinity(0))))
    return 2 * len(jax.local_devices())
