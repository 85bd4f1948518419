"""Files of refined structure factors: an MTZ, and a table of shells of resolution."""

from __future__ import annotations

import csv
import io

import gemmi
import numpy as np
from jaxtyping import Bool, Float

from nbjax.refine.factors import Merged

_COLUMNS = (
    *("longest_A", "shortest_A", "unique", "observed", "multiplicity"),
    *("mean_F", "mean_F_over_sigma", "cc_half", "cc_anomalous_half"),
)
_FEWEST = 3
"""Pairs that a correlation is told of."""


def factors_mtz(found: Merged, wavelength_A: float) -> bytes:
    """F, SIGF and multiplicity of every reflection that was observed; F(+) and F(-) where mates are apart.

    F of two mates is their weighted mean.

    Args:
        found: the amplitudes.
        wavelength_A: of the beam.
    """
    unique, mates = found.unique, bool(found.unique.minus.any())
    count = int((~unique.minus).sum())
    hkl, multiplicity = unique.hkl[:count], found.sums.count.sum(0)
    plus, minus = _pairs(found)
    both = np.stack([found.F[plus], found.F[minus]]), np.stack([found.sigma_F[plus], found.sigma_F[minus]])
    seen = np.stack([multiplicity[plus], multiplicity[minus]]) > 0
    apart = np.stack([plus >= 0, plus != minus])
    weight = np.where(seen & apart, 1 / both[1] ** 2, 0)
    total = np.maximum(weight.sum(0), 1e-30)
    columns = [("F", "F", (weight * both[0]).sum(0) / total), ("SIGF", "Q", total**-0.5)]
    if mates:
        for name, kind, spread, way in (("F(+)", "G", "SIGF(+)", 0), ("F(-)", "G", "SIGF(-)", 1)):
            columns.append((name, kind, np.where(seen[way], both[0][way], np.nan)))
            columns.append((spread, "L", np.where(seen[way], both[1][way], np.nan)))
    each = multiplicity[plus] + np.where(plus == minus, 0, multiplicity[minus])
    columns.append(("MULT", "I", each))
    mtz = gemmi.Mtz(with_base=True)
    mtz.title = "structure factors refined from stills"
    mtz.spacegroup = unique.symmetry.space_group
    mtz.set_cell_for_all(gemmi.UnitCell(*map(float, unique.cell)))
    mtz.add_dataset("nbjax").wavelength = wavelength_A
    for label, kind, _ in columns:
        mtz.add_column(label, kind)
    rows = np.column_stack([hkl, *(values for _, _, values in columns)])[each > 0]
    mtz.set_data(rows.astype(np.float32))
    return mtz.write_to_bytes()


def factors_csv(found: Merged) -> bytes:
    """A row for each shell, and one for all of them."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    shell = found.unique.shell
    for rows in [*(shell == number for number in range(found.unique.shells)), shell >= 0]:
        writer.writerow([f"{value:.5g}" for value in _row(found, rows)])
    return text.getvalue().encode()


def factors_words(found: Merged) -> str:
    """What was found, in a line."""
    every = np.ones(len(found.unique), bool)
    row = dict(zip(_COLUMNS, _row(found, every), strict=True))
    return (
        f"factors: {row['observed']:.0f} of {row['unique']:.0f} reflections to {row['shortest_A']:.3g} A, "
        f"{row['multiplicity']:.1f} times each; CC1/2 {row['cc_half']:.4f}"
    )


def _row(found: Merged, rows: Bool[np.ndarray, " n"]) -> tuple[float, ...]:
    unique, count = found.unique, found.sums.count.sum(0)
    seen = rows & (count > 0)
    spacing = unique.spacing_A[rows]
    one, two = found.sums.halves()
    plus, minus = _pairs(found)
    apart = rows[: len(plus)] & (plus != minus)
    return (
        float(spacing.max()),
        float(spacing.min()),
        float(rows.sum()),
        float(seen.sum()),
        float(count[rows].mean()),
        float(found.F[seen].mean()) if seen.any() else np.nan,
        float((found.F[seen] / found.sigma_F[seen]).mean()) if seen.any() else np.nan,
        correlation(one[rows], two[rows]),
        correlation((one[plus] - one[minus])[apart], (two[plus] - two[minus])[apart]),
    )


def _pairs(found: Merged) -> tuple[np.ndarray, np.ndarray]:
    """Rows of hkl and of their mates, which are the same where mates are not apart."""
    count = int((~found.unique.minus).sum())
    plus = np.arange(count)
    minus = plus.copy()
    if found.unique.minus.any():
        minus[~found.unique.centric[:count]] = np.arange(count, len(found.unique))
    return plus, minus


def correlation(one: Float[np.ndarray, " n"], two: Float[np.ndarray, " n"]) -> float:
    """Pearson's, of pairs that both have; NaN of too few."""
    both = np.isfinite(one) & np.isfinite(two)
    if both.sum() < _FEWEST:
        return float("nan")
    return float(np.corrcoef(one[both], two[both])[0, 1])
