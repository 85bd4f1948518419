"""``detector.model``: what a detector's name says, as the makers' documents have it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from cases import small_config

from nbjax.config.tree import Config, Detector
from nbjax.errors import ConfigError
from nbjax.resolve import resolve


def _config(**detector: Any) -> Config:
    return replace(small_config(), detector=Detector(distance_mm=200.0, **detector))


def test_an_eiger_has_its_pixels_and_gaps() -> None:
    resolved = resolve(_config(model="eiger2 4M"))
    assert resolved.detector.shape == (2162, 2068)
    assert resolved.detector.pixel_mm == pytest.approx(0.075)
    assert resolved.mask is not None
    # two by four modules of 1028 x 512 pixels, 12 and 38 apart
    wanted = np.ones((2162, 2068), bool)
    wanted[:, 1028:1040] = False
    for module in (1, 2, 3):
        wanted[550 * module - 38 : 550 * module] = False
    assert np.array_equal(resolved.mask, wanted)


def test_a_mask_file_hides_more_than_the_gaps(tmp_path: Any) -> None:
    mask = np.ones((195, 487), np.uint8)
    mask[3] = 0
    np.save(tmp_path / "mask.npy", mask)
    resolved = resolve(
        _config(model="Pilatus 100k", mask_file=str(tmp_path / "mask.npy"), material="Si", thickness_um=450.0)
    )
    assert resolved.mask is not None
    assert not resolved.mask[3].any()
    assert resolved.detector.thickness_um == 450.0
    assert resolve(resolved.config).detector.shape == (195, 487)


@pytest.mark.parametrize(
    ("detector", "problem"),
    [
        ({"model": "Eigr2 16M"}, r"detector\.model: no detector has the name 'Eigr2 16M'; the nearest are Eiger2 16M"),
        ({"model": "Pilatus 1M", "pixel_mm": 0.1}, r"detector\.pixel_mm: got 0\.1, and a Pilatus 1M has 0\.172"),
        (
            {"model": "Pilatus 1M", "size_fast_mm": 100.0},
            r"detector\.size_fast_mm: given together with detector\.model",
        ),
        ({"model": "Pilatus 1M", "file": __file__}, r"detector\.model: given together with detector\.file"),
    ],
)
def test_what_is_no_model_or_contradicts_it(detector: Any, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        resolve(_config(**detector))
