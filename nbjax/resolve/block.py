"""Resolution of what a mosaic block has beside its numbers of cells."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from nbjax.config.tree import Config, Vector
from nbjax.resolve.notes import Notes


def matrix_of(cells: Vector, off_diagonal: Vector | None) -> Float[np.ndarray, "3 3"]:
    """The block's matrix."""
    ab, bc, ca = off_diagonal or (0.0, 0.0, 0.0)
    return np.diag(np.array(cells, float)) + np.array([[0, ab, ca], [ab, 0, bc], [ca, bc, 0]])


def resolve_off_diagonal(config: Config, cells: Vector, shape: str, notes: Notes) -> Vector | None:
    """The numbers ab, bc and ca of the block's matrix, whose diagonal the cells are; faults go to ``notes``."""
    key, found = "crystal.cells_off_diagonal", config.crystal.cells_off_diagonal
    if found is None:
        return None
    notes.given(key, found)
    if shape == "square":
        words = "a square block is a parallelepiped of its cells along a, b and c"
        notes.fault(key, f'{words}; give shape = "gauss", "round" or "tophat", or leave it out')
    if config.parity:
        notes.fault(key, "the C program has none; leave it, or parity, out")
    least = float(np.linalg.eigvalsh(matrix_of(cells, found)).min())
    if least <= 0:
        shown = ", ".join(f"{number:g}" for number in found)
        problem = f"got {shown}, with which the block has {least:.3g} cells along one direction; give smaller numbers"
        notes.fault(key, problem)
    return found
