"""Names of parameters where an experiment has several crystals, and the crystal that a name is of.

The key of a quantity names the parameter of an only crystal, ``crystal.misset_deg``. Of several, each has its own,
``crystals[1].misset_deg``, which is the parameter of the experiment that has no other crystal.
"""

from __future__ import annotations

import re
from dataclasses import replace

from jax import Array

from nbjax.experiment import Experiment, chosen
from nbjax.parameters.parameter import Parameter, Set

_NUMBERED = re.compile(r"^crystals\[(\d+)\]\.")
_SECTION = "crystal."


def key_of(path: str) -> str:
    """Key of the quantity that a path, or the name of one of its components, is of."""
    return _NUMBERED.sub(_SECTION, path)


def crystal_of(path: str) -> int | None:
    """Number of the crystal that a path names; None: it names none."""
    found = _NUMBERED.match(path)
    return None if found is None else int(found[1])


def beside(path: str, key: str) -> str:
    """Path of another quantity, of the same crystal where it is a crystal's."""
    number = crystal_of(path)
    return key if number is None else of_crystal(number, key)


def of_crystal(number: int, key: str) -> str:
    """Path of a quantity of one of several crystals."""
    return f"crystals[{number}].{key.removeprefix(_SECTION)}" if key.startswith(_SECTION) else key


def alone(experiment: Experiment, number: int) -> Experiment:
    """The experiment with one of its crystals alone."""
    return chosen(experiment, crystals=(number,))


def for_crystal(number: int, change: Set) -> Set:
    """What changes an only crystal, for one of several."""

    def change_one(e: Experiment, x: Array) -> Experiment:
        (changed,) = change(alone(e, number), x).crystals
        return replace(e, crystals=(*e.crystals[:number], changed, *e.crystals[number + 1 :]))

    return change_one


def numbered(parameter: Parameter, number: int) -> Parameter:
    """The parameter of one of several crystals, from that of the crystal alone."""
    path = of_crystal(number, parameter.path)
    get = parameter.get
    return replace(parameter, path=path, get=lambda e: get(alone(e, number)), set=for_crystal(number, parameter.set))
