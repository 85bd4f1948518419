"""Stills for tests of refinement: images of square crystals of many domains, and starts that are off by a little."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np

import nbjax
from nbjax.config.load import config_from_dict
from nbjax.constants import HC_EV_A
from nbjax.exchange.combination import in_frame
from nbjax.exchange.exporting import export
from nbjax.io.experiments.crystfel_writing import geometry_text
from nbjax.io.experiments.dials_list import read_stills
from nbjax.io.experiments.dials_refl import INDEXED, ReflectionTable, read_refl, refl_bytes
from nbjax.io.experiments.recorded import CRYSTFEL
from nbjax.resolve import resolve
from nbjax.rotations import about_vector

CELL_A = (62.0, 62.0, 41.0)
PIXELS = 192
REFINE = """
[crystal]
hkl_file = "all.hkl"
default_F = 0.0
mosaicity_deg = 0.3
cells = [10, 10, 15]
[refine]
system = "tetragonal"
spots = 60
box_px = 11
"""


def factors(folder: Path) -> None:
    """Random amplitudes that have the symmetry of the lattice."""
    h, k, l = np.mgrid[-32:33, -32:33, -22:23].reshape(3, -1)  # noqa: E741
    table = 200 * np.sqrt(np.random.default_rng(5).exponential(size=(33, 33, 23)))
    low, high = np.minimum(abs(h), abs(k)), np.maximum(abs(h), abs(k))
    np.savetxt(folder / "all.hkl", np.column_stack([h, k, l, table[high, low, abs(l)]]), fmt="%d %d %d %.4f")


def config(folder: Path, misset_deg: Any, **crystal: Any) -> nbjax.Config:
    """One still, of square blocks."""
    return config_from_dict(
        {
            "beam": {"wavelength_A": 1.0, "fluence_photons_per_m2": 6e26},
            "crystal": {
                "cell_A": CELL_A,
                "cell_deg": [90.0, 90.0, 90.0],
                "hkl_file": str(folder / "all.hkl"),
                "default_F": 0.0,
                "cells": [8, 8, 12],
                "mosaicity_deg": 0.25,
                "misset_deg": [float(angle) for angle in misset_deg],
                **crystal,
            },
            "detector": {"distance_mm": 60.0, "pixel_mm": 0.2, "pixels_fast": PIXELS, "pixels_slow": PIXELS},
            "sampling": {"mosaic_domains": 250, "oversample": 3},
        }
    )


def write_stills(folder: Path, count: int, off_deg: float = 0.15, scale: float = 1.0) -> list[np.ndarray]:
    """Write images, ``start.expt`` and ``start.refl``; the true vectors a, b, c as rows of each still.

    Args:
        folder: of the files.
        count: of stills.
        off_deg: how far off the start is.
        scale: of the photons.
    """
    factors(folder)
    rng = np.random.default_rng(7)
    true, lists, columns = [], [], []
    for number in range(count):
        misset_deg = np.array([20.0, 50.0, 70.0]) + 11 * number
        made = config(folder, misset_deg)
        image = np.asarray(nbjax.simulate(nbjax.prepare(made)))
        np.save(folder / f"still_{number}.npy", rng.poisson(scale * (image + 3.0)).astype(np.int32))
        lists.append(json.loads(export(resolve(made), f"still_{number}.npy").text))
        direct = np.array([lists[-1]["crystal"][0][f"real_space_{axis}"] for axis in "abc"])
        true.append(direct)
        spots = jax.tree.map(np.asarray, nbjax.predict(nbjax.prepare(config(folder, misset_deg, model="closed"))))
        rows = np.argsort(-spots.photons)[:40]
        columns.append((spots.miller_index[rows], spots.centre[rows] + rng.normal(0, 0.3, (len(rows), 2))))
        axis = rng.normal(size=3)
        turn = np.asarray(about_vector(jax.numpy.asarray(np.radians(off_deg) * axis / np.linalg.norm(axis))))
        for name, row in zip("abc", 1.001 * direct @ turn.T, strict=True):
            lists[-1]["crystal"][0][f"real_space_{name}"] = row.tolist()
    (folder / "start.expt").write_text(json.dumps(joined(lists)))
    (folder / "start.refl").write_bytes(refl_bytes(table(columns)))
    (folder / "refine.toml").write_text(REFINE)
    return true


def joined(lists: list[dict[str, Any]]) -> dict[str, Any]:
    """One experiment list of several that have one experiment each, on the detector and in the beam of the first."""
    first = lists[0]
    experiments = [
        {"__id__": "Experiment", "identifier": f"still{i}", "beam": 0, "detector": 0, "crystal": i, "imageset": i}
        for i in range(len(lists))
    ]
    return {
        **first,
        "experiment": experiments,
        "crystal": [each["crystal"][0] for each in lists],
        "imageset": [each["imageset"][0] for each in lists],
        "scan": [],
        "goniometer": [],
    }


def table(columns: list[tuple[np.ndarray, np.ndarray]]) -> ReflectionTable:
    """A table of indexed spots, by still."""
    ids = np.repeat(np.arange(len(columns)), [len(hkl) for hkl, _ in columns])
    places = np.concatenate([np.column_stack([centre, np.full(len(centre), 0.5)]) for _, centre in columns])
    return ReflectionTable(
        {
            "miller_index": np.concatenate([hkl for hkl, _ in columns]),
            "id": ids,
            "panel": np.zeros(len(ids), int),
            "flags": np.full(len(ids), INDEXED),
            "xyzobs.px.value": places,
        },
        {number: f"still{number}" for number in range(len(columns))},
    )


def errors(true: np.ndarray, found: np.ndarray) -> tuple[float, float]:
    """Angle in degrees between two lattices, and the largest relative difference of their lengths."""
    lengths = np.linalg.norm(found, axis=1) / np.linalg.norm(true, axis=1)
    turn = (found / np.linalg.norm(found, axis=1)[:, None]).T @ (true / np.linalg.norm(true, axis=1)[:, None])
    left, _, right = np.linalg.svd(turn)
    angle = np.degrees(np.arccos(np.clip((np.trace(left @ right) - 1) / 2, -1, 1)))
    return float(angle), float(np.abs(lengths - 1).max())


def as_stream(folder: Path, name: str = "start") -> str:
    """What ``start.expt`` and ``start.refl`` say as a stream of CrystFEL; a last image has no crystal."""
    stills, spots = read_stills(folder / f"{name}.expt"), read_refl(folder / f"{name}.refl")
    turned = [in_frame(still.experiment, CRYSTFEL) for still in stills]
    chunks = []
    for number, (still, experiment) in enumerate(zip(stills, turned, strict=True)):
        stars = 10 * np.linalg.inv(experiment.crystal.direct_A).T
        axes = [f"{axis}star = {' '.join(map(str, row))} nm^-1" for axis, row in zip("abc", stars, strict=True)]
        own = spots.at("id") == still.number
        peaks = [f"{fast:.3f} {slow:.3f} 1.0 100.0 p" for fast, slow, _ in spots.at("xyzobs.px.value")[own]]
        chunk = ["Image filename: " + still.image, "Event: //0", f"Image serial number: {number + 7}"]
        chunk += [f"photon_energy_eV = {HC_EV_A / experiment.beam.wavelength_A!r}", "Peaks from peak search"]
        chunk += [
            "  fs/px   ss/px (1/d)/nm^-1   Intensity  Panel",
            *peaks,
            "End of peak list",
            "--- Begin crystal",
            *axes,
        ]
        chunks.append([*chunk, "lattice_type = tetragonal", "centering = P", "unique_axis = c", "--- End crystal"])
    chunks.append(["Image filename: none.npy", "Event: //", "Image serial number: 99", "photon_energy_eV = 9000"])
    panels = tuple(replace(panel, name="p", gain=None) for panel in turned[0].panels)
    lines = ["CrystFEL stream format 2.3", "----- Begin geometry file -----"]
    lines += [geometry_text(replace(turned[0], panels=panels)).rstrip(), "----- End geometry file -----"]
    for chunk in chunks:
        lines += ["----- Begin chunk -----", *chunk, "----- End chunk -----"]
    return "\n".join(lines) + "\n"
