"""Programs that know nothing of nbjax read the files as they were meant."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import fabio
import h5py
import jax
import numpy as np
import pytest
from datasets import rotation_recipe

import nbjax.dataset
from nbjax.dataset.plan import Plan
from nbjax.experiment import Experiment
from nbjax.pipeline.image import complete_scene, pixels_at
from nbjax.pipeline.sample import sample_ray
from nbjax.preparation import prepare_resolved

nxmx = pytest.importorskip("nxmx", reason="the readers are installed by nbjax[readers]")


def images(master: Path) -> np.ndarray:
    return np.stack([pixels for pixels, _ in nbjax.dataset.open(master)])


def nxcheck(path: Path) -> str:
    """What nexusformat's checker says of a file."""
    command = [Path(sys.executable).with_name("nxcheck"), "-e", "-a", "NXmx", str(path)]
    return subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True, timeout=100).stdout


@pytest.mark.parametrize("name", ["full", "rotation"])
def test_nexusformat_finds_no_error(name: str, request: pytest.FixtureRequest) -> None:
    master: Path = request.getfixturevalue(name)
    pytest.importorskip("nexusformat")
    for path in (master, master.parent / "small_000001.h5"):
        assert "Total number of errors: 0" in nxcheck(path)


def test_nxmx_reads_the_geometry(rotation: Path) -> None:
    resolved = Plan(rotation_recipe()).resolved
    with h5py.File(rotation) as file:
        entry = nxmx.NXmx(file).entries[0]
        assert entry.definition == "NXmx"
        assert entry.data[0][entry.data[0].signal].shape == (4, 24, 20)
        sample, instrument = entry.samples[0], entry.instruments[0]
        detector, beam = instrument.detectors[0], instrument.beams[0]
        axes = nxmx.get_rotation_axes(nxmx.get_dependency_chain(sample.depends_on))
        assert axes.is_scan_axis.tolist() == [True]
        np.testing.assert_allclose(axes.axes, [[-1, 0, 0]], atol=1e-12)
        assert sample.depends_on[()].to("degree").magnitude.tolist() == pytest.approx([10.0, 10.5, 11.0, 11.5])
        assert sample.depends_on.end[()].to("degree").magnitude.tolist() == pytest.approx([10.5, 11.0, 11.5, 12.0])
        assert beam.incident_wavelength.to("angstrom").magnitude == pytest.approx(0.9)
        module = detector.modules[0]
        chain = nxmx.get_dependency_chain(module.fast_pixel_direction.depends_on)
        origin = nxmx.get_cumulative_transformation(chain)[0, :3, 3]
        near_mm = np.array(resolved.detector.near_mm)
        np.testing.assert_allclose(origin, [*near_mm, 100.0], atol=1e-9)
        assert module.fast_pixel_direction[()].to("mm").magnitude == pytest.approx(0.9)
        np.testing.assert_allclose(module.fast_pixel_direction.vector, [-1, 0, 0], atol=1e-12)
        np.testing.assert_allclose(module.slow_pixel_direction.vector, [0, -1, 0], atol=1e-12)
        assert detector.distance.to("mm").magnitude == pytest.approx(100.0)
        assert detector.beam_center_x.magnitude == pytest.approx(near_mm[0] / 0.9)
        assert detector.saturation_value == 2**31 - 3
        assert not np.asarray(detector.pixel_mask).any()


def test_fabio_reads_the_pixels(rotation: Path) -> None:
    wanted = images(rotation)
    assert wanted.max() > 100
    with fabio.open(str(rotation)) as stack:
        assert stack.nframes == 4
        assert all((stack.get_frame(number).data == wanted[number]).all() for number in range(4))
    for number in range(4):
        name = f"small_{number + 1:07d}"
        assert (fabio.open(str(rotation.parent / f"{name}.cbf")).data == wanted[number]).all()
        smv = fabio.open(str(rotation.parent / f"{name}.img"))
        assert (smv.data == np.minimum(wanted[number] + 40, 65535)).all()
        assert float(smv.header["ADC_OFFSET"]) == 40.0
        assert float(smv.header["OSC_START"]) == pytest.approx(10 + 0.5 * number)


def test_the_master_has_the_names_of_eiger_files(rotation: Path) -> None:
    """Those that XDS's plugins ask for, each frame where they look for it."""
    with h5py.File(rotation) as file:
        specific = file["entry/instrument/detector/detectorSpecific"]
        assert (specific["nimages"][()], specific["ntrigger"][()]) == (4, 1)
        # read as bare memory
        mask = specific["pixel_mask"]
        assert (mask.shape, mask.dtype, mask.chunks) == ((24, 20), np.uint32, None)
        data = file["entry/data"]
        assert sorted(data) == ["data", "data_000000", "data_000001", "data_000002"]
        assert (np.concatenate([data["data_000001"], data["data_000002"]]) == images(rotation)).all()


def test_pyfai_finds_the_detector(rotation: Path) -> None:
    detectors = pytest.importorskip("pyFAI.detectors")
    for path in (rotation, rotation.with_name("small_000001.h5")):
        found = detectors.NexusDetector(str(path))
        assert (found.shape, found.pixel1, found.pixel2) == ((24, 20), pytest.approx(9e-4), pytest.approx(9e-4))
        assert found.mask.shape == (24, 20)


def test_silx_shows_the_image_at_once(rotation: Path) -> None:
    silx_io = pytest.importorskip("silx.io")
    from silx.io.nxdata import get_default

    with silx_io.open(str(rotation)) as root:
        shown = get_default(root)
        assert shown is not None
        assert (np.asarray(shown.signal) == images(rotation)).all()


def test_strings_have_a_fixed_length(full: Path) -> None:
    found = 0

    def check(name: str, node: h5py.HLObject) -> None:
        nonlocal found
        types = [node.attrs.get_id(key).dtype for key in node.attrs]
        types += [node.dtype] if isinstance(node, h5py.Dataset) else []
        for dtype in types:
            assert h5py.check_string_dtype(dtype) is None or h5py.check_string_dtype(dtype).length, name
            found += dtype.kind == "S"

    for path in (full, full.parent / "small_000001.h5"):
        with h5py.File(path) as file:
            file.visititems(check)
    assert found > 100


def test_pixels_are_one_frame_a_chunk_of_bitshuffle_lz4(full: Path) -> None:
    with h5py.File(full.parent / "small_000001.h5") as file:
        pixels = file["entry/data/data"]
        assert pixels.chunks == (1, 24, 20)
        (code, _, options, _) = pixels.id.get_create_plist().get_filter(0)
        assert (code, options[-1]) == (32008, 2)
        superblock = file.id.get_create_plist().get_version()[0]
        assert superblock <= 2


def test_pyfai_agrees_on_solid_angle_and_polarization(rotation: Path) -> None:
    """Its own factors, from the geometry and the polarization in the file."""
    geometry = pytest.importorskip("pyFAI.geometry")
    with h5py.File(rotation) as file:
        detector, beam = file["entry/instrument/detector"], file["entry/instrument/beam"]
        pixel, distance = float(detector["x_pixel_size"][()]), float(detector["distance"][()])
        centre = detector["beam_center_x"][()] * pixel, detector["beam_center_y"][()] * pixel
        kahn = beam["incident_polarization_stokes"][0, 1]
    seen = geometry.Geometry(distance, centre[1], centre[0], 0, 0, 0, pixel, pixel)
    solid_angle, polarization = factors(prepare_resolved(Plan(rotation_recipe()).resolved))
    theirs = seen.solidAngleArray((24, 20)) * pixel**2 / distance**2
    np.testing.assert_allclose(theirs, solid_angle, rtol=1e-6)
    np.testing.assert_allclose(seen.polarization((24, 20), factor=kahn), polarization, rtol=1e-6)


def factors(experiment: Experiment) -> tuple[np.ndarray, np.ndarray]:
    """Solid angle and polarization at the centre of each pixel, as the pipeline computes them."""
    slow, fast = np.indices((24, 20), dtype=np.int32)
    with jax.enable_x64(True):
        scene = complete_scene(experiment)
        ray = jax.tree.map(lambda rows: rows[0], scene.rays)
        sample = sample_ray(
            experiment, scene, pixels_at(experiment, None, jax.numpy.asarray(slow), jax.numpy.asarray(fast)), ray
        )
    return np.asarray(sample.solid_angle_sr), np.asarray(sample.polarization)
