"""What surrounds a closed crystal does to its spots what it does to those of a sampled one."""

from __future__ import annotations

from pathlib import Path

import jax
import numpy as np

import nbjax
from nbjax.config.tree import Beam, Config, Crystal, Detector, Sampling

SPOT = (180, 186, 180, 184)
"""The window cuts through the spot."""


def image(folder: Path, oversample: int | None) -> np.ndarray:
    """One spot without smear, of the closed model or with a number of subpixels.

    Lit by a listed spectrum, off the middle of a beam with a profile, of amplitudes of which no two Friedel mates are
    equal, in water, on a sensor in layers.
    """
    closed = oversample is None
    made = Config(
        beam=Beam(spectrum_file=str(folder / "spectrum.txt"), profile="gaussian", beamsize_mm=0.1),
        crystal=Crystal(
            model="closed" if closed else "sampled",
            shape="gauss",
            interpolate=None if closed else False,
            cell_A=(40.0, 50.0, 60.0),
            cell_deg=(75.0, 85.0, 110.0),
            misset_deg=(10.0, 20.0, 30.0),
            cells=(12.0,) * 3,
            hkl_file=str(folder / "mates.hkl"),
            volume_um3=2.0,
            water_um=0.1,
            offset_mm=(0.02, 0.01),
        ),
        detector=Detector(
            pixel_mm=0.06,
            pixels_fast=240,
            pixels_slow=240,
            distance_mm=120.0,
            beam_x_mm=2.0,
            beam_y_mm=30.0,
            roi=SPOT,
            thickness_um=450.0,
            attenuation_depth_um=300.0,
        ),
        sampling=Sampling(thickness_layers=4, oversample=oversample),
    )
    with jax.enable_x64(True):
        return np.asarray(nbjax.simulate(nbjax.prepare(made)))


def test_all_that_surrounds_a_crystal_is_that_of_the_sampled_model(tmp_path: Path) -> None:
    amplitudes = np.random.default_rng(1).uniform(50, 150, (27, 33, 39))
    (tmp_path / "mates.hkl").write_text(
        "".join(f"{h - 13} {k - 16} {m - 19} {F:.3f}\n" for (h, k, m), F in np.ndenumerate(amplitudes))
    )
    (tmp_path / "spectrum.txt").write_text("12380 1\n12398 3\n12420 2\n")
    closed, expected = image(tmp_path, None), image(tmp_path, 24)
    shown = expected[SPOT[2] : SPOT[3] + 1, SPOT[0] : SPOT[1] + 1]
    assert np.ptp(shown) > 0.5 * shown.max()
    assert np.abs(closed - expected).max() < 3e-4 * np.ptp(shown)
    np.testing.assert_array_equal(closed > 0, expected > 0)
