"""Spots of a wide band against Laue's construction, worked out with NumPy alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nbjax.config.tree import Beam, Config, Crystal, Detector, Sampling
from nbjax.geometry.panel import place_panel
from nbjax.pipeline.image import simulate
from nbjax.preparation import prepare

BAND, MEAN_A, DISTANCE_MM, PIXEL_MM, CELL_A = 0.05, 1.0, 60.0, 0.2, 40.0
PIXELS = 280
BASE = Config(
    Beam(wavelength_A=MEAN_A, dispersion_percent=100 * BAND),
    Crystal(cell_A=(CELL_A,) * 3, default_F=100.0),
    Detector(distance_mm=DISTANCE_MM, pixel_mm=PIXEL_MM, pixels_fast=PIXELS, pixels_slow=PIXELS),
    Sampling(dispersion_steps=31, oversample=1),
)


def seen(config: Config) -> tuple[np.ndarray, np.ndarray]:
    """An image, and where its pixels are in mm from the direct beam, shape (slow, fast, 3)."""
    experiment = prepare(config)
    panel = place_panel(experiment.panel, experiment.beam.direction)
    origin, fast, slow = (np.asarray(x) for x in (panel.origin_m, panel.fast, panel.slow))
    index = np.arange(PIXELS) + 0.5
    steps = index[None, :, None] * fast + index[:, None, None] * slow
    return np.asarray(simulate(experiment)), (origin * 1000 + PIXEL_MM * steps)


def test_a_rod_along_the_beam_is_drawn_out_by_its_resolution() -> None:
    # one cell along the beam: each (k, l) is a rod that every wavelength meets, at sin(2 theta) = wavelength / d
    crystal = replace(BASE.crystal, cells=(1, 10, 10))
    image, places_mm = seen(replace(BASE, crystal=crystal))
    row = np.abs(places_mm[..., 1]) < 0.51 * PIXEL_MM
    profile, at_mm = image[row], np.abs(places_mm[row][:, 2])
    lengths_mm = []
    for order in (3, 6, 12, 16):
        sines = order / CELL_A * MEAN_A * np.array([1 - BAND / 2, 1 + BAND / 2])
        ends_mm = DISTANCE_MM * np.tan(np.arcsin(sines))
        near = np.abs(at_mm - ends_mm.mean()) < 0.5 * DISTANCE_MM / CELL_A
        bright = at_mm[near][profile[near] > 0.3 * profile[near].max()]
        np.testing.assert_allclose([bright.min(), bright.max()], ends_mm, atol=0.8 * PIXEL_MM)
        lengths_mm.append(np.ptp(ends_mm))
    # from hardly more than a pixel to many
    assert lengths_mm[-1] > 6 * lengths_mm[0] > 6 * PIXEL_MM


def test_a_crystal_reflects_what_its_planes_choose_of_the_band() -> None:
    turn_deg = 7.0
    crystal = replace(BASE.crystal, cells=(40, 40, 40), shape="gauss", misset_deg=(0.0, turn_deg, 0.0))
    image, places_mm = seen(replace(BASE, crystal=crystal))
    angle = np.radians(turn_deg)
    about_y = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    hkl = np.stack(np.meshgrid(*[np.arange(-16, 17)] * 3, indexing="ij"), -1).reshape(-1, 3)
    hkl = hkl[np.abs(hkl).sum(1) > 0]
    q = hkl @ about_y.T / CELL_A
    squared = (q**2).sum(1)
    chosen_A = -2 * q[:, 0] / squared
    edge_A = BAND / 2 * MEAN_A
    reflects = np.abs(chosen_A - MEAN_A) < 0.8 * edge_A
    towards = np.array([1.0, 0, 0]) / chosen_A[reflects, None] + q[reflects]
    spots_mm = DISTANCE_MM * towards[:, 1:] / towards[:, :1]
    spots_mm = spots_mm[np.abs(spots_mm).max(1) < 27]
    assert len(spots_mm) > 20
    # each spot is the brightest place around itself, and the photons are at spots
    off_mm = np.hypot(*np.moveaxis(places_mm[..., None, 1:] - spots_mm, -1, 0))
    for spot in range(len(spots_mm)):
        near = off_mm[..., spot] < 0.8
        assert off_mm[..., spot][near][np.argmax(image[near])] < 2 * PIXEL_MM
