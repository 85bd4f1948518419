"""Where the panels of a detector are: six numbers of each group that moves, the same for all shots.

A group moves as one of ``nbjax.geometry.detector.PanelGroups`` does: it turns about its middle, and is then shifted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from nbjax.errors import ConfigError, Fault
from nbjax.experiment import Experiment
from nbjax.fields import STATIC
from nbjax.geometry.panel import PanelParameters, place_panel
from nbjax.parameters.panels import SECTIONS, names_in
from nbjax.rotations import about_xyz

MOTION = ("shift_x_m", "shift_y_m", "shift_z_m", "rotation_x_rad", "rotation_y_rad", "rotation_z_rad")
"""Of a group, in the laboratory."""
_KEY = "refine.moving"
_WHOLE = "detector"
_ONLY = ("panels[*]", "panels[0]")


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Movers:
    """The groups that move, no panel in two of them.

    Attributes:
        of_panel: of each panel the number of its mover; the count of the movers where it has none.
        centre_m: where each group stands, shape (movers, 3).
        names: of the groups.
        numbers: of the groups in ``PanelGroups``; none of a detector of one panel, which is the only mover.
    """

    of_panel: Int[Array, " panels"]
    centre_m: Float[Array, "movers 3"]
    names: tuple[str, ...] = field(metadata=STATIC)
    numbers: tuple[int, ...] = field(metadata=STATIC)

    def __len__(self) -> int:
        return len(self.names)


def movers_of(experiment: Experiment, wanted: Sequence[str]) -> Movers:
    """The groups of some names.

    Args:
        experiment: whose detector.
        wanted: ``panels[*]``, ``groups[*]``, ``panels[left]``, ``panels[0]`` or ``groups[quad]``, as fits name them.

    Raises:
        ConfigError: a name is none of the detector's, or a panel would move twice.
    """
    groups = experiment.detector.groups
    if groups is None:
        for name in wanted:
            if name not in _ONLY:
                raise ConfigError([Fault(_KEY, f"has {name!r}, and the detector has one panel; give panels[*]")])
        placed = place_panel(experiment.panel, experiment.beam.direction)
        fast_m, slow_m = experiment.panel.pixel_sizes_m
        grid = experiment.grid
        middle = placed.point(*(jnp.asarray(x) for x in (0.5 * grid.fast * fast_m, 0.5 * grid.slow * slow_m, 0.0)))
        return Movers(jnp.zeros(1, jnp.int32), jnp.stack(middle)[None], (_WHOLE,), ())
    numbers = list(dict.fromkeys(number for name in wanted for number in _numbers(experiment, name)))
    of_panel = []
    for panel, chain in enumerate(groups.chains):
        own = [numbers.index(number) for number in chain if number in numbers]
        if len(own) > 1:
            both = " and ".join(groups.names[numbers[mover]] for mover in own)
            panel_name = groups.names[groups.chains[panel][-1]]
            raise ConfigError([Fault(_KEY, f"moves panel {panel_name!r} twice, with {both}; leave one of them out")])
        of_panel.append(own[0] if own else len(numbers))
    names = tuple(groups.names[number] for number in numbers)
    return Movers(jnp.asarray(of_panel, jnp.int32), groups.centre_m[np.array(numbers)], names, tuple(numbers))


def _numbers(experiment: Experiment, wanted: str) -> list[int]:
    """Of the groups that a name means."""
    section, bracket, name = wanted.removesuffix("]").partition("[")
    if section not in SECTIONS or not bracket or not wanted.endswith("]"):
        raise ConfigError([Fault(_KEY, f"has {wanted!r}; give panels[*], groups[*], or one of them as panels[NAME]")])
    known = names_in(section, experiment)
    if name == "*" and known:
        return list(known.values())
    if name in known:
        return [known[name]]
    if name.isdecimal() and int(name) < len(known):
        return [list(known.values())[int(name)]]
    if not known:
        raise ConfigError([Fault(_KEY, f"has {wanted!r}, and the detector has no groups; give panels[*]")])
    shown = ", ".join(list(known)[:6]) + (f" and {len(known) - 6} more" if len(known) > 6 else "")
    raise ConfigError([Fault(_KEY, f"has {wanted!r}, and the {section} are {shown}; name one of them, or [*] for all")])


def moved(experiment: Experiment, movers: Movers, motions: Float[Array, "movers 6"]) -> Experiment:
    """The experiment with its groups elsewhere.

    Args:
        experiment: as the file has it; none of its groups has moved.
        movers: which ones move.
        motions: by ``MOTION``.
    """
    detector = experiment.detector
    if detector.groups is None:
        turn, shift_m = about_xyz(motions[0, 3:]), motions[0, :3]
        panel = _placed(experiment.panel, experiment.beam.direction, turn, movers.centre_m[0], shift_m)
        return experiment.with_panel(panel)
    at, groups = jnp.asarray(movers.numbers), detector.groups
    groups = replace(
        groups,
        shift_m=groups.shift_m.at[at].set(motions[:, :3]),
        rotation_rad=groups.rotation_rad.at[at].set(motions[:, 3:]),
    )
    return replace(experiment, detector=replace(detector, groups=groups))


def _placed(panel: PanelParameters, beam: Array, turn: Array, centre_m: Array, shift_m: Array) -> PanelParameters:
    """A panel that has turned about a point and is then shifted, told by where it stands."""
    at = place_panel(panel, beam)
    nothing, beside = jnp.zeros(3, at.origin_m.dtype), jnp.zeros((), at.origin_m.dtype)
    return replace(
        panel,
        pivot="sample",
        distance_m=None,
        close_distance_m=at.close_distance_m,
        near_point_m=at.near_point_m,
        fast_axis=turn @ at.fast,
        slow_axis=turn @ at.slow,
        normal_axis=turn @ at.normal,
        rotation_rad=nothing,
        two_theta_rad=beside,
        origin_shift_m=centre_m - turn @ centre_m + shift_m,
    )
