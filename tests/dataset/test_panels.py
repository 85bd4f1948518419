"""Datasets of a detector of several panels: their pixels, labels, geometry and companions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import jax
import numpy as np
import pytest
from datasets import LABELS, shards, written
from panel_files import SHEETS, Sheet, geometry_text, write_geometry

import nbjax
from nbjax.config.tree import Beam, Config, Crystal, Detector, Sampling
from nbjax.dataset.batch import Batch
from nbjax.dataset.laboratory import nexus_geometry
from nbjax.dataset.load import Recipe
from nbjax.dataset.reading import Images
from nbjax.dataset.run import Share
from nbjax.dataset.section import DatasetSection, Draw
from nbjax.errors import ConfigError
from nbjax.io.experiments import read_experiment
from nbjax.io.images import panel_images
from nbjax.preparation import placed_panels
from nbjax.resolve import resolve

PADDING = np.ones((3, 12, 12), bool)
for _number, _sheet in enumerate(SHEETS):
    PADDING[_number, : _sheet.pixels[1], : _sheet.pixels[0]] = False


def recipe(file: str, detector: dict[str, Any] | None = None, **dataset: Any) -> Recipe:
    config = Config(
        beam=Beam(fluence_photons_per_m2=1e27, wavelength_A=1.3),
        crystal=Crystal(
            cell_A=(60.0, 50.0, 40.0), cell_deg=(90.0, 90.0, 90.0), cells=(8, 8, 8), default_F=200.0, shape="gauss"
        ),
        detector=Detector(file=file, **(detector or {})),
        sampling=Sampling(oversample=1),
    )
    return Recipe(config, DatasetSection(**{"frames_per_shard": 2, "labels": LABELS, "lattices": 2, **dataset}))


DRAWS = (
    Draw(("detector.distance_mm",), "uniform", low=99.0, high=101.0),
    Draw(("detector.origin_shift_mm.0",), "uniform", low=-0.5, high=0.5),
)


@pytest.fixture(scope="module")
def geometry(tmp_path_factory: pytest.TempPathFactory) -> str:
    text = geometry_text() + "bad_corner/panel = right\n"
    edges = {"min_fs": 1, "max_fs": 2, "min_ss": 0, "max_ss": 0}
    text += "".join(f"bad_corner/{key} = {value}\n" for key, value in edges.items())
    return write_geometry(tmp_path_factory.mktemp("geometry"), text)


@pytest.fixture(scope="module")
def master(geometry: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three stills in two shards, the detector drawn."""
    with jax.enable_x64(True):
        return written(tmp_path_factory.mktemp("several") / "run", recipe(geometry, draws=DRAWS), images=3)


def corners_m(panels: Any) -> np.ndarray:
    """Corner, end of fast and end of slow of each, shape (panels, 3, 3)."""
    return np.array([[panel.origin_mm, *(panel.origin_mm + v for v in edges(panel))] for panel in panels]) / 1000


def edges(panel: Any) -> tuple[np.ndarray, np.ndarray]:
    fast, slow = panel.unit_axes
    width, height = panel.size_mm
    return width * fast, height * slow


def wanted_corners_m(made: Recipe) -> np.ndarray:
    """The same from the placed panels of a configuration, in the laboratory of the files."""
    resolved = resolve(made.config)
    placed = jax.tree.map(np.asarray, placed_panels(resolved))
    turn = nexus_geometry(resolved).rotation
    found = []
    for number, sheet in enumerate(SHEETS):
        corner, fast, slow = (turn @ v[number] for v in (placed.origin_m, placed.fast, placed.slow))
        width, height = (count * sheet.edge_um * 1e-6 for count in sheet.pixels)
        found.append([corner, corner + width * fast, corner + height * slow])
    return np.array(found)


def test_images_have_an_axis_of_panels(master: Path, geometry: str) -> None:
    made = recipe(geometry, draws=DRAWS)
    batch = Batch(made, Share(Path(), "small", 3, 2), 1)
    with Images(master, verify=True) as images:
        assert len(images) == 3
        for number, (pixels, truth) in enumerate(images):
            assert pixels.shape == truth["noise_free"].shape == truth["lattice"].shape == (3, 12, 12)
            assert truth["miller_index"].shape == (3, 12, 12, 3)
            assert pixels.any(axis=(1, 2)).all()
            assert not pixels[PADDING].any()
            lattices = batch.plan.image(number).lattices
            alone = sum(nbjax.simulate(nbjax.prepare(config)) for config in lattices)
            np.testing.assert_allclose(truth["noise_free"], alone, rtol=1e-5, atol=1e-6)
    [first, *_] = panel_images(master, read_experiment(geometry).panels)
    bad = PADDING.copy()
    bad[1, 0, 1:3] = True
    np.testing.assert_array_equal(first.bad, bad)
    np.testing.assert_array_equal(first.photons()[~bad], Images(master)[0][0][~bad])
    with h5py.File(master) as file:
        assert file["entry/instrument/detector/pixel_mask"].shape == (3, 12, 12)
        assert "data_000001" not in file["entry/data"]
        assert len(file["entry/data"].attrs["axes"]) == 4
    with h5py.File(master.with_name("small_000001.h5")) as file:
        assert file["entry/data/data"].chunks == (1, 1, 12, 12)


def test_each_image_tells_where_its_panels_stand(master: Path, geometry: str) -> None:
    batch = Batch(recipe(geometry, draws=DRAWS), Share(Path(), "small", 3, 2), 1)
    for number in range(3):
        found = read_experiment(str(master.with_name(f"small_{number + 1:07d}.nxs")))
        config = batch.plan.image(number).lattices[0]
        # the files of all images are turned alike
        wanted = wanted_corners_m(replace(batch.recipe, config=config))
        np.testing.assert_allclose(corners_m(found.panels), wanted, atol=1e-12)
        truth = Images(master)[number][1]
        np.testing.assert_allclose(truth["panel_origin"], wanted[:, 0], atol=1e-12)
        np.testing.assert_allclose(truth["panel_fast"], [p.unit_axes[0] for p in found.panels], atol=1e-12)
    assert [panel.name for panel in found.panels] == ["left", "right", "upper"]
    assert [(group.name, group.panels) for group in found.groups] == [("pair", (0, 1))]
    assert np.ptp([truth["drawn.detector.distance_mm"] for _, truth in Images(master)]) > 0.1
    # which one geometry cannot tell
    assert not master.with_name("small.geom").exists()


TURNED = {"two_theta_deg": 20.0, "rotation_x_deg": 5.0, "origin_shift_mm": (1.0, 2.0, 3.0)}


def tree(tmp_path: Path, made: Recipe) -> h5py.File:
    from nbjax.dataset.nxmx import Series, write_tree

    batch = Batch(made, Share(tmp_path, "small", 1, 1), 1)
    file = h5py.File(tmp_path / "tree.nxs", "w")
    write_tree(file, batch.header.instrument, Series(np.zeros(1), 0.0))
    return file


@pytest.mark.parametrize("detector", [{}, {"distance_mm": 250.0}, TURNED], ids=["as told", "away", "turned"])
def test_every_corner_by_two_readers(geometry: str, detector: dict[str, Any], tmp_path: Path) -> None:
    made = recipe(geometry, detector)
    tree(tmp_path, made).close()
    wanted = wanted_corners_m(made)
    np.testing.assert_allclose(corners_m(read_experiment(str(tmp_path / "tree.nxs")).panels), wanted, atol=1e-12)
    nxmx = pytest.importorskip("nxmx", reason="the readers are installed by nbjax[readers]")
    with h5py.File(tmp_path / "tree.nxs") as file:
        [found] = nxmx.NXmx(file).entries[0].instruments[0].detectors
        assert [Path(module.path).name for module in found.modules] == ["left", "right", "upper"]
        for number, (module, sheet) in enumerate(zip(found.modules, SHEETS, strict=True)):
            assert module.data_origin.tolist() == [number, 0, 0]
            assert module.data_size.tolist() == [1, *sheet.pixels[::-1]]
            directions = (module.fast_pixel_direction, module.slow_pixel_direction)
            for place, axis, count in zip(wanted[number][1:], directions, sheet.pixels, strict=True):
                chain = nxmx.get_dependency_chain(axis.depends_on)
                matrix = nxmx.get_cumulative_transformation(chain)[0]
                edge_mm = axis[()].to("mm").magnitude.item()
                end = matrix @ [*(count * edge_mm * axis.vector), 1.0]
                np.testing.assert_allclose(end[:3] / 1000, place, atol=1e-12)


def test_a_group_is_moved_by_its_transformation(geometry: str, tmp_path: Path) -> None:
    made = recipe(geometry)
    before = wanted_corners_m(made)
    with tree(tmp_path, made) as file:
        group = file["entry/instrument/detector/transformations/pair"]
        group[...] = 90.0
    found = corners_m(read_experiment(str(tmp_path / "tree.nxs")).panels)
    np.testing.assert_allclose(found[2], before[2], atol=1e-12)
    middles = np.array([(c[1] + c[2]) / 2 for c in before[:2]])
    centre = middles.mean(axis=0)
    turn = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    np.testing.assert_allclose(found[:2], centre + (before[:2] - centre) @ turn.T, atol=1e-12)


def test_spots_are_on_their_panels(master: Path) -> None:
    for pixels, truth in Images(master):
        water_free = truth["noise_free"].sum(axis=(1, 2))
        panel, intensity = truth["spots.panel"], truth["spots.intensity"]
        sums = np.bincount(panel, intensity, 3)
        # without the spots of less than one photon
        np.testing.assert_allclose(sums, water_free, rtol=0.02)
        assert (sums <= water_free * (1 + 1e-6)).all()
        for hkl, lattice, number, place in zip(
            truth["spots.miller_index"],
            truth["spots.lattice"],
            truth["spots.predicted_panel"],
            truth["spots.predicted"],
            strict=True,
        ):
            sent = np.array([0, 0, 1 / truth["wavelength"]]) + truth["a_matrix"][lattice - 1] @ hkl
            found = [met(sent, truth, i) for i in range(3)]
            on = [i for i, (x, y, t) in enumerate(found) if t > 0 and is_on(SHEETS[i], x, y)]
            if on:
                assert number == min(on, key=lambda i: found[i][2])
            np.testing.assert_allclose(place, found[number][:2], atol=1e-6)
        strong = intensity > 100
        inside = np.array([SHEETS[i].pixels for i in panel])
        assert ((truth["spots.centroid"] > 0) & (truth["spots.centroid"] < inside))[strong].all()
        assert pixels.shape == (3, 12, 12)


def is_on(sheet: Sheet, fast: float, slow: float) -> bool:
    return 0 <= fast < sheet.pixels[0] and 0 <= slow < sheet.pixels[1]


def met(sent: np.ndarray, truth: dict[str, np.ndarray], number: int) -> tuple[float, float, float]:
    """(fast, slow) in pixels, and how far along, where a ray meets the plane of a panel."""
    origin, fast, slow = (truth[f"panel_{name}"][number] for name in ("origin", "fast", "slow"))
    x, y, along = np.linalg.solve(np.stack([fast, slow, -sent], axis=1), -origin)
    edge_m = SHEETS[number].edge_um * 1e-6
    return x / edge_m, y / edge_m, along


def test_crystfel_finds_the_same_pixels(geometry: str, tmp_path: Path) -> None:
    made = recipe(geometry, draws=DRAWS[:1])
    made = replace(made, dataset=replace(made.dataset, also=()))
    master = written(tmp_path / "run", made, images=2)
    text = master.with_name("small.geom").read_text()
    place = "/entry/instrument/detector/transformations/detector_z"
    with h5py.File(master) as file:
        (tmp_path / "second.geom").write_text(text.replace(f"clen = {place} m", f"clen = {file[place][1]} m"))
    config = Batch(made, Share(Path(), "small", 2, 2), 1).plan.image(1).lattices[0]
    found = read_experiment(str(tmp_path / "second.geom"))
    np.testing.assert_allclose(corners_m(found.panels), wanted_corners_m(replace(made, config=config)), atol=1e-9)
    assert [(group.name, group.panels) for group in found.groups] == [("pair", (0, 1))]
    again = panel_images(master, found.panels)[1]
    np.testing.assert_array_equal(again.stored[~PADDING], Images(master)[1][0][~PADDING])
    assert not {"small.poni", "XDS.INP"} & {path.name for path in master.parent.iterdir()}


def test_panels_below_each_other_for_programs_of_flat_images(master: Path, geometry: str) -> None:
    flat = master.with_name("small_2d.h5")
    found = read_experiment(str(flat))
    np.testing.assert_allclose(corners_m(found.panels), corners_m(read_experiment(str(master)).panels), atol=1e-15)
    pixels, _ = Images(master)[:]
    with h5py.File(flat) as file:
        np.testing.assert_array_equal(file["entry/data/data"], pixels.reshape(3, 36, 12))
        assert file["entry/instrument/detector/pixel_mask"].shape == (36, 12)
    for panels in (found.panels, read_experiment(geometry).panels):
        images = panel_images(flat, panels)
        np.testing.assert_array_equal([image.stored for image in images], pixels)


def test_a_dataset_grows_and_is_the_same(master: Path, geometry: str, tmp_path: Path) -> None:
    made = recipe(geometry, draws=DRAWS)
    written(tmp_path / "run", made, images=1)
    assert shards(written(tmp_path / "run", made, images=3, workers=1).parent) == shards(master.parent)


def test_a_geometry_with_one_panel_has_a_plain_tree(tmp_path: Path) -> None:
    lines = [line for line in geometry_text(SHEETS[2:]).splitlines() if not line.startswith("rigid_group")]
    made = recipe(write_geometry(tmp_path, "\n".join(lines)))
    with tree(tmp_path, made) as file:
        assert file["entry/instrument/detector/pixel_mask"].shape == (9, 8)
        assert "mask" in file["entry/instrument/detector"]
    found = read_experiment(str(tmp_path / "tree.nxs")).panels
    wanted = nexus_geometry(resolve(made.config)).rotation @ SHEETS[2].origin_mm
    np.testing.assert_allclose(found[0].origin_mm, wanted, atol=1e-9)


CENTRE = (Draw(("detector.beam_x_mm",), "uniform", low=1.0, high=2.0),)
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"also": ("cbf",)}, r'"cbf" holds one panel of square pixels, and detector.file has 3 panels'),
    ({"also": ("smv",)}, r'"smv" holds one panel of square pixels'),
    ({"draws": CENTRE}, r"detector.beam_x_mm: given together with detector.file"),
]


@pytest.mark.parametrize(("made", "message"), REFUSED)
def test_what_several_panels_cannot_have(geometry: str, made: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        written(tmp_path / "run", recipe(geometry, **made))
    assert not list((tmp_path / "run").iterdir())
