"""A dataset from its recipe: what is written where, what is there already, and the threads that make it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import jax
import numpy as np

from nbjax import __version__
from nbjax.dataset.check import check_draws
from nbjax.dataset.companions import Told, write_companions
from nbjax.dataset.counts import saturation_of
from nbjax.dataset.frame import nexus_geometry
from nbjax.dataset.images import Simulator, pixels_of
from nbjax.dataset.labels import labels_of
from nbjax.dataset.load import Recipe
from nbjax.dataset.master import master_path, write_master
from nbjax.dataset.nxmx import Instrument, NexusGeometry, Series
from nbjax.dataset.plan import Plan
from nbjax.dataset.run import Share, made_ahead, write_shards
from nbjax.dataset.settings import check_settings, settings_text, without_images, write_settings
from nbjax.dataset.shard import Frame, stored_bytes, write_shard
from nbjax.dataset.single import Single, fields_of_image
from nbjax.dataset.single_formats import SINGLE_FORMATS
from nbjax.dataset.truth import truth_of
from nbjax.geometry.unit_cell import standard_direct
from nbjax.io.header import HeaderFields
from nbjax.preparation import header_fields
from nbjax.resolve import resolve

Progress = Callable[[int, int], None]

FLUX_KEYS = {"beam.fluence_photons_per_m2", "beam.flux_photons_per_s", "beam.exposure_s", "beam.beamsize_mm"}
"""What the flux of an image follows from."""


@dataclass(frozen=True)
class Batch:
    """A dataset that is to be written.

    Attributes:
        recipe: what its images follow from.
        share: its files, and which of them this process writes.
        workers: threads that make images.
    """

    recipe: Recipe
    share: Share
    workers: int

    @cached_property
    def settings(self) -> str:
        """TOML text of everything that the files follow from.

        Raises:
            FileError: an input file cannot be read.
        """
        return settings_text(self.recipe, self.share)

    @cached_property
    def plan(self) -> Plan:
        """Images by number."""
        return Plan(self.recipe)

    @cached_property
    def simulator(self) -> Simulator:
        """Photons by number."""
        return Simulator(self.plan)

    @cached_property
    def geometry(self) -> NexusGeometry:
        """Geometry of the files."""
        return nexus_geometry(self.plan.resolved)

    def frame(self, number: int) -> Frame:
        """One image, as it is stored."""
        dataset = self.recipe.dataset
        devices = jax.local_devices()
        labels = dataset.labels
        by_lattice = labels.spots or labels.miller_index or labels.lattice
        photons = self.simulator.photons(number, by_lattice, devices[number % len(devices)])
        pixels = pixels_of(photons.total, number, dataset.seed, dataset.noise, dataset.pixels)
        truth = truth_of(photons, pixels, self.geometry.rotation, self.plan.start_deg(number))
        maps, spots = labels_of(self.simulator.background, photons, labels)
        return Frame(number, pixels, truth, maps, spots)

    def check(self, resume: bool) -> None:
        """Make sure that the folder may take this dataset; every process does before the first one writes.

        Args:
            resume: continue a dataset that was begun.

        Raises:
            ConfigError: the folder holds a dataset, and ``resume`` is off or it is another one.
        """
        check_settings(self.share, self.settings, resume)

    def run(self, progress: Progress | None = None) -> Path | None:
        """Write what is missing.

        Args:
            progress: called with (images done, images to do).

        Returns:
            The master, or None while shards of other processes are missing.

        Raises:
            ConfigError: impossible values were drawn.
            FileError: a file cannot be written, or a shard is damaged.
        """
        header = {
            "config": without_images(self.settings),
            "nbjax_version": __version__,
            "numpy_version": np.__version__,
        }
        check_draws(self.simulator, self.share.images)
        instrument = self._instrument()
        for kind in self.recipe.dataset.also:
            SINGLE_FORMATS[kind].check(self.geometry, self.recipe.dataset.kind == "rotation")
        write_settings(self.share, self.settings)

        def write(shard: int, frames: Iterator[Frame]) -> None:
            numbers = self.share.numbers(shard)
            path, series = self.share.path(shard), self._series(numbers)
            write_shard(path, self._with_single_files(frames), len(numbers), instrument, series, header)

        write_shards(self.share, self.share.missing(), self.frame, write, self.workers, progress)
        self.share.check_written()
        paths = [self.share.path(shard) for shard in range(self.share.shards)]
        if not all(path.exists() for path in paths):
            return None
        path = master_path(self.share.folder, self.share.name)
        series = self._series(range(self.share.images))
        write_master(path, paths, instrument, series)
        one_geometry = not any(key.startswith("detector.") for key in self._drawn)
        write_companions(self.share.folder, Told(self.share.name, instrument, series, one_geometry))
        return path

    def _with_single_files(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        """The frames, each written to files of its own on its way where those are wanted."""
        offset = self.plan.resolved.output.adc_offset
        for frame in frames:
            for kind in self.recipe.dataset.also:
                form, fields = SINGLE_FORMATS[kind], self._header_fields(frame.number)
                image = Single(frame.pixels, ~self._evaluated, fields, self._exposure_s, offset)
                form.write(self.share.folder / f"{self.share.name}_{frame.number + 1:07d}{form.suffix}", image)
            yield frame

    def _header_fields(self, number: int) -> HeaderFields:
        base = self._base_fields
        if any(key.startswith("detector.") for key in self.plan.image(number).drawn):
            base = header_fields(resolve(self.plan.image(number).lattices[0]))
        return fields_of_image(base, self.plan.wavelength_A(number), self.plan.start_deg(number), self._width_deg)

    @cached_property
    def _base_fields(self) -> HeaderFields:
        return header_fields(self.plan.resolved)

    @cached_property
    def _evaluated(self) -> np.ndarray:
        """Pixels that have a value."""
        return self.plan.resolved.evaluated()[0]

    @property
    def _width_deg(self) -> float:
        return self.recipe.dataset.width_deg or 0.0

    @property
    def _drawn(self) -> set[str]:
        return {key for draw in self.recipe.dataset.draws for key in draw.keys}

    @property
    def _exposure_s(self) -> float:
        return self.recipe.config.beam.exposure_s or 1.0

    def _instrument(self) -> Instrument:
        resolved, dataset = self.plan.resolved, self.recipe.dataset
        detector, crystal = resolved.detector, resolved.crystal
        lengths, angles = np.array(crystal.cell_A), np.radians(crystal.cell_deg)
        orientation = self.geometry.rotation @ self.plan.orientation
        direct = np.asarray(standard_direct(lengths, angles)) @ orientation.T
        return Instrument(
            geometry=self.geometry,
            shape=(detector.pixels_slow, detector.pixels_fast),
            pixel_m=detector.pixel_mm / 1000,
            wavelength_A=resolved.beam.wavelength_A,
            kahn_factor=resolved.beam.polarization,
            fluence_photons_per_m2=None if self._drawn & FLUX_KEYS else resolved.beam.fluence_photons_per_m2,
            beamsize_m=resolved.beam.beamsize_mm / 1000,
            exposure_s=self._exposure_s,
            sensor_m=detector.thickness_um * 1e-6,
            mask=(~self._evaluated).astype(np.uint32),
            saturation=saturation_of(dataset.pixels),
            bits=np.dtype(dataset.pixels).itemsize * 8,
            cell=(*crystal.cell_A, *crystal.cell_deg),
            orientation=orientation,
            reciprocal_per_A=np.linalg.inv(direct),
        )

    def _series(self, numbers: range) -> Series:
        drawn = self._drawn
        wavelengths = None
        if drawn & {"beam.wavelength_A", "beam.energy_eV"}:
            wavelengths = np.array([self.plan.wavelength_A(number) for number in numbers])
        distances = None
        if "detector.distance_mm" in drawn and self.geometry.faces_beam:
            distances = np.array([self.plan.distance_mm(number) / 1000 for number in numbers])
        return Series(
            start_deg=np.array([self.plan.start_deg(number) for number in numbers]),
            width_deg=self._width_deg,
            wavelengths_A=wavelengths,
            distances_m=distances,
        )


@dataclass(frozen=True)
class Estimate:
    """What a run will take.

    Attributes:
        bytes: on disk, of the whole dataset.
        first_s: until the first image is there, of which most is compilation.
        seconds: of this process.
    """

    bytes: float
    first_s: float
    seconds: float


def estimate(batch: Batch, tried: int = 3) -> Estimate:
    """Size and time, from a few images that are made and compressed in memory.

    Args:
        batch: the dataset.
        tried: images that are made after the first.
    """
    check_draws(batch.simulator, batch.share.images)
    begin = time.perf_counter()
    batch.frame(0)
    first_s = time.perf_counter() - begin
    begin = time.perf_counter()
    tried = min(tried, batch.share.images)
    size = 0
    for frame in made_ahead(batch.frame, list(range(tried)), batch.workers):
        size += stored_bytes(frame)
    an_image_s = (time.perf_counter() - begin) / tried
    own = sum(len(batch.share.numbers(shard)) for shard in batch.share.own())
    return Estimate(size / tried * batch.share.images, first_s, first_s + an_image_s * own)


def default_workers() -> int:
    """Threads that make images: one for each device, or on CPUs for each core, up to four."""
    if jax.default_backend() == "cpu":
        return max(1, min(4, len(os.sched_getaffinity(0))))
    return 2 * len(jax.local_devices())
