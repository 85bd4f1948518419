"""The refinement test of diffBragg's hopper: one still with noise and water, fitted in the boxes that hopper used.

``data/hopper.npz`` holds the photons of the boxes as the program simulated them, the structure factors of the
reflections near them, the true crystal and the one from which the program starts.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
from crystals import Row

import nbjax
from nbjax.config.tree import Beam, Config, Crystal, Detector, Sampling
from nbjax.experiment import Experiment
from nbjax.fit import FitResult, Free, fit

WANTED = "misset < 0.005 deg, N < 0.2, scale < 1 %, cell < 0.025 A and deg"
FLUENCE, WAVELENGTH_A, SHAPE = 1e24, 1.8, (512, 513)
FREES = (Free("crystal.rotation_deg"), Free("crystal.cell"), Free("crystal.cells"), Free("scale"))


def stored() -> dict[str, np.ndarray]:
    """Everything that the file holds."""
    with np.load(Path(__file__).parent / "data" / "hopper.npz") as file:
        return dict(file)


def crystal_at(reciprocal: np.ndarray, cells: np.ndarray, scale: float) -> Experiment:
    """The experiment with a crystal whose reciprocal vectors are the columns of a matrix in 1/A."""
    held = stored()
    with tempfile.TemporaryDirectory() as folder:
        matrix, hkl = Path(folder, "crystal.mat"), Path(folder, "p1.hkl")
        np.savetxt(matrix, reciprocal * WAVELENGTH_A)
        np.savetxt(hkl, np.column_stack([held["hkl"], held["F"]]), fmt="%d %d %d %.9g")
        return nbjax.prepare(
            Config(
                Beam(
                    wavelength_A=WAVELENGTH_A,
                    fluence_photons_per_m2=FLUENCE * float(scale),
                    polarization=1.0,
                    direction=(0.0, 0.0, -1.0),
                    polarization_axis=(-1.0, 0.0, 0.0),
                ),
                Crystal(
                    matrix_file=str(matrix),
                    hkl_file=str(hkl),
                    default_F=0.0,
                    cells=tuple(float(n) for n in cells),
                    shape="gauss",
                    interpolate=False,
                ),
                Detector(
                    convention="custom",
                    pivot="beam",
                    pixel_mm=0.1,
                    pixels_fast=SHAPE[1],
                    pixels_slow=SHAPE[0],
                    distance_mm=150.0,
                    beam_x_mm=25.7,
                    beam_y_mm=25.75,
                    fast_axis=(1.0, 0.0, 0.0),
                    slow_axis=(0.0, -1.0, 0.0),
                    normal_axis=(0.0, 0.0, -1.0),
                ),
                Sampling(oversample=1),
                # its Gaussian is that of nanoBragg
                parity=("shape_constants",),
            )
        )


def fitted() -> FitResult:
    """With the default stages and background, from hopper's start."""
    held = stored()
    start = crystal_at(held["reciprocal_start"], held["cells_start"], held["scale_start"])
    at = (held["slow"], held["fast"])
    image, used = np.zeros(SHAPE), np.zeros(SHAPE, bool)
    image[at], used[at] = held["photons"], True
    return fit([start], [image], FREES, used=[used], convention="custom", system="monoclinic")


def hopper() -> list[Row]:
    """The line of the table."""
    clock = time.perf_counter()
    result, held = fitted(), stored()
    (found,) = result.experiments
    truth = crystal_at(held["reciprocal_true"], held["cells"], held["scale"])
    turns = [np.asarray(e.crystal.cell.misset @ e.crystal.cell.orientation) for e in (found, truth)]
    turn = turns[0] @ turns[1].T
    axis = [turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]]
    misset = float(np.degrees(np.arcsin(np.linalg.norm(axis) / 2)))
    cell = found.crystal.cell
    lengths = float(np.abs(np.asarray(cell.lengths_m) * 1e10 - held["cell"][:3]).max())
    angles = float(np.abs(np.degrees(np.asarray(cell.angles_rad)) - held["cell"][3:]).max())
    cells = float(np.abs(np.asarray(found.crystal.cells) - held["cells"]).max())
    scale = abs(float(found.beam.fluence_photons_per_m2) / FLUENCE / float(held["scale"]) - 1)
    shown = (
        f"{misset:.4f} deg, {cells:.3f}, {100 * scale:.2f} %, {lengths:.3f} A, {angles:.3f} deg; "
        f"{time.perf_counter() - clock:.0f} s"
    )
    reached = misset < 0.005 and cells < 0.2 and scale < 0.01 and max(lengths, angles) < 0.025 and result.converged
    return [Row("refinement test of diffBragg's hopper, default stages", WANTED, shown, bool(reached))]
