"""The C program's last bits: automatic oversampling at whole numbers, and a panel that agrees with the physics."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from cases import CASES, INPUTS, option_line

from nbjax.cli.nanobragg import read_options
from nbjax.geometry.panel import Panel
from nbjax.io.experiments.mosflm_matrix import read_matrix
from nbjax.preparation import placed_panel
from nbjax.reference.set_up import program_edges_m, program_panel
from nbjax.resolve import Resolved, resolve

TIES = {
    "-N 5 -cell 240 240 240 -lambda 0.9 -distance 100 -pixel 0.1": 4,
    "-N 60 -cell 18 18 18 -lambda 0.9 -distance 80 -pixel 0.2": 10,
    "-N 30 -cell 50 50 50 -lambda 1.5 -distance 300 -pixel 0.2": 2,
    "-N 10 -cell 240 240 240 -lambda 1.2 -distance 300 -pixel 0.15": 3,
    "-N 60 -cell 40 40 40 -lambda 1.2 -distance 100 -pixel 0.1": 7,
    "-N 20 -cell 80 80 80 -lambda 1 -distance 80 -pixel 0.2": 13,
    "-N 12 -cell 218.75 218.75 218.75 -lambda 1.5 -distance 150 -pixel 0.2": 8,
    "-N 10 -cell 120 120 120 -lambda 0.9 -distance 300 -pixel 0.3": 5,
    "-N 60 -cell 37.5 37.5 37.5 -lambda 1.5 -distance 300 -pixel 0.2": 4,
    "-N 30 -cell 100 100 100 -lambda 1 -distance 150 -pixel 0.1": 6,
    "-N 5 -cell 120 120 120 -lambda 0.9 -distance 200 -pixel 0.2": 2,
    "-N 20 -cell 125 125 125 -lambda 1.5 -distance 100 -pixel 0.1": 6,
    "-N 12 -cell 137.5 137.5 137.5 -lambda 1.1 -distance 150 -pixel 0.3": 9,
    "-N 20 -cell 65 65 65 -lambda 1.3 -distance 200 -pixel 0.2": 3,
    "-N 20 -cell 67.5 67.5 67.5 -lambda 0.9 -distance 100 -pixel 0.2": 9,
    "-N 10 -cell 80 80 80 -lambda 0.9 -distance 200 -pixel 0.15": 3,
    "-N 12 -cell 43.75 43.75 43.75 -lambda 0.9 -distance 50 -pixel 0.2": 7,
}
"""Lines whose crystal is a whole number of thirds of a fringe, and the subpixels that the C program selects."""


@pytest.fixture(autouse=True)
def _in_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(INPUTS)


def resolved_of(line: str) -> Resolved:
    return resolve(read_options([*line.split(), "-parity", "-floatfile", "x"]).config)


def test_whole_numbers_of_subpixels_go_the_way_of_the_c_program() -> None:
    found = {line: resolved_of(f"{line} -default_F 1 -detpixels 2").sampling.oversample for line in TIES}
    assert found == TIES


@pytest.mark.parametrize("case", CASES)
def test_the_panel_is_that_of_the_pipeline(case: str) -> None:
    resolved = resolved_of(" ".join(option_line(case)))
    of_program = program_panel(resolved.config, resolved.detector.size_m, resolved.detector.normal_axis)
    panel: Panel = jax.tree.map(np.asarray, placed_panel(resolved))
    np.testing.assert_allclose(of_program.origin_m, panel.origin_m, rtol=0, atol=1e-15)
    assert of_program.close_distance_m == pytest.approx(float(panel.close_distance_m), rel=1e-13)
    near_px = panel.near_point_m / (resolved.detector.pixel_mm / 1000) + 0.5
    np.testing.assert_allclose(of_program.org_px, near_px, rtol=1e-12)


@pytest.mark.parametrize("cell", [None, (30.0, 40.0, 50.0, 75.0, 95.0, 110.0)])
@pytest.mark.parametrize("matrix", [None, "tric.mat"])
def test_edges_are_those_of_the_cell_or_the_matrix(cell: tuple | None, matrix: str | None) -> None:
    if cell is None and matrix is None:
        return
    columns = None if matrix is None else read_matrix(matrix).columns
    found = program_edges_m(cell, columns, 0.9e-10, [0.2, -0.3, 0.5])
    if cell is not None:
        wanted = np.array(cell[:3]) * 1e-10
    else:
        wanted = np.linalg.norm(np.linalg.inv(columns / 0.9), axis=1) * 1e-10
    np.testing.assert_allclose(found, wanted, rtol=1e-14)


def test_axes_need_not_be_at_right_angles_under_parity() -> None:
    line = "-cell 50 60 70 -default_F 1 -N 3 -fdet_vector 0.1 0 2 -sdet_vector 0 -1 0.3 -close_distance 90 -Xbeam 7"
    resolved = resolved_of(f"{line} -detpixels 4 -pixel 1")
    across = np.cross((0.1, 0, 2), (0, -1, 0.3))
    np.testing.assert_allclose(resolved.detector.normal_axis, (1, 0, 0))
    assert across @ resolved.detector.normal_axis != 0
