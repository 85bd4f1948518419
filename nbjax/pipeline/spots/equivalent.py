"""A crystal and its beam by their means and covariances, whatever they are sampled with."""

from __future__ import annotations

from dataclasses import dataclass, replace

import jax
from jax import Array
from jaxtyping import Float

from nbjax.experiment import CrystalParameters, Experiment, chosen, in_double
from nbjax.pipeline.closed.search import window_angles
from nbjax.pipeline.closed.spread import BeamSpread, mean_source
from nbjax.pipeline.scene import Scene, build_scene


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Equivalent:
    """An experiment of one crystal, its sources and domains by their means and covariances.

    Attributes:
        experiment: without the crystal, with one source.
        scene: of it; a ray for each layer of the sensor.
        spread: of the source.
        crystal: its spindle passes the angles of all steps.
    """

    experiment: Experiment
    scene: Scene
    spread: BeamSpread
    crystal: CrystalParameters

    @property
    def incident(self) -> Float[Array, "3"]:
        """Mean direction."""
        return self.scene.rays.incident[0]

    @property
    def wavelength_m(self) -> Float[Array, ""]:
        """Mean wavelength."""
        return self.scene.rays.wavelength_m[0]

    @property
    def is_still(self) -> bool:
        """Whether nothing turns."""
        return self.crystal.spindle.steps == 1

    @property
    def window_rad(self) -> Float[Array, "2"]:
        """Start and end of the exposure, rising."""
        return window_angles(self.crystal, 1)[0]


def equivalent(experiment: Experiment) -> Equivalent:
    """See ``Equivalent``; of an experiment of one crystal."""
    experiment = in_double(experiment)
    crystal, closed = experiment.crystal, experiment.crystal.model == "closed"
    spindle = crystal.spindle
    if not closed and spindle.steps > 1:
        # each step stands for the angles about it
        spindle = replace(spindle, start_rad=spindle.start_rad - 0.5 * spindle.step_rad)
    source, spread = mean_source(experiment.beam, closed)
    alone = replace(
        chosen(experiment, crystals=(), backgrounds=()),
        beam=replace(experiment.beam, sources=source),
        grid=replace(experiment.grid, oversample=1),
        program=None,
    )
    return Equivalent(alone, build_scene(alone), spread, replace(crystal, spindle=spindle))
