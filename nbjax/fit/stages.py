"""The parts of a fit, from coarse to fine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from jax import Array
from jaxtyping import Bool

from nbjax.fit.equations import Focus, Shots, Theta
from nbjax.fit.scoring import Scoring
from nbjax.fit.state import State
from nbjax.parameters import ALL, key_of


@runtime_checkable
class Optimiser(Protocol):
    """What moves the parameters of a stage."""

    @property
    def steps_per_call(self) -> int:
        """Steps that one call of ``step`` takes."""

    def begin(self, focus: Focus, shots: Shots, theta: Theta, alive: Bool[Array, " shots"], tolerance: float) -> State:
        """State before the first step."""

    def step(self, focus: Focus, shots: Shots, state: State, tolerance: float) -> State:
        """The next state."""


@dataclass(frozen=True)
class Stage:
    """One part of a fit, from coarse to fine.

    Attributes:
        parameters: paths that move; None: all of them. The key of a crystal's quantity stands for those of all
            crystals, and ``panels[*].shift_mm`` for those of all panels.
        without: paths that stay, if they are free at all.
        restart: whether the stage begins where the fit began, as a new attempt. It is left out where the one before
            explains the data, and at the end each shot keeps the attempt that fits it better.
        broaden: factor by which the model's spots are widened.
        optimiser: what moves the parameters.
        steps: most steps.
        tolerance: a shot is done when the log-likelihood promises to improve by less than this; its parameters are
            then within sqrt(2 tolerance) standard deviations of the best ones.
        name: for progress and report.
    """

    parameters: tuple[str, ...] | None = None
    without: tuple[str, ...] = ()
    restart: bool = False
    broaden: float = 1.0
    optimiser: Optimiser = field(default_factory=Scoring)
    steps: int = 50
    tolerance: float = 1e-6
    name: str = ""

    def moves(self, path: str) -> bool:
        """Whether a free parameter moves."""
        if any(names(one, path) for one in self.without):
            return False
        return self.parameters is None or any(names(one, path) for one in self.parameters)


def names(named: str, path: str) -> bool:
    """Whether a name in a stage is that of a free parameter, or means it among others."""
    return named in (path, key_of(path)) or (f"[{ALL}]" in named and key_of(named) == key_of(path))


_WIDTHS = (
    "beam.bandwidth_percent",
    "beam.dispersion_percent",
    "beam.divergence_horizontal_mrad",
    "beam.divergence_sigma_mrad",
    "beam.divergence_vertical_mrad",
    "crystal.cell_spread_percent",
    "crystal.cells",
    "crystal.cells_off_diagonal",
    "crystal.fudge",
    "crystal.mosaic_spread_deg",
    "crystal.mosaicity_axes_deg",
    "crystal.mosaicity_deg",
    "crystal.size_a_mm",
    "crystal.size_b_mm",
    "crystal.size_c_mm",
)
_CELL = ("crystal.cell", "crystal.cell_A", "crystal.cell_deg")

COARSE_TO_FINE = (
    Stage(steps=60, tolerance=1e-6, name="as it starts"),
    Stage(restart=True, without=_WIDTHS + _CELL, broaden=6.0, steps=30, tolerance=1e-2, name="broad"),
    Stage(without=_WIDTHS, broaden=3.0, steps=30, tolerance=1e-2, name="narrower"),
    Stage(broaden=1.6, steps=30, tolerance=1e-2, name="nearly sharp"),
    Stage(steps=60, tolerance=1e-6, name="sharp"),
)
"""Stages for a crystal that may be some spot widths off: what widens spots is fitted once the model hardly does.

Wider spots reach farther, but their intensities are not those of the data, which misleads what shows in intensities
alone. So a fit of the spots as they are comes first, and is the end where it explains the data.
"""
