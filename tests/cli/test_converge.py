"""``nbjax converge``."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from nbjax import load_config
from nbjax.cli import main
from nbjax.config.edit import with_values

CONFIG = """
[crystal]
cell_A = [50.0, 60.0, 70.0]
default_F = 100.0
cells = [4, 4, 4]
shape = "gauss"
phi_range_deg = 1.0
[sampling]
oversample = 1
phi_step_deg = 0.5
[detector]
pixel_mm = 1.0
pixels_fast = 30
pixels_slow = 20
"""


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "c.toml"
    path.write_text(CONFIG)
    return str(path)


def test_counts_are_printed_and_written(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["converge", config, "--error", "0.05", "--out", "report.json"]) == 0
    report = json.loads(Path("report.json").read_text())
    assert report["met"]
    assert report["error"] == 0.05
    assert report["configuration"] == config
    assert [one["key"] for one in report["dimensions"]] == ["sampling.oversample", "sampling.phi_steps"]
    assert all(one["enough"] and max(one["change"].values()) <= 0.05 for one in report["dimensions"])
    assert max(report["error_found"].values()) <= 0.05 < max(report["error_of_configuration"].values())
    assert report["seconds"]["needed"] > report["seconds"]["given"]
    for one in report["dimensions"]:
        tried = [t["count"] for t in report["trials"] if t["dimension"] == one["name"]]
        assert one["needed"] in tried
        assert one["needed"] == report["values"].get(one["key"], one["given"])
    assert report["closed"]["why_not"] is None
    assert report["closed"]["change"]["total"] < 0.05
    out = capsys.readouterr().out
    assert re.search(r"^closed model: \S+ s an image, differs by ", out, re.MULTILINE)
    pasted = out[out.index("\n# leave out") :].removesuffix("wrote report.json\n")
    lines = tomllib.loads(pasted)
    assert {f"{section}.{key}": value for section, keys in lines.items() for key, value in keys.items()} == report[
        "values"
    ]
    assert report["left_out"] == ["sampling.phi_step_deg"]
    assert "# leave out sampling.phi_step_deg" in pasted
    changed = with_values(load_config(config), {**report["values"], **dict.fromkeys(report["left_out"])})
    assert changed.sampling.phi_step_deg is None
    assert changed.crystal.phi_range_deg == 1.0


def test_counts_that_are_enough_stay(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["converge", config, "--error", "0.1", "--set", "sampling.oversample=4", "--set", "crystal.phi_range_deg=0"]
    assert main([*words, "--set", "crystal.shape=round"]) == 0
    out = capsys.readouterr().out
    assert "the configuration's own counts are those" in out
    assert 'closed model: not for this configuration, crystal.shape is "round", and its spots are Gaussian' in out


def test_what_is_not_met_is_said(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["converge", config, "--error", "1e-4", "--seconds", "1e-3", "--set", "crystal.phi_range_deg=0"]
    words += ["--set", "crystal.shape=round"]
    assert main([*words, "--out", "report.json"]) == 1
    out = capsys.readouterr().out
    assert re.search(r"^subpixels along an edge +1 +> \d+$", out, re.MULTILINE)
    assert "the error is not met by what could be tried; give trials more --seconds" in out
    report = json.loads(Path("report.json").read_text())
    assert not report["met"]
    assert [one["enough"] for one in report["dimensions"]] == [False]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--error", "0"], "--error: got 0, a part between 0 and 1 is wanted"),
        (["--error", "1"], "--error: got 1, a part between 0 and 1 is wanted"),
        (["--error", "nan"], "--error: got nan, a part between 0 and 1 is wanted"),
        (["--error", "much"], "invalid float value: 'much'"),
        (["--seconds", "0"], "--seconds: got 0, a time above zero is wanted"),
        (["--set", "crystal.model=closed"], 'crystal.model: got "closed", which samples no average of the crystal'),
        (["--out", "none/report.json"], "its folder"),
        (["--set", "beam.fluence_photons_per_m2=0"], "crystal: scatters no photon into the image"),
        (["--set", "crystal.cells=[0,1,1]"], "crystal.cells"),
    ],
)
def test_faults(config: str, words: list[str], message: str, fails: Callable[[list[str]], str]) -> None:
    assert message in fails(["converge", config, *words])
    assert sorted(path.name for path in Path(config).parent.iterdir()) == ["c.toml"]


def test_another_kind_of_file_is_refused(tmp_path: Path, fails: Callable[[list[str]], str]) -> None:
    path = tmp_path / "fit.toml"
    path.write_text('config = "c.toml"\n[data]\nfiles = ["a.img"]\n[parameters]\n')
    assert "describes a fit" in fails(["converge", str(path)])
