"""The HTML report."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

import numpy as np

from nbjax import __version__
from nbjax.experiment import Experiment
from nbjax.fit.report.layout import laid_out
from nbjax.fit.result import FitResult, Outcome
from nbjax.html import STYLE_SHEET


def report_html(
    result: FitResult,
    experiment: Experiment,
    image: np.ndarray,
    model: np.ndarray,
    used: np.ndarray,
    shot: int,
    title: str,
    inputs: Sequence[Mapping[str, Any]],
) -> str:
    """A page that needs no other file.

    Args:
        result: the fit.
        experiment: of the pictured shot, which lays its panels out.
        image, model, used: of the pictured shot: photons, fitted photons, and the pixels that count.
        shot: which one that is.
        title: heading.
        inputs: where the image of each shot came from, and how it was read: names and values.
    """
    import jinja2

    # matplotlib takes its time, which those who only fit need not wait for
    from nbjax.fit.report import figures
    from nbjax.style import rendered

    chosen = result.shots[shot]
    pictures = {
        "images": figures.images(*laid_out(experiment, image, model, used)),
        "close_ups": figures.close_ups(image, model, used, panels=experiment.detector.panel_names),
        "loss": figures.loss_curve(result),
    }
    if chosen.correlation is not None:
        pictures["correlation"] = figures.correlation_map(chosen.correlation, result.names)
    if len(result.shots) > 1:
        pictures["shots"] = figures.shot_overview(result)
    template = (resources.files("nbjax.fit.report") / "report.html").read_text(encoding="utf-8")
    page = jinja2.Environment(autoescape=True, trim_blocks=False).from_string(template)
    return page.render(
        title=title,
        good=result.converged,
        outcome=_outcomes(result),
        summary=chosen.reason if len(result.shots) == 1 else f"{len(result.shots)} shots",
        warnings=chosen.warnings,
        pictured=f"Data, model, residual{f' (shot {shot + 1})' if len(result.shots) > 1 else ''}",
        figures={name: base64.b64encode(rendered(figure)).decode() for name, figure in pictures.items()},
        version=__version__,
        style_sheet=STYLE_SHEET,
        goodness=chosen.goodness,
        panels=experiment.detector.panel_names,
        inputs=[{key: "" if value is None else value for key, value in row.items()} for row in inputs],
        rows=_rows(result, shot),
        own_names=result.names[result.shared :],
        shots=[
            {
                "number": i + 1,
                "outcome": s.outcome.value,
                "reason": s.reason,
                "deviance": "" if s.goodness is None else f"{s.goodness.reduced_deviance:.4g}",
                "agreement": "" if s.goodness is None else f"{s.goodness.correlation:.4g}",
                "components": [
                    with_sigma(v, e) for v, e in zip(s.values[result.shared :], s.sigmas[result.shared :], strict=True)
                ],
            }
            for i, s in enumerate(result.shots)
        ],
    )


def with_sigma(value: float, sigma: float) -> str:
    """A value to the digits that its standard deviation leaves: 12.3456(78)."""
    if not (math.isfinite(sigma) and sigma > 0 and math.isfinite(value)):
        return f"{value:.6g}"
    digits = 1 - math.floor(math.log10(sigma))
    if not 0 <= digits <= 12 or abs(value) >= 1e12:
        return f"{value:.8g} ± {sigma:.2g}"
    return f"{value:.{digits}f}({sigma * 10**digits:.0f})"


def _outcomes(result: FitResult) -> str:
    counts = {o: sum(s.outcome is o for s in result.shots) for o in Outcome}
    if len(result.shots) == 1:
        return result.shots[0].outcome.value
    return ", ".join(f"{count} {outcome.value}" for outcome, count in counts.items() if count)


def _rows(result: FitResult, shot: int) -> list[dict[str, str]]:
    found = []
    chosen = result.shots[shot]
    for name, unit, start, value, sigma, at_bound in zip(
        result.names, result.units, result.starts[shot], chosen.values, chosen.sigmas, chosen.at_bound, strict=True
    ):
        known = math.isfinite(sigma) and sigma > 0
        found.append(
            {
                "name": name,
                "unit": unit,
                "start": f"{start:.8g}",
                "value": with_sigma(value, sigma),
                "sigma": f"{sigma:.2g}" if known else "at the bound" if at_bound else "undetermined",
                "pull": f"{(value - start) / sigma:+.3g}" if known else "",
            }
        )
    return found
