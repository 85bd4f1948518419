"""Structure factors of coordinates against cctbx, which sums atom by atom and makes its own solvent mask."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import gemmi
import numpy as np
import pytest
from crystal_models import MODELS

import nbjax
from nbjax.reflections.calculation import CoordinatesModel, Recipe, calculate, dispersion

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("mmtbx") is None, reason="cctbx-base is not installed; there is no wheel for this platform"
)
PROTEIN = Path(nbjax.__file__).parent / "data" / "2erl.pdb"
WAVELENGTH_A = 1.2
RESOLUTION_A = 2.2
ELEMENTS = ("H", "C", "N", "O", "S", "Fe", "Zn", "Se")

Judged = dict[str, dict[str, np.ndarray]]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("models")
    return {"protein": PROTEIN} | {name: made.written(folder / f"{name}.pdb") for name, made in MODELS.items()}


@pytest.fixture(scope="module")
def judged(models: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Judged:
    folder = tmp_path_factory.mktemp("judged")
    table = {name: dispersion(gemmi.Element(name).atomic_number, WAVELENGTH_A) for name in ELEMENTS}
    asked = [
        {
            "model": str(path),
            "d_min": RESOLUTION_A,
            "dispersion": {name: [value.real, value.imag] for name, value in table.items()},
            "out": str(folder / f"{name}.npz"),
        }
        for name, path in models.items()
    ]
    script = Path(__file__).with_name("cctbx_judge.py")
    subprocess.run([sys.executable, script], input=json.dumps(asked), text=True, check=True, timeout=300)
    return {name: dict(np.load(folder / f"{name}.npz")) for name in models}


def found(path: Path, hkl: np.ndarray, **keys: bool) -> tuple[CoordinatesModel, np.ndarray]:
    model = calculate(path, Recipe(RESOLUTION_A, (WAVELENGTH_A,), **keys))
    return model, model.F[0][tuple((hkl - model.minimum).T)]


def mates(amplitude: np.ndarray, hkl: np.ndarray) -> np.ndarray:
    """Differences of the amplitudes of each reflection and its Friedel mate."""
    place = {tuple(row): number for number, row in enumerate(hkl)}
    return amplitude - amplitude[[place[tuple(-row)] for row in hkl]]


@pytest.mark.parametrize("name", ["protein", *MODELS])
def test_atoms_scatter_as_their_direct_sum(name: str, models: dict[str, Path], judged: Judged) -> None:
    hkl, wanted = judged[name]["hkl"], judged[name]["atoms"]
    model, F = found(models[name], hkl, solvent=False)
    assert len(hkl) > 500
    # what cctbx leaves out is absent
    assert np.count_nonzero(np.abs(model.F) > 1e-4 * np.abs(F).max()) <= len(hkl)
    amplitude, sizes = np.abs(F), np.abs(wanted)
    assert np.abs(amplitude - sizes).sum() / sizes.sum() < 1e-4
    assert np.abs(F - wanted).sum() / sizes.sum() < 2e-4
    assert np.abs(mates(amplitude, hkl) - mates(sizes, hkl)).max() < 1e-3 * sizes.mean()
    assert name == "protein" or np.abs(mates(sizes, hkl)).mean() > 5e-3 * sizes.mean()


@pytest.mark.parametrize("name", ["protein", *MODELS])
def test_the_bulk_solvent_is_that_of_cctbx(name: str, models: dict[str, Path], judged: Judged) -> None:
    hkl, atoms, mask = (judged[name][key] for key in ("hkl", "atoms", "mask"))
    model, F = found(models[name], hkl)
    s2 = np.array([model.cell.calculate_1_d2(list(map(int, row))) for row in hkl])
    wanted = np.abs(atoms + 0.35 * np.exp(-46 / 4 * s2) * mask)
    assert np.abs(np.abs(F) - wanted).sum() / wanted.sum() < 0.02
    # and it is felt
    assert np.abs(np.abs(atoms) - wanted).sum() / wanted.sum() > 0.04
