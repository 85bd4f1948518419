"""Files that do not fit each other are told by one sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from stills import table

from nbjax.errors import ConfigError, FileError, UsageError
from nbjax.io.experiments.dials_refl import ReflectionTable, refl_bytes
from nbjax.io.symmetry import symmetry_of_hall
from nbjax.refine.inputs import read_frame, read_inputs
from nbjax.refine.settings import RefineSettings

EXPT = {
    "__id__": "ExperimentList",
    "experiment": [{"__id__": "Experiment", "beam": 0, "detector": 0, "crystal": 0}],
    "beam": [{"direction": [0, 0, 1], "wavelength": 1.0}],
    "detector": [
        {
            "panels": [
                {
                    "name": "p",
                    "fast_axis": [1, 0, 0],
                    "slow_axis": [0, -1, 0],
                    "origin": [-10, 10, -100],
                    "image_size": [30, 20],
                    "pixel_size": [1, 1],
                }
            ],
            "hierarchy": None,
        }
    ],
    "crystal": [{"real_space_a": [50, 0, 0], "real_space_b": [0, 60, 0], "real_space_c": [0, 0, 70]}],
}


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    monkeypatch.chdir(tmp_path)
    Path("a.expt").write_text(json.dumps(EXPT))
    np.save("ok.npy", np.ones((20, 30), np.int32))
    np.save("small.npy", np.ones((20, 20), np.int32))
    np.save("two.npy", np.ones((2, 20, 30), np.int32))
    one = (np.array([[1, 2, 3]]), np.array([[5.0, 6.0]]))

    def asked(shots: int = 1, image: str = "ok.npy", mask: str | None = None, **columns: np.ndarray) -> None:
        made = table([one] * shots)
        Path("a.refl").write_bytes(refl_bytes(ReflectionTable({**made.columns, **columns})))
        settings = RefineSettings(mask_file=mask)
        read_frame(read_inputs("a.expt", "a.refl", [image], settings), 0, settings)

    return asked


def test_files_that_fit(ask: Callable[..., None]) -> None:
    ask()
    ask(mask="ok.npy")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"shots": 2}, "a.refl: has reflections of experiment 1, which a.expt has not"),
        ({"flags": np.array([32])}, "a.refl: has no indexed reflection"),
        ({"panel": np.array([3])}, "a.refl: has reflections on panel 3, and a.expt has 1 panel"),
        ({"image": "none.npy"}, "none.npy: cannot be read"),
        ({"image": "two.npy"}, "--images: 1 file holds 2 images, and a.expt has 1"),
        ({"image": "small.npy"}, "small.npy: .*20 x 20"),
        ({"mask": "small.npy"}, "small.npy: has 20 x 20 pixels"),
    ],
)
def test_files_that_do_not_fit(ask: Callable[..., None], asked: dict, words: str) -> None:
    with pytest.raises(FileError, match=words):
        ask(**asked)


def test_spots_of_no_crystal_are_left_out_on_their_own_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    images = [{"__id__": "ImageSet", "images": [f"{name}.npy"]} for name in "ab"]
    stills = [{"beam": 0, "detector": 0, "crystal": 0, "imageset": number} for number in (0, 1)]
    Path("two.expt").write_text(json.dumps({**EXPT, "experiment": stills, "imageset": images}))
    for name in "ab":
        np.save(f"{name}.npy", np.ones((20, 30), np.int32))
    places = np.array([[5.0, 6.0], [7.0, 8.0], [9.0, 10.0], [11.0, 12.0]])
    made = table([(np.array([[1, 2, 3]]), places[:1]), (np.array([[1, 2, 3]] + [[0, 0, 0]] * 2), places[1:])])
    columns = {**made.columns, "id": np.array([0, 1, -1, -1]), "flags": np.array([4, 4, 32, 32])}

    def found(**more: np.ndarray) -> list[list[list[float]]]:
        Path("two.refl").write_bytes(refl_bytes(ReflectionTable({**columns, **more})))
        inputs = read_inputs("two.expt", "two.refl", [], RefineSettings())
        return [marks.centre.tolist() for marks in inputs.found]

    assert found(imageset_id=np.array([0, 1, 0, 1])) == [[[9.0, 10.0]], [[11.0, 12.0]]]
    assert found() == [[], []]


@pytest.mark.parametrize(
    ("panel", "words"),
    [
        ({"origin": [-10, 10, -100.5]}, [0, 0, -0.5]),
        (
            {"fast_axis": [1, 0, 1e-3]},
            "experiment 1 has a detector that is off by 0.03 mm, .* from that of experiment 0",
        ),
        ({"pixel_size": [2, 1]}, "experiment 1 has other panels or pixels than experiment 0"),
        ({"origin": [-10, 10, -100.0001]}, [0, 0, -1e-4]),
    ],
)
def test_all_stills_have_one_detector(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, panel: dict, words: str | list[float]
) -> None:
    monkeypatch.chdir(tmp_path)
    (model,) = EXPT["detector"]
    other = {**model, "panels": [{**model["panels"][0], **panel}]}
    stills = [{"beam": 0, "detector": number, "crystal": 0} for number in (0, 1)]
    Path("two.expt").write_text(json.dumps({**EXPT, "experiment": stills, "detector": [model, other]}))
    np.save("two.npy", np.ones((2, 20, 30), np.int32))
    one = (np.array([[1, 2, 3]]), np.array([[5.0, 6.0]]))
    Path("two.refl").write_bytes(refl_bytes(table([one] * 2)))

    def read() -> list[tuple[float, float, float]]:
        return [still.shift_mm for still in read_inputs("two.expt", "two.refl", ["two.npy"], RefineSettings()).stills]

    if isinstance(words, str):
        with pytest.raises(FileError, match=words):
            read()
    else:
        np.testing.assert_allclose(read(), [[0, 0, 0], words], atol=1e-12)


def test_panels_that_moved_against_each_other_are_no_shift(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (one,) = EXPT["detector"][0]["panels"]
    pairs = [[one, {**one, "name": "q", "origin": [-10, 40 + off, -100]}] for off in (0, 0.1)]
    stills = [{"beam": 0, "detector": number, "crystal": 0} for number in (0, 1)]
    models = [{"panels": pair, "hierarchy": None} for pair in pairs]
    Path("two.expt").write_text(json.dumps({**EXPT, "experiment": stills, "detector": models}))
    Path("two.refl").write_bytes(refl_bytes(table([(np.array([[1, 2, 3]]), np.array([[5.0, 6.0]]))] * 2)))
    with pytest.raises(FileError, match=r"off by 0\.05 mm, in more than a shift"):
        read_inputs("two.expt", "two.refl", [], RefineSettings())


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (("a.expt", None, [], RefineSettings()), "--reflections is missing; give the table .* to a.expt"),
        (("a.expt", "a.refl", [], RefineSettings(), "a.geom"), "--geometry a.geom: a.expt is no stream"),
        (("a.stream", "a.refl", [], RefineSettings()), "--reflections a.refl: a.stream is a stream"),
    ],
)
def test_options_are_of_one_kind_of_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: tuple, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.expt").write_text(json.dumps(EXPT))
    Path("a.stream").write_text("CrystFEL stream format 2.3\n")
    with pytest.raises(UsageError, match=words):
        read_inputs(*files)


def test_a_space_group_replaces_that_of_the_crystals(ask: Callable[..., None]) -> None:
    ask()
    inputs = read_inputs("a.expt", "a.refl", ["ok.npy"], RefineSettings(space_group="P 21 21 2"))
    assert symmetry_of_hall(inputs.first.space_group).name == "P 21 21 2"
    with pytest.raises(ConfigError, match=r"refine\.space_group: is 'P 9'"):
        read_inputs("a.expt", "a.refl", ["ok.npy"], RefineSettings(space_group="P 9"))


def test_gains_and_limits_are_those_of_the_panel(ask: Callable[..., None]) -> None:
    ask()
    panel = EXPT["detector"][0]["panels"][0] | {"gain": 4.0, "trusted_range": [-1, 12]}
    Path("a.expt").write_text(json.dumps(EXPT | {"detector": [{"panels": [panel], "hierarchy": None}]}))
    np.save("ok.npy", np.where(np.arange(30) < 5, 12, np.full((20, 30), 8)).astype(np.int32))
    for settings, photons in ((RefineSettings(), 2.0), (RefineSettings(photons_per_count=1.0), 8.0)):
        found, usable = read_frame(read_inputs("a.expt", "a.refl", ["ok.npy"], settings), 0, settings)
        assert (found[usable] == photons).all()
        assert (usable == (np.arange(30) >= 5)).all()
