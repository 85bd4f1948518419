"""Positions of reflections: by NumPy from what a file defines, and by the spots of a simulation."""

from __future__ import annotations

from dataclasses import dataclass, replace

import jax
import numpy as np

import nbjax
from nbjax.config.tree import Config

PIXELS = (300, 260)
"""(fast, slow) of every panel, so that all formats share one compiled program."""
SPOTS = 20
_SIGMA_PX = 0.75
_HALF = 3


@dataclass(frozen=True)
class Scene:
    """What a file defines, at the angle of the exposure, in the file's own laboratory.

    Attributes:
        reciprocal: columns a*, b*, c* in 1/Angstrom.
        beam: direction in which it travels.
        wavelength_A: of it.
        panel: columns fast, slow and corner of the first pixel in mm; a point is panel @ (fast mm, slow mm, 1).
        pixel_mm: edge of a pixel.
    """

    reciprocal: np.ndarray
    beam: np.ndarray
    wavelength_A: float
    panel: np.ndarray
    pixel_mm: float

    def predicted(self) -> np.ndarray:
        """(fast, slow) in pixels from the corner, of the reflections that come nearest to the Ewald sphere."""
        lengths = 1 / np.linalg.norm(self.reciprocal, axis=0)
        most = np.ceil(lengths / 3.0).astype(int)
        hkl = np.stack(np.meshgrid(*(np.arange(-m, m + 1) for m in most), indexing="ij"), -1).reshape(-1, 3)
        hkl = hkl[hkl.any(axis=1)]
        incident = self.beam / np.linalg.norm(self.beam) / self.wavelength_A
        diffracted = incident + hkl @ self.reciprocal.T
        error = np.abs(np.linalg.norm(diffracted, axis=1) - 1 / self.wavelength_A)
        mm = diffracted @ np.linalg.inv(self.panel).T
        with np.errstate(divide="ignore", invalid="ignore"):
            px = mm[:, :2] / mm[:, 2:] / self.pixel_mm
        towards = mm[:, 2] > 0
        seen = towards & (px > _HALF + 1).all(axis=1) & (px < np.array(PIXELS) - _HALF - 1).all(axis=1)
        order = np.flatnonzero(seen)[np.argsort(error[seen])]
        chosen: list[np.ndarray] = []
        for place in px[order]:
            if all(np.abs(place - other).max() > 2 * _HALF for other in chosen):
                chosen.append(place)
            if len(chosen) == SPOTS:
                return np.array(chosen)
        raise AssertionError(f"only {len(chosen)} spots")


def rotation(axis: np.ndarray, angle_deg: float) -> np.ndarray:
    """Right-handed rotation about a unit axis."""
    x, y, z = np.asarray(axis, float) / np.linalg.norm(axis)
    skew = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    angle = np.radians(angle_deg)
    return np.eye(3) + np.sin(angle) * skew + (1 - np.cos(angle)) * skew @ skew


def largest_shift_px(config: Config, scene: Scene) -> float:
    """Largest distance between the predicted positions and the spots of a still at the start of the exposure."""
    wanted = scene.predicted()
    distance_mm = abs(float(np.linalg.det(scene.panel)))
    block_A = 0.4 * scene.wavelength_A * distance_mm / (2.35 * _SIGMA_PX * scene.pixel_mm) * 2
    lengths = 1 / np.linalg.norm(scene.reciprocal, axis=0)
    crystal = replace(
        config.crystal, shape="gauss", cells=tuple(block_A / lengths), phi_range_deg=None, interpolate=False
    )
    sampling = replace(config.sampling, oversample=1)
    first = np.floor(wanted).astype(int) - _HALF
    window = np.arange(2 * _HALF + 1)
    slow, fast = np.meshgrid(window, window, indexing="ij")
    at = np.stack([first[:, None, None, 1] + slow, first[:, None, None, 0] + fast], -1)
    with jax.enable_x64(True):
        experiment = nbjax.prepare(replace(config, crystal=crystal, sampling=sampling))
        photons = np.asarray(nbjax.simulate_pixels(experiment, at.reshape(-1, 2))).reshape(at.shape[:3])
    total = photons.sum((1, 2))
    found = [(photons * (at[..., i] + 0.5)).sum((1, 2)) / total for i in (1, 0)]
    return float(np.abs(np.stack(found, -1) - wanted).max())
