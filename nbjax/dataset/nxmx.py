"""The NXmx tree of a file (NeXus application definition for macromolecular crystallography).

Strings have a fixed length and no date is that of the writing, so that equal images make equal files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import h5py
import numpy as np

SIMULATED = "2000-01-01T00:00:00Z"
"""Start and end of every simulated exposure, which have no date."""

SPECTRUM = "incident_wavelength_1Dspectrum"
"""The variant of the wavelength that is a spectrum, as DIALS names it."""

_ACROSS = 1e-9

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
        distance_m: sample to panel along the beam; None where the beam misses the panel's plane.
        beam_centre_px: (fast, slow) of the direct beam, or None likewise.
    """

    rotation: np.ndarray
    origin_m: np.ndarray
    fast: np.ndarray
    slow: np.ndarray
    spindle: np.ndarray
    close_distance_m: float
    distance_m: float | None
    beam_centre_px: tuple[float, float] | None

    @property
    def faces_beam(self) -> bool:
        """Whether the panel stands across the beam, so that another distance shifts it along the beam."""
        return bool(max(abs(self.fast[2]), abs(self.slow[2])) < _ACROSS)

    @property
    def pyfai_orientation(self) -> int:
        """The corner of the first pixel in pyFAI's terms: 3, or 2 where its rows are counted from the far edge."""
        return 3 if self.origin_m @ np.cross(self.slow, self.fast) > 0 else 2


@dataclass(frozen=True)
class Instrument:
    """What is the same for all images.

    Attributes:
        geometry: panel, beam and spindle in the NeXus laboratory.
        shape: (slow, fast) pixels.
        pixel_m: edge of a pixel.
        wavelength_A: of the base configuration.
        kahn_factor: linear polarization along the NeXus x axis.
        fluence_photons_per_m2: of every image, or None where it differs.
        beamsize_m: edge of the square beam that has this fluence, or size of another profile.
        exposure_s: of each image.
        sensor_m: thickness of the sensor; 0 where none is modelled.
        mask: 1 where a pixel has no value, uint32, shape (slow, fast).
        saturation: brightest count that is no overload, or None of floats.
        bits: of a pixel.
        cell: of the base configuration: A, A, A, degree, degree, degree.
        orientation: from the standard setting to the NeXus laboratory, at spindle angle 0, shape (3, 3).
        reciprocal_per_A: columns a*, b*, c* in the NeXus laboratory at spindle angle 0, shape (3, 3).
        sample: name of the sample.
        profile: of the beam, as NeXus names it.
        area_m2: of a level beam of this fluence that has the same flux; None: the square of ``beamsize_m``.
        channels: wavelengths of the spectrum that the truth holds of each image; 0 where it holds none.
    """

    geometry: NexusGeometry
    shape: tuple[int, int]
    pixel_m: float
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


def group(parent: h5py.Group, name: str, kind: str, **attributes: object) -> h5py.Group:
    """A group of a NeXus class."""
    made = parent.create_group(name)
    set_attributes(made, {"NX_class": kind, **attributes})
    return made


def set_attributes(node: h5py.Group | h5py.Dataset, attributes: Mapping[str, object]) -> None:
    """Attributes, with strings of fixed length."""
    for key, value in attributes.items():
        node.attrs[key] = np.bytes_(value.encode()) if isinstance(value, str) else value


def put(parent: h5py.Group, name: str, value: object, **attributes: object) -> h5py.Dataset:
    """A dataset with its attributes (``units`` and others), without the time of its writing."""
    if isinstance(value, str):
        encoded = value.encode()
        made = parent.create_dataset(
            name, data=encoded, dtype=h5py.string_dtype("utf-8", max(1, len(encoded))), track_times=False
        )
    else:
        made = parent.create_dataset(name, data=value, track_times=False)
    set_attributes(made, attributes)
    return made


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
    group(entry, "data", "NXdata", signal="data", axes=np.full(3, b"."), auxiliary_signals=np.zeros(0, "S1"))
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
    _write_detector(group(node, "detector", "NXdetector"), instrument, series)
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
    put(detector, "x_pixel_size", instrument.pixel_m, units="m")
    put(detector, "y_pixel_size", instrument.pixel_m, units="m")
    put(detector, "count_time", instrument.exposure_s, units="s")
    put(detector, "frame_time", instrument.exposure_s, units="s")
    put(detector, "sensor_material", "Si")
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
        chunks=instrument.mask.shape,
        compression="gzip",
        shuffle=True,
        track_times=False,
    )
    # the names under which pyFAI looks for a detector
    put(detector, "shape", np.array(instrument.shape))
    put(detector, "pixel_size", np.full(2, instrument.pixel_m), units="m")
    put(detector, "orientation", geometry.pyfai_orientation)
    detector["mask"] = detector["pixel_mask"]
    moves = group(detector, "transformations", "NXtransformations")
    distance = np.atleast_1d(geometry.close_distance_m if series.distances_m is None else series.distances_m)
    _axis(moves, "detector_z", distance, "translation", (0.0, 0.0, 1.0), "m", ".")
    module = group(detector, "module", "NXdetector_module")
    put(module, "data_origin", np.zeros(2, int))
    put(module, "data_size", np.array(instrument.shape))
    offset = geometry.origin_m - [0.0, 0.0, geometry.close_distance_m]
    length = float(np.linalg.norm(offset))
    vector = tuple(offset / length) if length else (1.0, 0.0, 0.0)
    chain = "/entry/instrument/detector/transformations/detector_z"
    _axis(module, "module_offset", np.array([length]), "translation", vector, "m", chain)
    chain = "/entry/instrument/detector/module/module_offset"
    for name, axis in (("fast_pixel_direction", geometry.fast), ("slow_pixel_direction", geometry.slow)):
        _axis(module, name, np.array([instrument.pixel_m]), "translation", tuple(axis), "m", chain)


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
    _axis(moves, "omega", series.start_deg, "rotation", axis, "degree", ".")
    put(moves, "omega_end", series.start_deg + series.width_deg, units="degree")
    put(moves, "omega_increment_set", series.width_deg, units="degree")


def _axis(
    parent: h5py.Group,
    name: str,
    values: np.ndarray,
    kind: str,
    vector: Sequence[float],
    units: str,
    depends_on: str,
) -> None:
    put(
        parent,
        name,
        values,
        units=units,
        transformation_type=kind,
        vector=np.array(vector),
        offset=np.zeros(3),
        offset_units="m",
        depends_on=depends_on,
    )
