"""What reflections get that a list should have and has not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nbjax.errors import FileError
from nbjax.reflections.shells import Shell


def fill_missing(
    F: np.ndarray,
    known: np.ndarray,
    numbers: np.ndarray,
    shells: Sequence[Shell],
    missing: str | None,
    default_F: float,
    name: str,
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Amplitudes with those that are missing filled in, and a sentence that says so.

    Args:
        F: amplitudes of the whole sphere, shape (n,).
        known: which of them are known, shape (n,).
        numbers: shell of each, shape (n,).
        shells: the shells.
        missing: "zero", "shell_mean" or "error"; None for ``default_F``.
        default_F: in electrons.
        name: of the file, for messages.

    Raises:
        FileError: some are missing, and ``missing`` is "error".
    """
    lacking, possible = sum(shell.missing for shell in shells), sum(shell.possible for shell in shells)
    if known.all() or not lacking:
        return np.where(known, F, 0.0), ()
    worst = max(shells, key=lambda shell: shell.missing / max(shell.possible, 1))
    found = (
        f"{name}: {lacking} of {possible} unique reflections to {shells[-1].shortest_A:.3g} A are missing, most from "
        f"{worst.longest_A:.3g} to {worst.shortest_A:.3g} A ({100 * worst.missing / worst.possible:.0f} % there)"
    )
    if missing == "error":
        raise FileError(f'{found}; give a complete list, or crystal.missing_reflections = "shell_mean" or "zero"')
    if missing == "shell_mean":
        said = "they get the mean amplitude of their shell"
        filling = _means(shells)[numbers]
    else:
        value = 0.0 if missing == "zero" else default_F
        said = f"they are {'0' if value == 0 else f'default_F, {value:g}'} (crystal.missing_reflections chooses)"
        filling = np.full(len(F), value)
    return np.where(known, F, filling), (f"{found}; {said}",)


def _means(shells: Sequence[Shell]) -> np.ndarray:
    """Mean amplitude of each shell; that of the nearest where one has none."""
    filled = [i for i, shell in enumerate(shells) if shell.count]
    nearest = [min(filled, key=lambda i: abs(i - place), default=None) for place in range(len(shells))]
    return np.array([0.0 if i is None else shells[i].mean_F for i in nearest])
