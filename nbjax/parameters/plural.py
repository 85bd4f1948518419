"""Names of parameters where an experiment has several crystals or panels, and what a name is of.

The key of a quantity names the parameter of an only crystal, ``crystal.misset_deg``. Of several, each has its own,
``crystals[1].misset_deg``, which is the parameter of the experiment that has no other crystal. Panels, and the
groups in which they move, are named too: ``panels[left].shift_mm``, ``groups[quad].rotation_deg``. Backgrounds and
shadows have the keys of the configuration, ``background.0.scale``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from jax import Array

from nbjax.experiment import Experiment, chosen
from nbjax.parameters.parameter import Parameter, Set

_NUMBERED = re.compile(r"^crystals\[(\d+|\*)\]\.")
_NAMED = re.compile(r"^(panels|groups)\[(.+)\]\.")
_LISTED = re.compile(r"^(background|shadow|absorber)\.\d+\.")
_SECTION = "crystal."
ALL = "*"
"""In brackets: every crystal, panel or group."""


def key_of(path: str) -> str:
    """Key of the quantity that a path, or the name of one of its components, is of."""
    return _LISTED.sub(r"\1.", _NAMED.sub(r"\1.", _NUMBERED.sub(_SECTION, path)))


def path_alone(path: str) -> str:
    """Path of a parameter in an experiment with one crystal, and one panel, of several."""
    return path if _LISTED.match(path) else key_of(path)


def crystal_of(path: str) -> int | None:
    """Number of the crystal that a path names; None: it names none."""
    found = _NUMBERED.match(path)
    return None if found is None or found[1] == ALL else int(found[1])


def panel_of(path: str) -> tuple[str, str] | None:
    """``panels`` or ``groups``, and the name of the one that a path is of; None: it is of neither."""
    found = _NAMED.match(path)
    return None if found is None else (found[1], found[2])


def path_of(component: str) -> str:
    """Path of the parameter that a component's name, path and label, is of; names of panels may hold blanks."""
    head, bracket, rest = component.rpartition("].")
    return f"{head}{bracket}{rest.partition(' ')[0]}"


def meant(paths: Iterable[str], named: str) -> list[str]:
    """The paths that a name means: itself, those of all, or that of a panel or a group by its number."""
    listed = list(paths)
    if named in listed:
        return [named]
    which, crystals, key = panel_of(named), _NUMBERED.match(named), key_of(named)
    alike = [path for path in listed if key_of(path) == key]
    if which is None:
        return alike if crystals is not None and crystals[1] == ALL else []
    if which[1] == ALL:
        return alike
    return alike[int(which[1]) :][:1] if which[1].isdecimal() else []


def beside(path: str, key: str) -> str:
    """Path of another quantity, of the same crystal, background, shadow or absorber where it is of one."""
    number, listed = crystal_of(path), _LISTED.match(path)
    if listed is not None and key.startswith(f"{listed[1]}."):
        return f"{listed[0]}{key.removeprefix(f'{listed[1]}.')}"
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
