"""What each image of a dataset shows: a pure function of the recipe and the image's number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from nbjax.config.edit import tables_of, with_values
from nbjax.config.inputs import OF_FACTORS
from nbjax.config.tree import Config
from nbjax.constants import HC_EV_A
from nbjax.dataset.columns import read_columns
from nbjax.dataset.draws import (
    draw_count,
    draw_number,
    draw_rotation,
    mosaic_seed,
    path_of,
    spectrum_seed,
    table_of,
    variation_seed,
)
from nbjax.dataset.load import Recipe
from nbjax.dataset.section import Draw
from nbjax.errors import ConfigError, Fault, FileError
from nbjax.geometry.unit_cell import setting_of
from nbjax.quantities import QUANTITIES, Quantity
from nbjax.resolve import Resolved, resolve
from nbjax.resolve.beam import resolve_beam
from nbjax.resolve.mosaic import DEFAULT_DOMAINS
from nbjax.resolve.notes import Notes
from nbjax.resolve.spectrum import shots_of_images

NOTHING: Mapping[str, float] = {}
_OF_BEAM = {"beam.wavelength_A", "beam.energy_eV"}
_MOVES_WAVELENGTH = _OF_BEAM | {"beam.spectrum_offset_eV"}
_SPREADS = ("divergence_horizontal", "divergence_vertical", "dispersion")
_DISORDER = ("crystal.mosaicity_deg", "crystal.mosaicity_axes_deg", "crystal.cell_spread_percent")
_NO_FACTORS: dict[str, Any] = dict.fromkeys(OF_FACTORS)


@dataclass(frozen=True)
class ImagePlan:
    """One image.

    Attributes:
        number: i.
        lattices: a configuration for each lattice there may be; all share beam and detector.
        drawn: key -> the drawn number; of the crystal's keys, one for each lattice.
        count: lattices that the image shows, the first ones; 0 of a blank image.
    """

    number: int
    lattices: tuple[Config, ...]
    drawn: Mapping[str, float | tuple[float, ...]]
    count: int


class Plan:
    """Images of a recipe by number.

    Args:
        recipe: from ``load_recipe``.

    Attributes:
        recipe: the same.
        resolved: the base configuration, completed; rotation series start at their first image.
        base: the base configuration, without its table of structure factors and with every count settled, so that
            images differ in numbers alone.
        orientation: rotation of the base configuration's crystal from the standard setting, shape (3, 3).
        shots: spectra of the file of which image i takes the i-th; 0 where all images take the same.

    Raises:
        ConfigError: everything that is wrong with the configuration, or a key that cannot be drawn.
        FileError: a file that cannot be read.
    """

    def __init__(self, recipe: Recipe):
        self.recipe = recipe
        faults = [fault for draw in recipe.dataset.draws for fault in _key_faults(draw, recipe)]
        if faults:
            raise ConfigError(faults)
        dataset = recipe.dataset
        config = recipe.config
        if dataset.kind == "rotation":
            assert dataset.width_deg is not None
            config = replace(
                config,
                crystal=replace(
                    config.crystal, phi_start_deg=dataset.start_deg or 0.0, phi_range_deg=dataset.width_deg
                ),
                sampling=replace(config.sampling, phi_steps=dataset.phi_steps, phi_step_deg=None),
            )
        if not {path_of(key)[0] for key in dataset.drawn_keys}.isdisjoint(_DISORDER):
            config = _with_disorder(config)
        self.resolved = resolve(config)
        self.base = _settled(self.resolved, config)
        self.orientation = base_orientation(self.resolved)
        self.shots = shots_of_images(config.beam)

    def image(self, number: int, instead: Mapping[str, float] = NOTHING) -> ImagePlan:
        """Image ``number`` of the series, counted from 0.

        Args:
            number: of the image.
            instead: key -> a number that takes the place of the drawn one.
        """
        dataset = self.recipe.dataset
        shared, drawn = self._drawn(self._lit(number), "other", number, 0, instead)
        values: dict[str, Any] = dict(drawn)
        lattices = []
        for lattice in range(dataset.lattices):
            config, drawn = self._drawn(self._oriented(shared, number, lattice), "crystal", number, lattice, instead)
            lattices.append(config)
            for key, value in drawn.items():
                values[key] = (*values.get(key, ()), value)
        return ImagePlan(number, tuple(lattices), values, self.count(number))

    def count(self, number: int) -> int:
        """Lattices that an image shows."""
        dataset = self.recipe.dataset
        if dataset.lattice_weights is None:
            return dataset.lattices
        return draw_count(dataset.lattice_weights, dataset.seed, number)

    def wavelength_A(self, number: int) -> float:  # noqa: N802
        """Central wavelength of an image."""
        config = self._drawn(self._lit(number), "other", number, 0)[0]
        if config.beam.spectrum_file is not None:
            return resolve_beam(config.beam, config.sampling, (), Notes({})).wavelength_A
        beam = config.beam
        if beam.energy_eV is not None:
            return HC_EV_A / beam.energy_eV
        return self.resolved.beam.wavelength_A if beam.wavelength_A is None else beam.wavelength_A

    @property
    def wavelengths_differ(self) -> bool:
        """Whether images have central wavelengths of their own."""
        own = self.shots > 0 and self.recipe.config.beam.wavelength_A is None
        return own or bool(self.recipe.dataset.drawn_keys & _MOVES_WAVELENGTH)

    def check_shots(self, images: int) -> None:
        """Make sure that each image has a spectrum where the file has one for each shot.

        Raises:
            ConfigError: it has fewer.
        """
        if 0 < self.shots < images:
            file = self.recipe.config.beam.spectrum_file
            problem = f"{file} has {self.shots} shots, image {self.shots} has none"
            cure = "simulate fewer images, or give all of them one shot with beam.spectrum_shot"
            raise ConfigError([Fault("beam.spectrum_file", f"{problem}; {cure}")])

    def _lit(self, number: int) -> Config:
        """The base configuration with the spectrum of an image, its shot of a file or spikes, and its backgrounds."""
        beam = self.base.beam
        if self.shots:
            beam = replace(beam, spectrum_shot=number)
        if beam.spectrum_shape == "sase" and beam.spectrum_seed is None:
            beam = replace(beam, spectrum_seed=spectrum_seed(self.recipe.dataset.seed, number))
        backgrounds = tuple(
            replace(one, variation_seed=variation_seed(self.recipe.dataset.seed, number, i))
            if one.variation_percent is not None and one.variation_seed is None
            else one
            for i, one in enumerate(self.base.background)
        )
        return replace(self.base, beam=beam, background=backgrounds)

    def distance_mm(self, number: int) -> float:
        """Sample to panel along the beam, of an image whose configuration gives it."""
        distance = self._drawn(self.base, "other", number, 0)[0].detector.distance_mm
        return self.resolved.detector.distance_mm if distance is None else distance

    def start_deg(self, number: int) -> float:
        """Spindle angle at which an image starts."""
        dataset, crystal = self.recipe.dataset, self.resolved.crystal
        if dataset.kind == "rotation" and dataset.width_deg is not None:
            return (dataset.start_deg or 0.0) + number * dataset.width_deg
        return crystal.phi_start_deg

    def _oriented(self, config: Config, number: int, lattice: int) -> Config:
        dataset = self.recipe.dataset
        crystal = config.crystal
        if dataset.kind == "rotation" and dataset.width_deg is not None:
            # each phi step stands for the middle of its part of the width; the closed model has it whole
            sampled = self.resolved.crystal.model == "sampled"
            half_step = dataset.width_deg / self.resolved.crystal.phi.count / 2 if sampled else 0.0
            crystal = replace(crystal, phi_start_deg=self.start_deg(number) + half_step)
        # a rotation series shows one crystal
        image = number if dataset.kind == "stills" else 0
        if self.resolved.config.crystal.mosaic_seed is None:
            crystal = replace(crystal, mosaic_seed=mosaic_seed(dataset.seed, image, lattice))
        rotation = self.orientation
        if dataset.matrices_file is not None:
            cell_A, cell_deg, rotation = _cell_of_matrix(dataset.matrices_file, image * dataset.lattices + lattice)
            crystal = replace(crystal, cell_A=cell_A, cell_deg=cell_deg)
        elif (dataset.orientation or ("uniform" if dataset.kind == "stills" else "config")) == "uniform" or lattice > 0:
            rotation = draw_rotation(dataset.seed, image, lattice) @ rotation
        # the configuration's rotation about x, then y, then z
        x, y, z = map(float, Rotation.from_matrix(rotation).as_euler("xyz", degrees=True))
        return replace(config, crystal=replace(crystal, misset_deg=(x, y, z)))

    def _drawn(
        self, config: Config, kind: str, image: int, lattice: int, instead: Mapping[str, float] = NOTHING
    ) -> tuple[Config, dict[str, float]]:
        drawn = {}
        for draw in self.recipe.dataset.draws:
            if (draw.keys[0].split(".")[0] == "crystal") != (kind == "crystal"):
                continue
            number = draw_number(draw, self.recipe.dataset.seed, image, lattice)
            for key in draw.keys:
                value = number * self.base_value(key, config) if draw.relative else number
                config, drawn[key] = _with_value(config, key, instead.get(key, value))
        return config, drawn

    def base_value(self, key: str, config: Config) -> float:
        """What relative draws of a key multiply."""
        path, component = path_of(key)
        section, name = table_of(key), path.partition(".")[2]
        value: Any = getattr(dict(tables_of(config, section.partition(".")[0]))[section], name)
        if value is None and key == "detector.distance_mm" and self.resolved.detector.panels:
            detector = self.resolved.detector
            value = np.mean([panel.middle_mm @ detector.beam_direction for panel in detector.panels])
        if value is None:
            value = self.resolved.notes.get(f"{section}.{name}", (None, ""))[0]
        if value is None:
            raise ConfigError([Fault("dataset.draws", f"{key} is relative to what is not given; give {key}")])
        return float(value if component is None else value[int(component)])


def _key_faults(draw: Draw, recipe: Recipe) -> list[Fault]:
    faults = []
    for key in draw.keys:
        path, index = path_of(key)
        quantity = QUANTITIES.get(path)
        problem = None
        if quantity is None or not quantity.drawn:
            known = ", ".join(quantity.key for quantity in QUANTITIES.values() if quantity.drawn)
            problem = f"{key} cannot be drawn; choose from {known}"
        elif table_of(key) not in dict(tables_of(recipe.config, quantity.section)):
            problem = f"{key} names no table of the configuration; write [[background]], and count from 0"
        elif index not in _components(quantity):
            first, *others = (
                f"{path}.0" if i == "0" else path if i is None else f".{i}" for i in _components(quantity)
            )
            wanted = " or ".join([", ".join([first, *others[:-1]]), *others[-1:]])
            problem = f"got {key}, wants {wanted}"
        elif path in _OF_BEAM and recipe.config.beam.spectrum_file is not None:
            problem = f"{key} does not move the spectrum of beam.spectrum_file; draw beam.spectrum_offset_eV"
        elif recipe.dataset.kind == "rotation" and path in ("crystal.phi_start_deg", "crystal.phi_range_deg"):
            problem = f"{key} follows from the rotation series; do not draw it"
        if problem:
            faults.append(Fault("dataset.draws.keys", problem))
    return faults


def _components(quantity: Quantity) -> list[str | None]:
    """What may follow the key of a quantity: the number of a component, or nothing where it has one."""
    return [None] if len(quantity.labels) == 1 else [str(number) for number in range(len(quantity.labels))]


def taken(key: str, value: float) -> float | int:
    """The number that a key takes for a drawn one."""
    return max(1, round(value)) if path_of(key)[0] == "crystal.cells" else value


def _with_value(config: Config, key: str, value: float) -> tuple[Config, float]:
    """The configuration with a number at a key, and the number as it was taken."""
    path, index = path_of(key)
    place, name = table_of(key), path.partition(".")[2]
    values: dict[str, Any] = dict.fromkeys(QUANTITIES[path].replaces)
    values[f"{place}.{name}"] = value = taken(key, value)
    if index is not None:
        old = list(getattr(getattr(config, place), name) or (0.0,) * len(QUANTITIES[path].labels))
        old[int(index)] = value
        values[path] = tuple(old)
    return with_values(config, values), float(value)


def _settled(resolved: Resolved, given: Config) -> Config:
    """The resolved configuration with what could change an image's structure written out, and no file to read twice.

    What ``detector.file`` says is left to it, because drawn numbers move what follows from it.
    """
    config, crystal, sampling = resolved.config, resolved.crystal, resolved.config.sampling
    counts = _counts(resolved)
    beam = config.beam
    if resolved.beam.horizontal.range > 0 and beam.divergence_sigma_mrad is not None:
        # one of the two may be drawn alone
        beam = replace(
            beam,
            divergence_shape="gaussian",
            divergence_horizontal_mrad=resolved.beam.horizontal.range,
            divergence_vertical_mrad=resolved.beam.vertical.range,
            divergence_sigma_mrad=None,
        )
    if resolved.beam.spread is not None and resolved.beam.spread.band.kind != "comb":
        beam = replace(beam, channels=len(resolved.beam.spread.band.weights))
    has_sizes = any(getattr(config.crystal, f"size_{axis}_mm") is not None for axis in "abc")
    return replace(
        config,
        beam=beam,
        crystal=replace(
            config.crystal,
            cell_A=crystal.cell_A,
            cell_deg=crystal.cell_deg,
            mosaicity_deg=None,
            mosaicity_axes_deg=crystal.mosaicity_deg,
            matrix_file=None,
            orientation_file=None,
            misset_random=False,
            misset_deg=(0.0, 0.0, 0.0),
            cells=config.crystal.cells if has_sizes else crystal.cells,
            default_F=crystal.default_F or 1.0,
            interpolate=crystal.interpolate,
            **_NO_FACTORS,
        ),
        detector=replace(
            config.detector,
            header_file=None,
            mask_file=None,
            pixels_fast=resolved.detector.pixels_fast,
            pixels_slow=resolved.detector.pixels_slow,
        )
        if given.detector.file is None
        else replace(given.detector, mask_file=None),
        sampling=replace(sampling, **counts),
    )


def _with_disorder(config: Config) -> Config:
    """The configuration with domains for a disorder that is drawn, where it has none."""
    said, sampling = (getattr(config.crystal, key.partition(".")[2]) for key in _DISORDER), config.sampling
    values: dict[str, Any] = {}
    if all(value is None for value in said):
        values["crystal.mosaicity_deg"] = 0.0
    if config.crystal.model == "sampled":
        values["sampling.mosaic_domains"] = sampling.mosaic_domains or DEFAULT_DOMAINS
    return with_values(config, values)


def _counts(resolved: Resolved) -> dict[str, Any]:
    """Counts of the sampling, which would follow from drawn numbers."""
    crystal = resolved.crystal
    counts: dict[str, Any] = {}
    if resolved.detector.thickness_um > 0:
        counts["thickness_layers"] = resolved.detector.layers
    # a count without its range would bring in a nominal range
    gaussian = resolved.beam.spread is not None and resolved.beam.spread.gaussian
    spreads = ("dispersion",) if gaussian and crystal.model == "closed" else _SPREADS
    if resolved.beam.sources is None:
        for name in spreads:
            steps = getattr(resolved.beam, name.removeprefix("divergence_"))
            if steps.range > 0:
                counts[f"{name}_steps"] = steps.count
    if crystal.model == "closed":
        return counts
    counts["oversample"] = resolved.sampling.oversample
    if crystal.mosaic_spread_deg > 0 or crystal.mosaicity_deg is not None:
        counts["mosaic_domains"] = crystal.mosaic_domains
    if resolved.config.crystal.phi_range_deg is not None:
        counts["phi_steps"] = crystal.phi.count
    return counts


def base_orientation(resolved: Resolved) -> np.ndarray:
    """Rotation of a configuration's crystal from the standard setting, shape (3, 3)."""
    crystal = resolved.crystal
    return Rotation.from_euler("xyz", crystal.misset_deg, degrees=True).as_matrix() @ crystal.orientation


def _cell_of_matrix(path: str, line: int) -> tuple[tuple[float, float, float], tuple[float, float, float], np.ndarray]:
    """Lengths in A, angles in degrees and rotation from the standard setting, of one A matrix of a file.

    Raises:
        FileError: the file cannot be read, has no such line, or the matrix is that of no right-handed cell.
    """
    table = read_columns(path)
    if table.shape[1] != 9:
        raise FileError(f"{path}: has {table.shape[1]} numbers on a line; give the nine of an A matrix, row by row")
    if line >= len(table):
        raise FileError(f"{path}: has {len(table)} matrices, at least {line + 1} are needed; simulate fewer images")
    reciprocal = table[line].reshape(3, 3)
    if not np.linalg.det(reciprocal):
        raise FileError(f"{path}: matrix {line} is singular; give a*, b*, c* as columns")
    lengths, angles, rotation = setting_of(np.linalg.inv(reciprocal), f"{path}: matrix {line}")
    a, b, c = map(float, lengths)
    alpha, beta, gamma = map(float, np.degrees(angles))
    return (a, b, c), (alpha, beta, gamma), rotation
