"""Detectors of several panels for tests, and each of their panels alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nbjax.experiment import Experiment
from nbjax.geometry.detector import DetectorParameters, PanelGroups
from nbjax.geometry.panel import PanelParameters

SHIFTS_M = np.array([[0.0, 0.0, 0.0], [1e-3, -5e-4, 2e-3], [-2e-3, 1e-3, 5e-4]])
TURNS_RAD = np.array([[0.0, 0.0, 0.0], [0.02, -0.03, 0.01], [0.0, 0.05, 0.0]])
NAMES = ("all", "pair", "p0", "p1", "p2")
CHAINS = ((0, 2), (0, 1, 3), (0, 1, 4))


def three_panels(experiment: Experiment, group_motion: Any = None) -> Experiment:
    """The panel of an experiment three times, each placed elsewhere; the last two move together.

    Args:
        experiment: with one panel under the sample pivot or the beam pivot.
        group_motion: shift in m and rotation in rad of every group, shape (5, 6); none by default.
    """
    dtype = experiment.beam.wavelength_m.dtype
    panels = _stacked([alone(experiment, number).detector.panels for number in range(3)])
    motion = jnp.zeros((5, 6), dtype) if group_motion is None else jnp.asarray(group_motion, dtype)
    centre_m = jnp.zeros((5, 3), dtype)
    groups = PanelGroups(motion[:, :3], motion[:, 3:], centre_m, NAMES, CHAINS)
    low = experiment.low
    if low is not None:
        rests = jax.tree.map(jnp.zeros_like, groups)
        low = replace(low, detector=DetectorParameters(_stacked([low.detector.panels] * 3), rests))
    grid = replace(experiment.grid, panels=3)
    return replace(experiment, detector=DetectorParameters(panels, groups), grid=grid, low=low)


def _stacked(panels: list[PanelParameters]) -> PanelParameters:
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *panels)


def alone(experiment: Experiment, number: int) -> Experiment:
    """One of the panels by itself."""
    panel = experiment.detector.panels
    dtype = experiment.beam.wavelength_m.dtype
    moved = replace(
        panel,
        origin_shift_m=panel.origin_shift_m + jnp.asarray(SHIFTS_M[number], dtype),
        rotation_rad=panel.rotation_rad + jnp.asarray(TURNS_RAD[number], dtype),
    )
    return replace(experiment, detector=replace(experiment.detector, panels=moved))
