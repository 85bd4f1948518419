"""Images and truth of a dataset, bit for bit whatever made them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import jax
import numpy as np
import pytest
from cases import residual
from datasets import contents, full_recipe, recipe, rotation_recipe, shards, written

import nbjax
import nbjax.dataset
from nbjax.dataset.batch import Batch, estimate
from nbjax.dataset.master import overloads as recorded_overloads
from nbjax.dataset.plan import Plan
from nbjax.dataset.recorder import Recorder, plain_recording
from nbjax.dataset.run import Share
from nbjax.dataset.section import Draw
from nbjax.dataset.single_formats import SINGLE_FORMATS, SingleFormat
from nbjax.errors import ConfigError, FileError
from nbjax.io.images import read_images


def test_threads_shares_and_order_change_no_bit(full: Path, tmp_path: Path) -> None:
    """One thread, two shares of which the second goes first, and another device for each image."""
    for process in (1, 0):
        master = written(tmp_path / "other", full_recipe(), workers=1, process=process, processes=2)
    assert shards(master.parent) == shards(full.parent)
    assert contents(master) == contents(full)


def test_an_image_does_not_depend_on_how_many_there_are(full: Path, tmp_path: Path) -> None:
    few = written(tmp_path / "few", full_recipe(), images=2)
    for (pixels, truth), (wanted, known) in zip(nbjax.dataset.open(few), nbjax.dataset.open(full), strict=False):
        assert (pixels == wanted).all()
        assert truth.keys() == known.keys()
        assert all((truth[name] == known[name]).all() for name in truth)


def test_photons_are_the_sum_of_the_lattices(full: Path) -> None:
    """What the public functions give for the drawn configurations, with the water of one lattice only."""
    plan = Plan(full_recipe())
    _, truth = nbjax.dataset.open(full)[4]
    wanted = np.zeros((24, 20))
    for number, config in enumerate(plan.image(4).lattices):
        crystal = replace(
            config.crystal, hkl_file=full_recipe().config.crystal.hkl_file, water_um=0.5 if number == 0 else None
        )
        wanted += np.asarray(nbjax.simulate(nbjax.prepare(replace(config, crystal=replace(crystal, default_F=0.0)))))
    assert residual(truth["noise_free"], wanted) < 1e-6


def test_images_may_have_fewer_lattices_or_none(tmp_path: Path) -> None:
    """Those that are left are the first ones, as they are in full images."""
    made = full_recipe(noise=False, pixels="float32")
    every = nbjax.dataset.open(written(tmp_path / "every", made, images=4))
    some = replace(made, dataset=replace(made.dataset, lattice_weights=(1.0, 1.0, 1.0)))
    counts = set()
    for (pixels, truth), (whole, known) in zip(
        nbjax.dataset.open(written(tmp_path / "some", some, images=4)), every, strict=True
    ):
        count = int(truth["lattices"])
        counts.add(count)
        assert np.isnan(truth["a_matrix"]).all((1, 2)).tolist() == [lattice >= count for lattice in range(2)]
        np.testing.assert_array_equal(truth["a_matrix"][:count], known["a_matrix"][:count])
        assert set(truth["spots.lattice"]) <= set(range(1, count + 1))
        assert truth["lattice"].max() == count
        if count == 2:
            np.testing.assert_array_equal(pixels, whole)
        if count == 0:
            np.testing.assert_allclose(pixels, truth["background"], rtol=1e-6)
            assert pixels.min() > 0
    assert counts == {0, 1, 2}


def test_counts_are_drawn_from_the_photons(full: Path) -> None:
    deviations = []
    for pixels, truth in nbjax.dataset.open(full):
        expected = truth["noise_free"]
        deviations.append((pixels - expected) / np.sqrt(np.maximum(expected, 1.0)))
    assert abs(np.mean(deviations)) < 0.05
    assert np.std(deviations) == pytest.approx(1.0, abs=0.1)


def test_truth_has_matrices_and_draws(full: Path) -> None:
    plan = Plan(full_recipe())
    with h5py.File(full) as file:
        truth = file["entry/truth"]
        for number in range(7):
            drawn = plan.image(number).drawn
            for key, value in drawn.items():
                assert truth[f"drawn.{key}"][number].tolist() == pytest.approx(value)
            wavelength = drawn["beam.wavelength_A"]
            assert truth["wavelength"][number] == pytest.approx(wavelength)
            assert file["entry/instrument/beam/incident_wavelength"][number] == pytest.approx(wavelength)
            matrices, lengths = truth["a_matrix"][number], truth["unit_cell_lengths"][number]
            direct = np.linalg.inv(matrices)
            np.testing.assert_allclose(np.linalg.norm(direct, axis=-1), lengths)
            assert (np.linalg.det(matrices) > 0).all()
        assert truth["drawn.beam.wavelength_A"].attrs["units"] == b"angstrom"
        assert nbjax.__version__ == truth["nbjax_version"][()].decode()
        assert "seed = 1" in truth["config"][()].decode()


def test_labels_agree_with_each_other(full: Path) -> None:
    """Bright spots lie at their predicted places, on pixels that carry their index and lattice."""
    checked = 0
    for _, truth in nbjax.dataset.open(full):
        bright = truth["spots.intensity"] > 0.02 * truth["spots.intensity"].max()
        sharp = bright & (truth["spots.partiality"] > 0.2)
        # a spot at the edge may have its centre outside
        places = truth["spots.centroid"][sharp]
        assert ((places > -1) & (places < [21, 25])).all()
        for (fast, slow), index, lattice in zip(
            truth["spots.centroid"][sharp],
            truth["spots.miller_index"][sharp],
            truth["spots.lattice"][sharp],
            strict=True,
        ):
            inside = 0 <= fast < 20 and 0 <= slow < 24
            if inside and truth["lattice"][int(slow), int(fast)] == lattice:
                assert truth["miller_index"][int(slow), int(fast)].tolist() == index.tolist()
                checked += 1
        total = truth["spots.intensity"].sum() + truth["background"].sum()
        assert total == pytest.approx(truth["noise_free"].sum(), rel=0.05)
        assert truth["spots.partiality"].max() <= 1.0 + 1e-6
    assert checked >= 5


def test_matrices_predict_the_labels(full: Path) -> None:
    """A pixel's ray and the A matrix, both in the file's laboratory, give the pixel's Miller index.

    The matrix is that of the middle of the exposure, up to 1/8 degree from the mean angle of the pixel's photons.
    """
    with h5py.File(full) as file:
        detector = file["entry/instrument/detector"]
        module = detector["module"]
        offset = module["module_offset"]
        pixel = module["fast_pixel_direction"][0]
        fast, slow = (module[f"{name}_pixel_direction"].attrs["vector"] for name in ("fast", "slow"))
        truth = file["entry/truth"]
        for number in range(3):
            distance = detector["transformations/detector_z"][number]
            corner = offset[0] * offset.attrs["vector"] + [0.0, 0.0, distance]
            columns, rows = np.meshgrid(np.arange(20) + 0.5, np.arange(24) + 0.5)
            point = corner + pixel * (columns[..., None] * fast + rows[..., None] * slow)
            ray = point / np.linalg.norm(point, axis=-1, keepdims=True)
            q = (ray - [0.0, 0.0, 1.0]) / truth["wavelength"][number]
            lattice = truth["lattice"][number]
            matrices = truth["a_matrix"][number][lattice - 1]
            index = np.linalg.solve(matrices, q[..., None])[..., 0]
            difference = np.abs(index - truth["miller_index"][number])
            assert (difference <= 0.5 + np.radians(0.125) * np.linalg.norm(index, axis=-1, keepdims=True)).all()


@pytest.mark.parametrize("kind", ["uint16", "uint32", "float32"])
def test_pixels_keep_within_their_type(kind: str) -> None:
    photons = np.array([[0.0, 3.4, 7e4, 5e9]])
    pixels = Recorder(plain_recording(False, kind), 1, np.ones(photons.shape, bool)).pixels(photons, 0)
    largest = {"uint16": 65534, "uint32": 2**31 - 2, "float32": np.float32(5e9)}[kind]
    assert pixels.dtype == np.dtype(kind)
    assert pixels.max() == largest
    assert pixels[0, 1] == (np.float32(3.4) if kind == "float32" else 3)


def test_overloads_are_no_measurement_to_readers_that_trust_the_saturation_value(tmp_path: Path) -> None:
    bright = rotation_recipe(
        sections={"beam": {"fluence_photons_per_m2": 3.4e27}}, pixels="uint16", also=("smv", "cbf")
    )
    master = written(tmp_path / "bright", bright, images=2)
    with h5py.File(master) as file:
        counts = file["entry/data/data"][()]
        saturation = int(file["entry/instrument/detector/saturation_value"][()])
        overloads = file["entry/truth/overloads"][()]
    assert (counts.max(), saturation) == (65534, 65533)
    overloaded = counts > saturation
    assert 0 < overloaded.sum() < overloaded.size
    assert overloads.tolist() == overloaded.sum((1, 2)).tolist()
    assert recorded_overloads(master) == (overloaded.sum(), (overloads > 0).sum())
    for number in (0, 1):
        [smv] = read_images(master.with_name(f"small_{number + 1:07d}.img"))
        [cbf] = read_images(master.with_name(f"small_{number + 1:07d}.cbf"))
        np.testing.assert_array_equal(np.isnan(smv.photons()), overloaded[number])
        np.testing.assert_array_equal(np.isnan(cbf.photons()) & (counts[number] != saturation), overloaded[number])


def test_pixels_may_be_shared_out_among_devices(tmp_path: Path) -> None:
    one = written(tmp_path / "one", rotation_recipe(noise=False, pixels="float32"), images=1)
    two = written(tmp_path / "two", rotation_recipe(noise=False, pixels="float32", devices_share="pixels"), images=1)
    assert len(jax.devices()) == 2
    assert residual(nbjax.dataset.open(two)[0][0], nbjax.dataset.open(one)[0][0]) < 1e-6


def test_an_estimate_writes_nothing(tmp_path: Path, full: Path) -> None:
    made = full_recipe()
    found = estimate(Batch(made, Share(tmp_path, "small", 700, made.dataset.frames_per_shard), 2))
    assert list(tmp_path.iterdir()) == []
    real = sum(path.stat().st_size for path in full.parent.glob("small_0*.h5"))
    assert found.seconds > found.first_s > 0
    # what one shard has beside its images is not in the estimate
    assert 0.2 < found.bytes / (real * 100) < 1.2


def test_impossible_draws_name_their_image() -> None:
    """Also where an image is made by itself."""
    draws = (Draw(("crystal.cell_A.0",), "uniform", low=-2.0, high=-1.0),)
    with pytest.raises(ConfigError, match=r"image 2: crystal\.cell_A: got -1\.\d+ .*must be above zero"):
        Batch(recipe(draws=draws), Share(Path(), "x", 3, 3), 1).frame(2)


def test_draws_that_change_the_structure_are_refused() -> None:
    draws = (Draw(("crystal.water_um",), "uniform", low=0.0, high=0.0),)
    with pytest.raises(ConfigError, match=r"dataset\.draws: image 0 has another structure .*crystal\.water_um"):
        Batch(recipe(draws=draws), Share(Path(), "x", 3, 3), 1).frame(0)


def test_cbf_needs_axes_that_it_can_tell(tmp_path: Path) -> None:
    tilted = recipe({"detector": {"rotation_x_deg": 3.0}}, also=("cbf",))
    with pytest.raises(ConfigError, match=r'dataset\.also: "cbf" has no words for this slow axis'):
        written(tmp_path / "tilted", tilted)
    assert list((tmp_path / "tilted").iterdir()) == []


def test_a_missing_shard_is_noticed(full: Path, tmp_path: Path) -> None:
    (tmp_path / full.name).write_bytes(full.read_bytes())
    with pytest.raises(FileError, match=r"data/data is in the file small_000001\.h5, which is missing; put it into"):
        nbjax.dataset.open(tmp_path / full.name)


def test_a_format_of_single_images_is_a_writer_and_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npy = SingleFormat(".npy", lambda path, image: np.save(path, np.where(image.bad, np.nan, image.counts)))
    monkeypatch.setitem(SINGLE_FORMATS, "npy", npy)
    master = written(tmp_path / "set", rotation_recipe(also=("npy",)), images=1)
    assert (np.load(master.with_name("small_0000001.npy")) == nbjax.dataset.open(master)[0][0]).all()


def test_lost_single_files_are_written_again(rotation: Path, tmp_path: Path) -> None:
    for path in rotation.parent.iterdir():
        if path.name not in ("small_0000002.cbf", "small_0000004.img"):
            (tmp_path / path.name).write_bytes(path.read_bytes())
    written(tmp_path, rotation_recipe(also=("cbf", "smv"), noise=False), images=4)
    for name in ("small_0000002.cbf", "small_0000004.img"):
        assert (tmp_path / name).read_bytes() == (rotation.parent / name).read_bytes()


def test_a_detector_that_is_drawn_is_told_in_a_file_for_each_image(full: Path) -> None:
    """Programs take one detector for all images of a file."""
    distances = []
    for number, (pixels, truth) in enumerate(nbjax.dataset.open(full)):
        with h5py.File(full.with_name(f"small_{number + 1:07d}.nxs")) as file:
            assert (file["entry/data/data"][()] == pixels[None]).all()
            detector = file["entry/instrument/detector"]
            distances.append(1000 * float(detector["distance"][()]))
            assert distances[-1] == pytest.approx(truth["drawn.detector.distance_mm"])
            assert detector["transformations/detector_z"][()].tolist() == pytest.approx([distances[-1] / 1000])
            wavelength = file["entry/instrument/beam/incident_wavelength"][()]
            assert wavelength.tolist() == pytest.approx([float(truth["wavelength"])])
    assert len(set(distances)) == 7


def test_a_drawn_tilt_is_refused_by_formats_that_cannot_tell_it(tmp_path: Path) -> None:
    draws = (Draw(("detector.rotation_x_deg",), "uniform", low=1.0, high=2.0),)
    with pytest.raises(ConfigError, match=r'dataset\.also: "cbf" has no words for this slow axis'):
        written(tmp_path / "tilted", recipe(draws=draws, also=("cbf",)))
