"""Lists as the C library reads them; the tables are what the C program wrote of them to its cache."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nbjax.errors import FileError
from nbjax.reference.hkl_stream import read_hkl_stream, reads_alike
from nbjax.reflections.table import tabulate

REGULAR = "1 2 3 10\n -1 0 2 20.5\n1 2 3 30\n"


def entries(path: Path) -> dict[tuple[int, ...], float]:
    table = tabulate(read_hkl_stream(path, 0.0), 0.0)
    return {tuple(map(int, np.array(i) + table.minimum)): float(F) for i, F in np.ndenumerate(table.values) if F}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (REGULAR, {(1, 2, 3): 30.0, (-1, 0, 2): 20.5}),
        ("1-100-200  12.5\n1-100-199-3\n", {(1, -100, -200): 12.5, (1, -100, -199): -3.0}),
        ("1 2 3 10 0.5\n1 2 4 20 0.5\n", {(1, 2, 3): 10.0}),
        ("1 2 3\n10 1 2\n4 20", {(1, 2, 3): 10.0, (1, 2, 4): 20.0}),
        ("1 2 3 10\n# end\n1 2 4 20\n", {(1, 2, 3): 10.0}),
        ("1 2 3 1e1 1.0 2.0 4.0 20\n", {(1, 2, 3): 10.0}),
        ("312345 2 3 10\n", {(312345, 2, 3): 10.0}),
    ],
)
def test_four_numbers_follow_four(text: str, wanted: dict, tmp_path: Path) -> None:
    (tmp_path / "a.hkl").write_text(text)
    assert entries(tmp_path / "a.hkl") == wanted
    assert reads_alike(tmp_path / "a.hkl") == (text == REGULAR or text.startswith("3123"))


def test_a_list_of_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.hkl").write_text("h k l F\n")
    with pytest.raises(FileError, match="holds no reflections"):
        read_hkl_stream(tmp_path / "a.hkl", 0.0)
