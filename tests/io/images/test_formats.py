"""Every format through the same door; files made by other programs' writers, and what is no image."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fabio.fabioformats import get_class_by_name

from nbjax.errors import FileError
from nbjax.io.images import read_images

IMAGE = np.arange(12).reshape(3, 4)
WIDE = np.arange(256 * 256).reshape(256, 256) % 60000


def by_fabio(kind: str, dtype: str, pixels: np.ndarray) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        get_class_by_name(kind)(data=pixels.astype(dtype)).write(str(path))

    return write


FABIO = [
    ("a.cbf", "cbfimage", "i4", IMAGE),
    ("a.tif", "tifimage", "u2", IMAGE),
    ("b.tif", "tifimage", "i4", IMAGE),
    ("c.tif", "tifimage", "f4", IMAGE),
    ("a.edf", "edfimage", "u2", IMAGE),
    ("b.edf", "edfimage", "f4", IMAGE),
    ("c.edf", "edfimage", "i8", IMAGE),
    ("a.sfrm", "brukerimage", "u2", WIDE),
    ("b.sfrm", "bruker100image", "u2", WIDE),
    ("a.oxd", "oxdimage", "i4", WIDE),
    ("a.esper", "esperantoimage", "i4", WIDE),
    ("a.pgm", "pnmimage", "u1", IMAGE),
    ("b.pgm", "pnmimage", "u2", WIDE),
    ("a.npy", "numpyimage", "f4", IMAGE),
    ("a.img", "dtrekimage", "u2", IMAGE),
    ("b.img", "dtrekimage", "i2", IMAGE),
    ("c.img", "dtrekimage", "i4", IMAGE),
    ("d.img", "dtrekimage", "u4", IMAGE),
    ("e.img", "dtrekimage", "f4", IMAGE),
    ("f.img", "dtrekimage", "i1", IMAGE),
    ("g.img", "dtrekimage", "u1", IMAGE),
]


@pytest.mark.parametrize(("name", "kind", "dtype", "pixels"), FABIO, ids=[f"{row[1]}-{row[2]}" for row in FABIO])
@pytest.mark.parametrize("named", [True, False])
def test_what_fabio_writes_is_read_as_fabio_reads_it(
    name: str, kind: str, dtype: str, pixels: np.ndarray, named: bool, tmp_path: Path
) -> None:
    by_fabio(kind, dtype, pixels)(tmp_path / name)
    path = tmp_path / name if named else (tmp_path / name).rename(tmp_path / "unnamed")
    [found] = read_images(path)
    np.testing.assert_array_equal(found.counts, pixels)
    np.testing.assert_array_equal(found.stored, get_class_by_name(kind)().read(str(path)).data)
    assert found.stored.dtype.kind in (np.dtype(dtype).kind, "i")


@pytest.mark.parametrize(("name", "kind", "dtype", "pixels"), FABIO, ids=[f"{row[1]}-{row[2]}" for row in FABIO])
@pytest.mark.parametrize("kept", [0.5, 0.9])
def test_a_file_that_is_cut_short_is_refused(
    name: str, kind: str, dtype: str, pixels: np.ndarray, kept: float, tmp_path: Path
) -> None:
    by_fabio(kind, dtype, WIDE)(tmp_path / name)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: int(kept * len(content))])
    with pytest.raises(FileError, match=name):
        read_images(tmp_path / name)
