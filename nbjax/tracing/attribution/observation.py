"""What a reference says of some pixels, and how far an experiment is from it, quantity by quantity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import jax.numpy as jnp
import numpy as np
from jax import Array

from nbjax.stages import Stages
from nbjax.tracing.document import TraceDocument, TraceError
from nbjax.tracing.factors import pixel_factors, sample_factors, sample_indices
from nbjax.tracing.keys import INDICES, PIXEL, SAMPLE

INTENSITIES = ("I_pixel_photons", "I_before_scaling")
_DIGITS = 2e-9
"""Values that a log prints with a relative error above this explain nothing."""
"""The quantity to explain, in the order of preference."""

_MOST_ROWS = 4000
"""Samples of all pixels that enter a least-squares solve."""


@dataclass(frozen=True, eq=False)
class Block:
    """One quantity of the reference.

    Attributes:
        key: key of a trace, or column of its samples.
        of_samples: which of the two.
        wanted: values; the first axis is that of the pixels.
        scale: what a difference is measured against: the size of the quantity.
    """

    key: str
    of_samples: bool
    wanted: np.ndarray
    scale: float


@dataclass(frozen=True, eq=False)
class Evidence:
    """A reference at some pixels.

    Attributes:
        pixels: (slow, fast), or (panel, slow, fast), shape (n, axes).
        blocks: every quantity that can be compared.
        rows: numbers of the samples in the order of the sum, shape (n, rows); None without samples.
        notes: sentences about what cannot be compared.
    """

    pixels: np.ndarray
    blocks: tuple[Block, ...]
    rows: np.ndarray | None
    notes: tuple[str, ...] = ()

    @property
    def intensity(self) -> Block:
        """The quantity to explain."""
        return next(block for key in INTENSITIES for block in self.blocks if block.key == key)

    def found(self, stages: Stages) -> dict[str, Array]:
        """The candidate's values of every block."""
        values: Mapping[str, Array] = pixel_factors(stages)
        columns: Mapping[str, Array] = {}
        if self.rows is not None and stages.samples is not None:
            columns = sample_factors(stages.samples)
        found = {}
        for block in self.blocks:
            if block.of_samples:
                assert self.rows is not None
                found[block.key] = jnp.take_along_axis(columns[block.key], jnp.asarray(self.rows), axis=1)
            else:
                found[block.key] = values[block.key]
        return found

    def residuals(self, stages: Stages) -> dict[str, Array]:
        """(candidate - reference) / scale of every block."""
        found = self.found(stages)
        return {block.key: (found[block.key] - block.wanted) / block.scale for block in self.blocks}


def observe_trace(document: TraceDocument, candidate: Stages) -> Evidence:
    """What a reference trace says, of what the candidate can be asked.

    Args:
        document: the reference.
        candidate: stages of the same pixels with all samples.

    Raises:
        TraceError: the trace says nothing of the intensity.
    """
    known = pixel_factors(candidate)
    notes = []
    same_steps = all(pixel.values.get("steps", candidate.steps) == candidate.steps for pixel in document.pixels)
    if not same_steps:
        counts = sorted({float(pixel.values.get("steps", 0)) for pixel in document.pixels})
        notes.append(
            f"the reference averages {counts[0]:g} samples a pixel and the candidate {float(candidate.steps):g}: their "
            "sampling differs, and samples and sums are not compared"
        )
    skipped = set() if same_steps else {"I_before_scaling", "I_background"}
    blocks = []
    for name, key in PIXEL.items():
        if key.whole or name in skipped or name not in known:
            continue
        values = [pixel.values.get(name) for pixel in document.pixels]
        if any(value is None or np.shape(value) != known[name].shape[1:] for value in values):
            continue
        if any(
            pixel.rounding.get(name, 0.0) > _DIGITS * np.linalg.norm(pixel.values[name]) for pixel in document.pixels
        ):
            continue
        blocks.append(_block(name, False, np.stack([np.asarray(value, float) for value in values])))
    if not any(block.key in INTENSITIES for block in blocks):
        raise TraceError(
            f"the reference has none of {' and '.join(INTENSITIES)} in every pixel, which is what is to be explained; "
            "trace it again"
        )
    rows, columns = _samples(document, candidate) if same_steps else (None, [])
    pixels = np.array([pixel.indices for pixel in document.pixels], int)
    return Evidence(pixels, (*blocks, *columns), rows, tuple(notes))


def observe_pixels(image: np.ndarray, pixels: np.ndarray, brightest: float) -> Evidence:
    """What a reference image says at some pixels.

    Args:
        image: photons, of the shape of ``simulate``.
        pixels: (slow, fast), or (panel, slow, fast), shape (n, axes).
        brightest: what differences are measured against.
    """
    wanted = image[tuple(pixels.T)].astype(float)
    return Evidence(pixels, (Block("I_pixel_photons", False, wanted, brightest or 1.0),), None)


def thin(observation: Evidence) -> Evidence:
    """The observation with as few samples as a least-squares solve needs."""
    rows = observation.rows
    if rows is None or rows.size <= _MOST_ROWS:
        return observation
    kept = np.unique(np.linspace(0, rows.shape[1] - 1, max(_MOST_ROWS // len(rows), 2)).astype(int))
    blocks = tuple(
        replace(block, wanted=block.wanted[:, kept]) if block.of_samples else block for block in observation.blocks
    )
    return replace(observation, blocks=blocks, rows=rows[:, kept])


def _samples(document: TraceDocument, candidate: Stages) -> tuple[np.ndarray | None, list[Block]]:
    """Which of the candidate's samples the reference lists, and their columns."""
    assert candidate.samples is not None
    counts = {pixel.sample_count for pixel in document.pixels}
    if len(counts) != 1 or counts == {0} or not candidate.samples:
        return None, []
    numbers = sample_indices(candidate.samples)
    shape = tuple(int(numbers[name].max()) + 1 for name in INDICES)
    known_codes = np.ravel_multi_index([numbers[name] for name in INDICES], shape)
    order = np.argsort(known_codes, kind="stable")
    rows = []
    for pixel in document.pixels:
        assert pixel.samples is not None
        if any(name not in pixel.samples for name in INDICES):
            return None, []
        indices = [np.asarray(pixel.samples[name], int) for name in INDICES]
        if any((i < 0).any() or (i >= n).any() for i, n in zip(indices, shape, strict=True)):
            return None, []
        # crystals may differ in their numbers of orientations, so that not every combination is a sample
        codes = np.ravel_multi_index(indices, shape)
        places = order[np.searchsorted(known_codes, codes, sorter=order).clip(max=len(order) - 1)]
        if (known_codes[places] != codes).any():
            return None, []
        rows.append(places)
    known = sample_factors(candidate.samples)
    columns = []
    for name, key in SAMPLE.items():
        tables = [pixel.samples or {} for pixel in document.pixels]
        if not key.whole and name in known and all(name in table for table in tables):
            if name in PIXEL and any(name in pixel.values for pixel in document.pixels):
                continue
            columns.append(_block(name, True, np.stack([np.asarray(table[name], float) for table in tables])))
    return np.stack(rows), columns


def _block(key: str, of_samples: bool, wanted: np.ndarray) -> Block:
    # Miller indices count in cycles of the lattice, whatever their size
    in_cycles = key in ("h", "k", "l", "last_hkl")
    return Block(key, of_samples, wanted, 1.0 if in_cycles else float(np.abs(wanted).max()) or 1.0)
