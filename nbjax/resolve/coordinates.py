"""Resolution of structure factors that come from coordinates."""

from __future__ import annotations

import numpy as np

from nbjax.config.inputs import OF_COORDINATES
from nbjax.config.tree import Crystal
from nbjax.reflections.calculation import CoordinatesModel, Recipe, calculate
from nbjax.resolve.beam import ResolvedBeam
from nbjax.resolve.notes import Notes


def model_of_coordinates(crystal: Crystal, beam: ResolvedBeam, notes: Notes) -> CoordinatesModel:
    """What the coordinates give at the beam's wavelength.

    Raises:
        FileError: see ``calculate``.
    """
    resolution_A = notes.choose("crystal.coordinates_resolution_A", crystal.coordinates_resolution_A, 2.0)
    model = calculate(
        str(crystal.coordinates_file),
        Recipe(
            resolution_A=resolution_A,
            wavelengths_A=_channels(crystal, beam, notes),
            solvent=crystal.coordinates_solvent,
            solvent_k=notes.choose("crystal.solvent_k", crystal.solvent_k, Recipe.solvent_k),
            solvent_B_A2=notes.choose("crystal.solvent_B_A2", crystal.solvent_B_A2, Recipe.solvent_B_A2),
            scale=notes.choose("crystal.coordinates_scale", crystal.coordinates_scale, Recipe.scale),
            B_A2=notes.choose("crystal.coordinates_B_A2", crystal.coordinates_B_A2, Recipe.B_A2),
            model=crystal.coordinates_model,
        ),
    )
    number = int(model.number)
    notes.choose(
        "crystal.coordinates_model", crystal.coordinates_model, number, "the first of crystal.coordinates_file"
    )
    origin = "default: of macromolecules, not of small molecules"
    notes.choose("crystal.coordinates_solvent", crystal.coordinates_solvent, model.has_solvent, origin)
    for sentence in model.warnings:
        notes.warn(sentence)
    idle = [key for key in ("solvent_k", "solvent_B_A2") if getattr(crystal, key) is not None and not model.has_solvent]
    if idle:
        notes.warn(f"crystal.{idle[0]} has no effect: the model has no bulk solvent (crystal.coordinates_solvent)")
    return model


def _channels(crystal: Crystal, beam: ResolvedBeam, notes: Notes) -> tuple[float, ...]:
    """Wavelengths in Angstrom at which f' and f'' are taken; none without them."""
    anomalous = notes.choose("crystal.anomalous", crystal.anomalous, True)
    count = crystal.anomalous_channels or 1
    found = np.unique(beam.source_wavelengths())
    if anomalous and count > 1 and len(found) > 1:
        notes.given("crystal.anomalous_channels", count)
        channels = found if len(found) <= count else np.linspace(found[0], found[-1], count)
        return tuple(map(float, channels))
    if count > 1:
        why = "all sources have one wavelength" if anomalous else "crystal.anomalous is false"
        notes.warn(f"crystal.anomalous_channels = {count} has no effect: {why}")
    notes.record("crystal.anomalous_channels", 1, "one table for all wavelengths")
    return (beam.wavelength_A,) if anomalous else ()


def check_unused(crystal: Crystal, notes: Notes) -> None:
    """Name what was said about coordinates where there are none."""
    said = [f"crystal.{name}" for name in OF_COORDINATES if getattr(crystal, name) is not None]
    if crystal.coordinates_file is None and said:
        has = "has" if len(said) == 1 else "have"
        notes.warn(f"{', '.join(said)} {has} no effect without crystal.coordinates_file")
