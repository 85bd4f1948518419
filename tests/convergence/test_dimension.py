"""Which averages a configuration has, and what their counts mean in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import small_config

from nbjax.config.edit import with_values
from nbjax.convergence.dimension import Dimension, dimensions_of, values_of
from nbjax.resolve import resolve


def dimensions(**sections: dict[str, Any]) -> dict[str, Dimension]:
    config = small_config(**sections)
    return {one.key: one for one in dimensions_of(config, resolve(config))}


@pytest.mark.parametrize(
    ("sections", "key", "given"),
    [
        ({"sampling": {"oversample": 3}}, "sampling.oversample", 3),
        ({"crystal": {"mosaic_spread_deg": 0.2}, "sampling": {"mosaic_domains": 20}}, "sampling.mosaic_domains", 20),
        ({"crystal": {"phi_range_deg": -1.0}, "sampling": {"phi_steps": 7}}, "sampling.phi_steps", 7),
        ({"crystal": {"phi_range_deg": 1.0}, "sampling": {"phi_step_deg": 0.25}}, "sampling.phi_steps", 4),
        ({"beam": {"dispersion_percent": 1.0}, "sampling": {"dispersion_steps": 5}}, "sampling.dispersion_steps", 5),
        ({"beam": {"bandwidth_percent": 0.5, "channels": 11}}, "beam.channels", 11),
        (
            {"beam": {"divergence_horizontal_mrad": 1.0, "divergence_shape": "gaussian"}},
            "sampling.divergence_horizontal_steps",
            5,
        ),
        (
            {"beam": {"divergence_vertical_mrad": 1.0}, "sampling": {"divergence_vertical_step_mrad": 0.25}},
            "sampling.divergence_vertical_steps",
            4,
        ),
        (
            {"detector": {"thickness_um": 300.0, "attenuation_depth_um": 200.0}, "sampling": {"thickness_layers": 3}},
            "sampling.thickness_layers",
            3,
        ),
    ],
)
def test_each_average_is_found_and_its_count_is_the_configurations(
    sections: dict[str, dict[str, Any]], key: str, given: int
) -> None:
    found = dimensions(**sections)
    assert set(found) == {"sampling.oversample", key}
    assert found[key].given == given
    config = small_config(**sections)
    one = found[key]
    # as many as are asked for are taken, and nothing else changes
    again = {d.key: d for d in dimensions_of(*_resolved(with_values(config, one.values(8))))}
    assert again[key].given == 8
    assert again.keys() == found.keys()
    before, after = (resolve(c) for c in (config, with_values(config, one.values(8))))
    assert before.crystal.phi.range == after.crystal.phi.range
    assert before.beam.vertical.range == after.beam.vertical.range


def _resolved(config: Any) -> tuple[Any, Any]:
    return config, resolve(config)


def test_a_listed_spectrum_has_no_more_wavelengths_than_it_lists(tmp_path: Path) -> None:
    path = tmp_path / "s.txt"
    np.savetxt(path, np.stack([np.linspace(0.89, 0.91, 11), np.ones(11)], axis=1))
    found = dimensions(beam={"wavelength_A": None, "spectrum_file": str(path), "channels": 3})["beam.channels"]
    assert (found.levels, found.exhausted, found.given) == ((1, 2, 4, 8, 11), True, 3)
    assert "beam.channels" not in dimensions(
        beam={"bandwidth_percent": None, "source_file": str(path), "wavelength_A": None}
    )


def test_counts_of_the_configuration_itself_change_nothing() -> None:
    found = tuple(dimensions(crystal={"phi_range_deg": 1.0}, sampling={"phi_step_deg": 0.25}).values())
    assert values_of(found, {one.name: one.given for one in found}) == {}
    assert values_of(found, {found[0].name: 1, found[1].name: 16}) == {
        "sampling.phi_step_deg": None,
        "crystal.phi_range_deg": 1.0,
        "sampling.phi_steps": 16,
    }


def test_a_count_beyond_those_that_are_tried_is_reached() -> None:
    one = dimensions(sampling={"oversample": 100})["sampling.oversample"]
    assert one.levels[one.start] == 128
    assert one.levels[0] == 1


def test_counts_double_from_the_least_that_means_something_to_the_most_that_is_tried() -> None:
    sections: dict[str, dict[str, Any]] = {
        "beam": {"dispersion_percent": 1.0, "divergence_horizontal_mrad": 1.0, "divergence_vertical_mrad": 1.0},
        "crystal": {"phi_range_deg": 1.0, "mosaic_spread_deg": 0.2},
        "sampling": {"divergence_vertical_step_mrad": 0.25, "mosaic_domains": 3},
        "detector": {"thickness_um": 300.0, "attenuation_depth_um": 200.0},
    }
    found = dimensions(**sections)
    ends = {key.removeprefix("sampling."): (one.levels[0], one.levels[-1], one.cost) for key, one in found.items()}
    # the ends of a range are two
    assert ends == {
        "oversample": (1, 256, 4),
        "thickness_layers": (1, 128, 2),
        "mosaic_domains": (1, 131072, 2),
        "phi_steps": (1, 16384, 2),
        "dispersion_steps": (2, 1024, 2),
        "divergence_horizontal_steps": (2, 256, 2),
        "divergence_vertical_steps": (2, 256, 2),
    }
    gaussian = {"divergence_horizontal_mrad": 1.0, "divergence_shape": "gaussian"}
    key = "sampling.divergence_horizontal_steps"
    assert dimensions(beam=gaussian)[key].levels[0] == 1
    grid = {"divergence_horizontal_mrad": 1.0, "bandwidth_percent": 0.5, "channels": 3}
    assert dimensions(beam=grid)[key].levels[:2] == (2, 4)
    # no fewer than the configuration has
    assert dimensions(sampling={"oversample": 600})["sampling.oversample"].levels[-1] == 512
    assert "sampling.mosaic_domains" not in dimensions(sampling={"mosaic_domains": 3})
