"""What notebooks show."""

from __future__ import annotations

import re

import jax
import numpy as np

import nbjax
from nbjax.config.edit import with_values
from nbjax.config.tree import Config
from nbjax.fit.result import FitResult, Outcome, ShotResult
from nbjax.html import table

_VALUES = {
    "crystal.cell_A": (50.0, 60.0, 70.0),
    "crystal.default_F": 1.0,
    "detector.pixels_fast": 8,
    "detector.pixels_slow": 6,
}


def _cells(html: str) -> list[list[str]]:
    return [re.findall(r"<td.*?>(.*?)</td>", row) for row in re.findall(r"<tr>(.*?)</tr>", html)]


def test_configurations_and_experiments_show_what_is_in_them() -> None:
    config = with_values(Config(), _VALUES)
    assert "<pre>[crystal]\ncell_A = [50.0, 60.0, 70.0]\n" in config._repr_html_()
    experiment = nbjax.prepare(config)
    html = experiment._repr_html_()
    assert html.startswith("<details open><summary>Experiment: image 6 x 8, double precision</summary>")
    rows = {row[0]: row[1:] for row in _cells(html) if row}
    assert rows["crystals.0.cell.lengths_m"] == ["3", "[5.e-09, 6.e-09, 7.e-09]"]
    seen: list[str] = []
    jax.eval_shape(lambda one: seen.append(one._repr_html_()) or one.resolution_limit_m, experiment)
    assert "traced" in seen[0]


def test_long_tables_are_cut_and_words_are_no_tags() -> None:
    html = table("<title>", ("a",), [[f"<{number}>"] for number in range(203)])
    assert "&lt;title&gt;" in html
    assert _cells(html)[1] == ["&lt;0&gt;"]
    assert _cells(html)[-1] == ["and 3 more"]
    assert len(_cells(html)) == 202


def test_fits_show_values_with_their_deviations() -> None:
    shot = ShotResult(
        Outcome.CONVERGED, "no step promises more", np.array([1.5]), np.array([0.25]), None, 3.0, 48, (), None
    )
    html = FitResult(("beam.x",), ("mm",), 0, (shot,), (), (), (), np.zeros((1, 1)))._repr_html_()
    assert _cells(html)[1] == ["0", "converged", "3", "48", "no step promises more"]
    assert _cells(html)[3] == ["beam.x", "1.5", "0.25", "mm"]
