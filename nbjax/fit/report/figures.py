"""Pictures of a fit, as PNG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from nbjax.fit.result import FitResult, Outcome
from nbjax.style import ABSENT, DIFFERENCES, styled

_PHOTONS = "magma"
_COLOURS = ["#31688e", "#d1603d", "#4c9f70", "#8d6cab", "#b08d2f", "#5b6770"]
_OUTCOMES = ["#31688e", "#b08d2f", "#c0392b", "#8d6cab", "#d1603d", "#e08214", "#8c8c8c"]
_LIMIT_SIGMAS = 5.0


def deviates(image: np.ndarray, model: np.ndarray, used: np.ndarray) -> np.ndarray:
    """(data - model) / sqrt(model) of the used pixels, NaN elsewhere."""
    return np.where(used, (image - model) / np.sqrt(np.maximum(model, 1e-6)), np.nan)


def images(image: np.ndarray, model: np.ndarray, used: np.ndarray) -> Figure:
    """Data, model and residuals side by side."""
    with styled():
        figure = Figure(figsize=(11.4, 3.9), layout="constrained")
        axes = figure.subplots(1, 3, sharex=True, sharey=True)
        norm = _photon_norm(image, model, used)
        for axis, values, title in (
            (axes[0], np.where(used, image, np.nan), "data"),
            (axes[1], np.where(used, model, np.nan), "model"),
        ):
            shown = axis.imshow(_floored(values, norm), norm=norm, cmap=_PHOTONS)
            axis.set_title(title)
        figure.colorbar(shown, ax=axes[:2], label="photons", shrink=0.85, pad=0.01)
        residual = axes[2].imshow(
            deviates(image, model, used), vmin=-_LIMIT_SIGMAS, vmax=_LIMIT_SIGMAS, cmap=DIFFERENCES
        )
        axes[2].set_title("residual")
        figure.colorbar(residual, ax=axes[2], label="(data - model) / sqrt(model)", shrink=0.85, pad=0.01)
        for axis in axes:
            axis.set_facecolor(ABSENT)
            axis.set_xlabel("fast (px)")
        axes[0].set_ylabel("slow (px)")
        return figure


def close_ups(
    image: np.ndarray,
    model: np.ndarray,
    used: np.ndarray,
    number: int = 6,
    half_width: int = 9,
    panels: Sequence[str] = (),
) -> Figure:
    """The brightest spots of the model: data, model and residual of each; of several panels with their names."""
    found = []
    for *panel, slow, fast in brightest(np.where(used, model, 0.0), number, half_width):
        window = np.s_[
            max(slow - half_width, 0) : slow + half_width + 1, max(fast - half_width, 0) : fast + half_width + 1
        ]
        seen, expected, counted = (a[tuple(panel)][window] for a in (image, model, used))
        name = "".join(f"{panels[i]}: " for i in panel)
        peak = np.nanmax(np.where(counted, seen, np.nan))
        found.append(CloseUp(f"{name}{slow}, {fast}\npeak {peak:.3g}", seen, expected, counted))
    return draw_close_ups(found)


@dataclass(frozen=True)
class CloseUp:
    """A spot.

    Attributes:
        title: above its pictures.
        data, model: photons of its pixels, shape (slow, fast).
        used: pixels that count.
    """

    title: str
    data: np.ndarray
    model: np.ndarray
    used: np.ndarray


def draw_close_ups(spots: Sequence[CloseUp]) -> Figure:
    """A column for each spot: data and model on its own scale, and residual."""
    with styled():
        columns = max(len(spots), 1)
        figure = Figure(figsize=(1.75 * columns + 0.9, 5.4), layout="constrained")
        rows = figure.subplots(3, columns, squeeze=False)
        for column, spot in enumerate(spots):
            norm = _photon_norm(spot.data, spot.model, spot.used)
            for axis, values in zip(rows[:2, column], (spot.data, spot.model), strict=True):
                axis.imshow(_floored(np.where(spot.used, values, np.nan), norm), norm=norm, cmap=_PHOTONS)
            off = deviates(spot.data, spot.model, spot.used)
            shown = rows[2, column].imshow(off, vmin=-_LIMIT_SIGMAS, vmax=_LIMIT_SIGMAS, cmap=DIFFERENCES)
            rows[0, column].set_title(spot.title, fontsize=8)
        for axis in rows.flat:
            axis.set_xticks([])
            axis.set_yticks([])
            axis.set_facecolor(ABSENT)
            axis.spines[:].set_visible(False)
        for axis, label in zip(rows[:, 0], ("data", "model", "residual"), strict=True):
            axis.set_ylabel(label)
        if spots:
            figure.colorbar(shown, ax=rows[2, :], label="sigma", pad=0.01)
        return figure


def brightest(model: np.ndarray, number: int, apart: int) -> list[tuple[int, ...]]:
    """(slow, fast), or (panel, slow, fast), of the brightest pixels more than ``apart`` from each other, in order."""
    left = model.copy()
    found: list[tuple[int, ...]] = []
    for _ in range(number):
        *panel, slow, fast = (int(i) for i in np.unravel_index(int(left.argmax()), left.shape))
        if left[(*panel, slow, fast)] <= 0:
            break
        found.append((*panel, slow, fast))
        on_panel = left[tuple(panel)]
        on_panel[max(slow - apart, 0) : slow + apart + 1, max(fast - apart, 0) : fast + apart + 1] = 0.0
    return found


def loss_curve(result: FitResult) -> Figure:
    """Loss after each step, stage by stage."""
    with styled():
        figure = Figure(figsize=(6.2, 3.4), layout="constrained")
        axis = figure.subplots()
        at = 0
        pixels = sum(shot.pixels for shot in result.shots)
        for stage, name in enumerate(result.stages):
            entries = [entry for entry in result.history if entry.stage == stage]
            losses = np.array([np.nansum(entry.losses) for entry in entries]) / pixels
            steps = at + np.arange(len(entries))
            colour = _COLOURS[stage % len(_COLOURS)]
            axis.plot(steps, losses, marker="o", markersize=3, linewidth=1.2, color=colour, label=name)
            at += len(entries)
        axis.set_yscale("log")
        axis.set_xlabel("looks at the loss")
        axis.set_ylabel("loss of a pixel")
        axis.legend(frameon=False, fontsize=8)
        axis.grid(axis="y", color="#e3e3e3", linewidth=0.6)
        return figure


def correlation_map(matrix: np.ndarray, names: Sequence[str]) -> Figure:
    """Correlations of the components of a shot."""
    with styled():
        n = len(names)
        size = min(2.6 + 0.33 * n, 11.0)
        figure = Figure(figsize=(size + 0.8, size), layout="constrained")
        axis = figure.subplots()
        shown = axis.imshow(matrix, vmin=-1, vmax=1, cmap=DIFFERENCES)
        axis.set_xticks(range(n), names, rotation=60, ha="right", rotation_mode="anchor", fontsize=8)
        axis.set_yticks(range(n), names, fontsize=8)
        axis.spines[:].set_visible(False)
        if n <= 16:
            for (i, j), value in np.ndenumerate(matrix):
                if i != j and abs(value) >= 0.1:
                    colour = "white" if abs(value) > 0.6 else "#333333"
                    axis.text(
                        j, i, f"{value:.1f}".replace("0.", "."), ha="center", va="center", fontsize=7, color=colour
                    )
        figure.colorbar(shown, ax=axis, shrink=0.8, label="correlation", pad=0.02)
        return figure


def shot_overview(result: FitResult) -> Figure:
    """Loss of every shot, coloured by how it ended."""
    with styled():
        figure = Figure(figsize=(7.4, 2.8), layout="constrained")
        axis = figure.subplots()
        for outcome, colour in zip(Outcome, _OUTCOMES, strict=True):
            chosen = [i for i, shot in enumerate(result.shots) if shot.outcome is outcome]
            losses = [2 * result.shots[i].loss / max(result.shots[i].pixels, 1) for i in chosen]
            if chosen:
                label = f"{outcome.value} ({len(chosen)})"
                axis.plot([i + 1 for i in chosen], losses, "o", markersize=4, color=colour, label=label)
        axis.set_xlabel("shot")
        axis.set_ylabel("2 x loss of a pixel")
        axis.set_yscale("log")
        axis.legend(frameon=False, fontsize=8)
        return figure


def _photon_norm(image: np.ndarray, model: np.ndarray, used: np.ndarray) -> LogNorm:
    values = np.concatenate([image[used], model[used]]) if used.any() else np.ones(1)
    top = float(np.nanmax(values, initial=1.0))
    low = max(float(np.percentile(model[used], 20)) if used.any() else 0.1, top * 1e-5, 1e-3)
    return LogNorm(vmin=min(low * 0.5, top / 2), vmax=max(top, 1e-3))


def _floored(values: np.ndarray, norm: LogNorm) -> np.ndarray:
    return np.where(np.isnan(values), np.nan, np.maximum(values, norm.vmin or 0.0))
