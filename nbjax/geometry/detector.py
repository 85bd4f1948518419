"""Detectors: panels, and the rigid groups in which they move."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from nbjax.attenuation import Filter
from nbjax.fields import STATIC
from nbjax.geometry.panel import Panel, PanelParameters, place_panel, seen_along
from nbjax.rotations import about_xyz


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class PanelGroups:
    """Groups of panels that move rigidly, each inside the larger ones that it belongs to.

    A group turns about its centre and is then shifted; centres are where the groups stand before any of them has moved.

    Attributes:
        shift_m: in the laboratory, shape (groups, 3).
        rotation_rad: about the laboratory x, then y, then z, shape (groups, 3).
        centre_m: shape (groups, 3).
        names: of the groups, the largest first; the last are the panels.
        chains: of each panel its groups by number, the largest first.
    """

    shift_m: Float[Array, "groups 3"]
    rotation_rad: Float[Array, "groups 3"]
    centre_m: Float[Array, "groups 3"]
    names: tuple[str, ...] = field(metadata=STATIC)
    chains: tuple[tuple[int, ...], ...] = field(metadata=STATIC)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class DetectorParameters:
    """The detector.

    Attributes:
        panels: the panel; of several, all of them, every array with a leading axis.
        groups: how several panels move together; None for one panel.
        filters: what lies between the sample and the sensor.
    """

    panels: PanelParameters
    groups: PanelGroups | None = None
    filters: tuple[Filter, ...] = ()

    @property
    def count(self) -> int:
        """How many panels there are."""
        return 1 if self.groups is None else len(self.groups.chains)

    @property
    def panel_names(self) -> tuple[str, ...]:
        """Names of several panels; none of one."""
        return () if self.groups is None else tuple(self.groups.names[chain[-1]] for chain in self.groups.chains)


def first_panel(detector: DetectorParameters) -> PanelParameters:
    """The panel; of several the first, as it stands before its groups move."""
    if detector.groups is None:
        return detector.panels
    panel: PanelParameters = jax.tree.map(lambda leaf: leaf[0], detector.panels)
    return panel


def place_detector(detector: DetectorParameters, beam: Float[Array, "3"]) -> Panel:
    """The placed panel; of several, all of them, every array with a leading axis.

    Args:
        detector: panels and groups.
        beam: unit direction of the beam, shape (3,).
    """
    if detector.groups is None:
        return place_panel(detector.panels, beam)
    placed = jax.vmap(partial(place_panel, beam=beam))(detector.panels)
    turn, shift_m = _motions(detector.groups)
    move = partial(jnp.einsum, "pij,pj->pi", turn)
    moved = replace(
        placed,
        origin_m=move(placed.origin_m) + shift_m,
        fast=move(placed.fast),
        slow=move(placed.slow),
        normal=move(placed.normal),
    )
    return jax.vmap(partial(seen_along, beam=beam))(moved)


def _motions(groups: PanelGroups) -> tuple[Float[Array, "panels 3 3"], Float[Array, "panels 3"]]:
    """Rotation about the sample and shift of every panel, by all of its groups, the smallest first."""
    turns = jax.vmap(about_xyz)(groups.rotation_rad)
    shifts = groups.centre_m - jnp.einsum("gij,gj->gi", turns, groups.centre_m) + groups.shift_m
    still = len(groups.names)
    turns = jnp.concatenate([turns, jnp.eye(3, dtype=turns.dtype)[None]])
    shifts = jnp.concatenate([shifts, jnp.zeros((1, 3), shifts.dtype)])
    depth = max(map(len, groups.chains))
    turn: Array | None = None
    shift = jnp.zeros((), shifts.dtype)
    for level in reversed(range(depth)):
        at = jnp.asarray([chain[level] if level < len(chain) else still for chain in groups.chains])
        turn = turns[at] if turn is None else jnp.einsum("pij,pjk->pik", turns[at], turn)
        shift = shifts[at] + (jnp.einsum("pij,pj->pi", turns[at], shift) if shift.ndim else 0.0)
    assert turn is not None
    return turn, shift
