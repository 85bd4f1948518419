"""Lists of structure factors against the cell: what is missing, and what cannot be there."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nbjax.config.tree import Beam, Config, Crystal
from nbjax.errors import ConfigError
from nbjax.resolve import resolve

CELL = (30.0, 41.0, 52.0)
D_MIN = 4.0


def sphere() -> np.ndarray:
    grid = np.indices((2 * 15 + 1,) * 3).reshape(3, -1).T - 15
    spacing = np.linalg.norm(grid / np.array(CELL), axis=1)
    return grid[(spacing <= 1 / D_MIN) & (spacing > 0)]


def amplitudes(count: int) -> np.ndarray:
    return np.hypot(*np.random.default_rng(3).normal(size=(2, count))) * 100


def resolved(tmp_path: Path, miller: np.ndarray, F: np.ndarray, parity: tuple[str, ...] = ()) -> tuple[str, ...]:
    np.savetxt(tmp_path / "a.hkl", np.column_stack([miller, F]), fmt="%d %d %d %.6g")
    crystal = Crystal(cell_A=CELL, hkl_file=str(tmp_path / "a.hkl"), cells=(5, 5, 5))
    found = resolve(replace(Config(Beam(wavelength_A=1.0), crystal), parity=parity)).warnings
    return tuple(sentence for sentence in found if sentence.startswith("crystal.hkl_file"))


@pytest.mark.parametrize(
    "keep",
    [
        lambda hkl: np.ones(len(hkl), bool),
        lambda hkl: hkl.sum(axis=1) % 2 == 0,  # body-centred
        lambda hkl: (hkl % 2 == hkl[:, :1] % 2).all(axis=1),  # centred on all faces
        lambda hkl: np.arange(len(hkl)) < 50,
    ],
)
def test_whole_lists_are_passed_over(keep: object, tmp_path: Path) -> None:
    hkl = sphere()
    hkl = hkl[keep(hkl)]  # type: ignore[operator]
    assert resolved(tmp_path, hkl, amplitudes(len(hkl))) == ()


@pytest.mark.parametrize(
    ("keep", "said"),
    [
        (lambda hkl: (hkl >= 0).all(axis=1), r"fills about 1[345] % of the sphere of indices to 4(\.0\d)? A"),
        (lambda hkl: hkl[:, 2] > 0, r"lists one Friedel half of the sphere to 4(\.0\d)? A"),
        (lambda hkl: np.random.default_rng(1).uniform(size=len(hkl)) < 0.7, r"lists 7\d % of the reflections"),
    ],
)
def test_what_is_missing_is_said(keep: object, said: str, tmp_path: Path) -> None:
    hkl = sphere()
    hkl = hkl[keep(hkl)]  # type: ignore[operator]
    (found,) = resolved(tmp_path, hkl, amplitudes(len(hkl)))
    assert re.search(said, found)


def test_intensities_are_told_from_amplitudes(tmp_path: Path) -> None:
    hkl = sphere()
    (found,) = resolved(tmp_path, hkl, amplitudes(len(hkl)) ** 2)
    assert "spread like intensities" in found


def test_negative_amplitudes_are_counted(tmp_path: Path) -> None:
    hkl, F = sphere(), amplitudes(len(sphere()))
    F[:7] *= -1
    (found,) = resolved(tmp_path, hkl, F)
    assert "7 amplitudes are negative" in found


def test_repeats_are_counted(tmp_path: Path) -> None:
    hkl = sphere()
    (found,) = resolved(tmp_path, np.vstack([hkl, hkl[:4]]), amplitudes(len(hkl) + 4))
    assert "4 indices are listed more than once" in found


@pytest.mark.parametrize("stray", [(780, 780, 780), (1, 2, 312345)])
def test_a_stray_index_is_refused_before_its_table_is_made(stray: tuple[int, int, int], tmp_path: Path) -> None:
    hkl = np.vstack([sphere(), [stray]])
    shown = " ".join(map(str, stray))
    with pytest.raises(ConfigError, match=rf"crystal\.hkl_file: index {shown} \(reflection {len(hkl)} of the list\)"):
        resolved(tmp_path, hkl, amplitudes(len(hkl)))


def test_an_index_beyond_the_others_is_named(tmp_path: Path) -> None:
    hkl = np.vstack([sphere(), [(0, 0, 40)]])
    found = resolved(tmp_path, hkl, amplitudes(len(hkl)))
    assert any("has a spacing of 1.3 A, far beyond the others" in sentence for sentence in found)
