"""Parameters of the backgrounds, each named by its number in the configuration: ``background.0.thickness_mm``."""

from __future__ import annotations

from dataclasses import replace

from nbjax.experiment import Experiment
from nbjax.parameters.parameter import Parameter, leaf
from nbjax.physics.backgrounds.water import Water
from nbjax.quantities import Quantity


def of_backgrounds(quantity: Quantity, experiment: Experiment) -> list[Parameter]:
    """The parameter of each background that has such a number; the water around the crystal is none of these."""
    places = [place for place, term in enumerate(experiment.backgrounds) if not isinstance(term, Water)]
    return [
        replace(leaf(quantity, f"backgrounds.{place}.{quantity.place}"), path=f"background.{number}.{quantity.name}")
        for number, place in enumerate(places)
        if getattr(experiment.backgrounds[place], str(quantity.place), None) is not None
    ]
