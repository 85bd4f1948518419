"""Datasets of closed crystals have the labels of sampled ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from cases import small_config

from nbjax.dataset.batch import Batch
from nbjax.dataset.load import Recipe
from nbjax.dataset.run import Share
from nbjax.dataset.section import DatasetSection, Labels

ALL = Labels(noise_free=True, spots=True, miller_index=True, lattice=True, background=True)


def frame(model: str, kind: str, number: int) -> tuple[np.ndarray, dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Pixels, maps and spots of an image."""
    sampling: dict[str, Any] = {"oversample": 4, "mosaic_domains": 400} if model == "sampled" else {}
    config = small_config(
        beam={"fluence_photons_per_m2": 1e27, "wavelength_A": 1.0},
        crystal={
            "model": model,
            "cell_A": (60.0, 50.0, 40.0),
            "cell_deg": (90.0, 95.0, 90.0),
            "matrix_file": None,
            "hkl_file": None,
            "default_F": 200.0,
            "cells": (6, 6, 6),
            "shape": "gauss",
            "interpolate": None if model == "closed" else False,
            "mosaicity_deg": 0.1,
            "misset_deg": (10.0, 20.0, 30.0),
        },
        detector={"distance_mm": 100.0, "pixels_fast": 64, "pixels_slow": 64, "pixel_mm": 0.4, "convention": "xds"},
        sampling=sampling,
    )
    rotation: dict[str, Any] = {"kind": "rotation", "width_deg": 0.5}
    if model == "sampled":
        rotation["phi_steps"] = 6
    section = DatasetSection(noise=False, pixels="float32", labels=ALL, **(rotation if kind == "rotation" else {}))
    batch = Batch(Recipe(config, section), Share(Path(), "x", 3, 3), 1)
    with jax.enable_x64(True):
        made = batch.frame(number)
    maps = {name: field.values for name, field in made.maps.items()}
    return made.pixels, maps, {name: np.asarray(field.values) for name, field in made.spots.items()}


@pytest.mark.parametrize("kind", ["stills", "rotation"])
def test_labels_are_those_of_the_sampled_model(kind: str) -> None:
    (pixels, maps, spots), (image, expected, table) = (frame(model, kind, 1) for model in ("closed", "sampled"))
    bright = image > 0.02 * image.max()
    assert bright.sum() > 10
    assert pixels.sum() == pytest.approx(image.sum(), rel=0.02)
    np.testing.assert_array_equal(maps["miller_index"][bright], expected["miller_index"][bright])
    np.testing.assert_array_equal(maps["lattice"][bright], expected["lattice"][bright])
    rows = {tuple(index): row for row, index in enumerate(spots["miller_index"])}
    strong = np.flatnonzero(table["intensity"] > 0.05 * table["intensity"].max())
    assert len(strong) >= 4
    own = [rows[tuple(table["miller_index"][row])] for row in strong]
    for name, tolerance in (("centroid", 0.03), ("phi", 0.03), ("partiality", 0.03), ("predicted", 0.02)):
        np.testing.assert_allclose(spots[name][own], table[name][strong], atol=tolerance, err_msg=name)
    photons = table["intensity"][strong]
    np.testing.assert_allclose(spots["intensity"][own], photons, rtol=0.02, atol=5e-3 * photons.max())


def test_images_with_other_numbers_of_spots_belong_to_one_dataset() -> None:
    images = [frame("closed", "stills", number)[0] for number in range(2)]
    assert all(np.isfinite(image).all() and image.max() > 0 for image in images)
    assert not np.array_equal(*images)
