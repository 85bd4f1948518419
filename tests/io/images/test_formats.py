"""Every format through the same door; files made by other programs' writers, and what is no image."""

from __future__ import annotations

import bz2
import gzip
import lzma
import struct
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import h5py
import numpy as np
import pytest
from fabio.fabioformats import get_class_by_name
from PIL import Image

from nbjax.errors import FileError
from nbjax.io.images import formats, read_images, read_mask
from nbjax.io.pgm import write_pgm
from nbjax.io.raw import write_float

IMAGE = np.arange(12).reshape(3, 4)
WIDE = np.arange(256 * 256).reshape(256, 256) % 60000


def by_fabio(kind: str, dtype: str, pixels: np.ndarray) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        get_class_by_name(kind)(data=pixels.astype(dtype)).write(str(path))

    return write


FABIO = [
    ("a.cbf", "cbfimage", "i4", IMAGE),
    ("a.tif", "tifimage", "u2", IMAGE),
    ("b.tif", "tifimage", "i4", IMAGE),
    ("c.tif", "tifimage", "f4", IMAGE),
    ("a.edf", "edfimage", "u2", IMAGE),
    ("b.edf", "edfimage", "f4", IMAGE),
    ("c.edf", "edfimage", "i8", IMAGE),
    ("a.sfrm", "brukerimage", "u2", WIDE),
    ("b.sfrm", "bruker100image", "u2", WIDE),
    ("a.oxd", "oxdimage", "i4", WIDE),
    ("a.esper", "esperantoimage", "i4", WIDE),
    ("a.pgm", "pnmimage", "u1", IMAGE),
    ("b.pgm", "pnmimage", "u2", WIDE),
    ("a.npy", "numpyimage", "f4", IMAGE),
    ("a.img", "dtrekimage", "u2", IMAGE),
    ("b.img", "dtrekimage", "i2", IMAGE),
    ("c.img", "dtrekimage", "i4", IMAGE),
    ("d.img", "dtrekimage", "u4", IMAGE),
    ("e.img", "dtrekimage", "f4", IMAGE),
    ("f.img", "dtrekimage", "i1", IMAGE),
    ("g.img", "dtrekimage", "u1", IMAGE),
]


@pytest.mark.parametrize(("name", "kind", "dtype", "pixels"), FABIO, ids=[f"{row[1]}-{row[2]}" for row in FABIO])
@pytest.mark.parametrize("named", [True, False])
def test_what_fabio_writes_is_read_as_fabio_reads_it(
    name: str, kind: str, dtype: str, pixels: np.ndarray, named: bool, tmp_path: Path
) -> None:
    by_fabio(kind, dtype, pixels)(tmp_path / name)
    path = tmp_path / name if named else (tmp_path / name).rename(tmp_path / "unnamed")
    [found] = read_images(path)
    np.testing.assert_array_equal(found.counts, pixels)
    np.testing.assert_array_equal(found.stored, get_class_by_name(kind)().read(str(path)).data)
    assert found.stored.dtype.kind in (np.dtype(dtype).kind, "i")


@pytest.mark.parametrize(("name", "kind", "dtype", "pixels"), FABIO, ids=[f"{row[1]}-{row[2]}" for row in FABIO])
@pytest.mark.parametrize("kept", [0.005, 0.5, 0.9])
def test_a_file_that_is_cut_short_is_refused(
    name: str, kind: str, dtype: str, pixels: np.ndarray, kept: float, tmp_path: Path
) -> None:
    by_fabio(kind, dtype, WIDE)(tmp_path / name)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: int(kept * len(content))])
    with pytest.raises(FileError, match=name):
        read_images(tmp_path / name)


@pytest.mark.parametrize(("suffix", "packer"), [(".gz", gzip), (".bz2", bz2), (".xz", lzma), ("", gzip)])
@pytest.mark.parametrize("name", ["a.cbf", "a.tif", "a.npy", "c.img", "a.edf"])
def test_packed_files_are_unpacked(name: str, suffix: str, packer: ModuleType, tmp_path: Path) -> None:
    _, kind, dtype, pixels = next(row for row in FABIO if row[0] == name)
    by_fabio(kind, dtype, pixels)(tmp_path / name)
    packed = packer.compress((tmp_path / name).read_bytes())
    (tmp_path / name).unlink()
    path = tmp_path / (name + suffix)
    path.write_bytes(packed)
    [found] = read_images(path)
    np.testing.assert_array_equal(found.counts, pixels)
    assert found.file == str(path)
    path.write_bytes(packed[:-12])
    with pytest.raises(FileError, match=rf"{path.name}: cannot be unpacked \(.*\); copy it again"):
        read_images(path)


def test_a_packed_master_that_points_to_others_says_so(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file["data"] = h5py.ExternalLink("part.h5", "data")
    with h5py.File(tmp_path / "part.h5", "w") as file:
        file["data"] = IMAGE
    np.testing.assert_array_equal(read_images(tmp_path / "m.h5", "data")[0].stored, IMAGE)
    (tmp_path / "m.h5.gz").write_bytes(gzip.compress((tmp_path / "m.h5").read_bytes()))
    with pytest.raises(FileError, match=r"m.h5.gz: data is in the file part.h5, which is missing; .*unpack"):
        read_images(tmp_path / "m.h5.gz", "data")


def test_several_frames_are_a_stack(tmp_path: Path) -> None:
    edf = get_class_by_name("edfimage")(data=IMAGE.astype("u2"))
    edf.append_frame(data=(IMAGE + 1).astype("u2"))
    edf.write(str(tmp_path / "a.edf"))
    np.save(tmp_path / "a.npy", np.stack([IMAGE, IMAGE + 1]))
    for name in ("a.edf", "a.npy"):
        images = read_images(tmp_path / name)
        np.testing.assert_array_equal([image.stored for image in images], [IMAGE, IMAGE + 1])
        assert [image.index for image in images] == [0, 1]
        [second] = read_images(tmp_path / name, images=[1])
        np.testing.assert_array_equal(second.stored, IMAGE + 1)
    np.save(tmp_path / "b.npy", IMAGE[None])
    [only] = read_images(tmp_path / "b.npy")
    assert only.shape == (3, 4)
    with pytest.raises(FileError, match=r"b.npy: has a single image, number 0"):
        read_images(tmp_path / "b.npy", images=[1])


def test_arrays_of_an_npz_are_named(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "one.npz", image=IMAGE.astype("f4"), note=np.array("text"), angles=np.arange(3.0))
    np.savez(tmp_path / "two.npz", a=IMAGE, b=IMAGE + 1)
    [found] = read_images(tmp_path / "one.npz")
    assert found.dataset == "image"
    np.testing.assert_array_equal(found.stored, IMAGE)
    np.testing.assert_array_equal(read_images(tmp_path / "two.npz", "b")[0].stored, IMAGE + 1)
    with pytest.raises(FileError, match=r"which dataset is the image.*it has a, b"):
        read_images(tmp_path / "two.npz")
    with pytest.raises(FileError, match=r"has no dataset c; it has a, b"):
        read_images(tmp_path / "two.npz", "c")


def test_a_miniCBF_says_what_its_detector_says(tmp_path: Path) -> None:  # noqa: N802
    header = "# Count_cutoff 9 counts\r\n# Wavelength 0.9795 A\r\n# Detector_distance 0.25 m\r\n# Beam_xy (1, 2) pixels"
    words = {"_array_data.header_convention": "PILATUS_1.2", "_array_data.header_contents": header}
    pixels = np.where(IMAGE == 5, -1, np.where(IMAGE == 6, -3, IMAGE)).astype("i4")
    get_class_by_name("cbfimage")(data=pixels, header=words).write(str(tmp_path / "a.cbf"))
    [image] = read_images(tmp_path / "a.cbf")
    assert (image.saturation_counts, image.wavelength_A, image.distance_mm) == (9.0, 0.9795, 250.0)
    np.testing.assert_array_equal(image.bad, pixels < 0)
    np.testing.assert_array_equal(np.isnan(image.photons()), (pixels < 0) | (pixels >= 9))


def test_a_cbf_whose_checksum_differs_is_refused(tmp_path: Path) -> None:
    get_class_by_name("cbfimage")(data=IMAGE.astype("i4")).write(str(tmp_path / "a.cbf"))
    content = (tmp_path / "a.cbf").read_bytes()
    start = content.index(b"\x0c\x1a\x04\xd5") + 4
    (tmp_path / "a.cbf").write_bytes(content[: start + 3] + b"\x07" + content[start + 4 :])
    with pytest.raises(FileError, match=r"a.cbf: is a damaged CBF image \(its checksum differs"):
        read_images(tmp_path / "a.cbf")


def tiff(pixels: np.ndarray, first: int, description: bytes = b"") -> bytes:
    """A grey TIFF of 16 or 32 bits whose directory lies at a place of its own."""
    bits = 8 * pixels.itemsize
    data, said = first + 200, first + 150
    entries = [(256, 4, 1, pixels.shape[1]), (257, 4, 1, pixels.shape[0]), (258, 3, 1, bits), (259, 3, 1, 1)]
    entries += [(262, 3, 1, 1), (270, 2, len(description), said)] if description else [(262, 3, 1, 1)]
    entries += [(273, 4, 1, data), (277, 3, 1, 1), (278, 4, 1, pixels.shape[0]), (279, 4, 1, pixels.nbytes)]
    entries += [(339, 3, 1, 2 if pixels.dtype.kind == "i" else 1)]
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries) + bytes(4)
    head = (b"II*\0" + struct.pack("<I", first)).ljust(first, b"\0") + directory
    head = head.ljust(said, b"\0") + description
    return head.ljust(data, b"\0") + pixels.tobytes()


def test_tiffs_of_detectors_are_told_apart(tmp_path: Path) -> None:
    pixels = np.where(IMAGE == 5, -2, IMAGE).astype("<i4")
    words = b"# Count_cutoff 11\n# Wavelength 1.5 A\n\0"
    (tmp_path / "p.tif").write_bytes(tiff(pixels, 130, words))
    [image] = read_images(tmp_path / "p.tif")
    np.testing.assert_array_equal(image.counts, np.where(IMAGE == 5, np.nan, IMAGE))
    assert (image.saturation_counts, image.wavelength_A) == (11.0, 1.5)
    content = bytearray(tiff(IMAGE.astype("<u2"), 8).ljust(4096, b"\0"))
    moved = len(content)
    place = content.index(struct.pack("<HHII", 273, 4, 1, 208))
    content[place : place + 12] = struct.pack("<HHII", 273, 4, 1, moved)
    content[1024 + 28 : 1024 + 32] = b"MMX\0"
    (tmp_path / "m.mccd").write_bytes(bytes(content) + IMAGE.astype("<u2").tobytes())
    [image] = read_images(tmp_path / "m.mccd")
    np.testing.assert_array_equal(image.stored, IMAGE)


def test_graymaps_are_photons_by_the_scale_in_their_comment(tmp_path: Path) -> None:
    write_pgm(tmp_path / "a.pgm", np.array([[0, 100, 255]], np.uint8), 0.5)
    [image] = read_images(tmp_path / "a.pgm")
    np.testing.assert_array_equal(image.photons(), [[0.0, 200.0, np.nan]])


def test_bare_floats_need_the_size_of_the_image(tmp_path: Path) -> None:
    write_float(tmp_path / "a.bin", IMAGE)
    IMAGE.astype("<f8").tofile(tmp_path / "b.bin")
    for name in ("a.bin", "b.bin"):
        [image] = read_images(tmp_path / name, shape=(3, 4))
        np.testing.assert_array_equal(image.photons(), IMAGE)
        assert image.unit == "photons"
    with pytest.raises(FileError, match=r"a bare image of floats does not say its size"):
        read_images(tmp_path / "a.bin")
    with pytest.raises(FileError, match=r"it has 48 bytes, 3 x 5 \(slow x fast\) float pixels need 60"):
        read_images(tmp_path / "a.bin", shape=(3, 5))


def test_masks_say_what_0_is(tmp_path: Path) -> None:
    good = IMAGE % 3 != 0
    np.save(tmp_path / "a.npy", good)
    np.save(tmp_path / "b.npy", np.where(good, 255, 0).astype("u1"))
    np.save(tmp_path / "c.npy", np.where(good, 65535, 0).astype("u2"))
    get_class_by_name("fit2dmaskimage")(data=(~good).astype("u1")).write(str(tmp_path / "d.msk"))
    with h5py.File(tmp_path / "e.h5", "w") as file:
        file["entry/instrument/detector/pixel_mask"] = np.where(good, 0, 1 << 8).astype("u4")
        file["entry/data/data"] = IMAGE[None]
        file["entry/instrument/detector"].attrs["NX_class"] = "NXdetector"
        file["entry/data"].attrs["NX_class"] = "NXdata"
    for name in ("a.npy", "b.npy", "c.npy", "d.msk", "e.h5"):
        np.testing.assert_array_equal(read_mask(tmp_path / name), good, name)
    np.save(tmp_path / "none.npy", np.zeros((3, 4)))
    np.save(tmp_path / "two.npy", np.ones((2, 3, 4)))
    with pytest.raises(FileError, match=r"none.npy: leaves no pixel to use; 0 is a bad pixel here"):
        read_mask(tmp_path / "none.npy")
    with pytest.raises(FileError, match=r"two.npy: holds 2 images; a mask is one image"):
        read_mask(tmp_path / "two.npy")


def test_what_is_no_image_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.h5").mkdir()
    (tmp_path / "empty.img").touch()
    (tmp_path / "empty.gz").write_bytes(gzip.compress(b""))
    (tmp_path / "text").write_text("1 2 3")
    (tmp_path / "text.cbf").write_text("1 2 3")
    (tmp_path / "cut.npy").write_bytes(b"\x93NUMPY\x01")
    (tmp_path / "odd.npy").write_bytes(b"\x93NUMPY\x01\0\x0a\0{'descr': (")
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04 and no more")
    (tmp_path / "cut.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    (tmp_path / "cut.cbf").write_bytes(b"###CBF: VERSION 1.5\r\n")
    (tmp_path / "cut.pgm").write_bytes(b"P5\n3 4\n")
    Image.new("RGB", (4, 3)).save(tmp_path / "colour.tif")
    np.save(tmp_path / "line.npy", np.zeros(3))
    np.save(tmp_path / "none.npy", np.zeros((0, 3, 4)))
    np.save(tmp_path / "complex.npy", np.zeros((3, 4), complex))
    np.save(tmp_path / "objects.npy", np.array([{}], object), allow_pickle=True)
    for name, words in (
        ("missing.h5", r"cannot be read \(No such file"),
        ("folder.h5", r"cannot be read \(Is a directory"),
        ("empty.img", "is empty"),
        ("empty.gz", "is empty once it is unpacked"),
        ("text", "is no image of a known kind"),
        ("text.cbf", "is a damaged CBF image"),
        ("cut.npy", "faulty NumPy file"),
        ("odd.npy", "faulty NumPy file"),
        ("cut.npz", "faulty NumPy file"),
        ("cut.h5", "damaged HDF5"),
        ("cut.cbf", "damaged CBF image"),
        ("cut.pgm", "without width, height and largest value"),
        ("colour.tif", "give grey images"),
        ("line.npy", "of shape 3; give numbers of shape"),
        ("none.npy", "of shape 0 x 3 x 4; give numbers of shape"),
        ("complex.npy", "complex128"),
        ("objects.npy", "faulty NumPy file"),
    ):
        with pytest.raises(FileError, match=rf"{name}: .*{words}"):
            read_images(tmp_path / name)


def test_a_format_is_a_reader_and_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = Path(__file__).parents[3] / "docs" / "image_files.md"
    example = page.read_text().split("## Another format")[1].split("```python\n")[1].split("```")[0]
    names: dict[str, Any] = {}
    exec(compile(example.replace('Format("two', 'line = Format("two'), str(page), "exec"), names)
    monkeypatch.setattr(formats, "FORMATS", (*formats.FORMATS, names["line"]))
    pixels = np.where(IMAGE == 5, -1, IMAGE + 10).astype("<i4")
    (tmp_path / "a.any").write_bytes(b"TWOS" + np.array(IMAGE.shape, "<u2").tobytes() + pixels.tobytes())
    [image] = read_images(tmp_path / "a.any")
    np.testing.assert_array_equal(image.photons(), np.where(IMAGE == 5, np.nan, IMAGE))
