from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from fabio.cbfimage import CbfImage

from nbjax.errors import FileError
from nbjax.io.measured import read_measured
from nbjax.io.smv import write_smv

IMAGE = np.arange(12).reshape(3, 4)


def test_every_format_reads_back(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", IMAGE.astype(np.float32))
    write_smv(tmp_path / "a.img", IMAGE.astype(np.uint16), [])
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["entry/data"] = np.stack([IMAGE, IMAGE + 1])
        file["entry/name"] = "not an image"
    CbfImage(data=np.where(IMAGE == 5, -1, IMAGE).astype(np.int32)).write(str(tmp_path / "a.cbf"))
    assert np.array_equal(read_measured(tmp_path / "a.npy"), IMAGE[None])
    assert np.array_equal(read_measured(tmp_path / "a.img"), IMAGE[None])
    assert np.array_equal(read_measured(tmp_path / "a.h5"), [IMAGE, IMAGE + 1])
    assert np.array_equal(read_measured(tmp_path / "a.h5", "entry/data"), [IMAGE, IMAGE + 1])
    cbf = read_measured(tmp_path / "a.cbf")
    assert np.isnan(cbf[0, 1, 1])
    assert np.array_equal(np.nan_to_num(cbf, nan=5.0), IMAGE[None])


def test_marked_pixels_are_nan(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["data"] = np.where(IMAGE == 2, 2**32 - 1, IMAGE).astype(np.uint32)
    found = read_measured(tmp_path / "a.h5")[0]
    assert np.argwhere(np.isnan(found)).tolist() == [[0, 2]]


def test_what_is_no_image_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("1 2 3")
    (tmp_path / "cut.npy").write_bytes(b"\x93NUMPY\x01")
    (tmp_path / "cut.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    (tmp_path / "cut.cbf").write_bytes(b"###CBF: VERSION 1.5\r\n")
    np.save(tmp_path / "line.npy", np.zeros(3))
    with h5py.File(tmp_path / "two.h5", "w") as file:
        file["a"], file["b"] = IMAGE, IMAGE
    for name, words in (
        ("text", "is no image of a known kind"),
        ("cut.npy", "faulty .npy file"),
        ("cut.h5", "damaged HDF5"),
        ("cut.cbf", "damaged CBF image"),
        ("line.npy", "of shape 3; give numbers of shape"),
        ("two.h5", "name it with data.dataset; it has a, b"),
    ):
        with pytest.raises(FileError, match=words):
            read_measured(tmp_path / name)
    with pytest.raises(FileError, match="has no dataset c; it has a, b"):
        read_measured(tmp_path / "two.h5", "c")
