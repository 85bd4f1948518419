"""Random crystals, each with one Bragg peak in the middle of a small panel; numbers alone differ between them."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from nbjax.config.tree import Beam, Config, Crystal, Detector, Sampling, Shape
from nbjax.geometry.unit_cell import standard_direct

_PIXELS = 16
_ACROSS = 4
"""Pixels from a peak to the first zero of the square crystal's longest axis."""
_DISTANCE_MM = 100.0


def spot_in_view(rng: np.random.Generator, shape: Shape, most_cells: float) -> Config:
    """A crystal of 10 to 1000 A cells, turned so that a reflection of it meets the Ewald sphere on the panel.

    Args:
        rng: draws the cell, the number of cells, the reflection and the orientation.
        shape: of the crystal.
        most_cells: along an axis.
    """
    wavelength_A = rng.uniform(0.7, 2.0)
    lengths_A, angles_deg = 10 ** rng.uniform(1, 3, 3), rng.uniform(70, 110, 3)
    cells = 10 ** rng.uniform(0.5, np.log10(most_cells), 3)
    direct = np.asarray(standard_direct(lengths_A, np.radians(angles_deg)))
    direction = rng.normal(size=3)
    miller = np.round(direct @ direction / np.linalg.norm(direction) / rng.uniform(1.2 * wavelength_A, 4))
    miller[0] += not miller.any()
    peak_per_A = miller @ np.linalg.inv(direct).T
    length_per_A = np.linalg.norm(peak_per_A)
    sine, turn = wavelength_A * length_per_A / 2, rng.uniform(0, 2 * np.pi)
    if sine > 0.55:
        return spot_in_view(rng, shape, most_cells)
    across = np.sqrt(1 - sine**2)
    q_per_A = length_per_A * np.array([-sine, across * np.cos(turn), across * np.sin(turn)])
    orientation = Rotation.align_vectors([q_per_A], [peak_per_A])[0]
    orientation = Rotation.from_rotvec(q_per_A / length_per_A * rng.uniform(0, 2 * np.pi)) * orientation
    x, y, z = np.array([1.0, 0.0, 0.0]) + wavelength_A * q_per_A
    pixel_mm = _DISTANCE_MM * wavelength_A / (cells * lengths_A).max() / _ACROSS
    return Config(
        Beam(wavelength_A=wavelength_A),
        Crystal(
            cell_A=tuple(lengths_A),
            cell_deg=tuple(angles_deg),
            cells=tuple(cells),
            misset_deg=tuple(orientation.as_euler("xyz", degrees=True)),
            default_F=100.0,
            shape=shape,
            interpolate=False,
        ),
        Detector(
            convention="custom",
            fast_axis=(0.0, 0.0, 1.0),
            slow_axis=(0.0, -1.0, 0.0),
            normal_axis=(1.0, 0.0, 0.0),
            pivot="sample",
            distance_mm=_DISTANCE_MM,
            pixel_mm=pixel_mm,
            pixels_fast=_PIXELS,
            pixels_slow=_PIXELS,
            org_x_px=_PIXELS / 2 - _DISTANCE_MM * z / x / pixel_mm,
            org_y_px=_PIXELS / 2 + _DISTANCE_MM * y / x / pixel_mm,
        ),
        Sampling(oversample=1),
    )
