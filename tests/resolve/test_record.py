"""Stages of a recording: their keys, defaults, order and units."""

from __future__ import annotations

import tomllib
from dataclasses import fields
from typing import Any, get_args

import numpy as np
import pytest
from cases import small_config

from nbjax.config.edit import with_values
from nbjax.config.load import config_from_dict
from nbjax.config.tree import Config, Stage, StageName
from nbjax.config.write import config_toml
from nbjax.errors import ConfigError
from nbjax.io.images import read_images
from nbjax.physics.readout import STAGES, ChargeSharing, Counting, DarkCurrent, Gain, PointSpread, ReadoutNoise
from nbjax.preparation.record import recording
from nbjax.resolve import resolve
from nbjax.resolve.chains import CHAINS
from nbjax.resolve.record import KINDS

ENERGY_KEV = 12.398419843320026
POISSON: dict[str, Any] = {"stage": "poisson"}
GAIN: dict[str, Any] = {"stage": "gain", "counts_per_photon": 2.0}
BITS: dict[str, Any] = {"stage": "quantize", "bits": 16}


def config_of(record: Any, **values: Any) -> Config:
    """A small configuration at 1 Angstrom with a record."""
    config = with_values(small_config(), {"beam.wavelength_A": 1.0, "beam.exposure_s": 0.1, "detector.pixel_mm": 0.1})
    found = config_from_dict({"record": record}).record
    return with_values(config, {"record": found, **values})


def fault_of(record: Any) -> str:
    with pytest.raises(ConfigError) as raised:
        resolve(config_of(record))
    return "\n".join(map(str, raised.value.faults))


def test_every_stage_is_known_everywhere() -> None:
    names = set(get_args(StageName))
    assert names == set(KINDS) == set(STAGES)
    keys = {key for kind in KINDS.values() for key in kind.keys}
    assert keys == {field.name for field in fields(Stage)} - {"stage"}


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ([{"sigma_counts": 1.0}], "record.0.stage: is missing; name the stage"),
        ([POISSON, {"stage": "readout"}], "record.1.sigma_photons: is missing; give sigma_photons or sigma_electrons"),
        ([POISSON, {"stage": "readout", "sigma_counts": -1.0}], "record.1.sigma_counts: got -1, must not be negative"),
        ([POISSON, {**GAIN, "counts_per_photon": 0.0}], "record.1.counts_per_photon: got 0, must be above zero"),
        ([POISSON, {**GAIN, "bits": 3}], "record.1.bits: is no key of the stage 'gain', which has counts_per_photon"),
        ([POISSON, {**GAIN, "counts_per_keV": 3.0}], "record.1.counts_per_keV: given together with counts_per_photon"),
        ([{"stage": "point_spread", "fwhm_um": 1e6}], "record.0.fwhm_um: got 1e+06, wider than the panel of"),
        ([{"stage": "charge_sharing", "cloud_um": 80.0}], "record.0.cloud_um: got 80, more than half a pixel"),
        ([{"stage": "counting", "threshold_keV": 13.0}], "record.0.threshold_keV: got 13, and photons have 12.4 keV"),
        ([{"stage": "hot_and_dead", "hot_percent": 1.0}], "record.0.hot_counts: is missing"),
        ([POISSON, {"stage": "flicker", "sigma_percent": 1.0}], "record.1.stage: got 'flicker' where the image is of"),
        ("eigr", "record: got 'eigr'; "),
        (3, "record: got 3, a name, or tables that are each under double brackets, are wanted"),
        ([3], "record: got [3], a name, or tables that are each"),
    ],
)
def test_faults_name_the_key_and_the_remedy(record: list[dict[str, Any]] | str, said: str) -> None:
    found = fault_of(record)
    assert found.startswith(said)
    assert "\n" not in found


@pytest.mark.parametrize(
    ("stages", "number", "place"),
    [
        (["readout", "poisson"], 0, "after poisson, and before quantize"),
        (["dark_current", "poisson"], 0, "between poisson and gain"),
        (["poisson", "flicker"], 1, "before poisson or counting"),
        (["gain", "poisson"], 0, "once, after poisson or counting"),
        (["poisson", "gain", "gain"], 2, "once, after poisson or counting"),
        (["poisson", "gain", "gain_switching"], 2, "in the place of gain"),
        (["poisson", "gain", "point_spread"], 2, "before gain"),
        (["counting", "charge_sharing"], 1, "before counting"),
        (["poisson", "counting"], 1, "in the place of poisson"),
        (["poisson", "quantize", "readout"], 2, "before quantize"),
        (["poisson", "quantize", "quantize"], 2, "once, after gain"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused(stages: list[str], number: int, place: str) -> None:
    numbers: dict[str, dict[str, Any]] = {
        "readout": {"sigma_photons": 1.0},
        "dark_current": {"electrons_per_s": 1.0},
        "flicker": {"sigma_percent": 1.0},
        "gain": {"counts_per_photon": 2.0},
        "gain_switching": {
            "gains_counts_per_keV": [40.0, -1.5, -0.1],
            "pedestals_counts": [2e3, 1.5e4, 1.5e4],
            "noises_counts": [10.0, 5.0, 5.0],
            "switches_keV": [300.0, 9000.0],
        },
        "point_spread": {"fwhm_um": 100.0},
        "charge_sharing": {"cloud_um": 8.0},
        "quantize": {"bits": 16},
    }
    found = fault_of([{"stage": name, **numbers.get(name, {})} for name in stages])
    assert found.startswith(f"record.{number}.stage: got '{stages[number]}' where the image is of ")
    assert place in found


def test_counts_before_a_gain_are_refused() -> None:
    found = fault_of([POISSON, {"stage": "saturation", "limit_counts": 9.0}, GAIN])
    assert found == "record.1.limit_counts: stands before a gain, in photons; give limit_photons"


def test_units_follow_energy_pixel_and_exposure() -> None:
    how = recording(
        resolve(
            config_of(
                [
                    {"stage": "point_spread", "fwhm_um": 150.0},
                    POISSON,
                    {"stage": "dark_current", "electrons_per_s": 500.0},
                    {"stage": "readout", "sigma_electrons": 100.0},
                    {"stage": "gain", "counts_per_keV": 10.0, "pedestal_counts": 7.0},
                    {"stage": "readout", "sigma_photons": 0.5},
                    {"stage": "saturation", "limit_photons": 100.0},
                    BITS,
                ]
            )
        )
    )
    spread, _, dark, before, gain, after, _, _ = how.stages
    electrons, counts = ENERGY_KEV * 1000 / 3.62, 10 * ENERGY_KEV
    assert isinstance(spread, PointSpread)
    assert float(spread.fwhm_px) == pytest.approx(1.5)  # type: ignore[arg-type]
    assert isinstance(dark, DarkCurrent)
    assert (float(dark.electrons), float(dark.electrons_per_photon)) == pytest.approx((50.0, electrons))
    assert isinstance(before, ReadoutNoise)
    assert isinstance(after, ReadoutNoise)
    assert (float(before.sigma), float(after.sigma)) == pytest.approx((100 / electrons, 0.5 * counts))
    assert isinstance(gain, Gain)
    assert float(gain.counts_per_photon) == pytest.approx(counts)
    assert (how.counts_per_photon, how.pedestal_counts) == pytest.approx((counts, 7.0))
    assert how.saturation_counts == pytest.approx(100 * counts + 7)
    assert how.kind == np.uint16


def test_a_threshold_acts_once() -> None:
    counting = {"stage": "counting", "threshold_keV": 12.0, "noise_keV": 1.0, "dead_time_ns": 100.0}
    (alone,) = recording(resolve(config_of([counting]))).stages
    assert isinstance(alone, Counting)
    assert 0.6 < float(alone.efficiency) < 0.7
    assert float(alone.dead_part) == pytest.approx(1e-6)
    sharing, after = recording(resolve(config_of([{"stage": "charge_sharing", "cloud_um": 8.0}, counting]))).stages
    assert isinstance(sharing, ChargeSharing)
    assert isinstance(after, Counting)
    assert float(sharing.threshold) == pytest.approx(12 / ENERGY_KEV)  # type: ignore[arg-type]
    assert float(after.efficiency) == 1.0


def test_a_kernel_and_a_mask_come_from_files(tmp_path: Any) -> None:
    np.save(tmp_path / "kernel.npy", np.arange(15.0).reshape(3, 5))
    shape = resolve(config_of([])).detector.shape
    mask = np.ones(shape, np.uint8)
    mask[2, 3] = 0
    np.save(tmp_path / "mask.npy", mask)
    record = [{"stage": "point_spread", "file": str(tmp_path / "kernel.npy")}]
    record.append({"stage": "hot_and_dead", "mask_file": str(tmp_path / "mask.npy")})
    spread, defects = recording(resolve(config_of(record))).stages
    np.testing.assert_allclose(spread.kernel, np.arange(15.0).reshape(3, 5) / 105)  # type: ignore[attr-defined]
    assert np.argwhere(defects.dead_mask).tolist() == [[2, 3]]  # type: ignore[attr-defined]
    np.save(tmp_path / "kernel.npy", np.ones((4, 5)))
    with pytest.raises(ConfigError, match=r"record.0.file: .*kernel.npy has 4 x 5 pixels; give odd numbers"):
        recording(resolve(config_of(record)))
    assert len(read_images(tmp_path / "mask.npy")) == 1
    record[0]["file"] = "absent.npy"
    assert fault_of(record).startswith("record.0.file: got 'absent.npy', and there is no such file")


@pytest.mark.parametrize("name", CHAINS)
def test_named_chains_resolve_and_are_written_by_name(name: str) -> None:
    config = config_of(name)
    resolved = resolve(config)
    assert [stage.stage for stage in resolved.record] == [stage.stage for stage in CHAINS[name]]
    assert recording(resolved).stages
    assert f'record = "{name}"' in config_toml(config)
    assert resolved.notes["record"] == (name, "given")


def test_tables_read_back_as_they_were_written() -> None:
    config = config_of([POISSON, GAIN, BITS])
    assert config_from_dict(tomllib.loads(config_toml(config))) == config
    assert resolve(config).notes["record.2.rounding"] == ("nearest", "default")
