"""Resolution of several crystals in one image, and of twins."""

from __future__ import annotations

import math
from dataclasses import replace

import gemmi
import numpy as np

from nbjax.config.tree import Config, Crystal
from nbjax.geometry.unit_cell import standard_direct
from nbjax.resolve.beam import ResolvedBeam
from nbjax.resolve.closed import closed_config
from nbjax.resolve.crystal import ResolvedCrystal, resolve_crystal
from nbjax.resolve.detector import ResolvedDetector
from nbjax.resolve.notes import Notes
from nbjax.resolve.plausibility import check_ranges
from nbjax.resolve.rotation import resolve_rotation
from nbjax.resolve.sampling import resolve_sampling

_SECTION = "crystal."
_MOST_OBLIQUE_DEG = 6.0
"""Twins whose lattices are further apart have no common lattice."""
_HALF = 0.5


def check_several(config: Config, notes: Notes) -> None:
    """Note what several crystals, or a twin, cannot have beside them, as faults."""
    first, *others = config.crystals or (config.crystal,)
    twin = any(one.twin_law is not None for one in (first, *others))
    if config.parity and (others or twin):
        what = "crystals" if others else "crystal.twin_law"
        notes.fault(what, "the C program has one crystal and no twins; leave it out, or parity")
    for number, other in enumerate(others, 1):
        if other.model != first.model:
            problem = f'got "{other.model}", the first crystal is "{first.model}"; give all crystals one model'
            notes.fault(f"crystals.{number}.model", problem)
        if other.water_um != first.water_um:
            notes.fault(f"crystals.{number}.water_um", "all crystals lie in one water; give it under [crystal]")


def resolve_several(
    config: Config, first: ResolvedCrystal, beam: ResolvedBeam, detector: ResolvedDetector, seed: int, notes: Notes
) -> tuple[tuple[ResolvedCrystal, ...], int]:
    """All crystals, each before its twin, and the subpixels that the finest but the first asks for.

    Args:
        config: before what the first crystal does to it.
        first, beam, detector: resolved.
        seed: of the image.
        notes: gets the values, warnings and faults of all.
    """
    found = [*twinned(first, config.crystal, notes)]
    _warn_of_copies(config, notes)
    oversample = 1
    for number, said in enumerate(config.crystals[1:], 1):
        own = Notes({key: origin for key, origin in notes.said.items() if not key.startswith(_SECTION)})
        one = closed_config(check_ranges(replace(config, crystal=said, crystals=()), own), own)
        crystal = resolve_crystal(one, beam, seed + number, own)
        crystal = replace(crystal, phi=resolve_rotation(one, beam, crystal, detector, own))
        if not own.faults:
            oversample = max(oversample, resolve_sampling(one, beam, crystal, detector, own).oversample)
            found += twinned(crystal, said, own)
        _adopt(own, number, notes)
    return tuple(found), oversample


def _warn_of_copies(config: Config, notes: Notes) -> None:
    """Name crystals that are said twice: their photons come twice from one lattice."""
    for number, one in enumerate(config.crystals):
        before = config.crystals[:number]
        if one in before and not (one.misset_random and one.misset_seed is None):
            notes.warn(
                f"crystals.{number} is the same as crystals.{before.index(one)}, and adds the same photons again; turn "
                "it with misset_deg or misset_random, or leave it out"
            )


def twinned(crystal: ResolvedCrystal, said: Crystal, notes: Notes) -> tuple[ResolvedCrystal, ...]:
    """The crystal, or both individuals of a twin, with their shares; faults go to ``notes``."""
    if said.twin_law is None:
        if said.twin_fraction is not None:
            notes.fault("crystal.twin_fraction", 'wants crystal.twin_law beside it, as in twin_law = "k,h,-l"')
        return (crystal,)
    turn = _turn_of(said.twin_law, crystal, notes)
    fraction = notes.choose("crystal.twin_fraction", said.twin_fraction, _HALF)
    if turn is None:
        return (crystal,)
    notes.given("crystal.twin_law", said.twin_law)
    weight = 1.0 if crystal.weight is None else crystal.weight
    twin = replace(crystal, orientation=crystal.orientation @ turn, weight=weight * fraction)
    return replace(crystal, weight=weight * (1 - fraction)), twin


def _turn_of(law: str, crystal: ResolvedCrystal, notes: Notes) -> np.ndarray | None:
    """The rotation, in the standard setting, of a twin whose reflection T h falls on h, shape (3, 3).

    T maps the direct vectors of the one individual to those of the other. Where the lattices agree but nearly, the
    nearest rotation stands in.
    """
    problem = None
    try:
        matrix = np.array(gemmi.Op(law.replace("h", "x").replace("k", "y").replace("l", "z")).rot, float) / gemmi.Op.DEN
    except (ValueError, RuntimeError):
        notes.fault("crystal.twin_law", f'got {law!r}, three indices are wanted, as in "k,h,-l"')
        return None
    direct = np.asarray(standard_direct(np.array(crystal.cell_A), np.radians(crystal.cell_deg)))
    exact = (np.linalg.inv(direct) @ matrix @ direct).T
    left, stretches, right = np.linalg.svd(exact)
    turn = np.asarray(left @ right)
    oblique_deg = math.degrees(float(np.abs(stretches - 1).max()))
    if np.linalg.det(matrix) < 0:
        problem = f"got {law!r}, which inverts the axes; change the sign of all three for its Friedel mate's law"
    elif np.allclose(matrix, np.eye(3)):
        problem = f"got {law!r}, which leaves every index where it is; give the law of the twin, or leave it out"
    elif oblique_deg > _MOST_OBLIQUE_DEG:
        cell = " ".join(f"{number:g}" for number in (*crystal.cell_A, *crystal.cell_deg))
        problem = f"got {law!r}, which does not map the lattice of the cell {cell} onto itself; give a law that does"
    if problem is not None:
        notes.fault("crystal.twin_law", problem)
        return None
    return turn


def _adopt(own: Notes, number: int, notes: Notes) -> None:
    """Take over what one of several crystals has noted, under its own name."""
    named = f"crystals.{number}."
    for key, row in own.rows.items():
        if key.startswith(_SECTION):
            notes.rows[named + key.removeprefix(_SECTION)] = row
    for fault in own.faults:
        notes.fault(fault.key.replace(_SECTION, named) if fault.key.startswith(_SECTION) else fault.key, fault.problem)
    for said, into in ((own.warnings, notes.warnings), (own.remarks, notes.remarks)):
        into += [sentence for sentence in (one.replace(_SECTION, named) for one in said) if sentence not in into]
