"""``detector.file``: panels where the file has them, padded to one shape, as by independent NumPy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import small_config
from panel_files import CLEN_M, SHEETS, geometry_text, write_geometry

from nbjax import prepare, simulate
from nbjax.config.edit import with_values
from nbjax.config.tree import Config, Detector
from nbjax.errors import ConfigError, FileError
from nbjax.preparation import placed_panels, prepare_resolved
from nbjax.resolve import resolve

SHAPE = (3, 12, 12)


def _config(file: str, **detector: Any) -> Config:
    config = replace(small_config(), detector=Detector(file=file, **detector))
    return with_values(config, {"beam.wavelength_A": None, "crystal.hkl_file": None, "crystal.default_F": 30.0})


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_geometry(tmp_path_factory.mktemp("geometry"))


def test_every_corner_is_where_the_file_has_it(file: str) -> None:
    resolved = resolve(_config(file))
    placed = placed_panels(resolved)
    assert resolved.detector.shape == SHAPE
    assert resolved.beam.wavelength_A == pytest.approx(12398.4198 / 9500, rel=1e-7)
    experiment = prepare_resolved(resolved)
    fast_m, slow_m = experiment.detector.panels.pixel_sizes_m
    for number, sheet in enumerate(SHEETS):
        for fast, slow in ((0, 0), (sheet.pixels[0], 0), (0, sheet.pixels[1]), sheet.pixels):
            found = (
                placed.origin_m[number]
                + fast * fast_m[number] * placed.fast[number]
                + slow * slow_m[number] * placed.slow[number]
            )
            np.testing.assert_allclose(1000 * np.asarray(found), sheet.point_mm(fast, slow), atol=1e-9)
        assert float(placed.close_distance_m[number]) > 0
    groups = experiment.detector.groups
    assert groups is not None
    assert groups.names == ("pair", "left", "right", "upper")
    assert groups.chains == ((0, 1), (0, 2), (3,))
    middles = [sheet.point_mm(sheet.pixels[0] / 2, sheet.pixels[1] / 2) for sheet in SHEETS]
    np.testing.assert_allclose(np.asarray(groups.centre_m[0]) * 1000, (middles[0] + middles[1]) / 2, atol=1e-9)
    np.testing.assert_allclose(np.asarray(groups.centre_m[1:]) * 1000, middles, atol=1e-9)


def test_a_smaller_panel_ends_where_it_ends(file: str) -> None:
    image = np.asarray(simulate(prepare(_config(file))))
    assert image.shape == SHAPE
    for own, sheet in zip(image, SHEETS, strict=True):
        inside = np.zeros(SHAPE[1:], bool)
        inside[: sheet.pixels[1], : sheet.pixels[0]] = True
        assert (own[inside] > 0).all()
        assert not own[~inside].any()


def test_a_distance_moves_all_panels_along_the_beam(file: str, tmp_path: Path) -> None:
    middles = [sheet.point_mm(sheet.pixels[0] / 2, sheet.pixels[1] / 2)[2] for sheet in SHEETS]
    before = np.asarray(placed_panels(resolve(_config(file))).origin_m)
    left_open = write_geometry(tmp_path, geometry_text(clen="clen = /LCLS/detector_1/EncoderValue"))
    for name in (file, left_open):
        moved = np.asarray(placed_panels(resolve(_config(name, distance_mm=250.0))).origin_m)
        np.testing.assert_allclose(moved - before, [[0, 0, 0.25 - np.mean(middles) / 1000]] * 3, atol=1e-12)
    with pytest.raises(FileError, match="to be found in the images"):
        resolve(_config(left_open))
    assert np.mean(middles) != pytest.approx(1000 * CLEN_M)


def test_a_completed_configuration_says_the_same(file: str) -> None:
    first = resolve(_config(file, origin_shift_mm=(0.1, 0.2, 0.3), two_theta_deg=3.0))
    again = resolve(first.config)
    one, other = (placed_panels(resolved) for resolved in (first, again))
    for name in ("origin_m", "fast", "slow"):
        assert np.array_equal(np.asarray(getattr(one, name)), np.asarray(getattr(other, name)))


def test_masks_of_files_and_bad_regions_are_one(file: str, tmp_path: Path) -> None:
    bad = (
        geometry_text()
        + "badhole/panel = left\nbadhole/min_fs = 2\nbadhole/max_fs = 3\nbadhole/min_ss = 4\nbadhole/max_ss = 4\n"
    )
    mask = np.ones(SHAPE, np.uint8)
    mask[1, 5] = 0
    np.save(tmp_path / "mask.npy", mask)
    resolved = resolve(_config(write_geometry(tmp_path, bad), mask_file=str(tmp_path / "mask.npy")))
    assert resolved.mask is not None
    wanted = np.zeros(SHAPE, bool)
    for own, sheet in zip(wanted, SHEETS, strict=True):
        own[: sheet.pixels[1], : sheet.pixels[0]] = True
    wanted[1, 5] = False
    wanted[0, 4, 2:4] = False
    assert np.array_equal(resolved.mask, wanted)
    np.save(tmp_path / "mask.npy", mask[:2])
    with pytest.raises(ConfigError, match=r"give a mask of its size, one for each of the 3 panels"):
        resolve(_config(file, mask_file=str(tmp_path / "mask.npy")))


@pytest.mark.parametrize(
    ("detector", "other", "problem"),
    [
        ({"beam_x_mm": 3.0}, {}, r"detector\.beam_x_mm: given together with detector\.file"),
        ({"convention": "xds"}, {}, r"detector\.convention: got 'xds', the laboratory is that of detector\.file"),
        ({"pixel_mm": 0.2}, {}, r"detector\.pixel_mm: got 0\.2, and detector\.file has"),
        ({"roi": (0, 3, 0, 3)}, {}, r"detector\.roi: given with the 3 panels"),
        ({"curved": True}, {}, r"detector\.curved: given together with detector\.file"),
        ({}, {"parity": ("phi_carryover",)}, r"parity: the C program has one panel, and detector\.file has 3"),
        ({"origin_shift_mm": (0, 0, -300.0)}, {}, r"detector\.origin_shift_mm: put the plane of panel 'left' -200 mm"),
    ],
)
def test_what_contradicts_a_file_is_named(file: str, detector: Any, other: Any, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        prepare(replace(_config(file, **detector), **other))


def test_a_file_without_a_detector_is_refused(tmp_path: Path) -> None:
    cell = tmp_path / "x.cell"
    cell.write_text(
        "CrystFEL unit cell file version 1.0\n\nlattice_type = tetragonal\ncentering = P\nunique_axis = c\n"
        "a = 78 A\nb = 78 A\nc = 38 A\nal = 90 deg\nbe = 90 deg\nga = 90 deg\n"
    )
    with pytest.raises(FileError, match="tells of no detector; give a geometry"):
        resolve(_config(str(cell)))
    with pytest.raises(ConfigError, match=r"detector\.file: got '.*absent\.geom', and there is no such file"):
        resolve(_config(str(tmp_path / "absent.geom")))


def test_an_only_panel_of_a_file_is_an_image_of_two_axes(tmp_path: Path) -> None:
    text = geometry_text((replace(SHEETS[0], edge_um=300.0),)).replace("left,right", "left")
    experiment = prepare(_config(write_geometry(tmp_path, text)))
    assert experiment.detector.groups is None
    assert np.asarray(simulate(experiment)).shape == (10, 12)
    np.testing.assert_allclose(float(experiment.panel.pixel_size_m), 3e-4, rtol=1e-12)
