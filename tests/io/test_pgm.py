from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from nbjax.io.pgm import write_pgm

PIXELS = np.array([[0, 1, 2], [253, 254, 255]], np.uint8)


def test_the_bytes(tmp_path: Path) -> None:
    write_pgm(tmp_path / "a.pgm", PIXELS, 0.000328263979220138)
    assert (tmp_path / "a.pgm").read_bytes() == b"P5\n3 2\n# pixels scaled by 0.000328264\n255\n" + PIXELS.tobytes()


def test_other_programs_read_it(tmp_path: Path) -> None:
    write_pgm(tmp_path / "a.pgm", PIXELS.T, 1.0)
    with Image.open(tmp_path / "a.pgm") as image:
        np.testing.assert_array_equal(np.asarray(image), PIXELS.T)
