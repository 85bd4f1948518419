"""Resolution of the displacements that neighbouring parts of a crystal share."""

from __future__ import annotations

from dataclasses import dataclass

from nbjax.config.tree import Config, Vector
from nbjax.resolve.notes import Notes


@dataclass(frozen=True)
class ResolvedMotion:
    """Displacements along the crystal's Cartesian axes, and how far they are correlated, in Angstrom."""

    sigma_A: Vector
    gamma_A: Vector


def resolve_motion(config: Config, notes: Notes) -> ResolvedMotion | None:
    """Fill in the motion, if one is said; faults go to ``notes``."""
    sigma, gamma = _along_axes("sigma", config, notes), _along_axes("gamma", config, notes)
    if sigma is None and gamma is None:
        return None
    for name, found, other in (("sigma", sigma, "gamma"), ("gamma", gamma, "sigma")):
        if found is None:
            what = "displacements" if name == "sigma" else "the distance over which they are correlated"
            notes.fault(f"crystal.diffuse_{name}_A", f"is missing beside diffuse_{other}_A; give {what}")
    if config.parity:
        notes.fault("crystal.diffuse_sigma_A", "the C program has no diffuse scattering; leave it, or parity, out")
    return None if sigma is None or gamma is None else ResolvedMotion(sigma, gamma)


def _along_axes(name: str, config: Config, notes: Notes) -> Vector | None:
    """One number for all axes, or three."""
    key, of_axes = f"crystal.diffuse_{name}_A", f"crystal.diffuse_{name}_axes_A"
    one = getattr(config.crystal, f"diffuse_{name}_A")
    three: Vector | None = getattr(config.crystal, f"diffuse_{name}_axes_A")
    if one is not None and three is not None:
        notes.fault(of_axes, f"given together with {key}, which is along every axis; leave one of them out")
    if three is not None:
        notes.given(of_axes, three)
        return three
    if one is None:
        return None
    notes.given(key, one)
    return one, one, one
