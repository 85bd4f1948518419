"""What the reports say, and the pages."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

import numpy as np

from nbjax import __version__
from nbjax.fit.report.document import with_sigma
from nbjax.html import STYLE_SHEET
from nbjax.refine.inputs import Inputs
from nbjax.refine.outcome import Outcome, ShotResult
from nbjax.refine.parameters import NAMES

_WORST, _LISTED = 3, 50
"""Shots with pictures, and shots in the table of those that were not refined."""
_SPREAD = (
    ("turned_deg", "turned (degrees)"),
    ("misfit", "misfit a pixel"),
    ("correlation", "correlation"),
    ("offset_px", "offset (px)"),
    ("a_A", "a (Å)"),
    ("b_A", "b (Å)"),
    ("c_A", "c (Å)"),
    ("log_mosaicity", "log of mosaicity over start"),
    ("log_size", "log of size over start"),
    ("spots", "spots"),
)


def run_report(
    title: str,
    rows: Sequence[Mapping[str, Any]],
    shots: Sequence[ShotResult],
    words: Sequence[str],
    pictures: Mapping[str, bytes],
) -> bytes:
    """A page about all shots that needs no other file.

    Args:
        title: heading.
        rows: of the table of shots.
        shots: in the order of the rows.
        words: lines about what the shots share.
        pictures: PNG files by what they show, as the places of a shared detector.
    """
    # matplotlib takes its time
    from nbjax.refine.report import figures
    from nbjax.style import rendered

    refined = [row for row in rows if row["outcome"] == Outcome.REFINED.value]
    spread = [(label, np.array([row[name] for row in refined], float)) for name, label in _SPREAD]
    known = [shot for shot in shots if len(shot.shown)]
    worst = sorted(known, key=lambda shot: -np.nan_to_num(shot.misfit, nan=np.inf))[:_WORST]
    by_number = {row["experiment"]: row for row in rows}
    return _page(
        "run.html",
        title=title,
        good=bool(refined),
        outcome=_outcomes(rows),
        words=words,
        medians=[
            {"name": label, "values": [f"{value:.5g}" for value in np.nanpercentile(of, [10, 50, 90])]}
            for label, of in spread
            if np.isfinite(of).any()
        ],
        histograms=_encoded(rendered(figures.histograms(spread))) if refined else "",
        pictures={name: _encoded(content) for name, content in pictures.items()},
        worst=[
            {"row": by_number[shot.number], "picture": _encoded(rendered(figures.close_ups(shot)))} for shot in worst
        ],
        others=[row for row in rows if row["outcome"] != Outcome.REFINED.value][:_LISTED],
    )


def shot_report(shot: ShotResult, row: Mapping[str, Any], photons: np.ndarray, usable: np.ndarray) -> bytes:
    """A page about one shot.

    Args:
        shot: that has been refined or set aside.
        row: of the table of shots.
        photons, usable: of its image, shape (panel, slow, fast).
    """
    from nbjax.refine.report import figures
    from nbjax.style import rendered

    drawn = {
        "spots": figures.close_ups(shot),
        "image": figures.spots_on_image(shot, photons, usable),
        "photons": figures.photons_and_places(shot),
    }
    values = zip(NAMES, shot.departure, shot.sigma, strict=True)
    return _page(
        "shot.html",
        title=f"Shot {shot.number}",
        good=shot.outcome is Outcome.REFINED,
        outcome=shot.outcome.value,
        row=row,
        figures={name: _encoded(rendered(figure)) for name, figure in drawn.items()},
        departures=[
            {"name": name, "value": with_sigma(float(value), float(sigma)), "sigma": f"{sigma:.2g}"}
            for name, value, sigma in values
            if sigma > 0
        ],
        spots=[
            {
                "hkl": " ".join(map(str, shot.hkl[i])),
                "panel": int(shot.panel[i]),
                "fast": f"{shot.centre[i, 0]:.2f}",
                "slow": f"{shot.centre[i, 1]:.2f}",
                "photons": with_sigma(float(shot.photons[i]), float(shot.photons_sigma[i])),
                "model": f"{shot.model[i]:.5g}",
                "partiality": f"{shot.partiality[i]:.3f}",
                "background": f"{shot.background[i]:.3g}",
            }
            for i in np.argsort(-shot.model, kind="stable")
        ],
    )


def shot_reports(
    inputs: Inputs,
    rows: Sequence[Mapping[str, Any]],
    shots: Sequence[ShotResult],
    wanted: Sequence[int],
    image: Any,
) -> dict[str, bytes]:
    """Pages about some shots, by the names of their files; none of a shot that failed.

    Args:
        inputs: of the run.
        rows, shots: in the order of the stills.
        wanted: numbers of shots.
        image: function of a still's place, for the photons of its image and which are usable.
    """
    places = {still.number: place for place, still in enumerate(inputs.stills)}
    return {
        f"shot_{number}.html": shot_report(shots[places[number]], rows[places[number]], *image(places[number]))
        for number in dict.fromkeys(wanted)
        if shots[places[number]].outcome is not Outcome.FAILED
    }


def _outcomes(rows: Sequence[Mapping[str, Any]]) -> str:
    counts = {each.value: sum(row["outcome"] == each.value for row in rows) for each in Outcome}
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count)


def _encoded(picture: bytes) -> str:
    return base64.b64encode(picture).decode()


def _page(name: str, **values: Any) -> bytes:
    import jinja2

    template = (resources.files("nbjax.refine.report") / name).read_text(encoding="utf-8")
    page = jinja2.Environment(autoescape=True, trim_blocks=False).from_string(template)
    return page.render(version=__version__, style_sheet=STYLE_SHEET, **values).encode()
