"""Headers of SMV files: their numbers are those of the panel, and they place it again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pytest
from cases import small_config
from hypothesis import given, settings
from hypothesis import strategies as st

from nbjax.config.tree import Beam, Config, Crystal, Detector
from nbjax.errors import FileError
from nbjax.geometry.conventions import CONVENTIONS
from nbjax.geometry.panel import Panel
from nbjax.io.header import smv_header
from nbjax.io.smv import write_smv
from nbjax.preparation import header_fields, placed_panel
from nbjax.resolve import Resolved, resolve

CUSTOM = {"fast_axis": (0.0, 0.6, 0.8), "slow_axis": (0.0, -0.8, 0.6), "two_theta_axis": (0.0, 1.0, 0.0)}
SIX_DIGITS = 2e-5
ANGLE = st.floats(-25, 25)


@st.composite
def detectors(draw: st.DrawFn) -> Detector:
    """A panel of any convention, turned, swung and shifted."""
    convention = draw(st.sampled_from(sorted(CONVENTIONS)))
    distance = draw(st.sampled_from(["distance_mm", "close_distance_mm"]))
    return Detector(
        convention=convention,
        pixel_mm=0.2,
        pixels_fast=60,
        pixels_slow=50,
        beam_x_mm=draw(st.none() | st.floats(2, 12)),
        beam_y_mm=draw(st.none() | st.floats(2, 12)),
        org_x_px=draw(st.none() | st.floats(-20, 90)),
        two_theta_deg=draw(st.none() | st.floats(-40, 40)),
        origin_shift_mm=draw(st.none() | st.tuples(*[st.floats(-5, 5)] * 3)),
        **{f"rotation_{axis}_deg": draw(st.none() | ANGLE) for axis in "xyz"},
        **{distance: draw(st.floats(50, 200))},
        **(CUSTOM | {"pivot": draw(st.sampled_from(["beam", "sample"]))} if convention == "custom" else {}),
    )


def resolved_of(detector: Detector) -> Resolved:
    return resolve(replace(small_config(), detector=detector))


def words_of(resolved: Resolved) -> dict[str, str]:
    return dict(smv_header(header_fields(resolved)))


def host(resolved: Resolved) -> Panel:
    return jax.tree.map(np.asarray, placed_panel(resolved))


def read_back(resolved: Resolved, folder: Path, key: str = "header_file") -> Resolved:
    """The same convention with everything else about the panel from an image's header."""
    detector, path = resolved.config.detector, folder / "camera.img"
    write_smv(path, np.ones((detector.pixels_slow, detector.pixels_fast), np.uint16), list(words_of(resolved).items()))
    vectors = {name: getattr(detector, name) for name in (*CUSTOM, "pivot")}
    return resolved_of(Detector(convention=detector.convention, **vectors, **{key: str(path)}))


def on_plane(panel: Panel, beam: np.ndarray) -> tuple[float, float, float]:
    """(fast, slow, distance) at which a ray meets a plane, from the plane's corner and axes alone."""
    fast, slow, distance = np.linalg.solve(np.stack([panel.fast, panel.slow, -beam], axis=1), -panel.origin_m)
    return float(fast), float(slow), float(distance)


@settings(max_examples=40)
@given(detectors())
def test_the_numbers_of_a_header_are_where_the_beam_meets_the_panel(detector: Detector) -> None:
    resolved = resolved_of(detector)
    words = words_of(resolved)
    panel, beam = host(resolved), resolved.detector.beam_direction
    fast, slow, distance = (1000 * x for x in on_plane(panel, beam))
    size_slow = 0.2 * 50
    centre = {
        "mosflm": (slow - 0.1, fast - 0.1),
        "denzo": (slow, fast),
        "adxv": (fast, size_slow - slow),
    }
    near = 1000 * panel.normal * np.dot(panel.origin_m, panel.normal) - 1000 * panel.origin_m
    wanted = {
        "DISTANCE": distance,
        "CLOSE_DISTANCE": 1000 * np.dot(panel.origin_m, panel.normal),
        "MOSFLM_CENTER_X": centre["mosflm"][0],
        "MOSFLM_CENTER_Y": centre["mosflm"][1],
        "DENZO_X_BEAM": slow,
        "DENZO_Y_BEAM": fast,
        "ADXV_CENTER_X": centre["adxv"][0],
        "ADXV_CENTER_Y": centre["adxv"][1],
        "BEAM_CENTER_X": centre.get(detector.convention, (fast, slow))[0],
        "BEAM_CENTER_Y": centre.get(detector.convention, (fast, slow))[1],
        "XDS_ORGX": near @ panel.fast / 0.2 + 0.5,
        "XDS_ORGY": near @ panel.slow / 0.2 + 0.5,
    }
    assert {key: float(words[key]) for key in wanted} == pytest.approx(wanted, rel=1e-5, abs=1e-9)


@settings(max_examples=40)
@given(detectors(), st.sampled_from(["header_file", "mask_file"]))
def test_a_header_places_the_panel_again(
    tmp_path_factory: pytest.TempPathFactory, detector: Detector, key: str
) -> None:
    resolved = resolved_of(detector)
    wanted = host(resolved)
    found = host(read_back(resolved, tmp_path_factory.mktemp("round"), key))
    scale = float(np.abs([*wanted.origin_m, wanted.distance_m]).max())
    np.testing.assert_allclose(found.origin_m, wanted.origin_m, rtol=0, atol=SIX_DIGITS * scale)
    for axis in ("fast", "slow", "normal"):
        np.testing.assert_allclose(getattr(found, axis), getattr(wanted, axis), rtol=0, atol=1e-6)


@pytest.mark.parametrize("written", sorted(CONVENTIONS))
@pytest.mark.parametrize("read", sorted(CONVENTIONS))
def test_the_direct_beam_stays_on_its_pixel_under_another_convention(written: str, read: str, tmp_path: Path) -> None:
    detector = Detector(convention=written, pixel_mm=0.2, pixels_fast=60, pixels_slow=50, distance_mm=80.0)
    detector = replace(detector, **{"beam_x_mm": 4.2, "beam_y_mm": 7.0, "org_x_px": 17.0, "org_y_px": 31.0})
    resolved = resolved_of(detector)
    path = tmp_path / "camera.img"
    write_smv(path, np.zeros((50, 60), np.uint16), list(words_of(resolved).items()))
    found = host(resolved_of(Detector(convention=read, header_file=str(path))))
    np.testing.assert_allclose(found.beam_centre_m, host(resolved).beam_centre_m, atol=1e-9)
    assert float(found.distance_m) == pytest.approx(0.08)


def test_a_panel_along_the_beam_has_no_direct_beam(tmp_path: Path) -> None:
    resolved = resolved_of(
        Detector(convention="xds", distance_mm=100.0, pixels_fast=20, pixels_slow=20, two_theta_deg=90.0)
    )
    words = words_of(resolved)
    assert not {"DISTANCE", "BEAM_CENTER_X", "MOSFLM_CENTER_Y", "DENZO_X_BEAM"} & set(words)
    assert words["CLOSE_DISTANCE"] == "100"
    found, wanted = host(read_back(resolved, tmp_path)), host(resolved)
    np.testing.assert_allclose(found.origin_m, wanted.origin_m, atol=1e-6)


def test_what_the_configuration_says_wins_over_a_header(tmp_path: Path) -> None:
    swung = resolved_of(
        Detector(distance_mm=100.0, two_theta_deg=30.0, rotation_x_deg=4.0, pixels_fast=20, pixels_slow=20)
    )
    write_smv(tmp_path / "a.img", np.zeros((20, 20), np.uint16), list(words_of(swung).items()))
    header = str(tmp_path / "a.img")
    own = Detector(header_file=header, distance_mm=150.0, two_theta_deg=10.0, rotation_x_deg=0.0)
    found = resolve(Config(Beam(), Crystal(cell_A=(50.0, 50.0, 50.0), default_F=1.0), own))
    assert (found.detector.distance_mm, found.detector.close_distance_mm) == (150.0, None)
    assert (found.detector.two_theta_deg, found.detector.rotation_deg[0]) == (10.0, 0.0)
    assert found.header_departures == ("header_close_distance",)


def test_a_still_is_read_back_as_a_still(tmp_path: Path) -> None:
    resolved = resolved_of(Detector(pixels_fast=20, pixels_slow=20))
    assert words_of(resolved)["OSC_RANGE"] == "0"
    assert read_back(resolved, tmp_path).crystal.phi.count == 1


def test_an_unknown_convention_is_refused(tmp_path: Path) -> None:
    write_smv(tmp_path / "a.img", np.zeros((20, 20), np.uint16), [("CONVENTION", "dozor")])
    with pytest.raises(FileError, match="CONVENTION=dozor is not known; use one of mosflm"):
        resolved_of(Detector(header_file=str(tmp_path / "a.img")))
