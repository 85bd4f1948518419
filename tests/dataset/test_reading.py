"""Datasets of many shards are read through few open files."""

from __future__ import annotations

import os
import pickle
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest
from killed import INSTRUMENT, make

import nbjax.dataset
from nbjax.dataset.master import blank_images, overloads, write_master
from nbjax.dataset.nxmx import Series
from nbjax.dataset.opened import MOST_OPEN
from nbjax.dataset.shard import Field, shard_path, write_shard
from nbjax.errors import FileError, UsageError

SHARDS = 3 * MOST_OPEN


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Master of shards of two images each, the last one of a single image."""
    folder = tmp_path_factory.mktemp("many")
    numbers = [range(2 * shard, min(2 * shard + 2, 2 * SHARDS - 1)) for shard in range(SHARDS)]
    for shard, of_shard in enumerate(numbers):
        frames = []
        for number in of_shard:
            frame = make(number)
            said = {
                "lattices": Field(np.array(1)),
                "photons": Field(np.array(float(number))),
                "overloads": Field(np.array(number % 2)),
            }
            frames.append(type(frame)(number, frame.pixels, {**frame.truth, **said}, frame.maps, frame.spots))
        series = Series(np.array(of_shard, float), 1.0)
        write_shard(shard_path(folder, "many", shard), frames, len(frames), INSTRUMENT, series, {"config": "text"})
    master = folder / "many_master.h5"
    write(master)
    return master


def write(master: Path) -> None:
    paths = [shard_path(master.parent, "many", shard) for shard in range(SHARDS)]
    write_master(master, paths, INSTRUMENT, Series(np.arange(2.0 * SHARDS - 1), 1.0))


@pytest.fixture
def _few_files() -> Iterator[None]:
    """As many files as are open already, and the few that reading may take."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(name) for name in os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + MOST_OPEN + 4, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.usefixtures("_few_files")
def test_more_shards_than_open_files_are_read(many: Path) -> None:
    with nbjax.dataset.open(many) as images:
        assert len(images) == 2 * SHARDS - 1
        for number, (pixels, truth) in enumerate(pickle.loads(pickle.dumps(images))):
            assert (pixels == make(number).pixels).all()
            assert truth["image"] == number
            assert truth["spots.image"].tolist() == [number] * (number % 3)
        assert images[-1][1]["image"] == 2 * SHARDS - 2
        assert images.column("image").tolist() == list(range(2 * SHARDS - 1))
    assert overloads(many) == (SHARDS - 1, SHARDS - 1)
    assert blank_images(many) == (0,)


def test_equal_datasets_have_equal_masters(many: Path) -> None:
    before = many.read_bytes()
    # HDF5 notes whole seconds
    time.sleep(1.01)
    write(many)
    assert many.read_bytes() == before


def test_fields_and_slices_are_parts_of_the_whole(full: Path) -> None:
    every = list(nbjax.dataset.open(full))
    images = nbjax.dataset.open(full)
    for wanted in (slice(None), slice(1, 6), slice(6, 0, -2), slice(-2, None)):
        pixels, truth = images[wanted]
        np.testing.assert_array_equal(pixels, np.stack([each for each, _ in every[wanted]]))
        for name in every[0][1]:
            join = np.concatenate if name.startswith("spots.") else np.stack
            np.testing.assert_array_equal(truth[name], join([each[name] for _, each in every[wanted]]))
    few = pickle.loads(pickle.dumps(nbjax.dataset.open(full, fields=["a_matrix", "spots.intensity"])))
    _, truth = few[2]
    assert set(truth) == {"a_matrix", "spots.intensity"}
    np.testing.assert_array_equal(truth["spots.intensity"], every[2][1]["spots.intensity"])
    assert set(nbjax.dataset.open(full, fields=["spots"])[:2][1]) == {n for n in every[0][1] if n.startswith("spots.")}
    assert nbjax.dataset.open(full, fields=())[3][1] == {}
    with pytest.raises(IndexError, match="a slice without images"):
        images[3:3]
    with pytest.raises(FileError, match="has no truth named b_matrix; choose from a_matrix"):
        nbjax.dataset.open(full, fields=["b_matrix"])
    with pytest.raises(UsageError, match="a list of names is wanted"):
        nbjax.dataset.open(full, fields="a_matrix")


def test_pixels_alone_open_no_label(full: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading them takes one call of the file, whatever else it holds."""
    read = []
    plain = h5py.Dataset.__getitem__
    monkeypatch.setattr(h5py.Dataset, "__getitem__", lambda self, key: read.append(self.name) or plain(self, key))
    images = nbjax.dataset.open(full, fields=())
    read.clear()
    images[0:3]
    assert read == ["/entry/data/data"]


@pytest.mark.parametrize("name", ["noise_free", "a_matrix", "spots/intensity", "spots/centroid", "image"])
def test_damaged_labels_are_noticed(full: Path, tmp_path: Path, name: str) -> None:
    shard = tmp_path / "one.h5"
    shard.write_bytes(full.with_name("small_000001.h5").read_bytes())
    assert len(list(nbjax.dataset.open(shard, verify=True))) == 3
    with h5py.File(shard, "r+") as file:
        values = file["entry/truth"][name]
        row = values[0]
        values[0] = row + 1
    images = nbjax.dataset.open(shard, verify=True, fields=())
    with pytest.raises(FileError, match=r"image 0 is damaged: its truth does not have the checksum"):
        images[0]
    with pytest.raises(FileError, match=r"image 0 is damaged"):
        images[:2]
    if name != "image":
        assert images[1][1] == {}
