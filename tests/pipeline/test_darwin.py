"""The integrated intensity of a reflection that turns through the Ewald sphere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nbjax.config.tree import Beam, Config, Crystal, Detector, Sampling
from nbjax.pipeline.render import render
from nbjax.preparation import prepare

EDGE_A, INDEX, WAVELENGTH_A, AMPLITUDE = 50.0, 10, 1.0, 80.0


def _photons(shape: str, fudge: float, cells: tuple[int, int, int], folder: Path, parity: tuple[str, ...]) -> float:
    """All photons of the reflection (10, 0, 0) over a rotation by 8 degrees."""
    table = folder / "one.hkl"
    table.write_text(f"{INDEX} 0 0 {AMPLITUDE}\n")
    theta_deg = float(np.degrees(np.arcsin(INDEX * WAVELENGTH_A / (2 * EDGE_A))))
    # the spot, 100 mm from the sample along the beam, below it
    down_mm = 100 * np.tan(np.radians(2 * theta_deg))
    config = Config(
        Beam(wavelength_A=WAVELENGTH_A, fluence_photons_per_m2=1e24, polarization_correction=False),
        Crystal(
            hkl_file=str(table),
            cell_A=(EDGE_A,) * 3,
            cell_deg=(90.0,) * 3,
            cells=cells,
            shape=shape,  # type: ignore[arg-type]
            fudge=fudge,
            phi_start_deg=90 + theta_deg - 4,
            phi_range_deg=8.0,
            interpolate=False,
        ),
        Detector(
            convention="custom",
            fast_axis=(0.0, 0.0, 1.0),
            slow_axis=(0.0, 1.0, 0.0),
            beam_x_mm=1.6,
            beam_y_mm=1.6 - down_mm,
            distance_mm=100.0,
            pixel_mm=0.1,
            pixels_fast=32,
            pixels_slow=32,
        ),
        Sampling(phi_steps=160, oversample=1),
        parity=parity,
    )
    return float(render(prepare(config)).sum())


def _darwin(cells: tuple[int, int, int]) -> float:
    """Darwin's formula: r_e^2 lambda^3 F^2 N / (V sin 2 theta) over the angle of the rotation."""
    sine = INDEX * WAVELENGTH_A / (2 * EDGE_A)
    lorentz = 1 / np.sin(2 * np.arcsin(sine))
    r_e_squared_m2, fluence_per_m2 = 7.94079248018965e-30, 1e24
    per_cell = fluence_per_m2 * r_e_squared_m2 * WAVELENGTH_A**3 / EDGE_A**3 * AMPLITUDE**2 * lorentz
    return float(per_cell * np.prod(cells) / np.radians(8.0))


@pytest.mark.parametrize(
    ("shape", "fudge", "tolerance"),
    # the samples cut off the far fringes and the sharp edges of a spot coarsely
    [("square", 1.0, 1e-2), ("round", 1.0, 1e-3), ("round", 2.5, 1e-3), ("gauss", 0.4, 1e-4), ("tophat", 0.05, 3e-3)],
)
def test_the_integrated_intensity_is_darwins_for_every_shape_and_fudge(
    shape: str, fudge: float, tolerance: float, tmp_path
) -> None:
    cells = (9, 8, 7)
    assert _photons(shape, fudge, cells, tmp_path, ()) / _darwin(cells) == pytest.approx(1, abs=tolerance)


def test_with_the_constants_of_the_c_program_it_is_not(tmp_path) -> None:
    cells = (9, 8, 7)
    found = _photons("gauss", 1.0, cells, tmp_path, ("shape_constants",)) / _darwin(cells)
    assert found == pytest.approx((np.pi * 0.63 / 2) ** 1.5, abs=1e-4)
