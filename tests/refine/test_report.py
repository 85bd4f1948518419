"""Reports show shots as they are: those set aside with their pictures, and what the shots share."""

from __future__ import annotations

from typing import Any

import numpy as np

from nbjax.io.experiments.recorded import DIALS, RecordedCrystal, RecordedExperiment
from nbjax.io.experiments.stills import Still
from nbjax.refine.inputs import Frame, Inputs
from nbjax.refine.outcome import Outcome, ShotResult, failed
from nbjax.refine.output import table_rows
from nbjax.refine.parameters import COUNT
from nbjax.refine.report.document import run_report, shot_report
from nbjax.refine.shoeboxes import Marks

PNG = b"\x89PNG picture"


def shot(number: int, outcome: Outcome, misfit: float, **more: Any) -> ShotResult:
    """Of one spot that was found and one that was not."""
    places = np.array([[5.0, 6.0], [15.0, 12.0]])
    pixels = np.ones((2, 5, 5), np.float32)
    values: dict[str, Any] = {
        "reason": "its <b> misfit is large" if outcome is Outcome.SET_ASIDE else "",
        "departure": np.zeros(COUNT),
        "sigma": np.linspace(0, 1e-3, COUNT),
        "direct_A": np.diag([50.0, 60.0, 70.0]),
        "correlation": 0.9,
        "r": 0.1,
        "hkl": np.array([[1, 2, 3], [-4, 5, 6]]),
        "panel": np.array([0, 0]),
        "centre": places,
        "observed": np.array([[5.1, 6.1], [np.nan, np.nan]]),
        "bbox": np.zeros((2, 6), int),
        "photons": np.array([90.0, 10.0]),
        "photons_sigma": np.array([9.0, np.inf]),
        "model": np.array([100.0, 9.0]),
        "background": np.ones(2),
        "partiality": np.ones(2),
        "s1_per_A": np.ones((2, 3)),
        "shown": np.array([0, 1]),
        "shown_data": np.where(np.eye(5) > 0, np.nan, 7 * pixels),
        "shown_model": 6 * pixels,
    }
    return ShotResult(number=number, outcome=outcome, misfit=misfit, **values | more)


def inputs(count: int) -> Inputs:
    crystal = RecordedCrystal(direct_A=np.diag([50.0, 60.0, 70.0]))
    stills = [Still(i, RecordedExperiment("a", DIALS, crystal), f"{i}.img", 0, f"e{i}") for i in range(count)]
    marks = Marks(np.zeros((1, 3), int), np.zeros(1, int), np.zeros((1, 2)))
    return Inputs(
        "a.expt", stills, [Frame(f"{i}.img", 0) for i in range(count)], [marks] * count, [marks] * count, None
    )


def test_a_run_of_all_outcomes() -> None:
    # what matplotlib does of so few shots is looked at by eye
    shots = [
        shot(0, Outcome.REFINED, 1.1),
        shot(1, Outcome.SET_ASIDE, 9.5),
        failed(2, "no image"),
        shot(3, Outcome.REFINED, 1.2),
    ]
    rows = table_rows(inputs(4), shots)
    page = run_report("a <run>", rows, shots, ["panels: moved"], {"Panels": PNG}).decode()
    assert "2 refined, 1 set aside, 1 failed" in page
    assert "a &lt;run&gt;" in page
    assert page.index("Shot 1<") < page.index("Shot 3<") < page.index("Shot 0<")
    for said in ("its &lt;b&gt; misfit is large", "no image", "panels: moved", "iVBORw0KGgo", "60"):
        assert said in page
    # histograms, panels, and the shots that have pixels
    assert page.count("<img") == 2 + 3


def test_a_run_of_nothing_but_failures() -> None:
    shots = [failed(0, "no image")]
    page = run_report("a", table_rows(inputs(1), shots), shots, [], {}).decode()
    assert "<img" not in page
    assert 'class="outcome bad">1 failed' in page


def test_a_shot() -> None:
    made = shot(1, Outcome.SET_ASIDE, 9.5)
    row = table_rows(inputs(2), [shot(0, Outcome.REFINED, 1.0), made])[1]
    photons = np.random.default_rng(0).poisson(5.0, (1, 20, 30)).astype(float)
    page = shot_report(made, row, photons, np.ones((1, 20, 30), bool)).decode()
    assert "its &lt;b&gt; misfit is large" in page
    assert "misfit 9.500 a pixel" in page
    assert "90.0(90)" in page
    # sigma is 0 of what was not free
    assert "log_scale" not in page
    assert "rotation_x_rad" in page
