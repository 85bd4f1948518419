"""Images of changed configurations: one compiled program, by which a change of numbers alone is computed at once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from nbjax.advice import doubts
from nbjax.config.edit import with_values
from nbjax.config.inputs import OF_FACTORS
from nbjax.config.tree import Config, Crystal
from nbjax.experiment import Experiment
from nbjax.explore.changes import Changes, changed_config
from nbjax.explore.widths import with_widths
from nbjax.pipeline.closed.survey import with_capacity
from nbjax.pipeline.image import simulate
from nbjax.pipeline.render import check_finite, render
from nbjax.preparation import prepare_resolved
from nbjax.resolve import Resolved, resolve
from nbjax.resolve.crystal import ResolvedCrystal
from nbjax.sampling.capacity import Capacity

_SPARE, _REACH = 2.0, 1.3
"""Times as many spots, and as far into reciprocal space, as the image has for which room is made."""
_ROOMS, _PREPARED = 4, 4
"""Capacities and experiments that are remembered."""
_FIRST_DOMAINS, _MORE_DOMAINS = 4, 5
"""Mosaic domains of the first image of a sampled crystal, and times as many in each that follows."""
_FACTORS: dict[str, Any] = dict.fromkeys(OF_FACTORS)

Room = tuple[Capacity | None, ...]


class Superseded(Exception):  # noqa: N818
    """Nobody waits for this image any more."""


@dataclass(frozen=True)
class Frame:
    """An image.

    Attributes:
        photons: of each pixel, shape (slow, fast), or (panel, slow, fast).
        resolved: the configuration that it is of.
        level, levels: how fine it is, from 0, and how many there are.
        remarks: what is doubtful about the configuration, in sentences.
    """

    photons: Float[np.ndarray, "..."]
    resolved: Resolved
    level: int
    levels: int
    remarks: tuple[str, ...]


class Model:
    """Images of one configuration with changes.

    Args:
        data: its tables, from ``nbjax.config.load.read_data``.

    Attributes:
        doing: what an image waits for that takes long, in words.

    Raises:
        ConfigError: a fault of it.
    """

    def __init__(self, data: Mapping[str, Any]):
        self.data = data
        self._working, self._looking = threading.Lock(), threading.Lock()
        self._prepared: OrderedDict[Config, tuple[Resolved, Experiment]] = OrderedDict()
        self._rooms: list[Room] = []
        self._compiled: set[Hashable] = set()
        self.doing = ""
        self.base = changed_config(data, {})
        self._held = self.prepared(self.base)

    def config(self, changes: Changes) -> Config:
        """The configuration with changes, see ``changed_config``."""
        return changed_config(self.data, changes)

    def prepared(self, config: Config) -> tuple[Resolved, Experiment]:
        """A configuration resolved, and its experiment without room for closed spots.

        Raises:
            NbjaxError: a fault of it.
        """
        with self._looking:
            found = self._prepared.get(config)
        if found is None:
            with jax.enable_x64(True):
                resolved = resolve(config)
                found = resolved, prepare_resolved(with_widths(resolved), on_host=True, counted=False)
            with self._looking:
                self._prepared[config] = found
                while len(self._prepared) > _PREPARED:
                    self._prepared.popitem(last=False)
        return found

    def frame(
        self, changes: Changes, moving: bool = False, level: int = 0, superseded: Callable[[], bool] = lambda: False
    ) -> Frame:
        """The image of the configuration with changes.

        Args:
            changes: of its keys.
            moving: a slider is being moved: the structure factors of a file stay those that were there before.
            level: how fine; a closed crystal has one level, a sampled one fewer domains before the last.
            superseded: asked now and then whether the image is wanted no more.

        Raises:
            NbjaxError: a fault of the configuration.
            Superseded: it is wanted no more.
        """
        config = self.config(changes)
        with self._working, jax.enable_x64(True):
            if superseded():
                raise Superseded
            resolved, experiment = self._moving(config) if moving else self.prepared(config)
            if not moving:
                self._held = resolved, experiment
            levels = sampling_levels(resolved)
            number = min(level, len(levels) - 1)
            if levels[number]:
                coarse = resolve(with_values(self._light(config), levels[number]))
                experiment = self._with_factors(prepare_resolved(coarse, on_host=True, counted=False))
            try:
                photons = self._image(experiment, superseded)
            finally:
                self.doing = ""
        remarks = () if moving else (*doubts(resolved), *resolved.remarks)
        return Frame(photons, resolved, number, len(levels), remarks)

    def _light(self, config: Config) -> Config:
        """The configuration without the files of its structure factors, which take long to read."""
        held = self._held[0]
        known = [held.crystals[number] for number in held.listed]
        said = config.crystals or (config.crystal,)
        light = tuple(_light(one, other) for one, other in zip(said, known, strict=True))
        return replace(config, crystal=light[0], crystals=light if config.crystals else ())

    def _with_factors(self, experiment: Experiment) -> Experiment:
        """The experiment with the structure factors that were there before."""
        held = self._held[1]
        if len(held.crystals) != len(experiment.crystals):
            return experiment
        crystals = tuple(
            replace(mine, factors=theirs.factors)
            for mine, theirs in zip(experiment.crystals, held.crystals, strict=True)
        )
        return replace(experiment, crystals=crystals)

    def _moving(self, config: Config) -> tuple[Resolved, Experiment]:
        light = self._light(config)
        if light == config:
            return self.prepared(config)
        resolved = resolve(light)
        return resolved, self._with_factors(prepare_resolved(with_widths(resolved), on_host=True, counted=False))

    def _image(self, experiment: Experiment, superseded: Callable[[], bool]) -> np.ndarray:
        if not any(crystal.model == "closed" for crystal in experiment.crystals):

            def advance(done: int, total: int) -> None:
                if superseded():
                    raise Superseded

            with self._compiling(experiment):
                return render(experiment, advance).astype(np.float32)
        for room in self._rooms:
            if len(room) == len(experiment.crystals):
                image = self._simulated(_in_room(experiment, room))
                if not np.isnan(image).all():
                    self._rooms.remove(room)
                    self._rooms.insert(0, room)
                    break
        else:
            self.doing = "compiling"
            roomy = with_capacity(experiment, _SPARE, _REACH)
            image = self._simulated(roomy)
            self._rooms[:] = [tuple(crystal.capacity for crystal in roomy.crystals), *self._rooms[: _ROOMS - 1]]
        check_finite(image, True)
        return image.astype(np.float32)

    def _simulated(self, experiment: Experiment) -> np.ndarray:
        with self._compiling(experiment):
            return np.asarray(simulate(experiment))

    @contextmanager
    def _compiling(self, experiment: Experiment) -> Iterator[None]:
        """Say so while the first image of a structure is computed."""
        leaves, structure = jax.tree.flatten(experiment)
        key = structure, tuple((np.shape(leaf), np.asarray(leaf).dtype) for leaf in leaves)
        self.doing = "" if key in self._compiled else "compiling"
        yield
        self._compiled.add(key)


def _light(crystal: Crystal, known: ResolvedCrystal) -> Crystal:
    """A crystal without the files of its structure factors."""
    if all(getattr(crystal, name) is None for name in OF_FACTORS):
        return crystal
    oriented = crystal.matrix_file is not None or crystal.orientation_file is not None
    cell: dict[str, Any] = {}
    if not oriented:
        cell = {"cell_A": crystal.cell_A or known.cell_A, "cell_deg": crystal.cell_deg or known.cell_deg}
    return replace(crystal, **_FACTORS, **cell, default_F=known.default_F or 1.0, interpolate=known.interpolate)


def _in_room(experiment: Experiment, room: Room) -> Experiment:
    crystals = tuple(
        replace(crystal, capacity=capacity) for crystal, capacity in zip(experiment.crystals, room, strict=True)
    )
    return replace(experiment, crystals=crystals)


def sampling_levels(resolved: Resolved) -> list[dict[str, int]]:
    """Keys of the sampling, and their values, of images that become finer; nothing changes in the last."""
    if resolved.crystal.model == "closed":
        return [{}]
    domains = max(crystal.mosaic_domains for crystal in resolved.crystals)
    subpixels = resolved.sampling.oversample
    found: list[dict[str, int]] = []
    count = _FIRST_DOMAINS
    while count < domains:
        found.append({"sampling.mosaic_domains": count, "sampling.oversample": 1})
        count *= _MORE_DOMAINS
    if subpixels > 1 and not found:
        found.append({"sampling.oversample": 1})
    return [*found, {}]
