"""The report of a comparison: a folder with a summary to read, a picture, and the numbers."""

from __future__ import annotations

import datetime
import hashlib
import json
import math
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nbjax import __version__
from nbjax.errors import FileError
from nbjax.io.files import atomic_writer
from nbjax.tracing.chart import chart_png
from nbjax.tracing.compare import Comparison, Factor
from nbjax.tracing.document import TraceDocument
from nbjax.tracing.json_form import layout
from nbjax.tracing.ratio import unexplained
from nbjax.tracing.summary import summary_text

SCHEMA = "nbjax-compare"
SCHEMA_VERSION = 1

_MOST_ENTRIES = 100_000
"""With more entries of sample tables than these, only the divergent ones are listed one by one."""


@dataclass(frozen=True)
class Input:
    """A file that was compared.

    Attributes:
        name: as it was given.
        content: its bytes.
    """

    name: str
    content: bytes


def check_folder(folder: str | Path) -> None:
    """Make sure that a report can be written into a folder, which need not exist yet.

    Raises:
        FileError: the name is that of a file, or one stands in the way.
    """
    path = Path(folder)
    try:
        place = next(place for place in (path, *path.parents) if place.exists())
        is_folder = place.is_dir()
    except OSError as error:
        raise FileError(f"--out {folder}: cannot be made a folder ({error.strerror}); give another name") from None
    if not is_folder:
        raise FileError(f"--out {folder}: {place} is a file; give the name of a folder")


def write_report(folder: str | Path, comparison: Comparison, inputs: tuple[Input, ...], command: str) -> None:
    """Write summary.md, factors.png, metrics.json and run_metadata.json, each of them whole or not at all.

    Args:
        folder: made if it does not exist.
        comparison: what to report.
        inputs: the files that were compared.
        command: the command line.

    Raises:
        FileError: a file cannot be written.
    """
    picture = chart_png(comparison)
    summary = summary_text(comparison, [item.name for item in inputs]).encode()
    metadata = f"{layout(_metadata(comparison, inputs, command))}\n".encode()
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise FileError(f"--out {folder}: cannot be made a folder ({reason}); give another name") from None
    with atomic_writer(Path(folder) / "metrics.json", "w") as handle:
        handle.writelines(_metrics_lines(comparison))
    for name, content in (
        ("factors.png", picture),
        ("summary.md", summary),
        ("run_metadata.json", metadata),
    ):
        with atomic_writer(Path(folder) / name) as handle:
            handle.write(content)


def _metrics_lines(comparison: Comparison) -> Iterator[str]:
    """The comparison as JSON, one line a factor; all of them unless the samples are very many."""
    first = comparison.first_divergence
    entries = sum(pixel.samples.divergent.size for pixel in comparison.pixels if pixel.samples is not None)
    head = {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "equal": first is None,
        "first_divergence": None if first is None else _factor_tree(first),
        "counts": comparison.counts,
        "reference": _program_tree(comparison.reference),
        "candidate": _program_tree(comparison.candidate),
        "tolerances": dict(comparison.tolerances.given),
        "equal_samples_listed": entries <= _MOST_ENTRIES,
        "pixels": [
            {
                "slow": pixel.slow,
                "fast": pixel.fast,
                "counts": dict(pixel.counts()),
                "unmatched_samples": None if pixel.samples is None else list(pixel.samples.unmatched),
                "unexplained_ratio": _finite(unexplained(pixel.contributions)),
                "contributions": [
                    {
                        "key": item.key,
                        "reference": item.reference,
                        "candidate": item.candidate,
                        "ratio": _finite(item.ratio),
                        "percent": _finite(item.percent),
                    }
                    for item in pixel.contributions
                ],
            }
            for pixel in comparison.pixels
        ],
    }
    yield layout(head).removesuffix("\n}") + ',\n "factors": ['
    separator = "\n  "
    for factor in comparison.factors(entries <= _MOST_ENTRIES):
        yield separator + json.dumps(_factor_tree(factor), allow_nan=False)
        separator = ",\n  "
    yield "\n ]\n}\n"


def _factor_tree(factor: Factor) -> dict[str, Any]:
    return {
        "key": factor.key,
        "slow": factor.slow,
        "fast": factor.fast,
        "sample": factor.sample,
        **({"indices": dict(factor.indices)} if factor.indices else {}),
        "unit": factor.unit or None,
        "reference": _plain(factor.reference),
        "candidate": _plain(factor.candidate),
        "absolute": _finite(factor.absolute),
        "relative": _finite(factor.relative),
        "percent": _finite(factor.percent),
        "tolerance": _finite(factor.tolerance),
        "allowed": _finite(factor.allowed),
        "verdict": factor.verdict,
    }


def _program_tree(document: TraceDocument) -> dict[str, Any]:
    return {
        "program": document.program,
        "version": document.version,
        "precision": document.precision,
        "parity": None if document.parity is None else list(document.parity),
    }


def _metadata(comparison: Comparison, inputs: tuple[Input, ...], command: str) -> dict[str, Any]:
    roles = zip(("reference", "candidate"), inputs, strict=True)
    return {
        "schema": f"{SCHEMA}-run",
        "schema_version": SCHEMA_VERSION,
        "command": command,
        "utc": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "nbjax": __version__,
        "numpy": np.__version__,
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "tolerances": dict(comparison.tolerances.given),
        "inputs": {
            role: {
                "path": str(Path(item.name).absolute()),
                "bytes": len(item.content),
                "sha256": hashlib.sha256(item.content).hexdigest(),
            }
            for role, item in roles
        },
    }


def _plain(value: object) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else value


def _finite(number: float | None) -> float | None:
    """A number that JSON can hold; a difference beyond the range of floats has none."""
    return number if number is not None and math.isfinite(number) else None
