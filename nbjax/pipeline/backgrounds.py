"""What backgrounds scatter in the light that they see."""

from __future__ import annotations

from jax import Array

from nbjax.experiment import BeamParameters, Experiment
from nbjax.numerics import Components
from nbjax.physics.backgrounds.background import Background, Extended
from nbjax.physics.beam_profiles import BEAM_PROFILES


def background_at(experiment: Experiment, q_per_m: Components) -> Array:
    """What all backgrounds scatter at scattering vectors, in electrons squared at the fluence of the beam's centre."""
    first, *others = (_lit(experiment.beam, term, q_per_m) for term in experiment.backgrounds)
    return sum(others, first)


def _lit(beam: BeamParameters, term: Background, q_per_m: Components) -> Array:
    """One background, at the mean fluence over the square that it says to cover, or at that of the centre."""
    scattered = term.electrons_squared(q_per_m)
    if beam.profile is None or beam.size_m is None or not isinstance(term, Extended):
        return scattered
    return scattered * BEAM_PROFILES[beam.profile].over_square(term.edge_m, beam.size_m)
