from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nbjax.errors import FileError
from nbjax.io.raw import read_float, write_float

IMAGE = np.array([[0.0, 1.5, 3e9], [1e-9, 7.0, 0.1]])


def test_the_bytes_are_little_endian_rows(tmp_path: Path) -> None:
    write_float(tmp_path / "a.bin", IMAGE)
    assert (tmp_path / "a.bin").read_bytes() == IMAGE.astype("<f4").tobytes(order="C")


def test_an_image_in_another_memory_order_reads_back_the_same(tmp_path: Path) -> None:
    write_float(tmp_path / "a.bin", np.asfortranarray(IMAGE))
    again = read_float(tmp_path / "a.bin", (2, 3))
    assert again.dtype == np.float32
    np.testing.assert_array_equal(again, IMAGE.astype(np.float32))
    again[0, 0] = 1.0


@pytest.mark.parametrize("shape", [(2, 2), (3, 3)])
def test_another_size_is_refused(shape: tuple[int, int], tmp_path: Path) -> None:
    write_float(tmp_path / "a.bin", IMAGE)
    with pytest.raises(FileError, match=f"has 24 bytes, {shape[0]} x {shape[1]} float pixels need"):
        read_float(tmp_path / "a.bin", shape)
