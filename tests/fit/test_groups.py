"""Which pixels share a background, and where they lie in it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cases import small_config

from nbjax.fit.groups import Groups, extent_px, groups_of, kind_for, splines_for
from nbjax.preparation import prepare


def experiment(**sections: Any) -> Any:
    return prepare(small_config(**sections))


@pytest.mark.parametrize("polarization", [0.3, None])
def test_a_radial_background_is_a_function_of_q_as_bright_as_what_scatters_evenly(polarization: float | None) -> None:
    beam = {"polarization_correction": False} if polarization is None else {"polarization": polarization}
    made = experiment(beam=beam)
    mask = np.ones(made.grid.shape, bool)
    mask[::3] = False
    found = groups_of(mask, "radial", made, 7, 100)
    pixels, places = np.concatenate(found.pixels), np.concatenate(found.places)
    np.testing.assert_array_equal(pixels, np.argwhere(mask))
    assert max(map(len, found.pixels)) <= 100
    assert len(found.pixels) == -(-len(pixels) // 100)
    # pixels about the direct beam, on a panel across it
    panel = made.panel
    pixel_m, distance_m = float(panel.pixel_size_m), float(panel.distance_m)
    fast, slow = (pixels[:, ::-1] + 0.5).T * pixel_m - np.asarray(panel.beam_centre_m)[:, None]
    away = np.sqrt(fast**2 + slow**2 + distance_m**2)
    cosine = distance_m / away
    q = 2 * np.sin(np.arccos(cosine) / 2)
    np.testing.assert_allclose(places[:, 0], (q - q.min()) / (q.max() - q.min()) * 4, rtol=1e-6, atol=1e-6)
    factor = cosine / away**2
    if polarization is not None:
        sine_sq = 1 - cosine**2
        # the electric vector lies along one of the axes of the panel
        share = fast**2 / (fast**2 + slow**2)
        along = share if abs(float(made.beam.polarization_axis @ _fast(made))) > 0.5 else 1 - share
        factor = factor * 0.5 * (1 + cosine**2 - polarization * (2 * along - 1) * sine_sq)
    np.testing.assert_allclose(places[:, 1], factor / factor.mean(), rtol=1e-6)


def _fast(made: Any) -> np.ndarray:
    from nbjax.preparation import place

    return np.asarray(place(made.detector, made.beam.direction).fast)


def test_pixels_of_boxes_lie_between_minus_one_and_one() -> None:
    mask = np.zeros((40, 40), bool)
    mask[3:14, 5:12] = mask[20:31, 22:36] = True
    found = groups_of(mask, "plane", experiment(), 4, 1000)
    assert len(found.pixels) == 2
    for pixels, places, box in zip(found.pixels, found.places, ((3, 13, 5, 11), (20, 30, 22, 35)), strict=True):
        low, high = np.array(box[::2]), np.array(box[1::2])
        np.testing.assert_allclose(places, 2 * (pixels - low) / (high - low) - 1, atol=1e-14)
    alone = groups_of(mask, "constant", experiment(), 4, 1000)
    assert [place.shape for place in alone.places] == [(77, 0), (154, 0)]
    whole = groups_of(mask, "none", experiment(), 4, 100)
    assert [place.shape for place in whole.places] == [(77, 0)] * 3
    assert extent_px([found]) == np.median([11, 7, 11, 14])
    assert extent_px([Groups((), ())]) == np.inf


def test_what_is_much_larger_than_others_is_cut_into_equal_parts() -> None:
    mask = np.zeros((90, 60), bool)
    for first in range(0, 50, 15):
        mask[2:14, first : first + 12] = True
    # four times as long as the others, and half as long again
    mask[20:68, 2:14], mask[20:38, 20:38] = True, True
    found = groups_of(mask, "plane", experiment(), 4, 1000)
    sizes = sorted(tuple(np.ptp(pixels, axis=0) + 1) for pixels in found.pixels)
    assert sizes == sorted([(12, 12)] * 4 + [(12, 12)] * 4 + [(9, 9)] * 4)
    assert sorted(map(tuple, np.concatenate(found.pixels))) == sorted(map(tuple, np.argwhere(mask)))
    # boxes of up to 15 pixels are left whole, as 1.3 times the middle one says
    near = np.zeros((40, 60), bool)
    near[2:14, 2:14] = near[2:14, 20:32] = near[20:35, 2:17] = True
    assert len(groups_of(near, "plane", experiment(), 4, 1000).pixels) == 3
    near[20:36, 2:18] = True
    assert len(groups_of(near, "plane", experiment(), 4, 1000).pixels) == 6


@pytest.mark.parametrize(("shape", "wanted"), [((60, 80), 4), ((300, 400), 14), ((144, 192), 10), ((4, 72, 96), 10)])
def test_a_spline_stands_for_a_few_pixels(shape: tuple[int, ...], wanted: int) -> None:
    assert splines_for([np.ones(shape, bool)]) == wanted


def test_a_whole_image_is_one_of_which_more_than_half_counts() -> None:
    mask = np.zeros((10, 10), bool)
    mask[:5] = True
    assert kind_for("auto", [mask], [], True) == "plane"
    mask[5, 0] = True
    assert kind_for("auto", [mask], [], True) == "radial"
    assert kind_for("auto", [mask], [], True, 1000) == "plane"
    assert kind_for("auto", [mask], ["background.scale"], True) == kind_for("auto", [mask], [], False) == "none"
