"""NeXus files: every module by the chains of its transformations, in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from corners import corners_mm, spanned
from datasets import PANELS, PIXEL_MM, recipe
from positions import rotation

from nbjax.config.tree import Detector
from nbjax.dataset.batch import Batch
from nbjax.dataset.nxmx import Series, write_tree
from nbjax.dataset.run import Share
from nbjax.errors import FileError
from nbjax.io.experiments import is_experiment, read_experiment
from nbjax.io.experiments.recorded import RecordedExperiment

MOVES = "/entry/instrument/detector/transformations"
DISTANCES_M = np.array([0.0, 0.01, 0.02, 0.03])
LENGTHS_MM = {"m": 1000.0, "mm": 1.0, "um": 1e-3}


def group(parent: Any, name: str, kind: str) -> Any:
    made = parent.create_group(name)
    made.attrs["NX_class"] = kind
    return made


def axis(
    parent: Any,
    name: str,
    value: Any,
    units: str,
    vector: Any,
    depends_on: str = ".",
    offset: Any = None,
    offset_units: str = "mm",
) -> None:
    node = parent.create_dataset(name, data=np.atleast_1d(np.asarray(value, float)))
    node.attrs["transformation_type"] = "rotation" if units.startswith(("deg", "rad")) else "translation"
    node.attrs["vector"], node.attrs["units"], node.attrs["depends_on"] = np.asarray(vector, float), units, depends_on
    if offset is not None:
        node.attrs["offset"], node.attrs["offset_units"] = np.asarray(offset, float), offset_units


def base(file: Any, shape: tuple[int, ...]) -> Any:
    """An entry with beam and data; its detector's group."""
    entry = group(file, "entry", "NXentry")
    data = group(entry, "data", "NXdata")
    data.attrs["signal"] = "data"
    data.create_dataset("data", shape, np.uint16)
    instrument = group(entry, "instrument", "NXinstrument")
    beam = group(instrument, "beam", "NXbeam")
    beam["incident_wavelength"] = 1.25
    beam["incident_wavelength"].attrs["units"] = "angstrom"
    detector = group(instrument, "detector", "NXdetector")
    detector["saturation_value"] = 40000
    detector["sensor_material"] = "Silicon"
    detector["sensor_thickness"] = 450.0
    detector["sensor_thickness"].attrs["units"] = "um"
    group(detector, "transformations", "NXtransformations")
    return detector


def step(value: float, units: str, vector: Any, offset: Any = (0, 0, 0), offset_mm: float = 1.0) -> np.ndarray:
    """One transformation as NXtransformations has it, in mm."""
    found = np.eye(4)
    if units in LENGTHS_MM:
        found[:3, 3] = value * LENGTHS_MM[units] * np.asarray(vector)
    else:
        found[:3, :3] = rotation(np.asarray(vector, float), np.degrees(value) if units == "rad" else value)
    found[:3, 3] += np.asarray(offset) * offset_mm
    return found


def defined_mm(chain: list[np.ndarray], fast_mm: Any, slow_mm: Any, corner: Any = (0, 0, 0)) -> np.ndarray:
    """Corners of a module, its edges as vectors, by its chain from the module on."""
    local = np.c_[
        spanned(np.asarray(corner, float), np.asarray(fast_mm, float), np.asarray(slow_mm, float)), np.ones(4)
    ]
    for each in chain:
        local = local @ each.T
    return local[:, :3]


def read(path: Path) -> RecordedExperiment:
    assert is_experiment(str(path))
    return read_experiment(str(path))


RAIL, TILT = step(0.2, "m", (0, 0, 1), (1.0, 2.0, 0.0)), step(0.1, "rad", (0.6, 0.8, 0))


def with_offsets(path: Path) -> None:
    """Two modules of one image, each placed by module_offset, as Eiger detectors have it; the detector turned."""
    with h5py.File(path, "w") as file:
        detector = base(file, (5, 30, 20))
        moves = detector["transformations"]
        axis(moves, "rail", 0.2, "m", (0, 0, 1), offset=(1.0, 2.0, 0.0))
        axis(moves, "tilt", 0.1, "rad", (0.6, 0.8, 0), "rail")
        detector["pixel_mask"] = np.indices((30, 20)).sum(0) % 7
        for number, first in enumerate((0, 18)):
            module = group(detector, f"module_{number}", "NXdetector_module")
            module["data_origin"], module["data_size"] = [first, 3], [12, 10]
            axis(module, "module_offset", 4000 + 9000 * number, "um", (0.8, 0, 0.6), f"{MOVES}/tilt", (0, 0, -3))
            axis(module, "fast_pixel_direction", 0.1, "mm", (-1, 0, 0), "module_offset")
            axis(module, "slow_pixel_direction", 2e-4, "m", (0, -1, 0), "module_offset")


def test_modules_with_offsets(tmp_path: Path) -> None:
    with_offsets(tmp_path / "a.h5")
    found = read(tmp_path / "a.h5")
    assert [panel.name for panel in found.panels] == ["module_0", "module_1"]
    mask = np.indices((30, 20)).sum(0) % 7
    for number, panel in enumerate(found.panels):
        chain = [step(4000 + 9000 * number, "um", (0.8, 0, 0.6), (0, 0, -3)), TILT, RAIL]
        np.testing.assert_allclose(corners_mm(panel), defined_mm(chain, (-1, 0, 0), (0, -2.4, 0)), atol=1e-9)
        assert (panel.pixels, panel.saturation_counts, panel.material) == ((10, 12), 40000, "Si")
        assert panel.thickness_mm == pytest.approx(0.45)
        first = 18 * number
        np.testing.assert_array_equal(panel.bad, mask[first : first + 12, 3:13] != 0)
        assert panel.place is not None
        assert (panel.place.dataset, panel.place.axes) == ("/entry/data/data", ("%", "ss", "fs"))
    assert found.beam.wavelength_A == pytest.approx(1.25)
    assert found.groups == ()
    assert found.remarks == ()


def test_modules_in_a_hierarchy(tmp_path: Path) -> None:
    """Modules of an array, each at the end of a chain of its own, as XFEL detectors have it."""
    quads = [step(3.0 + q, "deg", (0, 0, 1), (10.0 * q, -5, 0)) for q in range(2)]
    with h5py.File(tmp_path / "a.h5", "w") as file:
        detector = base(file, (2, 6, 8, 9))
        moves = detector["transformations"]
        axis(moves, "rail", 0.2, "m", (0, 0, 1), offset=(1.0, 2.0, 0.0))
        axis(moves, "tilt", 0.1, "rad", (0.6, 0.8, 0), "rail")
        for q in range(2):
            axis(moves, f"quad{q}", 3.0 + q, "deg", (0, 0, 1), "tilt", (10.0 * q, -5, 0))
            for m in range(3):
                module = group(detector, f"q{q}m{m}", "NXdetector_module")
                module["data_origin"], module["data_size"] = [3 * q + m, 0, 0], [1, 8, 9]
                for name, vector in (("fast", (0.6, 0.8, 0)), ("slow", (-0.8, 0.6, 0))):
                    axis(
                        module,
                        f"{name}_pixel_direction",
                        0.075,
                        "mm",
                        vector,
                        f"{MOVES}/quad{q}",
                        (m, 0.01 * m, 0.2),
                        "mm",
                    )
    found = read(tmp_path / "a.h5")
    for number, panel in enumerate(found.panels):
        q, m = divmod(number, 3)
        wanted = defined_mm(
            [quads[q], TILT, RAIL],
            9 * 0.075 * np.array([0.6, 0.8, 0]),
            8 * 0.075 * np.array([-0.8, 0.6, 0]),
            (m, 0.01 * m, 0.2),
        )
        np.testing.assert_allclose(corners_mm(panel), wanted, atol=1e-9)
        assert panel.place is not None
        assert panel.place.axes == ("%", number, "ss", "fs")
    assert [(each.name, each.panels) for each in found.groups] == [("quad0", (0, 1, 2)), ("quad1", (3, 4, 5))]


def test_the_masters_of_datasets(tmp_path: Path) -> None:
    detector = vars(
        Detector(pixel_mm=PIXEL_MM, pixels_fast=20, pixels_slow=24, convention="custom", **PANELS["custom"])
    )
    told = Batch(recipe({"detector": detector}), Share(Path(), "small", 1, 1), 1).header.instrument
    with h5py.File(tmp_path / "a.h5", "w") as file:
        series = Series(
            10 + 0.5 * np.arange(4), 0.5, np.array([1.1, 1.2, 1.3, 1.4]), told.geometry.close_distance_m + DISTANCES_M
        )
        write_tree(file, told, series)["data"]["data"] = np.zeros((4, 24, 20), np.uint16)
    for image in (None, 1, 3):
        found = read_experiment(str(tmp_path / "a.h5"), image)
        moved = told.geometry.origin_m + np.array([0, 0, 0.01 * ((image or 1) - 1)])
        edges = (20 * PIXEL_MM * told.geometry.fast, 24 * PIXEL_MM * told.geometry.slow)
        np.testing.assert_allclose(corners_mm(found.panels[0]), spanned(1000 * moved, *edges), atol=1e-9)
        assert found.beam.wavelength_A == pytest.approx(1.0 + 0.1 * (image or 1))
        assert found.image == (image or 1)
    assert found.scan is not None
    np.testing.assert_allclose(found.scan.axis, told.geometry.spindle)
    assert (found.scan.start_deg, found.scan.width_deg, found.scan.first, found.scan.last) == (10.0, 0.5, 1, 4)
    assert found.beam.kahn_factor == pytest.approx(told.kahn_factor)
    np.testing.assert_array_equal(found.beam.electric_axis, [1, 0, 0])
    assert found.crystal is not None
    np.testing.assert_array_equal(found.crystal.cell, told.cell)
    assert found.remarks == ("the detector moves from image to image; it is taken where it is in image 3",)


def test_a_scan_about_a_turned_axis(tmp_path: Path) -> None:
    with_offsets(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "a") as file:
        sample = group(file["entry"], "sample", "NXsample")
        sample["depends_on"] = "moves/phi"
        moves = group(sample, "moves", "NXtransformations")
        axis(moves, "phi", 7.0, "deg", (0, 1, 0), "omega")
        axis(moves, "omega", np.radians([10.0, 10.5, 11.0]), "rad", (-1, 0, 0), "chi")
        axis(moves, "chi", 30.0, "deg", (0, 0, 2))
    scan = read(tmp_path / "a.h5").scan
    assert scan is not None
    np.testing.assert_allclose(scan.axis, [-np.cos(np.pi / 6), -0.5, 0], atol=1e-12)
    assert (scan.start_deg, scan.width_deg, scan.last) == pytest.approx((10.0, 0.5, 3))
    with h5py.File(tmp_path / "a.h5", "a") as file:
        file["entry/sample/moves/omega"][...] = [0.1, 0.4, 0.2]
    found = read(tmp_path / "a.h5")
    assert found.scan is None
    assert found.remarks == ("the angles of omega are not evenly spaced; they are taken for stills",)


def test_the_first_eigers(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        detector = base(file, (2, 40, 30))
        for key, value in {
            "beam_center_x": 11.5,
            "beam_center_y": 20.0,
            "x_pixel_size": 75e-6,
            "y_pixel_size": 75e-6,
        }.items():
            detector[key] = value
        detector["detector_distance"] = 0.15
    found = read(tmp_path / "a.h5")
    corner = np.array([11.5 * 0.075, 20 * 0.075, 150])
    wanted = spanned(corner, np.array([-30 * 0.075, 0, 0]), np.array([0, -40 * 0.075, 0]))
    np.testing.assert_allclose(corners_mm(found.panels[0]), wanted, atol=1e-9)
    assert "has no modules; it is taken to stand across the beam" in found.remarks[0]
    # those of later firmware have a module, and its corner only as a beam centre
    with h5py.File(tmp_path / "a.h5", "a") as file:
        detector = file["entry/instrument/detector"]
        module = group(detector, "module", "NXdetector_module")
        module["data_origin"], module["data_size"] = [0, 0], [40, 30]
        axis(detector["transformations"], "shift", 0.15, "m", (0, 0, 1))
        axis(module, "fast_pixel_direction", 75, "um", (-1, 0, 0), f"{MOVES}/shift")
        axis(module, "slow_pixel_direction", 75, "um", (0, -1, 0), f"{MOVES}/shift")
    np.testing.assert_allclose(corners_mm(read(tmp_path / "a.h5").panels[0]), wanted, atol=1e-9)


def test_spectra_and_polarization(tmp_path: Path) -> None:
    with_offsets(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "a") as file:
        beam = file["entry/instrument/beam"]
        del beam["incident_wavelength"]
        beam["incident_wavelength"], beam["incident_wavelength_weights"] = [1.0, 1.1, 1.4], [1.0, 2.0, 1.0]
        beam["incident_polarization_stokes"] = [2.0, 0.0, 1.6, 0.0]
    found = read(tmp_path / "a.h5")
    assert found.beam.wavelength_A == pytest.approx(1.15)
    assert found.remarks == ("its beam has 3 wavelengths; their weighted mean is taken",)
    assert found.beam.kahn_factor == pytest.approx(0.8)
    np.testing.assert_allclose(found.beam.electric_axis, [np.sqrt(0.5), np.sqrt(0.5), 0])  # type: ignore[arg-type]


def delete(*places: str) -> Callable[[Any], None]:
    def change(file: Any) -> None:
        for place in places:
            del file[f"entry/instrument/detector/{place}"]

    return change


def attribute(place: str, name: str, value: Any) -> Callable[[Any], None]:
    def change(file: Any) -> None:
        file[f"entry/instrument/detector/{place}"].attrs[name] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (delete("module_0", "module_1"), "a.h5: is an HDF5 file that tells of no detector; give a file of NeXus"),
        (delete("module_0/slow_pixel_direction"), "module_0 has no slow_pixel_direction; write the file again"),
        (delete("module_1/data_size"), "module_1/data_size is missing or holds no numbers"),
        (delete("transformations/rail"), "depends on rail, which is not in the file"),
        (attribute("transformations/rail", "depends_on", "tilt"), "depends on itself in the end"),
        (attribute("transformations/tilt", "units", "furlong"), "tilt has the unit 'furlong', which is not known"),
        (attribute("transformations/tilt", "vector", [0.0, 0.0, 0.0]), "tilt turns about 0 0 0, which is no axis"),
        (attribute("transformations/rail", "offset", [1.0, np.nan, 0.0]), "rail has no offset of three numbers"),
        (attribute("module_0/fast_pixel_direction", "vector", "x"), "fast_pixel_direction has no vector of three"),
        (attribute("module_0/slow_pixel_direction", "vector", [-1.0, 0, 0]), "has a fast axis along its slow axis"),
    ],
)
def test_faults(tmp_path: Path, change: Callable[[Any], None], message: str) -> None:
    with_offsets(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "a") as file:
        change(file)
    with pytest.raises(FileError) as caught:
        read(tmp_path / "a.h5")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_other_files_of_hdf5(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["image"] = np.zeros((3, 4))
    with pytest.raises(FileError, match="is an HDF5 file that tells of no detector"):
        read(tmp_path / "a.h5")
    (tmp_path / "a.h5").write_bytes((tmp_path / "a.h5").read_bytes()[:300])
    with pytest.raises(FileError, match="is damaged HDF5"):
        read(tmp_path / "a.h5")
    with_offsets(tmp_path / "b.h5")
    with pytest.raises(FileError, match="tells of no orientation, and needs no #3; leave it out"):
        read_experiment(f"{tmp_path / 'b.h5'}#3")
