"""Reflection tables of DIALS as they are written and read."""

from __future__ import annotations

from pathlib import Path

import msgpack
import numpy as np
import pytest

from nbjax.errors import FileError
from nbjax.io.experiments.dials_refl import MAGIC, ReflectionTable, read_refl, refl_bytes


def test_columns_come_back(tmp_path: Path) -> None:
    columns = {
        "miller_index": np.array([[1, -2, 3], [4, 5, 6]]),
        "flags": np.array([4, 32]),
        "id": np.array([0, -1]),
        "partiality": np.array([0.5, 1.0]),
        "s1": np.array([[0.1, 0.2, 0.3], [1, 2, 3]]),
    }
    (tmp_path / "a.refl").write_bytes(refl_bytes(ReflectionTable(columns, {0: "abc"})))
    found = read_refl(tmp_path / "a.refl")
    assert found.identifiers == {0: "abc"}
    assert len(found) == 2
    for name, values in columns.items():
        assert (found.at(name) == values).all()
    with pytest.raises(FileError, match="has no column panel"):
        found.at("panel")


@pytest.mark.parametrize("keep", [0, 30, 200])
def test_a_damaged_table_is_told(tmp_path: Path, keep: int) -> None:
    (tmp_path / "a.refl").write_bytes(refl_bytes(ReflectionTable({"id": np.arange(100)})))
    content = (tmp_path / "a.refl").read_bytes()
    (tmp_path / "b.refl").write_bytes(content[:keep])
    with pytest.raises(FileError, match=r"b\.refl: is no reflection table of DIALS"):
        read_refl(tmp_path / "b.refl")


@pytest.mark.parametrize(
    "body",
    [
        {"data": {"id": 5}},
        {"data": {"id": ["int", [1]]}, "nrows": 1},
        {"data": {"id": ["int", [1, "text"]]}, "nrows": 1},
        {"data": 7},
        {"data": {}, "identifiers": {"x": 1}},
    ],
)
def test_a_damaged_table_is_told_by_a_sentence(tmp_path: Path, body: dict) -> None:
    (tmp_path / "a.refl").write_bytes(msgpack.packb([MAGIC, 1, body]))
    with pytest.raises(FileError, match=r"a.refl: is damaged \(.*\); write it again"):
        read_refl(tmp_path / "a.refl")
