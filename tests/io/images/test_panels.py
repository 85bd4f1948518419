"""Images of several panels: every layout of every kind of file gives the same pixels of each panel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from fabio.fabioformats import get_class_by_name
from hypothesis import given
from hypothesis import strategies as st

from nbjax.errors import FileError
from nbjax.io.experiments.recorded import RecordedPanel, RecordedPlace
from nbjax.io.images import panel_images, panel_mask
from nbjax.io.images.arrangement import arrangement
from nbjax.io.raw import write_float

X, Y = np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])
SIZES = [(5, 3), (4, 6), (5, 6)]
SHAPE = (3, 6, 5)


def panel(pixels: tuple[int, int], place: RecordedPlace | None = None) -> RecordedPanel:
    return RecordedPanel("p", np.zeros(3), X, Y, (0.1, 0.1), pixels, place=place)


PANELS = [panel(pixels) for pixels in SIZES]
# two panels beside each other and one below them, in a slab with an empty edge
SLAB = [
    panel(pixels, RecordedPlace("/entry/images", ("%", "ss", "fs"), first))
    for pixels, first in zip(SIZES, [(0, 1), (6, 0), (2, 7)], strict=True)
]


def padded(photons: np.ndarray) -> np.ndarray:
    """NaN past the ends of the panels."""
    found = np.full(SHAPE, np.nan)
    for number, (fast, slow) in enumerate(SIZES):
        found[number, :slow, :fast] = photons[number, :slow, :fast]
    return found


IMAGE = np.arange(1.0, 91.0).reshape(SHAPE)
WANTED = padded(IMAGE)


def slab(image: np.ndarray) -> np.ndarray:
    """The image as the places of ``SLAB`` have it, with 99 where there is no panel."""
    found = np.full((13, 11), 99.0)
    found[1:4, 0:5], found[0:6, 6:10], found[7:13, 2:7] = image[0, :3], image[1, :, :4], image[2]
    return found


def in_hdf5(name: str) -> Callable[[Path, np.ndarray], None]:
    def write(path: Path, array: np.ndarray) -> None:
        with h5py.File(path, "w") as file:
            file[name] = array

    return write


WRITERS: dict[str, Callable[[Path, np.ndarray], None]] = {
    "a.npy": lambda path, array: np.save(path, array),
    "a.npz": lambda path, array: np.savez(path, image=array),
    "a.h5": in_hdf5("elsewhere"),
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_layout_gives_the_same_pixels(name: str, tmp_path: Path) -> None:
    rows = np.concatenate([IMAGE[0, :3], IMAGE[1], IMAGE[2]])
    layouts = [(PANELS, IMAGE), (PANELS, IMAGE.reshape(18, 5)), (PANELS, rows), (SLAB, slab(IMAGE)), (SLAB, IMAGE)]
    for panels, array in layouts:
        for several in (array, array[None], np.stack([array, 2 * array]), np.stack([array, 2 * array])[:, None]):
            WRITERS[name](tmp_path / name, several)
            found = panel_images(tmp_path / name, panels)
            photons = [image.photons() for image in found]
            np.testing.assert_array_equal(photons, [WANTED, 2 * WANTED][: len(found)])
            assert [image.index for image in found] == [0, 1][: len(found)]
            assert len(found) == (1 if several.ndim == array.ndim or len(several) == 1 else 2)
    [second] = panel_images(tmp_path / name, SLAB, images=[1])
    np.testing.assert_array_equal(second.photons(), 2 * WANTED)


def test_bare_floats_and_frames_of_one_panel_each_are_images_too(tmp_path: Path) -> None:
    write_float(tmp_path / "bare.bin", IMAGE.astype(np.float32))
    np.testing.assert_array_equal(panel_images(tmp_path / "bare.bin", PANELS)[0].photons(), WANTED)
    edf = get_class_by_name("edfimage")(data=IMAGE[0].astype("f4"))
    for factor, number in ((1, 1), (1, 2), (2, 0), (2, 1), (2, 2)):
        edf.append_frame(data=(factor * IMAGE[number]).astype("f4"))
    edf.write(str(tmp_path / "frames.edf"))
    found = panel_images(tmp_path / "frames.edf", PANELS)
    np.testing.assert_array_equal([image.photons() for image in found], [WANTED, 2 * WANTED])


def test_the_dataset_of_the_geometry_is_taken_and_its_array_may_have_axes_of_modules(tmp_path: Path) -> None:
    quads = [
        panel(pixels, RecordedPlace("/entry/images", ("%", module, "ss", "fs"), (first, 0)))
        for pixels, module, first in zip(SIZES, (1, 0, 1), (0, 0, 5), strict=True)
    ]
    modules = np.zeros((2, 2, 6, 10))
    modules[:, 1, :3, :5], modules[:, 0, :, :4], modules[:, 1, :, 5:] = IMAGE[0, :3], IMAGE[1, :, :4], IMAGE[2]
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["entry/images"] = modules
        file["entry/other"] = np.zeros(modules.shape)
    found = panel_images(tmp_path / "a.h5", quads)
    np.testing.assert_array_equal([image.photons() for image in found], [WANTED, WANTED])
    elsewhere = [
        replace(each, place=RecordedPlace("/data/data", ("%", "ss", "fs"), (0, 6 * i))) for i, each in enumerate(PANELS)
    ]
    with h5py.File(tmp_path / "a.h5", "a") as file:
        file["entry/a"], file["entry/b"] = IMAGE, IMAGE
    with pytest.raises(FileError, match=r"which dataset is the image.*it has entry/a, entry/b"):
        panel_images(tmp_path / "a.h5", elsewhere)


def test_a_geometry_may_count_its_panels_otherwise(tmp_path: Path) -> None:
    order = [2, 0, 1]
    counted = [
        panel(pixels, RecordedPlace(None, ("%", number, "ss", "fs")))
        for pixels, number in zip(SIZES, order, strict=True)
    ]
    stored = np.zeros(SHAPE)
    stored[order] = IMAGE
    np.save(tmp_path / "a.npy", stored)
    np.testing.assert_array_equal(panel_images(tmp_path / "a.npy", counted)[0].photons(), WANTED)


def test_the_rules_of_pixels_without_a_value_and_the_files_mask_hold(tmp_path: Path) -> None:
    counts = np.where(IMAGE == 80, 65535, IMAGE).astype("u2")
    with h5py.File(tmp_path / "a.nxs", "w") as file:
        entry = file.create_group("entry")
        entry.attrs["NX_class"] = "NXentry"
        entry.create_group("data").attrs.update(NX_class="NXdata", signal="data")
        entry["data/data"] = np.stack([counts, counts])
        detector = entry.create_group("detector")
        detector.attrs["NX_class"] = "NXdetector"
        detector["pixel_mask"] = (IMAGE == 70).astype("u4")
        detector["saturation_value"] = 88
    found = panel_images(tmp_path / "a.nxs", PANELS)
    assert len(found) == 2
    bad = np.isnan(WANTED) | (IMAGE == 80) | (IMAGE == 70)
    np.testing.assert_array_equal(found[1].bad, bad)
    np.testing.assert_array_equal(np.isnan(found[1].photons()), bad | (IMAGE >= 88))
    np.testing.assert_array_equal(panel_mask(tmp_path / "a.nxs", PANELS), ~np.isnan(WANTED) & (IMAGE != 70))


def test_masks_are_images_of_panels(tmp_path: Path) -> None:
    np.save(tmp_path / "m.npy", (IMAGE != 75).reshape(18, 5))
    np.testing.assert_array_equal(panel_mask(tmp_path / "m.npy", PANELS), ~np.isnan(WANTED) & (IMAGE != 75))
    np.save(tmp_path / "m.npy", np.isnan(WANTED))
    with pytest.raises(FileError, match=r"m.npy: leaves no pixel of 3 panels"):
        panel_mask(tmp_path / "m.npy", PANELS)
    np.save(tmp_path / "m.npy", np.ones((2, *SHAPE), bool))
    with pytest.raises(FileError, match=r"m.npy: holds 2 images of 3 panels; a mask is one image"):
        panel_mask(tmp_path / "m.npy", PANELS)


@pytest.mark.parametrize("name", [*WRITERS, "a.cbf"])
def test_images_of_another_size_are_refused(name: str, tmp_path: Path) -> None:
    if name == "a.cbf":
        get_class_by_name("cbfimage")(data=IMAGE[0].astype("i4")).write(str(tmp_path / name))
    else:
        WRITERS[name](tmp_path / name, IMAGE[:, :, :4])
    with pytest.raises(FileError, match=rf"{name}: .*3 x 6 x 5.*\(panel, slow, fast\).*18 x 5"):
        panel_images(tmp_path / name, PANELS)


corners = st.tuples(st.integers(0, 6), st.integers(0, 6))


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4)), min_size=2, max_size=4), st.data())
def test_places_count_only_where_no_pixel_is_of_two_panels(sizes: list[tuple[int, int]], data: st.DataObject) -> None:
    firsts = [data.draw(corners) for _ in sizes]
    painted = np.zeros((10, 10), int)
    for (fast, slow), (left, top) in zip(sizes, firsts, strict=True):
        painted[top : top + slow, left : left + fast] += 1
    panels = [panel(s, RecordedPlace(None, first=f)) for s, f in zip(sizes, firsts, strict=True)]
    assert bool(arrangement(panels).places) == bool((painted <= 1).all())
