from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from nbjax.errors import FileError
from nbjax.io.dump import read_dump, write_dump

# h -1..0, k 2..2, l 5..6: a 2 x 1 x 2 table, each axis padded by one plane of zeros
PLANES = [[[1.0, 2.0, 0.0], [0.0] * 3], [[3.0, 4.0, 0.0], [0.0] * 3], [[0.0] * 3, [0.0] * 3]]
DUMP = b"-1 0 2 2 5 6\n\f" + struct.pack("<18d", *np.ravel(PLANES))
VALUES, MINIMUM = np.array([[[1.0, 2.0]], [[3.0, 4.0]]]), (-1, 2, 5)


def test_the_bytes_are_those_of_the_c_program(tmp_path: Path) -> None:
    write_dump(tmp_path / "F.bin", VALUES, MINIMUM)
    assert (tmp_path / "F.bin").read_bytes() == DUMP


def test_a_dump_is_read(tmp_path: Path) -> None:
    (tmp_path / "F.bin").write_bytes(DUMP)
    values, minimum = read_dump(tmp_path / "F.bin")
    assert minimum == MINIMUM
    np.testing.assert_array_equal(values, VALUES)


def test_a_larger_table_survives_the_round_trip(tmp_path: Path) -> None:
    written = np.random.default_rng(1).normal(size=(7, 5, 9))
    write_dump(tmp_path / "F.bin", written, (-3, -2, -4))
    values, minimum = read_dump(tmp_path / "F.bin")
    assert minimum == (-3, -2, -4)
    np.testing.assert_array_equal(values, written)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (DUMP[:-1], "holds 143 bytes of data"),
        (DUMP + b"\0", "holds 145 bytes of data"),
        (b"", "is not a structure-factor dump"),
        (b"1 2 3 4.0\n" * 40, "is not a structure-factor dump"),
        (b"1 0 2 2 5\n\f", "is not a structure-factor dump"),
        (b"5 0 2 2 5 6\n\f", "has bounds 5 0 2 2 5 6 that hold no index"),
        (DUMP[:-144] + struct.pack("<d", np.nan) + DUMP[-136:], "not finite"),
    ],
)
def test_malformed_dumps_are_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    (tmp_path / "F.bin").write_bytes(content)
    with pytest.raises(FileError, match=f"F.bin: .*{problem}"):
        read_dump(tmp_path / "F.bin")
