"""Detectors of many panels that tests write and read back."""

from __future__ import annotations

import numpy as np
from positions import rotation

from nbjax.io.experiments.recorded import (
    CRYSTFEL,
    RecordedBeam,
    RecordedExperiment,
    RecordedGroup,
    RecordedPanel,
)

GROUPS = (RecordedGroup("arm", (0, 1, 2, 4)), RecordedGroup("pair", (1, 4)), RecordedGroup("other", (3, 5)))


def several(seed: int = 1, groups: tuple[RecordedGroup, ...] = GROUPS) -> RecordedExperiment:
    """Seven tilted panels of different sizes, pixels and readouts, 0.1 m behind the sample."""
    random = np.random.default_rng(seed)
    panels = []
    for number in range(7):
        turn = rotation(random.normal(size=3), float(random.uniform(-180, 180)))
        pixels = (int(random.integers(5, 60)), int(random.integers(5, 60)))
        bad = np.zeros(pixels[::-1], bool)
        if number in (2, 4):
            bad[2:4, 1:3] = bad[0] = True
        panels.append(
            RecordedPanel(
                name=f"p{number}",
                origin_mm=random.uniform((-90, -90, 95), (90, 90, 105)),
                fast=turn[:, 0],
                slow=turn[:, 1],
                pixel_mm=(float(random.uniform(0.05, 0.2)), float(random.uniform(0.05, 0.2))),
                pixels=pixels,
                thickness_mm=0.45 if number == 3 else None,
                attenuation_per_mm=3.7 if number == 3 else None,
                material="Si" if number == 3 else None,
                gain=1.5 + number,
                saturation_counts=None if number == 1 else 1000.5 * (number + 1),
                bad=np.ones_like(bad) if number == 5 else bad if bad.any() else None,
            )
        )
    beam = RecordedBeam(CRYSTFEL.beam, 1.2345678912, 0.98, np.array([1.0, 0.0, 0.0]))
    return RecordedExperiment(file="made", frame=CRYSTFEL, beam=beam, panels=tuple(panels), groups=groups)
