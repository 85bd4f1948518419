"""Fits of nbjax to images of the C program."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import jax.numpy as jnp
import numpy as np
from cases import golden_config, images
from crystals import CRYSTAL, ORIENTING, WANTED, Row, errors, moved
from scipy.ndimage import binary_dilation

import nbjax
from nbjax.experiment import Experiment
from nbjax.fit import COARSE_TO_FINE, FitResult, Free, Stage, fit
from nbjax.parameters import parameters_of, set_values
from nbjax.reference.program import entries_of

ADC_OFFSET = 40.0
SIGNS = np.array([1.0, -1.0, 1.0])
SEARCH = (
    Stage(parameters=ORIENTING, steps=15, tolerance=1e-2),
    Stage(parameters=(*ORIENTING, "crystal.cell"), steps=20, tolerance=1e-2),
    Stage(steps=30, tolerance=1e-2),
)
TRIED = (
    Free("crystal.misset_deg", scatter=0.6),
    Free("crystal.cell", scatter=0.2),
    Free("crystal.cells", transform="log", scatter=4.0),
    Free("scale", transform="log"),
)
FINAL = (Stage(steps=100),)


@dataclass(frozen=True)
class Case:
    """A golden case whose crystal is fitted.

    Attributes:
        system: crystal system that the fit keeps to.
        lengths: factors of a, b, c at the start.
        starts: tries from so many places around the start; 1: from the start, coarse to fine. Spots narrower than a
            pixel, of amplitudes that differ from one to the next, have many minima.
        exact: whether the data are expected photons, so that everything but rounding is recovered.
    """

    system: str
    lengths: tuple[float, float, float] = (1.005, 0.995, 1.005)
    starts: int = 1
    exact: bool = True


CASES = {
    "simple_cubic": Case("cubic", (1.005, 1.005, 1.005)),
    "triclinic_misset": Case("triclinic"),
    "lyso_default": Case("orthorhombic", starts=96),
    "mosaic_phi": Case("triclinic", starts=12),
    "shape_gauss": Case("triclinic", starts=12),
    "noise_poisson": Case("orthorhombic", starts=96, exact=False),
}


def golden() -> list[Row]:
    """A line for each case; the data are those of the C program."""
    return [_row(name, case) for name, case in CASES.items()] + [detector_row()]


def recovered(name: str, case: Case, seed: int = 1) -> tuple[FitResult, Experiment]:
    """The fit from the starts of the table of stills, and the truth."""
    truth, data = nbjax.prepare(golden_config(name)), photons(name)
    start = moved(truth, 0.5 * SIGNS, np.array(case.lengths), 1 + SIGNS / 3, 2.0)
    if case.starts == 1:
        return fit([start], [data], CRYSTAL, COARSE_TO_FINE, convention="mosflm", system=case.system), truth
    near = binary_dilation(data > 1e-3 * data.max(), np.ones((7, 7), bool))
    options = {"convention": "mosflm", "system": case.system}
    found = fit([start], [data], TRIED, SEARCH, used=[near], tries=case.starts, seed=seed, **options)
    return fit(found.experiments, [data], CRYSTAL, FINAL, **options), truth


def photons(name: str) -> np.ndarray:
    """What the C program recorded: counts where it drew them, else expected photons."""
    stored = images(name)
    return stored["c_noise"] - ADC_OFFSET if "c_noise" in stored else stored["c"].astype(float)


def _row(name: str, case: Case) -> Row:
    clock = time.perf_counter()
    result, truth = recovered(name, case)
    (shot,), (fitted,) = result.shots, result.experiments
    if "star_shape" in entries_of(truth):
        # this spot shape knows the product of the counts alone
        fitted, truth = (_with_mean_cells(e) for e in (fitted, truth))
    off = errors(fitted, truth)
    how = "coarse to fine" if case.starts == 1 else f"the best of {case.starts} tries"
    shown = f"{off}; {how}, {time.perf_counter() - clock:.0f} s"
    if case.exact:
        return Row(f"{name} of the C program", WANTED, shown, off.reached and result.converged)
    sigmas = shot.sigmas
    shown += (
        f"; standard deviations {sigmas[:3].max():.3f} deg, {sigmas[3:6].sum():.3f} A, {sigmas[6:9].max():.2f}, "
        f"{100 * sigmas[9] / shot.values[9]:.1f} %"
    )
    wanted = f"each number within four standard deviations, of {data_photons(name):.0f} photons"
    return Row(f"{name} of the C program", wanted, shown, result.converged and np.abs(_pulls(result, truth)).max() < 4)


def data_photons(name: str) -> float:
    """Photons of the whole image."""
    return float(photons(name).sum())


def _pulls(result: FitResult, truth: Experiment) -> np.ndarray:
    """Misset, lengths, cells and scale: errors in standard deviations."""
    (shot,), (fitted,), cell = result.shots, result.experiments, truth.crystal.cell
    scale = shot.values[9] * truth.beam.fluence_photons_per_m2 / fitted.beam.fluence_photons_per_m2
    true = np.concatenate(
        [np.degrees(cell.misset_rad), np.asarray(cell.lengths_m) * 1e10, truth.crystal.cells, [float(scale)]]
    )
    return (shot.values - true) / shot.sigmas


def detector_row() -> Row:
    """The tilted detector of one still, with its crystal known; two-theta does the same as the rotation about z."""
    name, pixel_mm = "cubic_tilted", 0.8
    truth = nbjax.prepare(golden_config(name))
    paths = [f"detector.{key}" for key in ("distance_mm", "beam_x_mm", "beam_y_mm")]
    paths += [f"detector.rotation_{axis}_deg" for axis in "xyz"]
    wanted = np.array([100.0, 61.2, 61.2, 5.0, 3.0, 2.0])
    off_by = np.array([1.0, 3 * pixel_mm, -3 * pixel_mm, 0.3, -0.3, 0.3])
    table = parameters_of(truth, "mosflm")
    start = set_values(truth, [table[path] for path in paths], jnp.asarray(wanted + off_by)[:, None])
    clock = time.perf_counter()
    frees = [*(Free(path) for path in paths), Free("scale", transform="log")]
    result = fit([start], [photons(name)], frees, COARSE_TO_FINE, convention="mosflm")
    off = np.abs(result.shots[0].values[:6] - wanted) / [1.0, pixel_mm, pixel_mm, 1.0, 1.0, 1.0]
    reached = off[0] < 0.01 and off[1:3].max() < 0.02 and off[3:].max() < 0.005 and result.converged
    shown = f"{off[0]:.1e} mm, {off[1:3].max():.1e} px, {off[3:].max():.1e} deg; {time.perf_counter() - clock:.0f} s"
    return Row(f"detector of {name} of the C program", "< 0.01 mm, < 0.02 px, tilts < 0.005 deg", shown, bool(reached))


def _with_mean_cells(experiment: Experiment) -> Experiment:
    cells = np.asarray(experiment.crystal.cells)
    crystal = replace(experiment.crystal, cells=np.full(3, np.prod(cells) ** (1 / 3)))
    return experiment.with_crystal(crystal)
