"""Reflections of a configuration: the keys that name and complete them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from reflection_files import CELL, amplitudes, mtz_bytes, unique

from nbjax.config.tree import Beam, Config, Crystal
from nbjax.errors import ConfigError, FileError
from nbjax.resolve import Resolved, resolve

HKL = unique("P 21 21 21")
F = amplitudes(len(HKL))


@pytest.fixture
def mtz(tmp_path: Path) -> str:
    columns = [("FP", "F", F), ("SIGFP", "Q", F), ("FC", "F", 2 * F), ("PHIC", "P", F)]
    (tmp_path / "x.mtz").write_bytes(mtz_bytes(HKL, columns))
    return str(tmp_path / "x.mtz")


def resolved(mtz: str | None, **crystal: Any) -> Resolved:
    return resolve(Config(Beam(wavelength_A=1.0), Crystal(reflections_file=mtz, cells=(5, 5, 5), **crystal)))


def test_an_mtz_gives_cell_and_amplitudes(mtz: str) -> None:
    found = resolved(mtz)
    assert (*found.crystal.cell_A, *found.crystal.cell_deg) == pytest.approx(CELL)
    table = found.crystal.table
    assert table is not None
    for miller in (HKL, -HKL, HKL * [-1, -1, 1]):
        np.testing.assert_allclose(table.values[tuple((miller - np.array(table.minimum)).T)], F, rtol=1e-6)
    assert dict(found.notes)["crystal.space_group"] == ("P 21 21 21", "crystal.reflections_file")
    assert dict(found.notes)["crystal.reflections_column"] == ("FP", "crystal.reflections_file")
    assert any("the measured amplitude of column FP is taken" in sentence for sentence in found.remarks)


def test_keys_choose_column_and_space_group(mtz: str) -> None:
    table = resolved(mtz, reflections_column="FC", space_group="P 2 2 2").crystal.table
    assert table is not None
    assert table.values.max() == pytest.approx(2 * F.max(), rel=1e-6)


def test_cells_within_a_hundredth_are_those_of_one_crystal(mtz: str) -> None:
    found = resolved(mtz, cell_A=(30.1, 41.0, 52.0))
    assert found.crystal.cell_A[0] == 30.1
    assert any("that of the reflections is 30 41 52" in sentence for sentence in found.warnings)
    with pytest.raises(ConfigError, match=r"cell_A: .* that of the reflections is 30 41 52.*leave crystal.cell_A"):
        resolved(mtz, cell_A=(31.0, 41.0, 52.0))


def test_what_does_not_go_together(mtz: str) -> None:
    together = r"reflections_file: given together with crystal\.hkl_file; leave one"
    with pytest.raises(ConfigError, match=together) as caught:
        resolved(mtz, hkl_file=mtz)
    assert len(caught.value.faults) == 1
    with pytest.raises(ConfigError, match=r"space_group: given without crystal\.reflections_file"):
        resolved(None, cell_A=CELL[:3], default_F=1.0, space_group="P 1")
    with pytest.raises(FileError, match=r"is an MTZ file; give it as crystal\.reflections_file"):
        resolved(None, cell_A=CELL[:3], hkl_file=mtz)
    with pytest.raises(FileError, match="does not allow the cell"):
        resolved(mtz, space_group="P 4")


def test_a_text_list_means_what_it_lists_unless_it_is_completed(tmp_path: Path) -> None:
    path = tmp_path / "x.hkl"
    np.savetxt(path, np.column_stack([HKL, F]), fmt="%d %d %d %.6g")
    as_listed = resolved(str(path), cell_A=CELL[:3]).crystal.table
    assert as_listed is not None
    assert np.count_nonzero(as_listed.values) == len(F)
    completed = resolved(str(path), cell_A=CELL[:3], space_group="P 21 21 21").crystal.table
    assert completed is not None
    assert np.count_nonzero(completed.values) > 6 * len(F)
    half = resolved(str(path), cell_A=CELL[:3], reflections_column="I").crystal.table
    assert half is not None
    assert half.values.max() == pytest.approx(np.sqrt(F.max()))
