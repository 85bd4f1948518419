"""What the files of a dataset say of their images: the instrument, the series, and single images."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np

from nbjax.dataset.laboratory import nexus_geometry
from nbjax.dataset.nxmx import Instrument, NexusGeometry, Series
from nbjax.dataset.plan import Plan, base_orientation
from nbjax.dataset.recorder import recorder_of
from nbjax.dataset.single import Place, Single, fields_of_image
from nbjax.geometry.unit_cell import standard_direct
from nbjax.io.header import HeaderFields
from nbjax.physics.beam_profiles import BEAM_PROFILES
from nbjax.preparation import header_fields
from nbjax.preparation.record import Recording
from nbjax.resolve import Resolved, resolve

FLUX_KEYS = {"beam.fluence_photons_per_m2", "beam.flux_photons_per_s", "beam.exposure_s", "beam.beamsize_mm"}
"""What the flux of an image follows from."""

_PROFILES = {None: "rectangular", "gaussian": "Gaussian", "top_hat": "top-hat"}
"""Names of beam profiles in NeXus."""


class Header:
    """What is said of the images of a plan.

    Args:
        plan: the images by number.
    """

    def __init__(self, plan: Plan):
        self._plan, self._dataset = plan, plan.recipe.dataset

    @cached_property
    def how(self) -> Recording:
        """How every image is recorded."""
        return recorder_of(self._plan.resolved, self._dataset).how

    @cached_property
    def geometry(self) -> NexusGeometry:
        """Geometry of the base configuration, in whose laboratory all files are."""
        return nexus_geometry(self._plan.resolved)

    @cached_property
    def instrument(self) -> Instrument:
        """The base configuration's."""
        return self._instrument(self._plan.resolved)

    def series(self, numbers: range) -> Series:
        """What changes among images."""
        drawn = self._dataset.drawn_keys
        wavelengths = None
        if self._plan.wavelengths_differ:
            wavelengths = np.array([self._plan.wavelength_A(number) for number in numbers])
        distances = None
        if {key for key in drawn if key.startswith("detector.")} == {"detector.distance_mm"} and self.geometry.slides:
            shift_m = (self.geometry.rotation @ self._plan.resolved.detector.origin_shift_mm)[2] / 1000
            distances = np.array([self._plan.distance_mm(number) / 1000 for number in numbers]) + shift_m
        return Series(
            start_deg=np.array([self._plan.start_deg(number) for number in numbers]),
            width_deg=self._dataset.width_deg or 0.0,
            wavelengths_A=wavelengths,
            distances_m=distances,
        )

    def single(self, number: int, pixels: np.ndarray, place: Place) -> Single:
        """An image for a file of its own.

        Args:
            number: of the image.
            pixels: as stored, shape (slow, fast).
            place: where they are stored.
        """
        fields, instrument = self._base_fields, self.instrument
        if self._dataset.draws_detector:
            resolved = resolve(self._plan.image(number).lattices[0])
            fields, instrument = header_fields(resolved), self._instrument(resolved)
        start_deg, width_deg = self._plan.start_deg(number), self._dataset.width_deg or 0.0
        wavelength_A = self._plan.wavelength_A(number)
        return Single(
            counts=pixels,
            bad=~self._evaluated,
            fields=fields_of_image(fields, wavelength_A, start_deg, width_deg),
            exposure_s=instrument.exposure_s,
            adc_offset=0.0 if self._plan.resolved.record else self._plan.resolved.output.adc_offset,
            how=self.how,
            instrument=instrument,
            series=Series(np.array([start_deg]), width_deg, np.array([wavelength_A])),
            place=place,
        )

    def geometry_of(self, number: int) -> NexusGeometry:
        """Geometry of an image."""
        drawn = self._dataset.draws_detector
        return nexus_geometry(resolve(self._plan.image(number).lattices[0])) if drawn else self.geometry

    @cached_property
    def _base_fields(self) -> HeaderFields:
        return header_fields(self._plan.resolved)

    @cached_property
    def _evaluated(self) -> np.ndarray:
        """Pixels that have a value."""
        return self._plan.resolved.evaluated()[0]

    def _instrument(self, resolved: Resolved) -> Instrument:
        own = resolved is not self._plan.resolved
        spread = resolved.beam.spread
        geometry = nexus_geometry(resolved) if own else self.geometry
        found = instrument_of(resolved, geometry, self.how.kind, self.how.brightest)
        drawn_flux = not own and self._dataset.drawn_keys & FLUX_KEYS
        return replace(
            found,
            photons_per_count=1 / self.how.counts_per_photon,
            pedestal_counts=self.how.pedestal_counts,
            fluence_photons_per_m2=None if drawn_flux else found.fluence_photons_per_m2,
            # the images of a plan leave the mask to the base
            mask=(~self._evaluated).astype(np.uint32),
            channels=0 if spread is None or spread.band.kind == "comb" else len(spread.band.weights),
        )


def instrument_of(resolved: Resolved, geometry: NexusGeometry, kind: np.dtype, saturation: int | None) -> Instrument:
    """The instrument of a resolved configuration, without a spectrum.

    Args:
        resolved: the completed configuration.
        geometry: its panels in the NeXus laboratory.
        kind: type of the pixels.
        saturation: brightest count that is no overload, or None.
    """
    detector, beam, crystal = resolved.detector, resolved.beam, resolved.crystal
    lengths, angles = np.array(crystal.cell_A), np.radians(crystal.cell_deg)
    orientation = geometry.rotation @ base_orientation(resolved)
    direct = np.asarray(standard_direct(lengths, angles)) @ orientation.T
    size_m, profile = beam.beamsize_mm / 1000, resolved.config.beam.profile
    return Instrument(
        geometry=geometry,
        shape=detector.shape,
        wavelength_A=beam.wavelength_A,
        kahn_factor=beam.polarization,
        fluence_photons_per_m2=beam.fluence_photons_per_m2,
        beamsize_m=size_m,
        exposure_s=resolved.config.beam.exposure_s or 1.0,
        sensor_m=detector.thickness_um * 1e-6,
        mask=(~resolved.evaluated()[0]).astype(np.uint32),
        saturation=saturation,
        bits=kind.itemsize * 8,
        cell=(*crystal.cell_A, *crystal.cell_deg),
        orientation=orientation,
        reciprocal_per_A=np.linalg.inv(direct),
        profile=_PROFILES[profile],
        area_m2=None if profile is None else BEAM_PROFILES[profile].area(size_m),
    )
