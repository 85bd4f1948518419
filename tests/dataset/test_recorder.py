"""Datasets whose images are recorded by the stages of a detector."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from datasets import recipe, shards, written

from nbjax.config.tree import Stage
from nbjax.dataset.load import Recipe
from nbjax.dataset.recorder import recorder_of
from nbjax.dataset.section import Labels
from nbjax.errors import ConfigError
from nbjax.io.images import read_images
from nbjax.resolve import resolve

GAIN, PEDESTAL, SIGMA, LIMIT = 2.5, 30.0, 2.0, 8000.0
CHAIN = (
    Stage("poisson"),
    Stage("gain", counts_per_photon=GAIN, pedestal_counts=PEDESTAL),
    Stage("readout", sigma_counts=SIGMA),
    Stage("saturation", limit_counts=LIMIT),
    Stage("quantize", bits=16),
)


def recorded(record: tuple[Stage, ...] | str = CHAIN, **dataset: object) -> Recipe:
    found = recipe(**{"pixels": "uint16", "labels": Labels(noise_free=True), "also": ("smv",), **dataset})
    return replace(found, config=replace(found.config, record=record))


def test_images_are_recorded_and_labels_keep_photons(tmp_path: Path) -> None:
    master = written(tmp_path / "a", recorded(), images=3)
    stack = read_images(master)
    assert len(stack) == 3
    [shard] = sorted(master.parent.glob("*_000001.h5"))
    with h5py.File(shard) as file:
        truth = np.asarray(file["entry/truth/noise_free"][()], float)
        overloads = np.asarray(file["entry/truth/overloads"][()])
    assert f"adu_per_photon = {GAIN}" in (master.parent / "small.geom").read_text()
    for number, image in enumerate(stack):
        assert image.stored.dtype == np.uint16
        assert (image.pedestal_counts, image.photons_per_count) == pytest.approx((PEDESTAL, 1 / GAIN))
        assert image.saturation_counts == LIMIT - 1
        assert overloads[number] == (image.stored >= LIMIT).sum()
        photons = image.photons()
        seen = np.isfinite(photons) & (truth[number] > 0) & (truth[number] < 0.8 * LIMIT / GAIN)
        variance = truth[number] + (SIGMA**2 + 1 / 12) / GAIN**2
        deviates = ((photons - truth[number]) / np.sqrt(variance))[seen]
        assert abs(deviates.mean()) < 4.5 / np.sqrt(seen.sum())
        assert deviates.std() == pytest.approx(1.0, abs=4.5 / np.sqrt(seen.sum()))
        # a file of a single image says the same
        [alone] = read_images(master.parent / f"{master.stem.removesuffix('_master')}_{number + 1:07d}.img")
        np.testing.assert_allclose(alone.photons()[seen], photons[seen])


def test_an_image_depends_on_its_number_alone(tmp_path: Path) -> None:
    master = written(tmp_path / "a", recorded(also=()), images=3)
    shared = [written(tmp_path / "b", recorded(also=()), images=3, process=i, processes=2, workers=1) for i in (1, 0)]
    assert shards(master.parent) == shards(shared[-1].parent)


def test_a_detector_by_name(tmp_path: Path) -> None:
    [image, *_] = read_images(written(tmp_path / "a", recorded("eiger2", pixels=None, also=("cbf",)), images=1))
    assert image.stored.dtype == np.uint32
    assert (image.pedestal_counts, image.photons_per_count) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("dataset", "said"),
    [
        ({"pixels": "uint32"}, r'dataset.pixels: got "uint32", and the stages of record end in uint16 numbers'),
        ({"noise": False}, "dataset.noise: given together with record"),
        ({"also": ("cbf",)}, 'dataset.also: "cbf" has no word for the gain or the pedestal'),
    ],
)
def test_what_the_section_says_otherwise_is_refused(dataset: dict[str, object], said: str) -> None:
    found = recorded(**dataset)
    with pytest.raises(ConfigError, match=said):
        recorder_of(resolve(found.config), found.dataset)


def test_faults_come_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"dataset\.pixels"):
        written(tmp_path / "a", recorded(pixels="uint32"), images=1)
    assert not list(tmp_path.glob("a/*.h5"))
