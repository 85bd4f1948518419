"""From a recipe to files: shards one after the other, their images made by threads while others are written."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from nbjax.dataset.shard import Frame, check_shard, partial_path, shard_path
from nbjax.errors import FileError

MakeFrame = Callable[[int], Frame]


@dataclass(frozen=True)
class Share:
    """What one process writes.

    Attributes:
        folder, name: of the dataset.
        images: of the whole dataset.
        frames_per_shard: images of a shard.
        process, processes: which share of the shards.
    """

    folder: Path
    name: str
    images: int
    frames_per_shard: int
    process: int = 0
    processes: int = 1

    @property
    def shards(self) -> int:
        """Shards of the whole dataset."""
        return -(-self.images // self.frames_per_shard)

    def numbers(self, shard: int) -> range:
        """Numbers of a shard's images."""
        first = shard * self.frames_per_shard
        return range(first, min(first + self.frames_per_shard, self.images))

    def path(self, shard: int) -> Path:
        """File of a shard."""
        return shard_path(self.folder, self.name, shard)

    def own(self) -> range:
        """Shards of this process."""
        return range(self.process, self.shards, self.processes)

    def discard_partial(self) -> None:
        """Remove what this process has begun and not completed."""
        for shard in self.own():
            partial_path(self.path(shard)).unlink(missing_ok=True)

    def check_written(self) -> None:
        """Make sure that what this process wrote is still there.

        Raises:
            FileError: a shard is gone, as where its folder was moved or unmounted.
        """
        gone = [path for path in map(self.path, self.own()) if not path.exists()]
        if gone:
            raise FileError(
                f"{gone[0]}: was written and is gone, as are {len(gone) - 1} other shards; restore the folder, or "
                "continue with --resume"
            )

    def missing(self) -> list[int]:
        """Shards of this process that are still to be written.

        Raises:
            FileError: a shard that is there is damaged.
        """
        return [shard for shard in self.own() if not check_shard(self.path(shard), len(self.numbers(shard)))]


def made_ahead(make: MakeFrame, numbers: Iterable[int], workers: int) -> Generator[Frame, None, None]:
    """Frames in order, made by threads that stay at most ``workers`` images ahead of the writer.

    What waits is bounded, so that memory does not grow with the number of images.

    Args:
        make: makes an image; called in several threads at once.
        numbers: of the images, in order.
        workers: threads.
    """
    pool = ThreadPoolExecutor(workers, thread_name_prefix="nbjax")
    waiting: deque[Future[Frame]] = deque()
    try:
        for number in numbers:
            waiting.append(pool.submit(make, number))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        # an interrupted run waits for no image
        pool.shutdown(wait=False, cancel_futures=True)


def write_shards(
    share: Share,
    missing: list[int],
    make: MakeFrame,
    write: Callable[[int, Iterator[Frame]], None],
    workers: int,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Make and write shards, all through one line of images, so that threads do not idle between files.

    Args:
        share: of this process.
        missing: shards to write.
        make: makes an image.
        write: (shard, its frames) -> file.
        workers: threads.
        progress: called with (images done, images in all).
    """
    numbers = [number for shard in missing for number in share.numbers(shard)]
    frames = made_ahead(make, numbers, workers)
    done = 0

    def of_shard(shard: int) -> Iterator[Frame]:
        nonlocal done
        for _ in share.numbers(shard):
            yield next(frames)
            done += 1
            if progress is not None:
                progress(done, len(numbers))

    try:
        for shard in missing:
            write(shard, of_shard(shard))
    finally:
        frames.close()
