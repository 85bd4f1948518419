"""HDF5: which dataset, links to other files, compression, masks and what is said of the images."""

from __future__ import annotations

from pathlib import Path

import h5py
import hdf5plugin
import numpy as np
import pytest

from nbjax.errors import FileError
from nbjax.io.images import read_images, read_mask

IMAGE = np.arange(12).reshape(3, 4)
STACK = np.stack([IMAGE + 100 * n for n in range(4)]).astype("u2")


def group(parent: h5py.Group, name: str, kind: str) -> h5py.Group:
    made = parent.create_group(name)
    made.attrs["NX_class"] = kind
    return made


def parts(folder: Path) -> None:
    """Two files of two images each, compressed as detectors do."""
    for number in (0, 1):
        with h5py.File(folder / f"x_data_{number + 1:06d}.h5", "w") as file:
            file.create_dataset(
                "entry/data/data",
                data=STACK[2 * number : 2 * number + 2],
                chunks=(1, 3, 4),
                **hdf5plugin.Bitshuffle(cname="lz4"),
            )


def eiger_master(folder: Path) -> Path:
    parts(folder)
    with h5py.File(folder / "x_master.h5", "w") as file:
        entry = group(file, "entry", "NXentry")
        data = group(entry, "data", "NXdata")
        for number in (1, 2):
            data[f"data_{number:06d}"] = h5py.ExternalLink(f"x_data_{number:06d}.h5", "/entry/data/data")
        instrument = group(entry, "instrument", "NXinstrument")
        group(instrument, "beam", "NXbeam")["incident_wavelength"] = 0.97
        detector = group(instrument, "detector", "NXdetector")
        detector["detector_distance"] = 0.2
        special = group(detector, "detectorSpecific", "NXcollection")
        special["pixel_mask"] = np.where(IMAGE == 1, 8, 0).astype("u4")
        special["countrate_correction_count_cutoff"] = 305
        special["flatfield"] = np.ones((3, 4), "f4")
    return folder / "x_master.h5"


def virtual(path: Path, parts_of: str = "x_data_%06d.h5") -> Path:
    layout = h5py.VirtualLayout((4, 3, 4), "u2")
    for number in (0, 1):
        source = h5py.VirtualSource(parts_of % (number + 1), "entry/data/data", (2, 3, 4), "u2")
        layout[2 * number : 2 * number + 2] = source
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("data", layout)
    return path


def test_a_master_of_external_links_is_one_series(tmp_path: Path) -> None:
    images = read_images(eiger_master(tmp_path))
    np.testing.assert_array_equal([image.stored for image in images], STACK)
    assert [image.index for image in images] == [0, 1, 2, 3]
    assert [image.dataset for image in images] == ["entry/data/data_000001"] * 2 + ["entry/data/data_000002"] * 2
    assert {(image.wavelength_A, image.distance_mm, image.saturation_counts) for image in images} == {
        (0.97, 200.0, 305.0)
    }
    assert all(np.array_equal(image.bad, IMAGE == 1) for image in images)
    assert images[3].overloaded().tolist() == (IMAGE >= 5).tolist()


def test_images_and_datasets_are_chosen(tmp_path: Path) -> None:
    master = eiger_master(tmp_path)
    [third] = read_images(master, images=[2])
    np.testing.assert_array_equal(third.stored, STACK[2])
    second = read_images(master, "/entry/data/data_000002")
    np.testing.assert_array_equal([image.stored for image in second], STACK[2:])
    assert str(second[1]).endswith("x_master.h5, image 1 (entry/data/data_000002)")
    with pytest.raises(FileError, match=r"has no image 4; its images are 0 to 3"):
        read_images(master, images=[4])
    with pytest.raises(FileError, match=r"has no dataset data; it has entry/data/data_000001, entry/data/data_000002"):
        read_images(master, "data")
    with pytest.raises(FileError, match=r"entry/data is a group; name one of its datasets"):
        read_images(master, "entry/data")


def test_the_mask_of_a_master_marks_bad_pixels_with_other_numbers_than_zero(tmp_path: Path) -> None:
    np.testing.assert_array_equal(read_mask(eiger_master(tmp_path)), IMAGE != 1)
    with h5py.File(tmp_path / "own.h5", "w") as file:
        file["mask"] = IMAGE != 1
        file["other/pixel_mask"] = (IMAGE == 1).astype("u1")
    np.testing.assert_array_equal(read_mask(tmp_path / "own.h5", "mask"), IMAGE != 1)
    np.testing.assert_array_equal(read_mask(tmp_path / "own.h5", "other/pixel_mask"), IMAGE != 1)


def test_virtual_datasets_are_followed_through_each_other(tmp_path: Path) -> None:
    parts(tmp_path)
    virtual(tmp_path / "v.h5")
    layout = h5py.VirtualLayout((4, 3, 4), "u2")
    layout[...] = h5py.VirtualSource("v.h5", "data", (4, 3, 4), "u2")
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file.create_virtual_dataset("data", layout)
    for name in ("v.h5", "w.h5"):
        np.testing.assert_array_equal([image.stored for image in read_images(tmp_path / name)], STACK)
    (tmp_path / "x_data_000002.h5").unlink()
    for name in ("v.h5", "w.h5"):
        with pytest.raises(
            FileError, match=rf"{name}: data is in the file x_data_000002.h5, which is missing; put it into"
        ):
            read_images(tmp_path / name)


@pytest.mark.parametrize("master", ["x_master.h5", "v.h5"])
def test_a_linked_file_that_is_missing_cut_short_or_another_is_named(master: str, tmp_path: Path) -> None:
    eiger_master(tmp_path)
    virtual(tmp_path / "v.h5")
    part = tmp_path / "x_data_000002.h5"
    content = part.read_bytes()
    part.unlink()
    with pytest.raises(FileError, match=rf"{master}: .*x_data_000002.h5, which is missing"):
        read_images(tmp_path / master)
    part.write_bytes(content[:-100])
    with pytest.raises(FileError, match=rf"{master}: .*x_data_000002.h5, which cannot be read \(.*truncated"):
        read_images(tmp_path / master)
    with h5py.File(part, "w") as file:
        file["something"] = 1
    with pytest.raises(FileError, match=rf"{master}: .*x_data_000002.h5, which has no /?entry/data/data"):
        read_images(tmp_path / master)
    with h5py.File(part, "w") as file:
        file["entry/data/data"] = STACK[2:3]
    if master == "v.h5":
        with pytest.raises(FileError, match=r"v.h5: .*x_data_000002.h5, which has fewer pixels or images"):
            read_images(tmp_path / master)


def test_soft_links_are_followed_and_name_what_is_missing(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["raw/frames"] = STACK
        file["entry/data/data"] = h5py.SoftLink("/raw/frames")
        file["broken"] = h5py.SoftLink("/raw/none")
    np.testing.assert_array_equal([image.stored for image in read_images(tmp_path / "a.h5")], STACK)
    with pytest.raises(FileError, match="broken points to /raw/none, which the file lacks"):
        read_images(tmp_path / "a.h5", "broken")


@pytest.mark.parametrize(
    ("values", "count"),
    [
        (STACK[0], 1),
        (STACK[:1], 1),
        (STACK[:, None], 4),
        (STACK.astype(">i4"), 4),
        (STACK.astype("f2"), 4),
        (STACK.astype(">f8"), 4),
    ],
)
def test_shapes_and_types(values: np.ndarray, count: int, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["images"] = values
        file["name"] = "no image"
        file["angles"] = np.arange(4.0)
    images = read_images(tmp_path / "a.h5")
    assert len(images) == count
    np.testing.assert_array_equal([image.counts for image in images], STACK[:count])


def test_what_is_no_image_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["a"], file["b"], file["line"], file["deep"] = IMAGE, IMAGE, IMAGE[0], np.zeros((2, 2, 3, 4))
        file["words"] = np.full((3, 4), b"no")
        file["none"] = np.zeros((0, 3, 4))
    with pytest.raises(FileError, match=r"which dataset is the image\? name it .*; it has a, b$"):
        read_images(tmp_path / "a.h5")
    for name, shown in (
        ("line", "int64 of shape 4"),
        ("deep", "2 x 2 x 3 x 4"),
        ("words", "S2"),
        ("none", "0 x 3 x 4"),
    ):
        with pytest.raises(FileError, match=f"holds .*{shown}.*; give numbers of shape"):
            read_images(tmp_path / "a.h5", name)
    (tmp_path / "cut.h5").write_bytes((tmp_path / "a.h5").read_bytes()[:200])
    with pytest.raises(FileError, match=r"cut.h5: is damaged HDF5 .*truncated.*; copy it again"):
        read_images(tmp_path / "cut.h5")


def test_numbers_of_each_image_and_units(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        entry = group(file, "entry", "NXentry")
        group(entry, "data", "NXdata")["data"] = STACK
        instrument = group(entry, "instrument", "NXinstrument")
        beam = group(instrument, "beam", "NXbeam")
        beam["incident_wavelength"] = [0.1, 0.11, 0.12, 0.13]
        beam["incident_wavelength"].attrs["units"] = "nm"
        detector = group(instrument, "detector", "NXdetector")
        detector["distance"] = [150.0]
        detector["distance"].attrs["units"] = "mm"
        detector["underload_value"] = 1
        detector["saturation_value"] = 300
    images = read_images(tmp_path / "a.h5")
    assert [image.wavelength_A for image in images] == pytest.approx([1.0, 1.1, 1.2, 1.3], rel=1e-12)
    assert images[0].distance_mm == pytest.approx(150.0, rel=1e-12)
    assert images[0].bad.sum() == 1
    assert images[3].overloaded().all()


def test_the_first_eiger_files_have_their_links_in_the_entry(tmp_path: Path) -> None:
    parts(tmp_path)
    with h5py.File(tmp_path / "old_master.h5", "w") as file:
        for number in (1, 2):
            file[f"entry/data_{number:06d}"] = h5py.ExternalLink(f"x_data_{number:06d}.h5", "entry/data/data")
        file["entry/instrument/detector/detectorSpecific/flatfield"] = np.ones((3, 4), "f4")
    np.testing.assert_array_equal([image.stored for image in read_images(tmp_path / "old_master.h5")], STACK)


def test_a_virtual_dataset_of_numbered_files_is_followed(tmp_path: Path) -> None:
    for number in (0, 1):
        with h5py.File(tmp_path / f"p_{number}.h5", "w") as file:
            file["d"] = STACK[2 * number : 2 * number + 2]
    endless, settings = h5py.h5s.UNLIMITED, h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    blocks = h5py.h5s.create_simple((4, 3, 4), (endless, 3, 4))
    blocks.select_hyperslab((0, 0, 0), (endless, 1, 1), stride=(2, 1, 1), block=(2, 3, 4))
    settings.set_virtual(blocks, b"p_%b.h5", b"d", h5py.h5s.create_simple((2, 3, 4)))
    with h5py.File(tmp_path / "v.h5", "w") as file:
        space = h5py.h5s.create_simple((0, 3, 4), (endless, 3, 4))
        h5py.h5d.create(file.id, b"x", h5py.h5t.NATIVE_UINT16, space, settings)
    np.testing.assert_array_equal([image.stored for image in read_images(tmp_path / "v.h5")], STACK)
    (tmp_path / "p_0.h5").unlink()
    with pytest.raises(FileError, match=r"v\.h5: .*p_0\.h5, which is missing|holds .* of shape 0"):
        read_images(tmp_path / "v.h5", "x")


def test_a_series_that_does_not_fit_into_memory_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("data", (2_000_000, 40, 50), "u2", chunks=(1, 40, 50))
    with pytest.raises(FileError, match=r"its 2000000 images of 40 x 50 pixels take 32 GB of memory; choose some"):
        read_images(tmp_path / "a.h5")
    assert [image.index for image in read_images(tmp_path / "a.h5", images=[7, 1_999_999])] == [7, 1_999_999]
