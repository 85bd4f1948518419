"""What a detector shows of the images of a dataset."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import numpy as np
from jaxtyping import Bool, Float, Shaped

from nbjax.dataset.counts import LARGEST
from nbjax.dataset.section import DatasetSection
from nbjax.errors import ConfigError, Fault
from nbjax.physics.readout import Poisson, Quantize, Readout
from nbjax.preparation.record import Recording, recording
from nbjax.resolve import Resolved

_KIND = "uint32"
"""Of pixels of which nothing is said."""


@dataclass(frozen=True)
class Recorder:
    """Images by number.

    Attributes:
        how: each is recorded.
        seed: of the dataset.
        evaluated: pixels that have a value.
    """

    how: Recording
    seed: int
    evaluated: Bool[np.ndarray, "*image"]

    def pixels(self, photons: Float[np.ndarray, "*image"], number: int) -> Shaped[np.ndarray, "*image"]:
        """An image as it is stored: a function of photons, seed and number."""
        with jax.enable_x64(True):
            key = jax.random.fold_in(jax.random.key(self.seed), number)
        return self.how.record(key, photons, self.evaluated)


def recorder_of(resolved: Resolved, dataset: DatasetSection) -> Recorder:
    """By the stages of the configuration; without any, counts by Poisson's distribution.

    Raises:
        ConfigError: the section says something else of the pixels than the stages.
    """
    evaluated = resolved.evaluated()[0]
    if not resolved.record:
        return Recorder(plain_recording(dataset.noise, dataset.pixels or _KIND), dataset.seed, evaluated)
    how = recording(resolved)
    faults = []
    stored = how.kind.name in (*LARGEST, "float32")
    if not stored or dataset.pixels not in (None, how.kind.name):
        cure = "leave it out" if stored else "give quantize 16 bits"
        got = "" if dataset.pixels is None else f'got "{dataset.pixels}", and '
        problem = f"{got}the stages of record end in {how.kind.name} numbers; {cure}"
        faults.append(Fault("dataset.pixels", problem))
    if not dataset.noise:
        faults.append(Fault("dataset.noise", "given together with record, whose stages say the noise; leave it out"))
    if "cbf" in dataset.single_files and (how.pedestal_counts, how.counts_per_photon) != (0.0, 1.0):
        faults.append(Fault("dataset.also", '"cbf" has no word for the gain or the pedestal of record; leave it out'))
    if faults:
        raise ConfigError(faults)
    return Recorder(how, dataset.seed, evaluated)


def plain_recording(noise: bool, kind: str) -> Recording:
    """Photons, or counts of them, in a type of pixels; overloads are cut to the type's ``LARGEST``."""
    stages: list[Readout] = [Poisson()] if noise else []
    if kind in LARGEST:
        stages.append(Quantize(LARGEST[kind]))
    return Recording(tuple(stages), np.dtype(kind), saturation_counts=LARGEST.get(kind))
