"""A fitted configuration prepares to the fitted experiment, whatever was free."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import INPUTS, small_config

from nbjax.config.edit import with_values
from nbjax.config.load import load_config
from nbjax.config.tree import Config
from nbjax.config.write import config_toml
from nbjax.errors import ConfigError
from nbjax.experiment import Experiment
from nbjax.fit.configuration import check_writable, fitted_config, fitted_sources
from nbjax.io.sources import sources_text
from nbjax.parameters import parameters_of
from nbjax.preparation import prepare
from nbjax.quantities import QUANTITIES
from nbjax.reference.program import entries_of

GRID: dict[str, Any] = {
    "beam": {"dispersion_percent": 1.0, "divergence_horizontal_mrad": 1.0, "divergence_vertical_mrad": 1.0},
    "crystal": {"shape": "gauss", "water_um": 3.0, "phi_start_deg": 3.0, "mosaic_spread_deg": 0.2},
    "detector": {"thickness_um": 100.0, "two_theta_deg": 3.0},
    "sampling": {"oversample": None, "phi_step_deg": 0.3, "divergence_horizontal_step_mrad": 0.4},
}
LISTED = {**GRID, "beam": {"source_file": str(INPUTS / "sources.txt")}}


def close(sections: dict[str, Any], convention: str, **detector: object) -> dict[str, Any]:
    return {**sections, "detector": {**sections["detector"], "convention": convention, **detector}}


STARTS = {
    "grid": small_config(**close(GRID, "mosflm")),
    "listed": small_config(**close(LISTED, "custom")),
    "sample pivot": small_config(**close(GRID, "xds")),
    "pivot by default": small_config(detector={"convention": "custom"}),
    "beam pivot": small_config(**close(GRID, "custom", pivot="beam", close_distance_mm=90.0)),
    "sizes": with_values(
        small_config(), {"crystal.size_a_mm": 6e-5, "crystal.size_c_mm": 7e-5, "beam.beamsize_mm": 5e-5}
    ),
    "normal": with_values(
        small_config(detector={"convention": "custom"}),
        {"beam.polarization_normal": (0.1, 1.0, 0.0), "beam.polarization_fraction": 0.7},
    ),
    "material": small_config(detector={"thickness_um": 100.0, "material": "Si"}),
    "widths": small_config(
        beam={"divergence_sigma_mrad": 0.5, "bandwidth_percent": 0.2, "channels": 3},
        crystal={"mosaicity_deg": 0.2, "cell_spread_percent": 0.3},
        sampling={"mosaic_domains": 5, "divergence_horizontal_steps": 2, "divergence_vertical_steps": 3},
    ),
    "widths of each": small_config(
        beam={
            "divergence_shape": "gaussian",
            "divergence_horizontal_mrad": 0.5,
            "divergence_vertical_mrad": 1.0,
            "dispersion_percent": 1.0,
        },
        crystal={"mosaicity_axes_deg": (0.2, 0.3, 0.5)},
        sampling={"mosaic_domains": 5},
    ),
    "cell of the C program": with_values(
        small_config(crystal={"shape": "gauss", "cell_A": (40.0, 50.0, 60.0), "cell_deg": (80.0, 95.0, 105.0)}),
        {"crystal.matrix_file": None, "parity": ("all",)},
    ),
}


_WIDTHS = ("beam.divergence", "beam.bandwidth", "crystal.mosaicity", "crystal.cell_spread")
WHOLE = {"grid", "listed"}
"""Where every path is moved alone as well as with all others."""
ALONE: dict[str, tuple[str, ...]] = {
    "sample pivot": ("detector.",),
    "pivot by default": ("detector.",),
    "beam pivot": ("detector.",),
    "sizes": ("crystal.cell", "crystal.size", "crystal.orientation", "crystal.misset", "beam.beamsize"),
    "normal": ("beam.",),
    "material": ("detector.thickness", "detector.attenuation"),
    "widths": _WIDTHS,
    "widths of each": _WIDTHS,
    "cell of the C program": ("crystal.cell", "crystal.misset"),
}
"""Elsewhere, those that the start has something to do with."""


def moved(config: Config, paths: list[str]) -> Experiment:
    """Every parameter moved by thirty typical changes, one after the other."""
    experiment = prepare(config)
    table = parameters_of(experiment, config.detector.convention)
    for path in paths:
        parameter = table[path]
        value = parameter.get(experiment)
        change = 0.01 * jnp.abs(value) if parameter.typical is None else jnp.asarray(parameter.typical)
        experiment = parameter.set(experiment, value + 30 * change)
    return experiment


def read_back(config: Config, experiment: Experiment, paths: list[str]) -> Experiment:
    """By way of files, as a user goes on with them."""
    fitted = fitted_config(config, experiment, paths)
    sources = fitted_sources(config, experiment, paths)
    if sources is not None:
        Path("fitted_sources.txt").write_text(sources_text(sources))
        fitted = with_values(fitted, {"beam.source_file": "fitted_sources.txt"})
    Path("fitted.toml").write_text(config_toml(fitted))
    return prepare(load_config("fitted.toml"))


def placed(experiment: Experiment, convention: str) -> Experiment:
    """Without the point that the panel does not hang on, and with orientation and misset as one."""
    panel, cell = experiment.panel, experiment.crystal.cell
    unused = "near_point_m" if panel.pivot == "beam" else "beam_centre_m"
    cell = replace(cell, orientation=cell.misset @ cell.orientation, misset_rad=jnp.zeros(3))
    crystal = replace(experiment.crystal, cell=cell)
    panel = replace(panel, **{unused: jnp.zeros(2)})
    names = tuple(name for name in entries_of(experiment) if name != "cell_setting")
    program = replace(experiment.program, entries=names) if experiment.program else None
    return replace(experiment, program=program).with_panel(panel).with_crystal(crystal)


def difference(a: Experiment, b: Experiment) -> tuple[float, str]:
    """The largest difference of two leaves, relative to the leaf, and where it is."""
    assert jax.tree.structure(a) == jax.tree.structure(b)
    pairs = zip(jax.tree.leaves_with_path(a), jax.tree.leaves(b), strict=True)
    return max(
        (float(np.abs(np.subtract(x, y)).max() / (np.abs(np.asarray(y)).max() or 1.0)), jax.tree_util.keystr(path))
        for (path, x), y in pairs
    )


def fittable(config: Config) -> list[str]:
    """Paths that are not refused."""
    found = []
    for path in parameters_of(prepare(config), config.detector.convention):
        try:
            check_writable(config, [path])
        except ConfigError:
            continue
        found.append(path)
    return found


@pytest.mark.usefixtures("_in_folder")
@pytest.mark.parametrize("name", STARTS)
def test_what_is_fitted_reads_back(name: str) -> None:
    config = STARTS[name]
    convention = config.detector.convention
    paths = fittable(config)
    alone = paths if name in WHOLE else [path for path in paths if path.startswith(ALONE[name])]
    all_at_once = [path for path in paths if not any(path in quantity.same for quantity in QUANTITIES.values())]
    for free in [*([path] for path in alone), all_at_once]:
        experiment = moved(config, free)
        again = read_back(config, experiment, free)
        off, where = difference(placed(again, convention), placed(experiment, convention))
        # the draws of mosaic domains are scaled to the spread in 32 bits
        assert off < (1e-6 if "mosaic" in where else 1e-12), (free, where)


@pytest.fixture
def _in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_what_cannot_be_written_is_refused_before_the_fit() -> None:
    axes = ["beam.direction", "beam.polarization_axis", "crystal.spindle_axis", "detector.axes_deg"]
    with pytest.raises(ConfigError) as caught:
        check_writable(small_config(), [*axes, "crystal.structure_factors"])
    faults = [str(fault) for fault in caught.value.faults]
    assert faults[:4] == [
        f'parameters.{path}: the mosflm convention fixes it; set detector.convention = "custom"' for path in axes
    ]
    assert "has no configuration key of its own" in faults[4]
    with pytest.raises(ConfigError, match=r"pixel_mm: is fixed by 'Eiger2 16M'"):
        check_writable(with_values(small_config(), {"detector.model": "Eiger2 16M"}), ["detector.pixel_mm"])
    check_writable(STARTS["listed"], axes)
    with pytest.raises(ConfigError, match="custom_normal chooses another normal"):
        check_writable(replace(STARTS["listed"], parity=("custom_normal",)), ["detector.axes_deg"])
