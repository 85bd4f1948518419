"""The geometry and the flux of an NXmx tree, read back by programs and formulas that know nothing of nbjax."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import jax
import numpy as np
import pytest
from cases import small_config
from datasets import PANELS, PIXEL_MM, recipe

from nbjax.config.tree import Detector
from nbjax.dataset.batch import Batch
from nbjax.dataset.nxmx import Series, write_tree
from nbjax.dataset.run import Share
from nbjax.preparation import placed_panel
from nbjax.resolve import resolve


def tree(tmp_path: Path, beam: dict | None = None, **detector: object) -> h5py.File:
    panel = {**vars(Detector(pixel_mm=PIXEL_MM, pixels_fast=20, pixels_slow=24)), **detector}
    made = recipe({"detector": panel, "beam": beam or {}})
    batch = Batch(made, Share(tmp_path, "small", 1, 1), 1)
    file = h5py.File("memory", "w", driver="core", backing_store=False)
    write_tree(file, batch.header.instrument, Series(np.zeros(1), 0.0))
    return file


def panel_of(file: h5py.File) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Corner, fast and slow axis in m from the chain of transformations."""
    nxmx = pytest.importorskip("nxmx", reason="the readers are installed by nbjax[readers]")
    module = file["entry/instrument/detector/module"]
    chain = nxmx.get_dependency_chain(nxmx.NXtransformationsAxis(module["module_offset"]))
    origin = nxmx.get_cumulative_transformation(chain)[0, :3, 3] / 1000
    axes = (module[f"{name}_pixel_direction"].attrs["vector"] for name in ("fast", "slow"))
    return origin, *axes


@pytest.mark.parametrize("convention", PANELS)
def test_distance_and_beam_center_are_those_of_the_chain(convention: str, tmp_path: Path) -> None:
    with tree(tmp_path, convention=convention, **{"distance_mm": None, **PANELS[convention]}) as file:
        origin, fast, slow = panel_of(file)
        detector = file["entry/instrument/detector"]
        at_fast, at_slow, along = np.linalg.solve(np.stack([fast, slow, [0, 0, -1]], axis=1), -origin)
        assert float(detector["distance"][()]) == pytest.approx(along, rel=1e-9)
        assert float(detector["beam_center_x"][()]) == pytest.approx(1000 * at_fast / PIXEL_MM, rel=1e-9)
        assert float(detector["beam_center_y"][()]) == pytest.approx(1000 * at_slow / PIXEL_MM, rel=1e-9)


@pytest.mark.parametrize("convention", PANELS)
def test_the_chain_gives_each_pixel_its_two_theta(convention: str, tmp_path: Path) -> None:
    fields = {"convention": convention, "distance_mm": None, **PANELS[convention]}
    with tree(tmp_path, **fields) as file:
        origin, fast, slow = panel_of(file)
    resolved = resolve(
        replace(small_config(), detector=Detector(pixel_mm=PIXEL_MM, pixels_fast=20, pixels_slow=24, **fields))
    )
    panel = jax.tree.map(np.asarray, placed_panel(resolved))
    where = np.stack(np.meshgrid(np.arange(20) + 0.5, np.arange(24) + 0.5), axis=-1) * PIXEL_MM / 1000
    theirs = origin + where @ np.stack([fast, slow])
    ours = panel.origin_m + where @ np.stack([panel.fast, panel.slow])
    cosine = [
        p @ b / np.linalg.norm(p, axis=-1)
        for p, b in ((theirs, np.array([0, 0, 1])), (ours, resolved.detector.beam_direction))
    ]
    np.testing.assert_allclose(*cosine, rtol=0, atol=1e-9)


@pytest.mark.parametrize("convention", PANELS)
def test_pyfai_finds_the_same_scattering_angles(convention: str, tmp_path: Path) -> None:
    """Fit2D's terms: the direct beam's pixel, its distance, the panel's tilt and the plane of the tilt."""
    geometry = pytest.importorskip("pyFAI.geometry")
    with tree(tmp_path, convention=convention, **{"distance_mm": None, **PANELS[convention]}) as file:
        origin, fast, slow = panel_of(file)
        detector = file["entry/instrument/detector"]
        distance, x, y = (float(detector[key][()]) for key in ("distance", "beam_center_x", "beam_center_y"))
    across = np.array([fast[2], slow[2]])
    tilt, plane = np.degrees(np.arcsin(np.linalg.norm(across))), np.degrees(np.arctan2(across[1], across[0]))
    seen = geometry.Geometry(pixel1=PIXEL_MM / 1000, pixel2=PIXEL_MM / 1000)
    seen.setFit2D(1000 * distance, x, y, tilt, plane, 1000 * PIXEL_MM, 1000 * PIXEL_MM)
    where = np.stack(np.meshgrid(np.arange(20) + 0.5, np.arange(24) + 0.5), axis=-1) * PIXEL_MM / 1000
    points = origin + where @ np.stack([fast, slow])
    wanted = np.arccos(points[..., 2] / np.linalg.norm(points, axis=-1))
    np.testing.assert_allclose(seen.twoThetaArray((24, 20)), wanted, rtol=0, atol=1e-6)


def test_a_panel_along_the_beam_is_placed_by_its_chain_alone(tmp_path: Path) -> None:
    with tree(tmp_path, convention="xds", distance_mm=100.0, two_theta_deg=90.0) as file:
        assert not {"distance", "beam_center_x"} & set(file["entry/instrument/detector"])
        origin, fast, slow = panel_of(file)
    assert abs(np.cross(fast, slow) @ origin) == pytest.approx(0.1)


def test_the_flux_is_that_on_the_sample(tmp_path: Path) -> None:
    said = {"fluence_photons_per_m2": None, "flux_photons_per_s": 1e12, "exposure_s": 0.1, "beamsize_mm": 0.05}
    with tree(tmp_path, beam=said) as file:
        beam = file["entry/instrument/beam"]
        assert float(beam["total_flux"][()]) == pytest.approx(1e12, rel=1e-12)
        assert beam["total_flux"].attrs["units"] == b"Hz"
        size_m = beam["incident_beam_size"][()]
        assert size_m.tolist() == [5e-5, 5e-5]
        assert float(beam["flux"][()]) * 1e4 * size_m.prod() == pytest.approx(1e12, rel=1e-12)
