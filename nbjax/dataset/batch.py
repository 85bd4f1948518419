"""A dataset from its recipe: what is written where, what is there already, and the threads that make it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import jax
import numpy as np

from nbjax import __version__
from nbjax.dataset.frame import NexusGeometry, nexus_geometry
from nbjax.dataset.images import LARGEST, Simulator, pixels_of
from nbjax.dataset.labels import labels_of
from nbjax.dataset.load import Recipe
from nbjax.dataset.master import master_path, write_master
from nbjax.dataset.nxmx import Instrument, Series
from nbjax.dataset.plan import Plan
from nbjax.dataset.run import Share, write_shards
from nbjax.dataset.settings import check_settings, settings_text, write_settings
from nbjax.dataset.shard import Frame, write_shard
from nbjax.dataset.truth import truth_of
from nbjax.geometry.unit_cell import standard_direct

Progress = Callable[[int, int], None]


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
        maps, spots = labels_of(self.simulator, photons, labels)
        return Frame(number, pixels, truth, maps, spots)

    def run(self, resume: bool, progress: Progress | None = None) -> Path | None:
        """Write what is missing.

        Args:
            resume: continue a dataset that was begun.
            progress: called with (images done, images to do).

        Returns:
            The master, or None while shards of other processes are missing.

        Raises:
            ConfigError: the folder holds a dataset, and ``resume`` is off or it is another one.
            FileError: a file cannot be written, or a shard is damaged.
        """
        text = settings_text(self.recipe, self.share)
        check_settings(self.share, text, resume)
        header = {"config": text, "nbjax_version": __version__, "numpy_version": np.__version__}
        instrument = self._instrument()
        write_settings(self.share, text)

        def write(shard: int, frames: Iterator[Frame]) -> None:
            numbers = self.share.numbers(shard)
            write_shard(self.share.path(shard), frames, len(numbers), instrument, self._series(numbers), header)

        write_shards(self.share, self.share.missing(), self.frame, write, self.workers, progress)
        paths = [self.share.path(shard) for shard in range(self.share.shards)]
        if not all(path.exists() for path in paths):
            return None
        path = master_path(self.share.folder, self.share.name)
        write_master(path, paths, instrument, self._series(range(self.share.images)))
        return path

    def _instrument(self) -> Instrument:
        resolved, dataset = self.plan.resolved, self.recipe.dataset
        detector, crystal = resolved.detector, resolved.crystal
        lengths, angles = np.array(crystal.cell_A), np.radians(crystal.cell_deg)
        orientation = self.geometry.rotation @ self.plan.orientation
        direct = np.asarray(standard_direct(lengths, angles)) @ orientation.T
        evaluated, _ = resolved.evaluated()
        return Instrument(
            geometry=self.geometry,
            shape=(detector.pixels_slow, detector.pixels_fast),
            pixel_m=detector.pixel_mm / 1000,
            wavelength_A=resolved.beam.wavelength_A,
            kahn_factor=resolved.beam.polarization,
            fluence_photons_per_m2=resolved.beam.fluence_photons_per_m2,
            exposure_s=self.recipe.config.beam.exposure_s or 1.0,
            sensor_m=detector.thickness_um * 1e-6,
            mask=(~evaluated).astype(np.uint32),
            saturation=LARGEST.get(dataset.pixels),
            bits=np.dtype(dataset.pixels).itemsize * 8,
            cell=(*crystal.cell_A, *crystal.cell_deg),
            orientation=orientation,
            reciprocal_per_A=np.linalg.inv(direct),
        )

    def _series(self, numbers: range) -> Series:
        dataset = self.recipe.dataset
        drawn = {key for draw in dataset.draws for key in draw.keys}
        wavelengths = None
        if drawn & {"beam.wavelength_A", "beam.energy_eV"}:
            wavelengths = np.array([self.plan.wavelength_A(number) for number in numbers])
        return Series(
            start_deg=np.array([self.plan.start_deg(number) for number in numbers]),
            width_deg=(dataset.width_deg or 0.0) if dataset.kind == "rotation" else 0.0,
            wavelengths_A=wavelengths,
        )


def default_workers() -> int:
    """Threads that make images: one for each device, or on CPUs for each core, up to four."""
    if jax.default_backend() == "cpu":
        return max(1, min(4, len(os.sched_getaffinity(0))))
    return 2 * len(jax.local_devices())

