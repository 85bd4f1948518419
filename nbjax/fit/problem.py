"""What is fitted to what: shots, free parameters and stages, checked before anything is computed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import jax.numpy as jnp
import numpy as np

from nbjax.errors import ConfigError, Fault
from nbjax.experiment import Experiment, in_double, shown_pixels, stack
from nbjax.fit.background import Kind
from nbjax.fit.equations import Focus, Shots, Theta
from nbjax.fit.groups import extent_px, groups_of, kind_for, splines_for
from nbjax.fit.limits import spot_width_px
from nbjax.fit.losses import Loss, Poisson
from nbjax.fit.matrix_free import LARGE
from nbjax.fit.observation import CHUNK, observe, unusable
from nbjax.fit.parameter_set import Free, ParameterSet, parameter_set, spelt_out
from nbjax.fit.room import with_room
from nbjax.fit.stages import COARSE_TO_FINE, Stage, names
from nbjax.fit.tries import check_tries, scattered
from nbjax.parameters import ALL, meant, parameters_of, path_of
from nbjax.physics.shapes import SHAPES

_COLUMNS, _FEWEST_PIXELS = 64, 256
"""Derivatives of a full chunk of pixels that fit into memory with ease; of more, fewer pixels are taken at once."""

_FILLED = 0.5
"""Share of a box's edge that a widened spot may take at half its height: else it looks like the background."""


@dataclass(frozen=True)
class Problem:
    """Shots, their free parameters and the stages; everything that does not change during a fit.

    Attributes:
        experiments: of each shot, as often as it is tried: all tries of the first shot, then those of the next.
        parameters, shots, stages, loss: what is fitted, to what, and how.
        starts: where each try starts, as theta.
        unusable: why the data of a shot cannot be fitted, or None; such a shot has no pixels and counts for nothing.
        tries: how often each shot is tried.
        widest: factor beyond which no stage widens the spots, for they would no longer fit into their boxes.
    """

    experiments: tuple[Experiment, ...]
    parameters: ParameterSet
    shots: Shots
    stages: tuple[Stage, ...]
    loss: Loss
    starts: Theta
    unusable: tuple[str | None, ...]
    tries: int = 1
    widest: float = math.inf

    def focus(self, stage: Stage) -> Focus:
        """How a stage looks at the problem."""
        layout = self.parameters.layout
        masks = []
        for paths, components in (
            (layout.shared, self.parameters.shared_names),
            (layout.own, self.parameters.own_names),
        ):
            moving = [path for path in paths if stage.moves(path)]
            masks.append(jnp.asarray([path_of(name) in moving for name in components], bool))
        broaden = min(float(stage.broaden), max(self.widest, 1.0))
        return Focus(self.loss, broaden != 1, jnp.asarray(broaden), *masks)


def problem(
    experiments: Sequence[Experiment],
    images: Sequence[np.ndarray],
    frees: Sequence[Free],
    stages: Sequence[Stage] = COARSE_TO_FINE,
    *,
    loss: Loss | None = None,
    used: Sequence[np.ndarray] | None = None,
    convention: str | None = None,
    system: str = "triclinic",
    tries: int = 1,
    seed: int = 0,
    background: Kind = "auto",
    chunk: int = CHUNK,
) -> Problem:
    """Check everything and set up a fit; arguments as for ``fit``."""
    loss = Poisson() if loss is None else loss
    if jnp.zeros(()).dtype == jnp.float64:
        # values that move in 64 bits are none of pairs of 32-bit floats
        experiments = [in_double(experiment) for experiment in experiments]
    faults = []
    for shape in dict.fromkeys(
        crystal.shape for crystal in experiments[0].crystals if not SHAPES[crystal.shape].has_gradient
    ):
        why = f"got {shape!r}, which has no gradient: a sample is in a spot or not; use square, round or gauss"
        faults.append(Fault("crystal.shape", why))
    if len(images) != len(experiments):
        faults.append(Fault("data", f"{len(images)} images for {len(experiments)} shots; give one each"))
    if not frees:
        faults.append(Fault("parameters", "none is free; name one"))
    frees = spelt_out(frees, experiments[0], convention, system) if experiments else frees
    faults += check_tries(frees, tries)
    if faults:
        raise ConfigError(faults)
    experiments = with_room(experiments)
    stages = [_by_name(stage, experiments[0], convention, system) for stage in stages]
    every = [experiment for experiment in experiments for _ in range(tries)]
    chosen = parameter_set(frees, every, convention, system)
    _check_stages(stages, [free.path for free in frees], len(chosen.names))
    if len(chosen.names) <= LARGE:
        chunk = min(chunk, max(chunk * _COLUMNS // len(chosen.names), _FEWEST_PIXELS))
    masks = _masks(experiments, images, used)
    panels = experiments[0].detector.panel_names
    reasons = [unusable(image, mask, loss.least_photons, panels) for image, mask in zip(images, masks, strict=True)]
    if None not in reasons:
        raise ConfigError([Fault(f"data, shot {i + 1}", reason or "") for i, reason in enumerate(reasons)])
    seen = [
        (np.asarray(image, float), mask if reason is None else np.zeros_like(mask))
        for image, mask, reason in zip(images, masks, reasons, strict=True)
        for _ in range(tries)
    ]
    paths = [free.path for free in frees]
    kind, splines = (
        kind_for(background, masks, paths, bool(experiments[0].crystals), _there(experiments[0])),
        splines_for(masks),
    )
    groups = [
        groups_of(mask, kind, experiment, splines, chunk) for experiment, (_, mask) in zip(every, seen, strict=True)
    ]
    functions = {"plane": 3, "radial": splines}.get(kind, 1)
    observation = observe([image for image, _ in seen], groups, kind, functions, chunk).with_calm(loss)
    shots = Shots(stack(every), observation, chosen.shared, chosen.own, chosen.layout)
    starts = Theta(jnp.zeros(len(chosen.shared_names)), scattered(chosen, frees, tries, seed))
    said = tuple(reason for reason in reasons for _ in range(tries))
    widest = math.inf
    if kind not in ("radial", "none") and experiments[0].crystals:
        widest = _FILLED * extent_px(groups) / spot_width_px(experiments[0])
    return Problem(tuple(every), chosen, shots, tuple(stages), loss, starts, said, tries, widest)


def _masks(
    experiments: Sequence[Experiment], images: Sequence[np.ndarray], used: Sequence[np.ndarray] | None
) -> list[np.ndarray]:
    """Pixels that count of each shot: those of ``used`` within the region and the mask of its experiment."""
    size = experiments[0].grid.shape
    axes = "slow x fast" if len(size) == 2 else "panel x slow x fast"
    masks, faults = [], []
    for number, (experiment, image) in enumerate(zip(experiments, images, strict=True)):
        shown = shown_pixels(experiment)
        for what, array in (("", image), ("its mask ", None if used is None else used[number])):
            if array is not None and array.shape != size:
                got, wanted = (" x ".join(str(n) for n in shape) for shape in (array.shape, size))
                why = f"{what}has {got} pixels ({axes}), the model has {wanted}; give data of its size"
                faults.append(Fault(f"data, shot {number + 1}", why))
            elif array is not None and array is not image:
                shown &= array
        masks.append(shown)
    if faults:
        raise ConfigError(faults)
    return masks


def _there(experiment: Experiment) -> int | None:
    """Pixels that several panels have, which are fewer than those of the image where some are smaller."""
    if experiment.grid.panels == 1 or experiment.mask is None:
        return None
    return max(int((np.asarray(experiment.mask) > 0).sum()), 1)


def _by_name(stage: Stage, experiment: Experiment, convention: str | None, system: str) -> Stage:
    """The stage with panels and groups that it names by number under their names."""
    table = parameters_of(experiment, convention, system)

    def named(paths: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(path if ALL in path else (meant(table, path) or [path])[0] for path in paths)

    chosen = None if stage.parameters is None else named(stage.parameters)
    return replace(stage, parameters=chosen, without=named(stage.without))


def _check_stages(stages: Sequence[Stage], paths: list[str], components: int) -> None:
    faults = []
    for number, stage in enumerate(stages):
        if components > LARGE and not getattr(stage.optimiser, "matrix_free", False):
            why = f"forms a matrix of {components} x {components} components for each shot"
            faults.append(Fault(f"stages[{number}].optimiser", f"{why}; use lbfgs or adam (nbjax.fit.Descent)"))
        for path in stage.parameters or ():
            if not any(names(path, free) for free in paths):
                why = f"{path} is not among the free parameters ({', '.join(paths)}); free it too, or leave it out"
                faults.append(Fault(f"stages[{number}].parameters", why))
    if faults:
        raise ConfigError(faults)
