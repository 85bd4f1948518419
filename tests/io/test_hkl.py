from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from cases import INPUTS

from nbjax.errors import FileError
from nbjax.io.hkl import Reflections, read_hkl, tabulate


def written(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "list.hkl"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def reflections(*rows: tuple[int, int, int, float]) -> Reflections:
    table = np.array(rows, float).reshape(-1, 4)
    return Reflections(table[:, :3].astype(np.int32), table[:, 3])


def test_columns_comments_and_blank_lines(tmp_path: Path) -> None:
    found = read_hkl(written(tmp_path, "# h k l F\n1 2 3 4.5\n\n   \n-3.0\t+0  7 1e2 0.5 FreeR # tail\r\n"))
    assert found.miller.dtype == np.int32
    assert found.amplitude.dtype == np.float64
    np.testing.assert_array_equal(found.miller, [[1, 2, 3], [-3, 0, 7]])
    np.testing.assert_array_equal(found.amplitude, [4.5, 100.0])


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


def test_the_box_holds_the_list_and_the_default() -> None:
    table = tabulate(reflections((-1, 2, 0, 5.0), (1, 2, 3, 7.0)), 0.25)
    assert table.values.shape == (3, 1, 4)
    assert table.values.dtype == np.float64
    assert (table.minimum, table.maximum) == ((-1, 2, 0), (1, 2, 3))
    assert table.values[0, 0, 0] == 5.0
    assert table.values[2, 0, 3] == 7.0
    assert (table.values == 0.25).sum() == 10


def test_a_repeated_index_keeps_its_last_value() -> None:
    rng = np.random.default_rng(0)
    miller = rng.integers(-3, 4, (5000, 3)).astype(np.int32)
    F = rng.uniform(1, 2, 5000)
    wanted = {tuple(index): value for index, value in zip(miller.tolist(), F, strict=True)}
    table = tabulate(Reflections(miller, F), 0.0)
    for (h, k, l), value in wanted.items():  # noqa: E741
        assert table.values[h + 3, k + 3, l + 3] == value


def test_every_line_of_a_file_is_in_the_box() -> None:
    found = read_hkl(INPUTS / "p1_6A.hkl")
    assert len(found.amplitude) == len((INPUTS / "p1_6A.hkl").read_text().split()) // 4
    table = tabulate(found, -1.0)
    np.testing.assert_array_equal(table.values[tuple((found.miller - table.minimum).T)], found.amplitude)


def test_a_box_too_large_names_the_index() -> None:
    rows = reflections((0, 0, 0, 1.0), (1, -2_000_000_000, 3, 1.0), (9, 9, 9, 1.0))
    with pytest.raises(FileError, match=r"index 1 -2000000000 3 \(reflection 2 of the list\).*GiB of memory; correct"):
        tabulate(rows, 0.0)


def test_nothing_cannot_be_tabulated() -> None:
    with pytest.raises(FileError, match="empty"):
        tabulate(reflections(), 0.0)
