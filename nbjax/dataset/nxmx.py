"""The NXmx tree of a file (NeXus application definition for macromolecular crystallography)."""

from __future__ import annotations

from dataclasses import dataclass, field

import h5py
import numpy as np

from nbjax.dataset.nodes import group, put, put_axis, set_attributes
from nbjax.dataset.nxmx_modules import Module, write_modules
from nbjax.io.experiments.recorded import RecordedGroup

SIMULATED = "2000-01-01T00:00:00Z"
"""Start and end of every simulated exposure, which have no date."""

SPECTRUM = "incident_wavelength_1Dspectrum"
"""The variant of the wavelength that is a spectrum, as DIALS names it."""

MATERIALS = {"Si", "CdTe", "GaAs"}
"""Of sensors, as readers know them."""

THINNEST_SENSOR_M = 1e-9
"""Stands for a sensor that is not modelled: readers correct for parallax, and refuse a thickness of 0."""


@dataclass(frozen=True)
class NexusGeometry:
    """Geometry of the base configuration in the NeXus laboratory.

    Attributes:
        rotation: from nbjax's laboratory, acting on column vectors, shape (3, 3).
        origin_m: corner of the first pixel.
        fast, slow: unit axes of the panel.
        spindle: unit axis of the goniometer.
        close_distance_m: sample to the nearest point of the panel's plane.
        distance_m: sample to panel along the beam; None where the beam misses the panel's plane. Of several panels, the
            mean of their middles along the beam.
        beam_centre_px: (fast, slow) of the direct beam, or None likewise, and of several panels.
        slides: whether another distance shifts the panels along the beam and does nothing else.
        modules: every panel. The numbers above are those of the one nearest to the beam.
        groups: of several panels, the largest first.
    """

    rotation: np.ndarray
    origin_m: np.ndarray
    fast: np.ndarray
    slow: np.ndarray
    spindle: np.ndarray
    close_distance_m: float
    distance_m: float | None
    beam_centre_px: tuple[float, float] | None
    slides: bool
    modules: tuple[Module, ...]
    groups: tuple[RecordedGroup, ...] = ()

    @property
    def several(self) -> bool:
        """Whether there are several panels."""
        return len(self.modules) > 1

    @property
    def root_m(self) -> float:
        """Where on the beam the chain of the modules begins."""
        return self.distance_m if self.several and self.distance_m is not None else self.close_distance_m

    @property
    def pyfai_orientation(self) -> int:
        """The corner of the first pixel in pyFAI's terms: 3, or 2 where its rows are counted from the far edge."""
        return 3 if self.origin_m @ np.cross(self.slow, self.fast) > 0 else 2


@dataclass(frozen=True)
class Instrument:
    """What is the same for all images.

    Attributes:
        geometry: panel, beam and spindle in the NeXus laboratory.
        shape: (slow, fast) pixels of an image, or (panel, slow, fast); several panels may be below each other.
        wavelength_A: of the base configuration.
        kahn_factor: linear polarization along the NeXus x axis.
        fluence_photons_per_m2: of every image, or None where it differs.
        beamsize_m: edge of the square beam that has this fluence, or size of another profile.
        exposure_s: of each image.
        sensor_m: thickness of the sensor; 0 where none is modelled.
        mask: 1 where a pixel has no value, uint32, of the same shape.
        saturation: brightest count that is no overload, or None of floats.
        bits: of a pixel.
        cell: of the base configuration: A, A, A, degree, degree, degree.
        orientation: from the standard setting to the NeXus laboratory, at spindle angle 0, shape (3, 3).
        reciprocal_per_A: columns a*, b*, c* in the NeXus laboratory at spindle angle 0, shape (3, 3).
        sample: name of the sample.
        profile: of the beam, as NeXus names it.
        area_m2: of a level beam of this fluence that has the same flux; None: the square of ``beamsize_m``.
        channels: wavelengths of the spectrum that the truth holds of each image; 0 where it holds none.
        photons_per_count, pedestal_counts: of a stored number, less its pedestal.
    """

    geometry: NexusGeometry
    shape: tuple[int, ...]
    wavelength_A: float
    kahn_factor: float
    fluence_photons_per_m2: float | None
    beamsize_m: float
    exposure_s: float
    sensor_m: float
    mask: np.ndarray
    saturation: int | None
    bits: int
    cell: tuple[float, ...]
    orientation: np.ndarray
    reciprocal_per_A: np.ndarray
    sample: str = "crystal"
    profile: str = "rectangular"
    area_m2: float | None = None
    channels: int = 0
    photons_per_count: float = 1.0
    pedestal_counts: float = 0.0


@dataclass(frozen=True)
class Series:
    """What changes from image to image, for the images of one file.

    Attributes:
        start_deg, width_deg: spindle angle of each image, and how far each turns; width 0 of stills.
        wavelengths_A: of each image where they differ, else None.
        distances_m: sample to panel along the beam where they differ, else None.
    """

    start_deg: np.ndarray
    width_deg: float
    wavelengths_A: np.ndarray | None = None
    distances_m: np.ndarray | None = field(default=None)


def write_tree(file: h5py.File, instrument: Instrument, series: Series) -> h5py.Group:
    """Everything but the pixels and the truth.

    Args:
        file: an empty file.
        instrument: what all images share.
        series: what changes from image to image.

    Returns:
        The entry; ``entry/data`` still lacks its dataset ``data``.
    """
    set_attributes(file, {"default": "entry", "file_name": "nbjax", "creator": "nbjax"})
    entry = group(file, "entry", "NXentry", default="data")
    put(entry, "definition", "NXmx", version="1.4")
    put(entry, "start_time", SIMULATED)
    put(entry, "end_time", SIMULATED)
    put(entry, "end_time_estimated", SIMULATED)
    data = group(
        entry,
        "data",
        "NXdata",
        signal="data",
        axes=np.full(1 + len(instrument.shape), b"."),
        auxiliary_signals=np.zeros(0, "S1"),
    )
    # what is stored, plus the offset, times the factor, which DIALS reads by the second name
    for name in ("data_scaling_factor", "data_scale_factor") if instrument.photons_per_count != 1 else ():
        put(data, name, instrument.photons_per_count)
    if instrument.pedestal_counts != 0:
        put(data, "data_offset", -instrument.pedestal_counts)
    source = group(entry, "source", "NXsource")
    put(source, "name", "nbjax", short_name="nbjax")
    node = group(entry, "instrument", "NXinstrument")
    put(node, "name", "simulated", short_name="simulated")
    beam = group(node, "beam", "NXbeam")
    wavelength = instrument.wavelength_A if series.wavelengths_A is None else series.wavelengths_A
    central = put(beam, "incident_wavelength", wavelength, units="angstrom")
    if instrument.channels:
        set_attributes(central, {"variant": SPECTRUM})
        beam[SPECTRUM] = h5py.SoftLink("/entry/truth/spectrum_wavelength")
        beam[f"{SPECTRUM}_weights"] = h5py.SoftLink("/entry/truth/spectrum_weight")
    put(beam, "incident_polarization_stokes", [[1.0, instrument.kahn_factor, 0.0, 0.0]])
    if instrument.fluence_photons_per_m2 is not None:
        flux_per_m2 = instrument.fluence_photons_per_m2 / instrument.exposure_s
        put(beam, "flux", flux_per_m2 / 1e4, units="s^-1 cm^-2")
        area_m2 = instrument.beamsize_m**2 if instrument.area_m2 is None else instrument.area_m2
        put(beam, "total_flux", flux_per_m2 * area_m2, units="Hz")
        put(beam, "incident_beam_size", np.full(2, instrument.beamsize_m), units="m")
    put(beam, "profile", instrument.profile)
    # readers take modules in the order in which they come
    detector = group(node, "detector", "NXdetector", ordered=instrument.geometry.several)
    _write_detector(detector, instrument, series)
    _write_sample(group(entry, "sample", "NXsample"), instrument, series)
    return entry


def _write_detector(detector: h5py.Group, instrument: Instrument, series: Series) -> None:
    geometry = instrument.geometry
    put(detector, "description", "simulated by nbjax")
    put(detector, "type", "PIXEL")
    put(detector, "depends_on", "/entry/instrument/detector/transformations/detector_z")
    if geometry.distance_m is not None:
        put(detector, "distance", geometry.distance_m, units="m")
        put(detector, "distance_derived", False)
    if geometry.beam_centre_px is not None:
        put(detector, "beam_center_x", geometry.beam_centre_px[0], units="pixel")
        put(detector, "beam_center_y", geometry.beam_centre_px[1], units="pixel")
    edges_m = {module.pixel_m for module in geometry.modules}
    # of panels with different pixels each module has its own
    for axis, edge_m in zip("xy", edges_m.pop() if len(edges_m) == 1 else (), strict=False):
        put(detector, f"{axis}_pixel_size", edge_m, units="m")
    put(detector, "count_time", instrument.exposure_s, units="s")
    put(detector, "frame_time", instrument.exposure_s, units="s")
    materials = {module.material for module in geometry.modules} & MATERIALS
    put(detector, "sensor_material", materials.pop() if len(materials) == 1 else "Si")
    put(detector, "sensor_thickness", max(instrument.sensor_m, THINNEST_SENSOR_M), units="m")
    put(detector, "bit_depth_image", instrument.bits)
    put(detector, "bit_depth_readout", instrument.bits)
    put(detector, "underload_value", 0)
    if instrument.saturation is not None:
        put(detector, "saturation_value", instrument.saturation)
    put(detector, "pixel_mask_applied", False)
    detector.create_dataset(
        "pixel_mask",
        data=instrument.mask,
        chunks=(1,) * (instrument.mask.ndim - 2) + instrument.mask.shape[-2:],
        compression="gzip",
        shuffle=True,
        track_times=False,
    )
    if not geometry.several:
        # the names under which pyFAI looks for a detector
        put(detector, "shape", np.array(instrument.shape))
        put(detector, "pixel_size", np.array(geometry.modules[0].pixel_m[::-1]), units="m")
        put(detector, "orientation", geometry.pyfai_orientation)
        detector["mask"] = detector["pixel_mask"]
    along_m = np.atleast_1d(geometry.root_m if series.distances_m is None else series.distances_m)
    write_modules(detector, geometry.modules, geometry.groups, geometry.root_m, along_m, instrument.shape)


def _write_sample(sample: h5py.Group, instrument: Instrument, series: Series) -> None:
    put(sample, "name", instrument.sample)
    put(sample, "unit_cell", np.array([instrument.cell]))
    put(sample, "unit_cell_abc", np.array(instrument.cell[:3]), units="angstrom")
    put(sample, "unit_cell_alphabetagamma", np.array(instrument.cell[3:]), units="degree")
    put(sample, "orientation_matrix", instrument.orientation[None])
    put(sample, "ub_matrix", instrument.reciprocal_per_A[None])
    moves = group(sample, "transformations", "NXtransformations")
    put(sample, "depends_on", "/entry/sample/transformations/omega" if series.width_deg else ".")
    axis = tuple(instrument.geometry.spindle)
    put_axis(moves, "omega", series.start_deg, "rotation", axis, "degree", ".")
    put(moves, "omega_end", series.start_deg + series.width_deg, units="degree")
    put(moves, "omega_increment_set", series.width_deg, units="degree")
