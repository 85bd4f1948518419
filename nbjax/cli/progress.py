"""The progress bar: on a terminal only, and only for what takes longer than two seconds."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

_PATIENCE_S = 2.0


@contextmanager
def progress_bar(label: str, wanted: bool, unit: str = "px") -> Iterator[Callable[[int, int], None]]:
    """A function of (pixels done, pixels in all), or of another unit, that moves a bar on stderr."""
    shown = wanted and sys.stderr.isatty()
    with tqdm(
        desc=label, unit=unit, unit_scale=unit == "px", delay=_PATIENCE_S, disable=not shown, file=sys.stderr
    ) as bar:

        def advance(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield advance


@contextmanager
def line(label: str, wanted: bool) -> Iterator[Callable[[str], None]]:
    """A line on a terminal's stderr that says what is being done."""
    shown = wanted and sys.stderr.isatty()
    with tqdm(bar_format=f"{label}: {{desc}} [{{elapsed}}]", disable=not shown, file=sys.stderr, leave=False) as bar:
        yield bar.set_description_str
