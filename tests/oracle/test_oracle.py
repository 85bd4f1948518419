"""The oracle against the reference's golden images, and its physics against itself."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from .experiment import experiment
from .image import AVOGADRO, FULL_PARITY, R_E_SQR, simulate
from .random import Ran1, noise_image, uniform_rotation

GOLDEN = Path(__file__).parents[1] / "golden"
INPUTS = GOLDEN / "inputs"
CASES = sorted(path.parent.name for path in GOLDEN.glob("*/args.txt"))
TOLERANCE = 3e-7

# the ledger entries that each case shows; the others are physics in the reference too
APPLIES: dict[str, set[str]] = {
    "curved_detector": {"curved_mapping"},
    "divergence_round": {"first_sample_factors"},
    "divergence_square": {"first_sample_factors"},
    "everything_but_thickness": {"first_sample_factors"},
    "flux_sample_energy": {"interpolation_autoselect", "interpolation_latch"},
    "interp_auto_two_cells": {"first_sample_factors"},
    "interp_leaves_table": {"interpolation_latch"},
    "lyso_autosample": {"first_sample_factors"},
    "mask": {"mask_beam_center"},
    "misset_random": {"misset_seed_option"},
    "oversample2_omega": {"first_sample_factors", "running_product"},
    "oversample3": {"first_sample_factors"},
    "phi_osc_from_zero": {"phi_carryover"},
    "shape_gauss": {"shape_constants", "star_shape"},
    "shape_round": {"shape_constants"},
    "shape_tophat": {"shape_constants", "star_shape", "first_sample_factors"},
    "sourcefile": {"source_weights", "first_sample_factors"},
    "supervisor_crop": {"phi_carryover"},
    "thick_sensor": {"first_sample_factors", "last_layer_capture", "layer_step"},
    "triclinic_misset": {"cell_setting"},
    "water_background": {"water_scale"},
}
# both entries of this case together give the image without them: the first sample already leaves the table
NO_NET_EFFECT = {"flux_sample_energy"}
SMALL = "-hkl p1_6A.hkl -mat p1.mat -lambda 1.0 -Na 12 -Nb 10 -Nc 15 -distance 100 -pixel 0.8 -detpixels 24 "


@cache
def _golden(case: str) -> tuple[str, dict[str, np.ndarray], tuple[int, int, int, int] | None]:
    """Option line, images and stored window of a case."""
    with np.load(GOLDEN / case / "images.npz") as stored:
        images = {name: stored[name] for name in stored.files}
    crop = images.get("crop_s0s1f0f1")
    return (GOLDEN / case / "args.txt").read_text(), images, None if crop is None else tuple(map(int, crop))


def _residual(image: np.ndarray, wanted: np.ndarray) -> float:
    """Largest difference over the largest wanted value."""
    return float(np.abs(image - wanted.astype(float)).max() / np.abs(wanted).max())


@pytest.mark.parametrize("case", CASES)
def test_full_parity(case: str) -> None:
    line, images, crop = _golden(case)
    image = simulate(line, INPUTS, FULL_PARITY, crop)
    assert _residual(image, images["c"]) <= TOLERANCE
    wanted = images["c"].astype(float)
    assert np.all(np.abs(image - wanted) <= TOLERANCE * wanted + 1e-12 * wanted.max())


@pytest.mark.parametrize("case", CASES)
def test_only_the_entries_that_apply(case: str) -> None:
    line, images, crop = _golden(case)
    image = simulate(line, INPUTS, frozenset(APPLIES.get(case, ())), crop)
    assert _residual(image, images["c"]) <= TOLERANCE


@pytest.mark.parametrize(("case", "entry"), [(case, entry) for case in APPLIES for entry in sorted(APPLIES[case])])
def test_every_entry_that_applies_matters(case: str, entry: str) -> None:
    line, images, crop = _golden(case)
    image = simulate(line, INPUTS, FULL_PARITY - {entry}, crop)
    if case == "flux_sample_energy" and entry == "interpolation_autoselect":
        assert _residual(image, images["c"]) <= TOLERANCE
    else:
        assert _residual(image, images["c"]) > 3 * TOLERANCE


@pytest.mark.parametrize("case", [case for case in CASES if "phi_reset" in _golden(case)[1]])
def test_physics_of_the_spindle(case: str) -> None:
    line, images, crop = _golden(case)
    assert _residual(simulate(line, INPUTS, pixels=crop), images["phi_reset"]) <= TOLERANCE
    without = simulate(line, INPUTS, FULL_PARITY - {"phi_carryover"}, crop)
    assert _residual(without, images["phi_reset"]) <= TOLERANCE


@pytest.mark.parametrize("case", [case for case in CASES if case not in APPLIES or case in NO_NET_EFFECT])
def test_physics_where_no_entry_applies(case: str) -> None:
    line, images, crop = _golden(case)
    assert _residual(simulate(line, INPUTS, pixels=crop), images["c"]) <= TOLERANCE


def test_noise_is_the_reference_s() -> None:
    line, images, _ = _golden("noise_poisson")
    options = experiment(line, INPUTS).options
    image = simulate(line, INPUTS, FULL_PARITY).astype(np.float32)
    for mean in (images["c"], image):
        np.testing.assert_array_equal(noise_image(mean, options.seed, options.adc), images["c_noise"])


def test_window_is_a_part_of_the_image() -> None:
    line = SMALL + "-oversample 2 -phi 0 -osc 1 -phisteps 3"
    whole = simulate(line, INPUTS, FULL_PARITY)
    np.testing.assert_array_equal(simulate(line, INPUTS, FULL_PARITY, (3, 9, 4, 20)), whole[3:9, 4:20])


@pytest.mark.parametrize("extra", ["", "-detector_abs 300 -detector_thick 400 -detector_thicksteps 3"])
def test_flags_change_nothing_without_subpixels(extra: str) -> None:
    plain = SMALL + f"-oversample 1 -sourcefile sources.txt -polar 0.8 -water 30 -fluence 1e18 {extra}"
    flagged = plain + " -oversample_thick -oversample_polar -oversample_omega"
    np.testing.assert_allclose(simulate(flagged, INPUTS), simulate(plain, INPUTS), rtol=1e-13)


def test_water_alone() -> None:
    line = "-cell 50 60 70 90 90 90 -default_F 1e-30 -N 1 -distance 80 -pixel 0.5 -detpixels 16 "
    line += "-water 40 -fluence 1e20 -oversample 2 -dmin 500"
    image = simulate(line, INPUTS)
    panel = experiment(line, INPUTS).detector
    s, f = np.mgrid[:16, :16]
    spot = panel.pix0 + panel.pixel_size * ((f[..., None] + 0.5) * panel.fast + (s[..., None] + 0.5) * panel.slow)
    path = np.linalg.norm(spot, axis=-1)
    omega = panel.pixel_size**2 * panel.close_distance / path**3
    polar = (1.0 + (spot @ panel.beam / path) ** 2) / 2
    molecules = (40e-6) ** 3 * 1e6 * AVOGADRO / 18.0
    np.testing.assert_allclose(image, 2.57**2 * R_E_SQR * 1e20 * molecules * omega * polar, rtol=1e-12)


def test_layers_capture_what_a_sensor_captures() -> None:
    line = "-cell 50 60 70 90 90 90 -default_F 10 -N 1 -distance 1000 -pixel 0.5 -detpixels 8 -oversample 1 "
    sensor = line + "-detector_abs 300 -detector_thick 1 -detector_thicksteps {}"
    images = [simulate(sensor.format(count), INPUTS) for count in (1, 5)]
    expected = simulate(line, INPUTS) * (1.0 - math.exp(-1 / 300))
    for image in images:
        np.testing.assert_allclose(image, expected, rtol=1e-4)


def test_random_rotations_are_rotations() -> None:
    ran1 = Ran1(-777)
    for _ in range(20):
        matrix = uniform_rotation(ran1)
        np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-14)
        assert np.linalg.det(matrix) == pytest.approx(1.0)
