"""DIALS processes a rotation series from the images to integrated intensities.

A stage of its own (``pytest -m dials``): its programs are installed apart (Debian: ``dials``) and
run as sub-processes, in the environment that they were installed for.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import gemmi
import h5py
import numpy as np
import pytest
from dials_programs import run

import nbjax
from nbjax.cli import main
from nbjax.reflections.calculation import Recipe, calculate

pytestmark = [
    pytest.mark.dials,
    pytest.mark.skipif(shutil.which("dials.integrate") is None, reason="DIALS is missing (Debian: apt install dials)"),
]

MODEL = Path(nbjax.__file__).parent / "data" / "2erl.pdb"
PIXEL_MM = 0.172
IMAGES = 40
FILE = f"""
precision = "mixed"

[beam]
wavelength_A = 1.0
flux_photons_per_s = 2e19
polarization = 1.0

[crystal]
coordinates_file = "{MODEL}"
coordinates_resolution_A = 1.8
cells = [11, 20, 26]
misset_deg = [31.0, 17.0, 64.0]
shape = "gauss"

[detector]
convention = "xds"
pixel_mm = {PIXEL_MM}
pixels_fast = 1024
pixels_slow = 1024
distance_mm = 150.0

[sampling]
oversample = 1

[dataset]
kind = "rotation"
width_deg = 0.5
phi_steps = 10
frames_per_shard = 20
pixels = "uint16"
also = ["cbf", "smv"]
"""
IMGCIF = np.diag([-1.0, 1.0, -1.0])
"""From the laboratory of NeXus to that of DIALS."""


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the images."""
    folder = tmp_path_factory.mktemp("series")
    (folder / "erl.toml").write_text(FILE)
    assert main(["batch", str(folder / "erl.toml"), "--images", str(IMAGES), "--out", str(folder / "out")]) == 0
    return folder / "out"


@pytest.fixture(scope="module")
def processed(series: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of what DIALS made of them."""
    folder = tmp_path_factory.mktemp("processed")
    dials(folder, "import", series / "erl_master.h5")
    dials(folder, "find_spots", "imported.expt", "nproc=1")
    dials(folder, "index", "imported.expt", "strong.refl")
    dials(folder, "refine", "indexed.expt", "indexed.refl", "scan_varying=False")
    dials(folder, "integrate", "refined.expt", "refined.refl", "nproc=1")
    dials(folder, "export", "integrated.expt", "integrated.refl", "format=mtz", "intensity=sum")
    return folder


def dials(folder: Path, program: str, *words: object) -> str:
    """Run a program of DIALS and return what it says."""
    return run(folder, f"dials.{program}", *words)


def models(path: Path) -> dict[str, Any]:
    """The first beam, panel, crystal and scan of an experiment file."""
    content = json.loads(path.read_text())
    return {
        "beam": content["beam"][0],
        "panel": content["detector"][0]["panels"][0],
        "crystal": content["crystal"][0] if content["crystal"] else None,
        "scan": content["scan"][0],
    }


def beam_on_panel(found: dict[str, Any]) -> tuple[float, float, float]:
    """Distance in mm, and the beam's (fast, slow) on the panel in pixels."""
    panel = found["panel"]
    origin, fast, slow = (np.array(panel[key]) for key in ("origin", "fast_axis", "slow_axis"))
    normal = np.cross(fast, slow)
    beam = -np.array(found["beam"]["direction"])
    hit = beam * (origin @ normal) / (beam @ normal) - origin
    return abs(float(origin @ normal)), float(hit @ fast) / PIXEL_MM, float(hit @ slow) / PIXEL_MM


def test_the_geometry_arrives_as_it_was_simulated(processed: Path) -> None:
    found = models(processed / "imported.expt")
    assert beam_on_panel(found) == pytest.approx((150.0, 512.0, 512.0))
    assert found["scan"]["image_range"] == [1, IMAGES]
    assert found["beam"]["wavelength"] == pytest.approx(1.0)


def test_refinement_finds_what_was_simulated(processed: Path, series: Path) -> None:
    found = models(processed / "refined.expt")
    distance, fast, slow = beam_on_panel(found)
    assert abs(distance - 150.0) < 0.1 * PIXEL_MM
    assert abs(fast - 512.0) < 0.1
    assert abs(slow - 512.0) < 0.1
    direct, change = _simulated_setting(found, series)
    wanted = gemmi.UnitCell(53.91, 23.1, 23.1, 90, 110.4, 90)
    # the refined vectors, expressed in the simulated cell's own axes
    refined = change @ direct
    lengths = np.linalg.norm(refined, axis=1)
    np.testing.assert_allclose(lengths, (wanted.a, wanted.b, wanted.c), rtol=5e-4)
    cosine = refined[0] @ refined[2] / lengths[0] / lengths[2]
    assert np.degrees(np.arccos(cosine)) == pytest.approx(wanted.beta, rel=5e-4)


def test_integrated_intensities_follow_the_structure_factors(processed: Path, series: Path) -> None:
    _, change = _simulated_setting(models(processed / "integrated.expt"), series)
    reflections = gemmi.read_mtz_file(str(processed / "integrated.mtz"))
    reflections.switch_to_original_hkl()
    intensity = np.array(reflections.column_with_label("I"))
    hkl = np.rint(reflections.make_miller_array() @ change.T).astype(int)
    table = calculate(MODEL, Recipe(1.8)).table
    inside = (np.abs(hkl) <= np.array(table.maximum)).all(axis=1)
    F = table.values[tuple((hkl[inside] - np.array(table.minimum)).T)]
    assert inside.sum() > 800
    assert np.corrcoef(intensity[inside], F**2)[0, 1] >= 0.99


def _simulated_setting(found: dict[str, Any], series: Path) -> tuple[np.ndarray, np.ndarray]:
    """Direct vectors of DIALS's cell as rows, and the matrix that turns its indices into the simulated ones."""
    direct = np.array([found["crystal"][f"real_space_{axis}"] for axis in "abc"])
    with h5py.File(series / "erl_master.h5") as file:
        ub = file["entry/sample/ub_matrix"][0]
    exact = np.linalg.inv(IMGCIF @ ub) @ np.linalg.inv(direct)
    np.testing.assert_allclose(exact, np.rint(exact), atol=0.01)
    return direct, np.rint(exact)


@pytest.mark.parametrize("suffix", ["cbf", "img"])
def test_single_files_hold_the_same_images(suffix: str, series: Path, tmp_path: Path) -> None:
    """Equal spots on the first images, and the geometry that the format can tell."""
    dials(tmp_path, "import", series / "erl_master.h5", "image_range=1,4", "output.experiments=nxmx.expt")
    files = [series / f"erl_{number:07d}.{suffix}" for number in range(1, 5)]
    dials(tmp_path, "import", *files, "output.experiments=single.expt")
    counts = []
    for name in ("nxmx", "single"):
        said = dials(tmp_path, "find_spots", f"{name}.expt", "nproc=1", "gain=1", "min_spot_size=3")
        counts.append(re.findall(r"Saved (\d+) reflections", said))
    assert counts[0] == counts[1]
    assert int(counts[0][0]) > 50
    found = models(tmp_path / "single.expt")
    distance, fast, slow = beam_on_panel(found)
    assert distance == pytest.approx(150.0)
    # DIALS's reader of simulated SMV puts the beam one pixel further along both axes
    wanted = 512.0 if suffix == "cbf" else 513.0
    assert (fast, slow) == pytest.approx((wanted, wanted))
    if suffix == "img":
        assert found["panel"]["pedestal"] == 40.0
