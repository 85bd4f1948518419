"""Defaults, conventions, headers, and every fault by its key."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cases import INPUTS, small_config

from nbjax.config.tree import Beam, Config, Crystal, Detector, Sampling
from nbjax.errors import ConfigError, ConfigWarning, FileError
from nbjax.io.smv import write_smv
from nbjax.preparation import phi_angles_rad, prepare, prepare_resolved
from nbjax.resolve import resolve

CUBE = Crystal(cell_A=(50.0, 60.0, 70.0), default_F=10.0)


def _faults(config: Config) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        resolve(config)
    return [fault.key for fault in caught.value.faults]


def test_every_value_has_an_origin() -> None:
    rows = resolve(Config(crystal=CUBE), {"crystal.cell_A": "file x.toml"}).rows()
    found = {key: (value, origin) for key, value, origin in rows}
    assert found["crystal.cell_A"] == ((50.0, 60.0, 70.0), "file x.toml")
    assert found["beam.wavelength_A"] == (1.0, "default")
    assert found["detector.pivot"] == ("beam", "mosflm convention")
    assert "derived" in found["detector.pixels_fast"][1]
    assert all(origin for _, _, origin in rows)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"beam": Beam(wavelength_A=0.0)}, "beam.wavelength_A"),
        ({"beam": Beam(energy_eV=-1.0)}, "beam.energy_eV"),
        ({"beam": Beam(energy_eV=9000.0, wavelength_A=1.0)}, "beam.energy_eV"),
        ({"beam": Beam(polarization=1.5)}, "beam.polarization"),
        ({"beam": Beam(fluence_photons_per_m2=-1.0)}, "beam.fluence_photons_per_m2"),
        ({"beam": Beam(beamsize_mm=0.0)}, "beam.beamsize_mm"),
        ({"beam": Beam(dispersion_percent=200.0)}, "beam.dispersion_percent"),
        ({"beam": Beam(direction=(0.0, 0.0, 1.0))}, "beam.direction"),
        ({"crystal": Crystal(default_F=1.0)}, "crystal.cell_A"),
        ({"crystal": Crystal(cell_A=(1.0, 2.0, 3.0))}, "crystal.hkl_file"),
        ({"crystal": replace(CUBE, cell_A=(1.0, 0.0, 3.0))}, "crystal.cell_A"),
        ({"crystal": replace(CUBE, cell_deg=(20.0, 30.0, 60.0))}, "crystal.cell_deg"),
        ({"crystal": replace(CUBE, cell_deg=(120.0, 120.0, 120.0))}, "crystal.cell_deg"),
        ({"crystal": replace(CUBE, cells=(1, 0, 2))}, "crystal.cells"),
        ({"crystal": replace(CUBE, size_b_mm=-1.0)}, "crystal.size_b_mm"),
        ({"crystal": replace(CUBE, mosaic_spread_deg=-0.1)}, "crystal.mosaic_spread_deg"),
        ({"crystal": replace(CUBE, water_um=-1.0)}, "crystal.water_um"),
        ({"crystal": replace(CUBE, mosaic_seed=-1)}, "crystal.mosaic_seed"),
        ({"detector": Detector(pixel_mm=0.0)}, "detector.pixel_mm"),
        ({"detector": Detector(distance_mm=-5.0)}, "detector.distance_mm"),
        ({"detector": Detector(close_distance_mm=0.0)}, "detector.close_distance_mm"),
        ({"detector": Detector(pixels_fast=0)}, "detector.pixels_fast"),
        ({"detector": Detector(size_slow_mm=0.0)}, "detector.size_slow_mm"),
        ({"detector": Detector(pixels_fast=10**6, pixels_slow=10**6)}, "detector.pixels_fast"),
        ({"detector": Detector(roi=(5, 3, 0, 10))}, "detector.roi"),
        ({"detector": Detector(roi=(0, 2000, 0, 10))}, "detector.roi"),
        ({"detector": Detector(thickness_um=-1.0)}, "detector.thickness_um"),
        ({"detector": Detector(convention="custom", slow_axis=(0.0, 1.0, 1.0))}, "detector.slow_axis"),
        ({"detector": Detector(convention="custom", fast_axis=(0.0, 0.0, 0.0))}, "detector.fast_axis"),
        ({"detector": Detector(convention="custom", normal_axis=(1.0, 1.0, 0.0))}, "detector.normal_axis"),
    ],
)
def test_faults_name_their_key(changes: dict, key: str) -> None:
    assert key in _faults(replace(Config(crystal=CUBE), **changes))


def test_all_faults_come_at_once() -> None:
    config = Config(Beam(wavelength_A=-1.0), Crystal(cells=(0, 1, 1)), Detector(pixel_mm=0.0, distance_mm=0.0))
    keys = _faults(config)
    assert {"beam.wavelength_A", "crystal.cells", "crystal.cell_A", "crystal.hkl_file"} <= set(keys)
    assert {"detector.pixel_mm", "detector.distance_mm"} <= set(keys)


def test_polarization_along_the_beam_is_refused() -> None:
    config = Config(
        Beam(direction=(1.0, 0.0, 0.0), polarization_axis=(2.0, 0.0, 0.0)), CUBE, Detector(convention="custom")
    )
    assert "beam.polarization_axis" in _faults(config)


def test_missing_files_are_named_with_their_keys() -> None:
    config = small_config(
        crystal={"hkl_file": "absent.hkl", "matrix_file": str(INPUTS)}, beam={"source_file": "absent.txt"}
    )
    with pytest.raises(ConfigError) as caught:
        resolve(config)
    assert [(fault.key, fault.problem) for fault in caught.value.faults] == [
        ("beam.source_file", "got 'absent.txt', and there is no such file; correct the name"),
        ("crystal.hkl_file", "got 'absent.hkl', and there is no such file; correct the name"),
    ]
    with pytest.raises(FileError, match="cannot be read"):
        resolve(small_config(crystal={"matrix_file": str(INPUTS)}))


def test_flux_overrides_fluence_and_says_so() -> None:
    beam = Beam(flux_photons_per_s=1e12, exposure_s=0.1, beamsize_mm=0.01, fluence_photons_per_m2=5.0)
    resolved = resolve(Config(beam, CUBE))
    assert resolved.beam.fluence_photons_per_m2 == pytest.approx(1e12 * 0.1 / 1e-10)
    assert any("overrides" in sentence for sentence in resolved.warnings)


def test_crystal_size_sets_the_cells_and_is_clipped_by_the_beam() -> None:
    crystal = replace(CUBE, size_a_mm=1e-3, size_b_mm=1e-3, size_c_mm=1e-3, cells=(4, 5, 6))
    resolved = resolve(Config(Beam(beamsize_mm=5e-4), crystal))
    assert resolved.crystal.cells == (200, 84, 72)
    assert sum("clipped" in sentence for sentence in resolved.warnings) == 2


@pytest.mark.parametrize(
    ("convention", "centre", "pivot"),
    [
        ("mosflm", (12.1, 11.1), "beam"),
        ("denzo", (12.0, 11.0), "beam"),
        ("adxv", (11.0, 20.0 - 12.0), "beam"),
        ("xds", (11.0, 12.0), "sample"),
        ("dials", (11.0, 12.0), "sample"),
        ("custom", (11.0, 12.0), "beam"),
    ],
)
def test_beam_centre_and_pivot_of_each_convention(convention: str, centre: tuple, pivot: str) -> None:
    detector = Detector(
        convention=convention, pixel_mm=0.2, pixels_fast=120, pixels_slow=100, beam_x_mm=11.0, beam_y_mm=12.0
    )
    resolved = resolve(Config(crystal=CUBE, detector=detector)).detector
    assert resolved.centre_mm == pytest.approx(centre)
    assert resolved.pivot == pivot


def test_header_values_yield_to_given_ones(tmp_path: Path) -> None:
    words = [("PIXEL_SIZE", "0.3"), ("DISTANCE", "80"), ("WAVELENGTH", "1.2"), ("TWOTHETA", "3")]
    write_smv(tmp_path / "camera.img", np.zeros((7, 9), np.uint16), words)
    detector = Detector(header_file=str(tmp_path / "camera.img"), distance_mm=90.0)
    resolved = resolve(Config(crystal=CUBE, detector=detector))
    d = resolved.detector
    assert (d.pixels_slow, d.pixels_fast, d.pixel_mm, d.distance_mm, d.two_theta_deg) == (7, 9, 0.3, 90.0, 3.0)
    assert resolved.beam.wavelength_A == 1.2
    assert {key: origin for key, _, origin in resolved.rows()}["detector.pixel_mm"].startswith("header")


def test_a_mask_of_another_size_is_refused() -> None:
    detector = Detector(mask_file=str(INPUTS / "mask.img"), pixels_fast=64)
    assert "detector.mask_file" in _faults(Config(crystal=CUBE, detector=detector))


def test_matrix_and_cell_together_rescale_the_matrix() -> None:
    crystal = Crystal(matrix_file=str(INPUTS / "tric.mat"), cell_A=(40.2, 49.8, 60.1), default_F=1.0)
    resolved = resolve(Config(Beam(wavelength_A=0.9), crystal)).crystal
    assert resolved.cell_A == (40.2, 49.8, 60.1)
    assert resolved.cell_deg == pytest.approx((80.0, 95.0, 105.0), abs=1e-6)
    np.testing.assert_allclose(resolved.orientation @ resolved.orientation.T, np.eye(3), atol=1e-12)


def test_random_misset_is_a_rotation_fixed_by_its_seed() -> None:
    draws = [
        resolve(Config(crystal=replace(CUBE, misset_random=True, misset_seed=seed))).crystal.orientation
        for seed in (5, 5, 6)
    ]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert np.abs(draws[0] - draws[2]).max() > 0.1
    assert np.linalg.det(draws[0]) == pytest.approx(1.0)


def test_no_flux_is_no_photons() -> None:
    resolved = resolve(Config(Beam(flux_photons_per_s=0.0), CUBE))
    assert resolved.beam.fluence_photons_per_m2 == 0
    assert any("beam.flux_photons_per_s = 0: no photon" in sentence for sentence in resolved.warnings)


@pytest.mark.parametrize(
    ("range_deg", "step_deg", "count", "angles"),
    [
        (-1.0, None, 4, [5.0, 4.75, 4.5, 4.25]),
        (-1.0, -0.4, None, [5.0, 4.6, 4.2]),
        (-1.0, None, None, [5.0, 4.5]),
        (None, -0.5, None, [5.0, 4.5]),
    ],
)
def test_a_scan_may_run_backwards(
    range_deg: float | None, step_deg: float | None, count: int | None, angles: list[float]
) -> None:
    crystal = replace(CUBE, phi_start_deg=5.0, phi_range_deg=range_deg)
    config = Config(crystal=crystal, sampling=Sampling(phi_step_deg=step_deg, phi_steps=count))
    np.testing.assert_allclose(np.degrees(phi_angles_rad(resolve(config))), angles, atol=1e-12)


@pytest.mark.parametrize(("step_deg", "problem"), [(0.0, "must not be zero"), (0.5, "turns against")])
def test_steps_that_lead_nowhere_are_refused(step_deg: float, problem: str) -> None:
    config = Config(crystal=replace(CUBE, phi_range_deg=-1.0), sampling=Sampling(phi_step_deg=step_deg))
    with pytest.raises(ConfigError, match=rf"sampling\.phi_step_deg: got {step_deg:g}, {problem}"):
        resolve(config)


def test_left_handed_axes_are_refused(tmp_path: Path) -> None:
    matrix = np.loadtxt(INPUTS / "tric.mat", max_rows=3)
    for name, signs in (("mirrored", (1, 1, -1)), ("inverted", (-1, -1, -1)), ("turned", (-1, -1, 1))):
        np.savetxt(tmp_path / f"{name}.mat", matrix * signs)
    resolve(Config(crystal=Crystal(matrix_file=str(tmp_path / "turned.mat"), default_F=1.0)))
    for name in ("mirrored", "inverted"):
        with pytest.raises(FileError, match=rf"{name}\.mat: its axes are left-handed.*change the sign of all nine"):
            resolve(Config(crystal=Crystal(matrix_file=str(tmp_path / f"{name}.mat"), default_F=1.0)))


def test_impossible_angles_are_refused_beside_a_matrix_too() -> None:
    crystal = Crystal(matrix_file=str(INPUTS / "tric.mat"), cell_A=(60.0, 70.0, 80.0), default_F=1.0)
    assert "crystal.cell_deg" in _faults(Config(crystal=replace(crystal, cell_deg=(120.0, 120.0, 120.0))))


@pytest.mark.parametrize(
    ("config", "warning"),
    [
        (Config(crystal=CUBE, detector=Detector(distance_mm=0.2)), "if it is in m, give 200"),
        (Config(crystal=CUBE, detector=Detector(pixel_mm=1e-4)), "if it is in m, give 0.1"),
        (Config(crystal=replace(CUBE, mosaic_spread_deg=60.0)), "crystal.mosaic_spread_deg = 60: 0 to 20 degrees"),
        (Config(crystal=replace(CUBE, cell_deg=(1.57, 1.57, 1.57))), "if it is in radians, give 89.95"),
        (Config(crystal=replace(CUBE, default_F=-5.0)), "crystal.default_F = -5: 0 to 10000000 e is usual"),
    ],
)
def test_unusual_numbers_are_pointed_out(config: Config, warning: str) -> None:
    config = replace(config, detector=replace(config.detector, pixels_fast=8, pixels_slow=8))
    assert sum(warning in sentence for sentence in resolve(config).warnings) == 1


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        (Config(Beam(wavelength_A=1.3e-10), CUBE), "beam.wavelength_A: got 1.3e-10, .* if it is in m, give 1.3"),
        (Config(Beam(energy_eV=9.5), CUBE), "beam.energy_eV: got 9.5, .* if it is in keV, give 9500"),
        (Config(crystal=CUBE, detector=Detector(pixel_mm=75.0)), "detector.pixel_mm: got 75, .* give 0.075"),
        (Config(crystal=replace(CUBE, mosaic_spread_deg=200.0)), "crystal.mosaic_spread_deg: got 200, must be 0 to"),
        (Config(crystal=replace(CUBE, cell_A=(5e-9, 6e-9, 7e-9))), "crystal.cell_A: got 5e-09 6e-09 7e-09, .* give 50"),
        (Config(crystal=CUBE, precision="duble"), "precision: got 'duble'"),  # type: ignore[arg-type]
        (Config(crystal=CUBE, parity=("phi_carry",)), "did you mean phi_carryover"),
        (Config(crystal=replace(CUBE, cells=("5", 5, 5))), "crystal.cells: got '5', a number"),  # type: ignore[arg-type]
    ],
)  # fmt: skip
def test_impossible_numbers_are_named_for_what_they_are(config: Config, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        resolve(config)


def test_a_spectrum_gives_the_wavelength_and_shines_along_the_beam(tmp_path: Path) -> None:
    (tmp_path / "s.lam").write_text("1.02 1\n1.06 3\n")
    resolved = resolve(Config(Beam(source_file=str(tmp_path / "s.lam")), CUBE, Detector(pixels_fast=4, pixels_slow=4)))
    assert resolved.beam.wavelength_A == pytest.approx(1.05)
    experiment = prepare_resolved(resolved)
    np.testing.assert_allclose(experiment.beam.sources.directions, [experiment.beam.direction] * 2)
    np.testing.assert_allclose(experiment.beam.sources.wavelengths_m, [1.02e-10, 1.06e-10], rtol=1e-6)


def test_a_spectrum_in_kev_is_pointed_out(tmp_path: Path) -> None:
    (tmp_path / "s.txt").write_text("9.4 1\n9.6 1\n")
    config = Config(Beam(wavelength_A=1.305, source_file=str(tmp_path / "s.txt")), CUBE)
    (warning,) = [sentence for sentence in resolve(config).warnings if "beam.source_file" in sentence]
    assert "around 9.5 A, beam.wavelength_A is 1.305; energies are wanted in eV" in warning


def test_more_sources_than_can_be_held_are_refused() -> None:
    sampling = Sampling(divergence_horizontal_steps=9000, divergence_vertical_steps=9000)
    with pytest.raises(ConfigError, match=r"9000 x 9000 directions in 1 wavelengths are 8.1e\+07 sources"):
        resolve(Config(crystal=CUBE, sampling=sampling))


@pytest.mark.parametrize(("steps", "told"), [(1, True), (2, False), (7, False), (None, False)])
def test_one_point_of_a_range_is_told_to_be_two(steps: int | None, told: bool) -> None:
    crystal = Crystal(cell_A=(40.0, 50.0, 60.0), default_F=10.0)
    config = Config(Beam(dispersion_percent=1.0), crystal, sampling=Sampling(dispersion_steps=steps))
    found = resolve(config)
    assert found.beam.dispersion.count == max(steps or 2, 2)
    assert any("for one point leave out the range" in sentence for sentence in found.warnings) is told


def test_prepare_warns_of_what_the_commands_warn_of() -> None:
    config = small_config(sampling={"oversample": 1})
    with pytest.warns(ConfigWarning, match="sampling.oversample = 1: the intensity may vary within a pixel"):
        prepare(config)


def test_a_size_that_is_a_whole_number_of_cells_gives_that_number() -> None:
    crystal = replace(CUBE, cell_deg=(80.0, 95.0, 105.0))
    for count in range(1, 40):
        sizes = [count * length * 1e-7 for length in crystal.cell_A or ()]
        sized = replace(crystal, size_a_mm=sizes[0], size_b_mm=sizes[1], size_c_mm=sizes[2])
        assert resolve(Config(crystal=sized)).crystal.cells == (count,) * 3
    grown = replace(crystal, size_a_mm=6.01 * 50e-7)
    assert resolve(Config(crystal=grown)).crystal.cells[0] == 7


@pytest.mark.parametrize(
    ("convention", "given", "idle"),
    [
        ("xds", {"beam_x_mm": 40.0, "org_y_px": 300.0}, "detector.beam_x_mm place nothing: xds places the panel"),
        ("mosflm", {"org_x_px": 400.0, "org_y_px": 300.0}, "detector.org_x_px and detector.org_y_px place nothing"),
        ("adxv", {"close_y_mm": 40.0}, "detector.close_y_mm place nothing: adxv places the panel by its beam centre"),
        ("xds", {"org_x_px": 400.0}, None),
        ("denzo", {"beam_x_mm": 40.0}, None),
        ("custom", {"close_x_mm": 40.0, "org_x_px": 400.0}, None),
    ],
)
def test_centres_that_place_nothing_are_named(convention: str, given: dict[str, float], idle: str | None) -> None:
    detector = Detector(convention=convention, **given)  # type: ignore[arg-type]
    found = [sentence for sentence in resolve(Config(crystal=CUBE, detector=detector)).warnings if "place" in sentence]
    assert [idle is not None and sentence.startswith(idle) for sentence in found] == [True] * (idle is not None)
    from_header = {f"detector.{name}": "header x.img" for name in given}
    assert not any("place" in s for s in resolve(Config(crystal=CUBE, detector=detector), from_header).warnings)
