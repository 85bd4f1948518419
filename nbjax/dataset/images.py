"""Images of a plan: photons summed over lattices, and counts."""

from __future__ import annotations

from dataclasses import dataclass, replace

import jax
import numpy as np
from jax import Array

from nbjax.config.tree import Config
from nbjax.dataset.plan import ImagePlan, Plan
from nbjax.errors import ConfigError, Fault, FileError, NonFiniteError
from nbjax.experiment import Experiment, chosen
from nbjax.fields import put
from nbjax.physics.backgrounds.background import put_out
from nbjax.pipeline.closed.survey import with_capacity, with_shared_capacity
from nbjax.pipeline.image import simulate
from nbjax.pipeline.sharding import simulate_on
from nbjax.preparation import prepare_resolved
from nbjax.resolve import resolve

_COUNTED, _SPARE = 8, 1.5
"""Images whose spots are counted, the first ones, and times as many for which every image has room."""
_DOUBLINGS = 2
"""Times that this room is doubled for an image with more spots, before they are counted."""


@dataclass(frozen=True)
class Photons:
    """One image without noise.

    Attributes:
        plan: what it shows.
        experiments: one for each lattice there may be, of which the image shows ``plan.count``.
        lattices: photons of each one shown, first axis lattices, or None where only the sum was kept.
        total: photons, shape (slow, fast), or (panel, slow, fast).
    """

    plan: ImagePlan
    experiments: tuple[Experiment, ...]
    lattices: np.ndarray | None
    total: np.ndarray


class Simulator:
    """Images by number, all by one compiled program.

    One image is computed at a time: in a batch XLA may order the same sums differently, and the bits of an image would
    depend on its neighbours.

    Args:
        plan: the images.
    """

    def __init__(self, plan: Plan):
        self.plan = plan
        with jax.enable_x64(True):
            self.base = prepare_resolved(plan.resolved, on_host=True, counted=False)
            # the table stays where the images are computed
            self.base = put(self.base, "crystal.factors.values", jax.device_put(self.base.crystal.factors.values))
        self._draws_default = any("crystal.default_F" in draw.keys for draw in plan.recipe.dataset.draws)
        if self.base.crystal.model == "closed":
            # the configuration's own image may be that of a special orientation
            self.base = with_shared_capacity([self.base, *self._first()], _SPARE)[0]

    def _first(self) -> list[Experiment]:
        """Every lattice of the first images, of as many as there are."""
        found: list[Experiment] = []
        for number in range(_COUNTED):
            try:
                found += self.experiments(self.plan.image(number))
            except (ConfigError, FileError):
                # of a file that has no line for it, or told by whoever asks for this image
                break
        return found

    def photons(self, number: int, keep_lattices: bool = False, device: jax.Device | None = None) -> Photons:
        """Image ``number`` without noise.

        Args:
            number: of the image, counted from 0.
            keep_lattices: keep each lattice's photons too.
            device: where it is computed; JAX's default device otherwise.

        Raises:
            ConfigError: drawn values that no configuration may have, or that would change the image's structure.
            NonFiniteError: a pixel is NaN or infinite.
        """
        planned = self.plan.image(number)
        with jax.enable_x64(True), jax.default_device(device):
            experiments = self.experiments(planned)
            parts = [np.asarray(self._simulate(experiment)) for experiment in experiments[: planned.count]]
            # the water comes with the first lattice
            total = sum(parts[1:], parts[0]) if parts else self._background(experiments[0])
        if not np.isfinite(total).all():
            raise NonFiniteError(
                f"image {number} has pixels that are not finite; check distance, fluence and structure factors, and "
                "the distributions that they are drawn from"
            )
        lattices = np.stack(parts) if keep_lattices and parts else np.zeros((0, *total.shape), total.dtype)
        return Photons(planned, experiments, lattices if keep_lattices else None, total)

    def experiments(self, planned: ImagePlan) -> tuple[Experiment, ...]:
        """An experiment for each lattice there may be, all of one structure.

        Raises:
            ConfigError: values that no configuration may have, or that would change the image's structure.
        """
        with jax.enable_x64(True):
            return tuple(self._experiment(config, planned.number, i) for i, config in enumerate(planned.lattices))

    def background(self, photons: Photons) -> np.ndarray:
        """Photons of the water around the crystal, of the image's shape."""
        with jax.enable_x64(True):
            return self._background(photons.experiments[0])

    def _background(self, experiment: Experiment) -> np.ndarray:
        if not experiment.backgrounds:
            return np.zeros(experiment.grid.shape)
        return np.asarray(self._simulate(chosen(experiment, crystals=())))

    def _simulate(self, experiment: Experiment) -> Array:
        image = self._rendered(experiment)
        if not experiment.crystals or experiment.crystal.model != "closed":
            return image
        # more room is that of the base again, not of the image: all that need it share its program
        for _ in range(_DOUBLINGS):
            if not np.isnan(image).any():
                return image
            assert experiment.crystal.capacity is not None
            roomier = replace(experiment.crystal, capacity=experiment.crystal.capacity.doubled())
            experiment = experiment.with_crystal(roomier)
            image = self._rendered(experiment)
        return self._rendered(with_capacity(experiment)) if np.isnan(image).any() else image

    def _rendered(self, experiment: Experiment) -> Array:
        if self.plan.recipe.dataset.devices_share == "pixels":
            return simulate_on(jax.local_devices(), experiment)
        return simulate(experiment)

    def _experiment(self, config: Config, number: int, lattice: int) -> Experiment:
        try:
            prepared = prepare_resolved(resolve(config), on_host=True, counted=False)
        except ConfigError as error:
            raise ConfigError(
                [Fault(f"image {number}: {fault.key}", fault.problem) for fault in error.faults]
            ) from None
        # all lattices sit in the same water, which the first brings along
        experiment = self._like_base(prepared, self.base, dark=lattice > 0)
        if _structure(experiment) != _structure(self.base):
            keys = ", ".join(sorted(self.plan.image(number).drawn)) or "the matrices"
            raise ConfigError(
                [
                    Fault(
                        "dataset.draws",
                        f"image {number} has another structure than the configuration (a spread, a thickness or the "
                        f"water vanishes, or appears); keep {keys} away from zero, or give the configuration a value",
                    )
                ]
            )
        return experiment

    def _like_base(self, prepared: Experiment, base: Experiment, dark: bool) -> Experiment:
        """An image's experiment with what all images share, in its low parts too."""
        crystal, factors = prepared.crystal, base.crystal.factors
        factors = replace(factors, default=crystal.factors.default) if self._draws_default else factors
        crystal = replace(crystal, factors=factors, capacity=base.crystal.capacity)
        backgrounds = tuple(map(put_out, prepared.backgrounds)) if dark else prepared.backgrounds
        low = prepared.low
        if low is not None and base.low is not None:
            low = self._like_base(low, base.low, dark)
        return replace(
            prepared, crystals=(crystal,), backgrounds=backgrounds, mask=base.mask, grid=replace(base.grid), low=low
        )


def _structure(experiment: Experiment) -> object:
    # of closed crystals, every image has room of its own
    crystals = tuple(replace(crystal, capacity=None) for crystal in experiment.crystals)
    experiment = replace(experiment, crystals=crystals)
    return jax.tree.structure(experiment), [np.shape(leaf) for leaf in jax.tree.leaves(experiment)]
