"""A crystal that a fit starts from and how far from the truth it ends; for the benchmarks of recovery."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from nbjax.experiment import Experiment
from nbjax.fit import Free
from nbjax.rotations import about_xyz

ORIENTING = ("crystal.misset_deg", "scale")
CRYSTAL = (
    Free("crystal.misset_deg"),
    Free("crystal.cell"),
    Free("crystal.cells", transform="log"),
    Free("scale", transform="log"),
)
WANTED = "misset < 0.002 deg, lengths < 0.02 A, angles < 0.02 deg, N < 0.2, scale < 0.5 %"


@dataclass(frozen=True)
class Row:
    """A line of the table: what was asked, what came out, and whether that is enough."""

    problem: str
    wanted: str
    measured: str
    reached: bool


def moved(experiment: Experiment, misset_deg: np.ndarray, cell: np.ndarray, cells: np.ndarray, scale: float):
    """The experiment with a wrong misset (added), cell lengths, cell counts and scale (factors)."""
    crystal = experiment.crystal
    unit = replace(
        crystal.cell,
        lengths_m=crystal.cell.lengths_m * cell,
        misset_rad=crystal.cell.misset_rad + np.radians(misset_deg),
    )
    beam = replace(experiment.beam, fluence_photons_per_m2=experiment.beam.fluence_photons_per_m2 * scale)
    return replace(experiment, beam=beam).with_crystal(replace(crystal, cell=unit, cells=crystal.cells * cells))


@dataclass(frozen=True)
class Errors:
    """Of a fitted crystal: misset angle and cell angles in degrees, lengths in A, cells, and relative scale."""

    misset_deg: float
    lengths_A: float
    angles_deg: float
    cells: float
    scale: float

    def __str__(self) -> str:
        return (
            f"{self.misset_deg:.5f} deg, {self.lengths_A:.4f} A, {self.angles_deg:.4f} deg, "
            f"{self.cells:.3f}, {100 * self.scale:.2f} %"
        )

    @property
    def reached(self) -> bool:
        return (
            self.misset_deg < 0.002
            and self.lengths_A < 0.02
            and self.angles_deg < 0.02
            and self.cells < 0.2
            and self.scale < 0.005
        )


def errors(fitted: Experiment, truth: Experiment) -> Errors:
    """Distance between a fitted crystal and the true one."""
    a, b = fitted.crystal, truth.crystal
    turn = np.asarray(about_xyz(a.cell.misset_rad) @ about_xyz(b.cell.misset_rad).T)
    angle = np.linalg.norm([turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]]) / 2
    scale = fitted.beam.fluence_photons_per_m2 / truth.beam.fluence_photons_per_m2
    return Errors(
        float(np.degrees(np.arcsin(angle))),
        float(np.abs(a.cell.lengths_m - b.cell.lengths_m).sum() * 1e10),
        float(np.degrees(np.abs(a.cell.angles_rad - b.cell.angles_rad)).max()),
        float(np.abs(a.cells - b.cells).max()),
        float(abs(scale - 1)),
    )
