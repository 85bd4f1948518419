"""Resolution of the divergence and the dispersion: how they are sampled."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from nbjax.config.tree import Beam, Sampling
from nbjax.resolve.notes import Notes
from nbjax.resolve.steps import NONE, Steps, grid_steps
from nbjax.sampling.spectra import FULL_WIDTHS, gaussian_nodes

DEFAULT_SHAPE: Literal["round"] = "round"
_GAUSSIAN_POINTS = 5


@dataclass(frozen=True)
class Directions:
    """Places of directions in the widths of the divergence, with their weights; each of shape (n,)."""

    horizontal: np.ndarray
    vertical: np.ndarray
    weights: np.ndarray


def resolve_shape(beam: Beam, notes: Notes) -> Beam:
    """The beam with a shape of its divergence, and with the full widths of one that is given by its sigma."""
    sigma_mrad, shape = beam.divergence_sigma_mrad, beam.divergence_shape
    if sigma_mrad is None:
        default: Literal["round", "square", "gaussian"] = DEFAULT_SHAPE
        return replace(beam, divergence_shape=notes.choose("beam.divergence_shape", shape, default))
    given = "given together with beam.divergence_sigma_mrad, which says it for both directions; leave one of them out"
    for axis in ("horizontal", "vertical"):
        if getattr(beam, f"divergence_{axis}_mrad") is not None:
            notes.fault(f"beam.divergence_{axis}_mrad", given)
    if shape not in (None, "gaussian"):
        what = f"got {shape!r}, beam.divergence_sigma_mrad is the width of a Gaussian"
        notes.fault("beam.divergence_shape", f"{what}; leave one of them out")
    notes.given("beam.divergence_sigma_mrad", sigma_mrad)
    notes.record("beam.divergence_shape", "gaussian", "derived from beam.divergence_sigma_mrad")
    width_mrad = FULL_WIDTHS * sigma_mrad
    return replace(
        beam,
        divergence_shape="gaussian",
        divergence_sigma_mrad=None,
        divergence_horizontal_mrad=width_mrad,
        divergence_vertical_mrad=width_mrad,
    )


def resolve_spreads(beam: Beam, sampling: Sampling, notes: Notes) -> tuple[Steps, Steps, Steps]:
    """Horizontal and vertical divergence, and dispersion."""
    if beam.divergence_shape == "gaussian":
        horizontal, vertical = (_gaussian_steps(axis, beam, sampling, notes) for axis in ("horizontal", "vertical"))
    else:
        horizontal, vertical = (
            grid_steps(
                getattr(beam, f"divergence_{axis}_mrad"),
                getattr(sampling, f"divergence_{axis}_step_mrad"),
                getattr(sampling, f"divergence_{axis}_steps"),
                1000.0,
            )
            for axis in ("horizontal", "vertical")
        )
    dispersion = grid_steps(beam.dispersion_percent or 0.0, None, sampling.dispersion_steps, 0.0)
    given = [("dispersion_steps", "dispersion_percent", dispersion)]
    if beam.divergence_shape != "gaussian":
        given += [
            (f"divergence_{axis}_steps", f"divergence_{axis}_mrad", steps)
            for axis, steps in (("horizontal", horizontal), ("vertical", vertical))
        ]
    for key, range_key, steps in given:
        count = getattr(sampling, key)
        if count is not None and count < steps.count:
            notes.warn(
                f"sampling.{key} = {count}: beam.{range_key} = {steps.range:g} has its two ends at least, and "
                f"{steps.count} points are taken; for one point leave out the range"
            )
    for name, steps in (("divergence_horizontal", horizontal), ("divergence_vertical", vertical)):
        notes.record(f"beam.{name}_mrad", steps.range, steps.origin)
        notes.record(f"sampling.{name}_step_mrad", steps.step, steps.origin)
        notes.record(f"sampling.{name}_steps", steps.count, steps.origin)
    notes.record("beam.dispersion_percent", dispersion.range, dispersion.origin)
    notes.record("sampling.dispersion_steps", dispersion.count, dispersion.origin)
    return horizontal, vertical, dispersion


def _gaussian_steps(axis: str, beam: Beam, sampling: Sampling, notes: Notes) -> Steps:
    """Width and number of points of a Gaussian divergence, which have no spacing."""
    width, count = getattr(beam, f"divergence_{axis}_mrad"), getattr(sampling, f"divergence_{axis}_steps")
    step_key = f"sampling.divergence_{axis}_step_mrad"
    if getattr(sampling, f"divergence_{axis}_step_mrad") is not None:
        notes.fault(step_key, "a Gaussian divergence has no spacing; give the number of points, divergence_*_steps")
    if not width:
        if count is not None and count > 1:
            notes.warn(f"sampling.divergence_{axis}_steps = {count} has no effect without beam.divergence_{axis}_mrad")
        return NONE
    origin = "Gaussian: full width at half maximum"
    return Steps(width, 0.0, _GAUSSIAN_POINTS if count is None else count, False, origin)


def retained(horizontal: Steps, vertical: Steps, dispersion: Steps, is_round: bool) -> np.ndarray:
    """Indices of the grid points inside the ellipse of a round divergence, wavelength index fastest, shape (n, 3)."""
    h, v = (index.ravel() for index in np.indices((horizontal.count, vertical.count)))
    with np.errstate(invalid="ignore", divide="ignore"):
        test = sum(
            ((s.step * i - s.range / 2) ** 2 - s.step * s.step / 4 * (1 - s.count % 2)) / s.range / s.range
            for s, i in (
                (_as_float(horizontal), h),
                (_as_float(vertical), v),
            )
        )
        # with a zero range the ratio is not a number, and nothing is cut
        outside = (test * 4 > 1.1) & is_round
    pairs = np.stack([h, v], axis=1)[~outside]
    waves = np.arange(dispersion.count)
    return np.concatenate([np.repeat(pairs, len(waves), axis=0), np.tile(waves, len(pairs))[:, None]], axis=1).astype(
        float
    )


def _as_float(steps: Steps) -> Steps:
    return Steps(np.float64(steps.range) / 1000, np.float64(steps.step) / 1000, steps.count, False, "")


def directions(shape: str, horizontal: Steps, vertical: Steps) -> Directions:
    """Directions of a divergence of any shape in its widths."""
    if shape == "gaussian":
        (h, weight_h), (v, weight_v) = (gaussian_nodes(steps.count) for steps in (horizontal, vertical))
        pairs = [grid.ravel() for grid in np.meshgrid(h, v, indexing="ij")]
        return Directions(pairs[0], pairs[1], np.outer(weight_h, weight_v).ravel())
    index = retained(horizontal, vertical, NONE, shape == "round")
    h, v = (
        in_widths(steps)[column.astype(int)] for steps, column in zip((horizontal, vertical), index.T, strict=False)
    )
    return Directions(h, v, np.ones(len(index)))


def in_widths(steps: Steps) -> np.ndarray:
    """Places of a grid's points in its range; zero where it has none."""
    places = steps.step * np.arange(steps.count) - steps.range / 2
    return places / steps.range if steps.range else np.zeros(steps.count)
