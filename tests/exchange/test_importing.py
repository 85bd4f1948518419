"""Configurations of the files of processing programs: spots are where each file's own definitions put them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from positions import largest_shift_px
from written import expt_scene, write_expt

from nbjax.exchange.importing import import_files

_CLOSE_PX = 0.05


@pytest.mark.parametrize("image", [None, 11])
def test_spots_of_a_dials_experiment(tmp_path: Path, image: int | None) -> None:
    config = import_files([f"{write_expt(tmp_path)}#1"], image).config
    assert largest_shift_px(config, expt_scene(image or 5)) < _CLOSE_PX
    assert config.beam.polarization == pytest.approx(0.8)
    # across the normal and the beam
    np.testing.assert_allclose(config.beam.polarization_axis, [-1.0, 0.0, 0.01], atol=1e-3)
    assert config.crystal.phi_range_deg == pytest.approx(0.5)
