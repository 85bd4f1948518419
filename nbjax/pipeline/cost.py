"""What an image will cost, told from the shapes of its experiment alone."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass

import jax

from nbjax.experiment import CrystalParameters, Experiment
from nbjax.pipeline.backgrounds import is_constant
from nbjax.pipeline.closed.image import sampled_part
from nbjax.sampling.capacity import BLOCK, Capacity

_RAY_NS = 25.0
_SAMPLE_NS = {"double": 4.0, "mixed": 2.5, "single": 5.0}
_INTERPOLATED = 16.0
"""Measured on one core (docs/performance.md); an interpolation looks up 64 entries."""
_ACCELERATED = 100.0
_HALO_NS = 300.0
_SEARCHED_NS, _SPOT_NS, _BOX_PIXEL_NS, _NODE_NS = 150.0, 6000.0, 15.0, 4.0
_PROCESS_BYTES = 3e8
_BYTES_OF_PIXEL = 40.0
_BYTES_OF_RAY = 200.0
_BYTES_OF_ORIENTATION = 150.0


@dataclass(frozen=True)
class Cost:
    """Work and memory of one image.

    Attributes:
        counts: how many of each kind there are; their product is the number of samples.
        seconds: of the rendering, compilation apart; right to a factor of two or three.
        bytes: largest memory of the process.
    """

    counts: Mapping[str, int]
    seconds: float
    bytes: float

    @property
    def samples(self) -> int:
        """Evaluations of the lattice factor."""
        return math.prod(self.counts.values())


def cost_of(experiment: Experiment) -> Cost:
    """The cost of ``simulate``."""
    grid, beam = experiment.grid, experiment.beam
    slow, fast = grid.roi_shape
    counts = {
        "pixels": grid.panels * slow * fast,
        "subpixels": grid.oversample**2,
        "sensor layers": experiment.detector.panels.layers,
        "sources": beam.sources.weights.shape[-1],
        **_orientations(experiment.crystals),
    }
    rays = math.prod(counts[name] for name in ("subpixels", "sensor layers", "sources"))
    sampled = sampled_part(experiment).crystals
    of_crystals = [math.prod(_orientations((crystal,)).values()) for crystal in sampled]
    looked_up = [_INTERPOLATED if crystal.factors.interpolate else 1.0 for crystal in sampled]
    sample_ns = sum(map(math.prod, zip(of_crystals, looked_up, strict=True))) * _SAMPLE_NS[experiment.precision]
    halos = [crystal.motion.angles for crystal in experiment.crystals if crystal.motion is not None]
    dark = bool(experiment.crystals) and not sampled and not experiment.backgrounds and not halos
    # smooth backgrounds see the mean ray alone
    every = bool(sampled) or any(map(is_constant, experiment.backgrounds))
    each_ns = 0.0 if dark else (rays if every else 1) * (_RAY_NS + sample_ns) + sum(halos) * _HALO_NS
    spots_ns = sum(_spots_ns(crystal.capacity) for crystal in experiment.crystals if crystal.capacity is not None)
    tables = sum(crystal.factors.values.nbytes for crystal in experiment.crystals if crystal.factors.values is not None)
    return Cost(
        counts,
        (counts["pixels"] * each_ns + spots_ns) * 1e-9 / _speed(),
        _PROCESS_BYTES
        # the table of the file, the one of the experiment, and the one in the type of the intensity
        + 3.0 * tables
        + _BYTES_OF_PIXEL * math.prod(grid.shape)
        + _BYTES_OF_RAY * rays
        + _BYTES_OF_ORIENTATION * sum(of_crystals),
    )


def _spots_ns(capacity: Capacity) -> float:
    """Work of a closed crystal: reflections that are searched, spots, pixels in their boxes and nodes in these."""
    searched = math.prod(capacity.sizes) / BLOCK**3 + capacity.blocks * BLOCK**3 + capacity.excited * capacity.windows
    boxes = sum(
        size.count * (_SPOT_NS + size.pixels * (_BOX_PIXEL_NS + size.nodes**2 * _NODE_NS)) for size in capacity.spots
    )
    return searched * _SEARCHED_NS + boxes


def _orientations(crystals: tuple[CrystalParameters, ...]) -> dict[str, int]:
    """How many there are of each kind; of several crystals, all together."""
    kinds = [{"phi steps": crystal.spindle.steps, "mosaic domains": crystal.domains} for crystal in crystals]
    return kinds[0] if len(kinds) == 1 else {"orientations": sum(math.prod(kind.values()) for kind in kinds)}


def _speed() -> float:
    """Cores, or what an accelerator does in the time of one."""
    if jax.default_backend() != "cpu":
        return _ACCELERATED * jax.local_device_count()
    affinity = getattr(os, "sched_getaffinity", None)
    return float(len(affinity(0)) if affinity else os.cpu_count() or 1)
