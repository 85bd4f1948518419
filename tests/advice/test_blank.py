from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pytest
from cases import small_config

from nbjax.advice.blank import why_blank
from nbjax.config.edit import with_values
from nbjax.config.tree import Shadow
from nbjax.pipeline.image import simulate
from nbjax.preparation import prepare_resolved
from nbjax.resolve import resolve

ONE = "2 3 40 100.0\n"


@pytest.mark.parametrize(
    ("values", "hkl", "reason"),
    [
        ({"beam.flux_photons_per_s": 0.0}, None, "beam.fluence_photons_per_m2 is 0"),
        ({"beam.fluence_photons_per_m2": 1e-300}, None, "1e-300 is less than one photon for each"),
        ({"sampling.resolution_limit_A": 1e5}, None, "is above all spacings of the cell"),
        ({"beam.profile": "top_hat", "crystal.offset_mm": (0.04, 0.04)}, None, "outside the beam of beam.beamsize_mm"),
        ({}, "1 2 3 0.0\n", "all structure factors are 0"),
        ({}, ONE, "move the detector, or give structure factors of these spacings"),
        ({"crystal.shape": "tophat", "crystal.cells": (900.0, 900.0, 900.0)}, None, "no reflection .* Ewald sphere"),
    ],
)
def test_a_blank_image_says_why(tmp_path: Path, values: dict, hkl: str | None, reason: str) -> None:
    config = with_values(small_config(), {"detector.pixels_fast": 6, "detector.pixels_slow": 5, **values})
    if hkl is not None:
        (tmp_path / "x.hkl").write_text(hkl)
        config = with_values(config, {"crystal.hkl_file": str(tmp_path / "x.hkl"), "crystal.interpolate": False})
    resolved = resolve(config)
    with jax.enable_x64(True):
        assert not np.asarray(simulate(prepare_resolved(resolved))).any()
    assert re.search(reason, why_blank(resolved))


def test_what_lets_nothing_pass_is_named() -> None:
    dark = replace(small_config(), shadow=(Shadow(distance_mm=10.0, diameter_mm=1000.0),))
    assert "what is under shadow lets nothing pass" in why_blank(resolve(dark))


def test_a_mask_of_zeros_leaves_nothing() -> None:
    resolved = resolve(small_config())
    blank = replace(resolved, mask=np.zeros((resolved.detector.pixels_slow, resolved.detector.pixels_fast)))
    assert "leave no pixel to compute" in why_blank(blank)
