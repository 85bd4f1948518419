"""Draws of a recipe, checked before the first image: each acts, and none gives what no image may have."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from nbjax.dataset.distributions import support
from nbjax.dataset.draws import draw_number, path_of
from nbjax.dataset.images import Simulator
from nbjax.dataset.plan import Plan, taken
from nbjax.dataset.section import Draw
from nbjax.errors import ConfigError, Fault
from nbjax.experiment import Experiment, without_tables
from nbjax.pipeline.compilation import compiled
from nbjax.pipeline.scene import build_scene
from nbjax.quantities import QUANTITIES, Interval, Quantity
from nbjax.quantities.interval import ANY

_SAFE = {
    "crystal.cell_deg": Interval(70.0, 110.0),
    "detector.rotation_x_deg": Interval(-20.0, 20.0),
    "detector.rotation_y_deg": Interval(-20.0, 20.0),
    "detector.rotation_z_deg": Interval(-20.0, 20.0),
    "detector.two_theta_deg": Interval(-20.0, 20.0),
    "detector.origin_shift_mm": Interval(-1.0, 1.0),
    "crystal.volume_um3": Interval(math.inf, math.inf),
    "crystal.cells_off_diagonal": Interval(0.0, 0.0),
}
"""Numbers that are possible whatever the others of an image are, where those have a say: three angles that close no
cell, a panel that turns or moves past the sample, a volume of less than a block, a matrix of
cells that has none along a direction."""


_LOOKED_AT = 100
"""Images of an endless series that are made up on trial where numbers may be impossible together."""


def check_draws(simulator: Simulator, images: int | None) -> None:
    """Make sure that every image of a dataset can be made.

    Args:
        simulator: of the dataset.
        images: how many there are; None: without end.

    Raises:
        ConfigError: a draw that changes no image; the first image that has impossible numbers, or, without end, a draw
            that may give some.
        FileError: the file of a column cannot be read or has too few lines.
    """
    plan = simulator.plan
    draws = plan.recipe.dataset.draws
    if images is not None:
        plan.check_shots(images)
    if not draws:
        return
    doubtful, entangled = _doubtful(plan)
    if images is None:
        if doubtful:
            raise ConfigError([one.fault_without_end() for one in doubtful])
        images = _LOOKED_AT
    elif any(draw.distribution == "column" for draw in draws):
        plan.image(images - 1)
    for number in range(images) if doubtful else ():
        faults = [fault for one in doubtful if (fault := one.fault(plan, number))]
        if faults:
            raise ConfigError(faults)
    for number in range(images if entangled else 1):
        simulator.experiments(plan.image(number))
    _refuse_idle(simulator)


def _refuse_idle(simulator: Simulator) -> None:
    """Refuse draws that leave every image as it is."""
    plan = simulator.plan
    drawn = plan.image(0).drawn
    seen = _seen(simulator, {})
    faults = []
    for key, value in drawn.items():
        number = value[0] if isinstance(value, tuple) else value
        quantity = QUANTITIES[path_of(key)[0]]
        moved = [found for other in _others(quantity, number) if (found := _seen(simulator, {key: other})) is not None]
        if moved and all(_same(seen, found) for found in moved):
            faults.append(
                Fault("dataset.draws.keys", f"{key} changes nothing in the images of this configuration; {_why(key)}")
            )
    if faults:
        raise ConfigError(faults)


def _why(key: str) -> str:
    if key.removeprefix("detector.").split("_")[0] in ("beam", "close", "org") and key != "detector.close_distance_mm":
        return (
            "the convention places the panel by its beam centre (beam_x_mm, beam_y_mm) where it pivots about the beam, "
            "by its near point (org_x_px, org_y_px) where it pivots about the sample; draw those"
        )
    return "another key takes its place, or what it describes is left out; draw what acts, or leave it out"


def _others(quantity: Quantity, number: float) -> tuple[float, float]:
    """Two numbers that are clearly others."""
    step = max(quantity.typical or 0.0, 0.1 * abs(number), 1.0 if quantity.unit == "cells" else 0.0)
    return number + step, number - step


def _seen(simulator: Simulator, instead: dict[str, float]) -> list[np.ndarray] | None:
    """Every number that the pixels of image 0 follow from; None where it cannot be made."""
    try:
        experiments = simulator.experiments(simulator.plan.image(0, instead))
    except ConfigError:
        return None
    with jax.enable_x64(True):
        return [np.asarray(leaf) for leaf in jax.tree.leaves(_what_pixels_see(without_tables(experiments[0])))]


def _same(one: list[np.ndarray] | None, other: list[np.ndarray]) -> bool:
    return one is not None and all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@compiled
def _what_pixels_see(experiment: Experiment) -> Any:
    """The scene, and the parameters that pixels take from the experiment beside it."""
    crystal, panel, beam = experiment.crystal, experiment.detector.panels, experiment.beam
    return (
        build_scene(experiment),
        (crystal.cells, crystal.cells_off_diagonal),
        crystal.fudge if crystal.shape != "square" else None,
        panel.pixel_sizes_m,
        panel.attenuation_per_m if panel.has_sensor else None,
        (beam.kahn_factor, beam.polarization_axis) if beam.polarized else None,
        experiment.backgrounds,
        crystal.motion,
        (crystal.disorder, crystal.spindle.step_rad) if crystal.model == "closed" else None,
    )


@dataclass(frozen=True)
class _Doubtful:
    """A draw of which some numbers may be impossible for one of its keys."""

    draw: Draw
    key: str
    scale: float

    def fault_without_end(self) -> Fault:
        """What is wrong with a draw of which some image gets an impossible number."""
        low, high = (self.scale * end for end in support(self.draw))
        hard = QUANTITIES[path_of(self.key)[0]].hard
        problem = f"{self.key}: may become {low:g} to {high:g}, must be {hard}{_cure(self.draw)}"
        return Fault("dataset.draws", problem)

    def fault(self, plan: Plan, image: int) -> Fault | None:
        """What is impossible about an image."""
        dataset = plan.recipe.dataset
        for lattice in range(dataset.lattices if self.key.startswith("crystal.") else 1):
            number = taken(self.key, self.scale * draw_number(self.draw, dataset.seed, image, lattice))
            if problem := QUANTITIES[path_of(self.key)[0]].error(number):
                return Fault("dataset.draws", f"image {image}: {self.key}: {problem}{_cure(self.draw)}")
        return None


def _cure(draw: Draw) -> str:
    return ", or cut the distribution with low and high" if draw.distribution in ("normal", "lognormal") else ""


def _doubtful(plan: Plan) -> tuple[list[_Doubtful], bool]:
    """Draws that reach beyond a range, and whether any reaches where other numbers decide what is possible."""
    found, entangled = [], False
    for draw in plan.recipe.dataset.draws:
        ends = support(draw)
        for key in draw.keys:
            path = path_of(key)[0]
            scale = plan.base_value(key, plan.base) if draw.relative else 1.0
            reach = [taken(key, scale * end) for end in ends]
            if not all(end in QUANTITIES[path].hard for end in reach):
                found.append(_Doubtful(draw, key, scale))
            entangled |= not all(end in _SAFE.get(path, ANY) for end in reach)
    return found, entangled
