from __future__ import annotations

import numpy as np
import pytest
from cases import INPUTS

from nbjax.errors import FileError
from nbjax.io.reflections.reflection_list import ReflectionList
from nbjax.io.reflections.text import read_hkl
from nbjax.reflections.table import tabulate


def reflections(*rows: tuple[int, int, int, float]) -> ReflectionList:
    table = np.array(rows, float).reshape(-1, 4)
    return ReflectionList(table[:, :3].astype(np.int32), table[:, 3])


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
    table = tabulate(ReflectionList(miller, F), 0.0)
    for (h, k, l), value in wanted.items():  # noqa: E741
        assert table.values[h + 3, k + 3, l + 3] == value


def test_every_line_of_a_file_is_in_the_box() -> None:
    found = read_hkl(INPUTS / "p1_6A.hkl")
    assert len(found.values) == len((INPUTS / "p1_6A.hkl").read_text().split()) // 4
    table = tabulate(found, -1.0)
    np.testing.assert_array_equal(table.values[tuple((found.miller - table.minimum).T)], found.values)


def test_a_box_too_large_names_the_index() -> None:
    rows = reflections((0, 0, 0, 1.0), (1, -2_000_000_000, 3, 1.0), (9, 9, 9, 1.0))
    with pytest.raises(FileError, match=r"index 1 -2000000000 3 \(reflection 2 of the list\).*GiB of memory; correct"):
        tabulate(rows, 0.0)


def test_nothing_cannot_be_tabulated() -> None:
    with pytest.raises(FileError, match="empty"):
        tabulate(reflections(), 0.0)
