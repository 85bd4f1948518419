"""Parameters that scale the image or a part of it."""

from __future__ import annotations

from dataclasses import replace

import jax.numpy as jnp

from nbjax.experiment import Experiment
from nbjax.fields import put
from nbjax.parameters.parameter import Parameter, number, single
from nbjax.physics.backgrounds.water import Water


def of_intensity(experiment: Experiment) -> list[Parameter]:
    """Structure factors, water and fluence."""
    found = []
    factors = experiment.crystal.factors
    if factors.values is None:
        found.append(number("crystal.default_F", "e", 1.0, "crystal.factors.default", 1.0))
    else:
        found.append(
            Parameter(
                "crystal.structure_factors",
                ("e",) * factors.values.size,
                tuple(str(i) for i in range(factors.values.size)),
                None,
                lambda e: e.crystal.factors.values.reshape(-1),  # type: ignore[union-attr]
                lambda e, x: put(e, "crystal.factors.values", x.reshape(e.crystal.factors.values.shape)),  # type: ignore[union-attr]
            )
        )
    for i in [i for i, term in enumerate(experiment.backgrounds) if isinstance(term, Water)][:1]:
        found.append(number("crystal.water_um", "um", 1.0, f"backgrounds.{i}.size_m", 1e-6))
    fluence = number("beam.fluence_photons_per_m2", "photons/m^2", 1.0, "beam.fluence_photons_per_m2", 1.0)
    found.append(replace(fluence, typical=None))
    found.append(
        single(
            "scale",
            "1",
            0.01,
            lambda e: jnp.ones_like(e.beam.fluence_photons_per_m2),
            lambda e, x: put(e, "beam.fluence_photons_per_m2", e.beam.fluence_photons_per_m2 * x),
        )
    )
    return found
