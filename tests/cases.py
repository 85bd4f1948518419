"""Golden cases and small configurations that several tests share."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from nbjax.cli.nanobragg import read_options
from nbjax.config.edit import tables_of, with_values
from nbjax.config.inputs import INPUT_FILES
from nbjax.config.tree import Beam, Config, Crystal, Detector, Sampling

GOLDEN = Path(__file__).parent / "golden"
INPUTS = GOLDEN / "inputs"
CASES = sorted(path.parent.name for path in GOLDEN.glob("*/args.txt"))
TOLERANCE = 3e-7

SHOWN_BY: dict[str, set[str]] = {
    "curved_detector": {"curved_mapping"},
    "divergence_round": {"first_sample_factors"},
    "divergence_square": {"first_sample_factors"},
    "everything_but_thickness": {"first_sample_factors"},
    "flux_sample_energy": {"interpolation_autoselect"},
    "interp_auto_two_cells": {"first_sample_factors"},
    "interp_leaves_table": {"interpolation_latch"},
    "lyso_autosample": {"first_sample_factors"},
    "mask": {"mask_beam_center"},
    "misset_random": {"misset_seed_option", "misset_random"},
    "noise_poisson": {"poisson_sampler"},
    "oversample2_omega": {"first_sample_factors", "running_product"},
    "oversample3": {"first_sample_factors"},
    "phi_osc_from_zero": {"phi_carryover"},
    "shape_gauss": {"star_shape", "shape_constants"},
    "shape_round": {"shape_constants"},
    "shape_tophat": {"star_shape", "shape_constants", "first_sample_factors"},
    "sourcefile": {"source_weights", "first_sample_factors"},
    "supervisor_crop": {"phi_carryover"},
    "thick_sensor": {"first_sample_factors", "last_layer_capture", "layer_step"},
    "triclinic_misset": {"cell_setting"},
    "water_background": {"water_scale"},
}
"""Ledger entries that come into play in each golden case; the other cases are physics in the C program too."""

SAME_IMAGE = {"flux_sample_energy", "noise_poisson"}
"""Cases whose float image is the same with and without their entries."""


@cache
def images(case: str) -> dict[str, np.ndarray]:
    """Stored images of a golden case."""
    with np.load(GOLDEN / case / "images.npz") as stored:
        return {name: stored[name] for name in stored.files}


def option_line(case: str) -> list[str]:
    """Options of a golden case; file names are relative to ``INPUTS``."""
    return (GOLDEN / case / "args.txt").read_text().split()


def golden_config(case: str) -> Config:
    """Physics with the ledger entries that the case's image depends on; the files are named absolutely."""
    names = SHOWN_BY.get(case, set()) if case not in SAME_IMAGE else set()
    config = read_options([*option_line(case), *(["-parity", ",".join(sorted(names))] if names else [])]).config
    found = {
        f"{place}.{key}": str(INPUTS / name)
        for section, keys in INPUT_FILES.items()
        for place, table in tables_of(config, section)
        for key in keys
        if (name := getattr(table, key)) is not None
    }
    return with_values(config, found)


def window(case: str, image: np.ndarray) -> np.ndarray:
    """The part of an image that a golden case stores."""
    crop = images(case).get("crop_s0s1f0f1")
    return image if crop is None else image[crop[0] : crop[1], crop[2] : crop[3]]


def residual(image: np.ndarray, wanted: np.ndarray) -> float:
    """Largest difference over the largest wanted value; of a dark image, the largest difference."""
    return float(np.abs(image - wanted.astype(float)).max() / (np.abs(wanted).max() or 1.0))


def small_config(**sections: dict[str, Any]) -> Config:
    """An oblique crystal with a table on 24 x 20 pixels (slow x fast); fields of each section can be replaced."""
    config = Config(
        Beam(wavelength_A=0.9),
        Crystal(hkl_file=str(INPUTS / "tric_5A.hkl"), matrix_file=str(INPUTS / "tric.mat"), cells=(9, 7, 8)),
        Detector(distance_mm=100.0, pixel_mm=0.9, pixels_fast=20, pixels_slow=24),
        Sampling(oversample=1),
    )
    for name, fields in sections.items():
        config = replace(config, **{name: replace(getattr(config, name), **fields)})
    return config


_STEP = "thick subS subF source phi mosaic h k l h0 k0 l0 F_latt F_cell polarization omega capture lambda I_running"


def golden_traces(case: str) -> list[tuple[np.ndarray, dict[str, np.ndarray]]]:
    """Traces of a golden case: the samples as a table with named columns, and the values of the pixel."""
    found = []
    for path in sorted((GOLDEN / case).glob("trace_*.txt")):
        lines = [line.split() for line in path.read_text().splitlines()]
        rows = [tuple(float(word) for word in line[1:]) for line in lines if line[0] == "STEP"]
        pixel = {line[1]: np.array(line[2:], float) for line in lines if line[0] == "PIX"}
        found.append((np.array(rows, [(name, float) for name in _STEP.split()]), pixel))
    return found
