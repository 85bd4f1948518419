"""Experiment lists of configurations: what comes back is what went out."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from written import write_expt

from nbjax.cli import main
from nbjax.config.load import load_config
from nbjax.config.tree import Beam, Config, Crystal, Detector
from nbjax.errors import ConfigError, UsageError
from nbjax.exchange.exporting import export
from nbjax.exchange.importing import import_files
from nbjax.preparation import placed_panel
from nbjax.resolve import resolve

CONFIG = Config(
    Beam(wavelength_A=1.3, polarization=0.4),
    Crystal(
        cell_A=(50.0, 60.0, 70.0),
        cell_deg=(80.0, 95.0, 100.0),
        misset_deg=(10.0, 20.0, 30.0),
        default_F=1.0,
        cells=(9, 9, 9),
        phi_start_deg=12.0,
        phi_range_deg=0.5,
    ),
    Detector(
        distance_mm=120.0,
        pixel_mm=0.2,
        pixels_fast=60,
        pixels_slow=50,
        rotation_x_deg=1.0,
        two_theta_deg=5.0,
        thickness_um=300.0,
        attenuation_depth_um=200.0,
    ),
)


def numbers(tree: Any) -> list[float]:
    """Every number of a tree, in order."""
    if isinstance(tree, dict):
        return [number for value in tree.values() for number in numbers(value)]
    if isinstance(tree, list):
        return [number for value in tree for number in numbers(value)]
    return [float(tree)] if isinstance(tree, int | float) else []


def exported(config: Config) -> dict[str, Any]:
    return json.loads(export(resolve(config)).text)


@pytest.mark.parametrize("convention", ["mosflm", "xds", "dials"])
@pytest.mark.parametrize("range_deg", [0.5, -0.5, None])
def test_round_trips(tmp_path: Path, convention: str, range_deg: float | None) -> None:
    crystal = replace(CONFIG.crystal, phi_range_deg=range_deg)
    config = replace(CONFIG, crystal=crystal, detector=replace(CONFIG.detector, convention=convention))
    first = exported(config)
    (tmp_path / "a.expt").write_text(json.dumps(first))
    back = import_files([str(tmp_path / "a.expt")]).config
    np.testing.assert_allclose(numbers(exported(back)), numbers(first), rtol=1e-9, atol=1e-9)
    # what no laboratory changes
    assert back.crystal.cell_A == pytest.approx(config.crystal.cell_A, rel=1e-12)
    assert back.beam.polarization == pytest.approx(0.4)
    assert back.detector.thickness_um == pytest.approx(300.0)
    assert back.detector.attenuation_depth_um == pytest.approx(200.0)
    panels = [placed_panel(resolve(each)) for each in (config, back)]
    for name in ("close_distance_m", "distance_m", "beam_centre_m", "near_point_m"):
        mine, theirs = (np.asarray(getattr(panel, name)) for panel in panels)
        np.testing.assert_allclose(theirs, mine, rtol=1e-9, err_msg=name)


def test_an_imported_list_goes_out_as_it_came(tmp_path: Path) -> None:
    """Axes and origin as the list has them in its laboratory, though its beam is not quite along z."""
    first = exported(import_files([f"{write_expt(tmp_path)}#1"], 7).config)
    (tmp_path / "b.expt").write_text(json.dumps(first))
    np.testing.assert_allclose(
        numbers(exported(import_files([str(tmp_path / "b.expt")]).config)), numbers(first), rtol=1e-9, atol=1e-9
    )
    direction = np.array([0.01, -0.02, 1.0])
    np.testing.assert_allclose(first["beam"][0]["direction"], direction / np.linalg.norm(direction), rtol=1e-12)
    assert first["scan"][0]["oscillation"] == pytest.approx([31.0, 0.5])


def test_what_dials_has_not() -> None:
    with pytest.raises(ConfigError, match=r"detector\.curved: DIALS has flat panels only"):
        export(resolve(replace(CONFIG, detector=replace(CONFIG.detector, curved=True))))
    crystal = replace(CONFIG.crystal, mosaic_spread_deg=0.1)
    remarks = export(resolve(replace(CONFIG, crystal=crystal))).remarks
    assert remarks[0].startswith("the mosaic spread is left out")
    assert remarks[1].startswith("without an image dials.predict takes")
    crystal = replace(CONFIG.crystal, mosaicity_deg=0.1, cell_spread_percent=0.1)
    remarks = export(resolve(replace(CONFIG, crystal=crystal))).remarks
    assert [remark.partition(" is")[0] for remark in remarks[:2]] == ["the mosaicity", "the spread of the cell"]


def test_images(tmp_path: Path) -> None:
    tree = json.loads(export(resolve(CONFIG), "a_0012.img").text)
    assert tree["imageset"][0]["template"] == "a_####.img"
    assert tree["scan"][0]["image_range"] == [12, 12]
    with pytest.raises(UsageError, match=r"--image a\.img: the file of a scan's image ends in a number"):
        export(resolve(CONFIG), "a.img")
    still = replace(CONFIG, crystal=replace(CONFIG.crystal, phi_range_deg=None))
    tree = json.loads(export(resolve(still), "a.img").text)
    assert tree["imageset"][0]["images"] == ["a.img"]
    assert {"scan", "goniometer"} & set(tree["experiment"][0]) == set()


def test_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    write_expt(tmp_path)
    assert main(["import", "x.expt#0", "--image", "6", "--out", "a.toml"]) == 0
    assert "scan: image 6, 0.5 degrees from 30.5 on" in capsys.readouterr().out
    with jax.enable_x64(False):
        assert main(["export", "a.toml", "--out", "b.expt"]) == 0
        assert main(["import", "b.expt", "--out", "c.toml"]) == 0
    lengths = np.linalg.norm([json.loads(Path("b.expt").read_text())["crystal"][0]["real_space_a"]], axis=1)
    assert lengths == pytest.approx(load_config("c.toml").crystal.cell_A[0], rel=1e-14)
    assert main(["config", "resolve", "c.toml"]) == 0
    capsys.readouterr()
    assert main(["export", "a.toml", "--out", "b.mtz"]) == 2
    assert "give one that ends in .expt" in capsys.readouterr().err
    assert main(["import", "x.expt", "--out", "d.toml"]) == 2
    assert "x.expt: holds 2 crystals in 2 experiments, numbers 0 to 1; pick one as x.expt#0" in capsys.readouterr().err
    assert not Path("d.toml").exists()
