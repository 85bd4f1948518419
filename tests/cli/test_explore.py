"""``nbjax explore`` refuses what it cannot serve before anything is computed."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import pytest

Fails = Callable[[list[str]], str]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--port", "70000"], "--port 70000: is none; give 1024 to 65535, or 0 for a free one"),
        (["--pedestal", "40"], "--pedestal: is of a measured image, and there is none; give --image FILE"),
        (["--set", "detector.distance_mm=-1"], "detector.distance_mm: got -1, must be above zero"),
    ],
)
def test_faults_are_told(words: list[str], told: str, fails: Fails, tmp_path: Any) -> None:
    (tmp_path / "a.toml").write_text(
        "[beam]\nwavelength_A = 1.0\n[crystal]\ncell_A = [50.0, 60.0, 70.0]\ndefault_F = 1.0\ncells = [3, 3, 3]\n"
        "[detector]\ndistance_mm = 100.0\npixel_mm = 1.0\npixels_fast = 6\npixels_slow = 5\n"
    )
    assert told in fails(["explore", str(tmp_path / "a.toml"), *words])


def test_a_missing_server_is_told_with_its_remedy(fails: Fails, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None)
    text = fails(["explore", "a.toml"])
    assert "explore: needs starlette and uvicorn" in text
    assert "pip install 'nbjax[explore]'" in text
