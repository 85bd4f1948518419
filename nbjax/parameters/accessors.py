"""How each quantity that a fit may move is read from an experiment and put into it.

Most lie at the place that the table of quantities names. The others have an accessor in the file of their section,
which may find that an experiment lacks them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nbjax.experiment import Experiment
from nbjax.fields import look_up
from nbjax.parameters.beam import BEAM
from nbjax.parameters.crystal import AROUND, CRYSTAL
from nbjax.parameters.detector import DETECTOR
from nbjax.parameters.lists import LISTS, of_list
from nbjax.parameters.panels import SECTIONS, TOGETHER, for_all_panels, mean_distance, on_first_panel, rigid_motions
from nbjax.parameters.parameter import Meaning, Parameter, leaf
from nbjax.parameters.plural import alone, numbered
from nbjax.quantities import Quantity

Accessor = Callable[[Quantity, Experiment, Meaning], Parameter | None]

ACCESSORS: Mapping[str, Accessor] = {**DETECTOR, **BEAM, **CRYSTAL, **AROUND}

_ROOTS = {"beam": "beam", "crystal": "crystal", "detector": "panel"}
"""Where the places of a section's quantities begin."""


def access(quantity: Quantity, experiment: Experiment, meaning: Meaning) -> list[Parameter]:
    """The parameters of a quantity: one of each crystal where it is a crystal's; none if there is no such number."""
    crystals, several_panels = len(experiment.crystals), experiment.detector.groups is not None
    if quantity.section in SECTIONS:
        return rigid_motions(quantity, experiment)
    if quantity.section in LISTS:
        return of_list(quantity, experiment)
    if quantity.section == "detector" and several_panels:
        found = [_of_panels(quantity, experiment, meaning)]
    elif quantity.section != "crystal" or quantity.key in AROUND or crystals == 1:
        found = [_access(quantity, experiment, meaning)]
    else:
        found = [_access(quantity, alone(experiment, i), meaning) for i in range(crystals)]
        found = [None if parameter is None else numbered(parameter, i) for i, parameter in enumerate(found)]
    return [parameter for parameter in found if parameter is not None]


def _of_panels(quantity: Quantity, experiment: Experiment, meaning: Meaning) -> Parameter | None:
    """What moves several panels together, if the quantity does."""
    if quantity.key == "detector.distance_mm":
        return mean_distance(quantity, experiment)
    if quantity.key not in TOGETHER:
        return None
    parameter = _access(quantity, on_first_panel(experiment), meaning)
    return None if parameter is None else for_all_panels(quantity, parameter)


def _access(quantity: Quantity, experiment: Experiment, meaning: Meaning) -> Parameter | None:
    root = _ROOTS.get(quantity.section, "")
    if quantity.unless is not None:
        place, choice = quantity.unless
        found = look_up(experiment, f"{root}.{place}")
        if found is choice or (isinstance(found, str) and found == choice):
            return None
    if quantity.key in ACCESSORS:
        return ACCESSORS[quantity.key](quantity, experiment, meaning)
    assert quantity.place is not None, f"{quantity.key} has neither a place nor an accessor"
    place = f"{root}.{quantity.place}"
    return None if look_up(experiment, place) is None else leaf(quantity, place)
