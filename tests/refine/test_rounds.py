"""Rounds over all shots go on where they were stopped, and end where they would have ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from nbjax.refine import factors, metrology
from nbjax.refine.elimination import Reduced
from nbjax.refine.factors import Sums, refine_factors
from nbjax.refine.metrology import Metrology, Part, refine_panels
from nbjax.refine.motions import Movers
from nbjax.refine.outcome import Outcome, ShotResult, failed
from nbjax.refine.parameters import COUNT
from nbjax.refine.pixels import Pixels
from nbjax.refine.rounds import Rounds
from nbjax.refine.run import Run
from nbjax.refine.settings import RefineSettings

MOVERS = Movers(jnp.array([0, 1]), jnp.array([[0.0, 0.1, 0.2], [0.1, 0.0, 0.2]]), ("left", "right"), (0, 1))
SHOTS = (3, 5)


class Stopped(Exception):  # noqa: N818
    """The run was killed."""


def run() -> Run:
    made = object.__new__(Run)
    for name, value in {"settings": RefineSettings(), "experiment": None, "inputs": None, "pixels": None}.items():
        object.__setattr__(made, name, value)
    return made


def shots() -> list[ShotResult]:
    plain = {each.name: getattr(failed(0, ""), each.name) for each in fields(ShotResult)}
    known = {"outcome": Outcome.REFINED, "misfit": 1.0, "departure": np.zeros(COUNT)}
    return [ShotResult(**plain | known | {"number": number}) for number in SHOTS]


def test_rounds_of_another_question_are_not_taken(tmp_path: Path) -> None:
    Rounds(tmp_path, "one", resume=False).write("panels", number=3)
    assert int(Rounds(tmp_path, "one", resume=True).read("panels")["number"]) == 3
    assert Rounds(tmp_path, "one", resume=False).read("panels") is None
    assert Rounds(tmp_path, "two", resume=True).read("panels") is None
    (tmp_path / "panels.npz").write_bytes(b"cut off")
    assert Rounds(tmp_path, "one", resume=True).read("panels") is None


@pytest.fixture
def panels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Metrology, int]]:
    """Refine panels, whose shots say something made up; the result, and how many shots were looked at."""
    monkeypatch.setattr(metrology, "_looks", lambda _: [None, None])
    rng = np.random.default_rng(2)
    root = rng.normal(size=(12, 40)) * 1e4
    aim = rng.normal(size=12) * 1e-4

    def refined(name: str, last: int = 10**6, resume: bool = False) -> tuple[Metrology, int]:
        looked: list[int] = []

        def part_of(*arguments: Any) -> Part:
            _, _, motions, number, departure, _, _ = arguments
            looked.append(number)
            if len(looked) > last:
                raise Stopped
            curvature = root @ root.T
            # a problem whose steps are too short, so that it takes several rounds
            slope = 0.5 * curvature @ (aim - motions)
            misfit = float((aim - motions) @ curvature @ (aim - motions))
            return Part(
                Reduced(curvature, slope),
                departure + 0.1 * number,
                np.array(misfit),
                np.array(9.0),
                np.array([2.0, 1.0]),
            )

        monkeypatch.setattr(metrology, "_part_of", part_of)
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        rounds = Rounds(folder, "asked", resume)
        return refine_panels(run(), MOVERS, shots(), Pixels(folder), lambda _: None, rounds), len(looked)

    return refined


def test_panels_go_on_at_the_last_round(panels: Callable[..., tuple[Metrology, int]]) -> None:
    whole, all_of = panels("whole")
    assert all_of > 8
    # in the middle of the third round
    with pytest.raises(Stopped):
        panels("stopped", last=5)
    found, looked = panels("stopped", resume=True)
    assert looked == all_of - 4
    for each in ("motions", "sigma", "spots"):
        np.testing.assert_array_equal(getattr(found, each), getattr(whole, each))
    assert found.misfit == whole.misfit
    for number in SHOTS:
        np.testing.assert_array_equal(found.departures[number], whole.departures[number])
    again, looked = panels("stopped", resume=True)
    assert looked == 0
    np.testing.assert_array_equal(again.motions, whole.motions)


def test_factors_go_on_at_the_last_round(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    def follow(_: Run, departures: dict[int, np.ndarray], *more: Any) -> None:
        if len(done) == stop_at:
            raise Stopped
        for number in departures:
            departures[number] = departures[number] + len(more[-1]) + 0.1 * number

    def around(_: Run, unique: Any, F: np.ndarray, departures: dict[int, np.ndarray], *more: Any) -> Sums:
        done.append(more[-1])
        return Sums(*(np.full((2, 3), F.sum() + departures[3][0] + i) for i in range(5)))

    monkeypatch.setattr(factors, "_starting", lambda *_: np.ones(3))
    monkeypatch.setattr(factors, "replace", lambda made, **_: made)
    monkeypatch.setattr(factors, "with_amplitudes", lambda *_: None)
    monkeypatch.setattr(factors, "_follow", follow)
    monkeypatch.setattr(factors, "_round", around)
    monkeypatch.setattr(factors, "_merged", lambda unique, start, sums, settings: (start + sums.mean()[0], start))

    def refined(name: str, resume: bool) -> Any:
        (tmp_path / name).mkdir(exist_ok=True)
        unique = object.__new__(factors.Unique)
        folder = tmp_path / name
        return refine_factors(run(), unique, shots(), Pixels(folder), lambda _: None, Rounds(folder, "asked", resume))

    stop_at = -1
    whole, rounds = refined("whole", resume=False), len(done)
    done.clear()
    stop_at = 3
    with pytest.raises(Stopped):
        refined("stopped", resume=False)
    stop_at = -1
    done.clear()
    found = refined("stopped", resume=True)
    assert len(done) == rounds - 3
    np.testing.assert_array_equal(found.F, whole.F)
    for each in fields(Sums):
        np.testing.assert_array_equal(getattr(found.sums, each.name), getattr(whole.sums, each.name))
        np.testing.assert_array_equal(getattr(found.before, each.name), getattr(whole.before, each.name))
    assert list(found.departures) == list(whole.departures) == list(SHOTS)
    np.testing.assert_array_equal(found.departures[5], whole.departures[5])
