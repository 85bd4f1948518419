from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from nbjax.errors import FileError
from nbjax.io.reflections.text import read_hkl


def written(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "list.hkl"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_columns_comments_and_blank_lines(tmp_path: Path) -> None:
    found = read_hkl(written(tmp_path, "# h k l F\n1 2 3 4.5\n\n   \n-3.0\t+0  7 1e2 0.5 FreeR # tail\r\n"))
    assert found.miller.dtype == np.int32
    assert found.values.dtype == np.float64
    np.testing.assert_array_equal(found.miller, [[1, 2, 3], [-3, 0, 7]])
    np.testing.assert_array_equal(found.values, [4.5, 100.0])


@pytest.mark.parametrize(
    ("content", "line", "problem"),
    [
        ("1 2 3 4\n# c\n\n1.5 2 3 4\n", 4, "1.5 2 3 are not whole Miller indices"),
        ("1 2 3 4\n1 2 3e10 4\n", 2, "not whole Miller indices"),
        ("h k l F\n1 2 3 4\n", 1, "does not begin with four numbers"),
        ("1 2 3 4\n  10-100  12  123.45    1.00\n", 2, "its columns run into each other: put blanks between them"),
        ("1 2 3 4\n1 2 3 1_0\n", 2, "does not begin with four numbers"),
        ("1 2 3 4\n\n1 2 3\n", 3, "has 3 columns"),
        ("1 2 3 4\n1 2 3 nan\n", 2, "is not finite"),
        ("1 2 3 4\r\n1 2 3 1e999\r\n", 2, "is not finite"),
        ("1 2 3 4\n1 inf 3 4\n", 2, "is not finite"),
    ],
)
def test_the_offending_line_is_named(tmp_path: Path, content: str, line: int, problem: str) -> None:
    with pytest.raises(FileError, match=rf"list\.hkl: line {line}: .*{problem}"):
        read_hkl(written(tmp_path, content))


@pytest.mark.parametrize(
    ("content", "problem"), [(b"", "no reflections"), (b"# none\n\n", "no reflections"), (b"1 2 3 \0\1", "binary file")]
)
def test_lists_without_reflections_are_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    with pytest.raises(FileError, match=problem):
        read_hkl(written(tmp_path, content))


def test_a_long_list_takes_seconds(tmp_path: Path) -> None:
    count = 200_000
    line = "12 -34 5 678.9\n"
    path = written(tmp_path, line * count)
    start = time.perf_counter()
    found = read_hkl(path)
    assert time.perf_counter() - start < 2.0
    assert found.miller.shape == (count, 3)
