"""Closed crystals whose programs compile fast."""

from __future__ import annotations

from dataclasses import astuple, replace

from nbjax.experiment import Experiment
from nbjax.sampling.capacity import SpotSize


def of_one_size(made: Experiment) -> Experiment:
    """The experiment of one closed crystal with boxes of one size, which compile in a third of the time."""
    capacity = made.crystal.capacity
    assert capacity is not None
    lengths, widths, nodes, counts = zip(*map(astuple, capacity.spots), strict=True)
    size = SpotSize(max(lengths), max(widths), max(nodes), sum(counts))
    return made.with_crystal(replace(made.crystal, capacity=replace(capacity, spots=(size,))))
