"""Many small stills of square crystals on several panels, for what all shots share; and the truth of each.

The images are sampled (blocks in domains, several wavelengths, counting noise on a background); what is refined is
the closed model. Starts are the true crystals turned and stretched by a little, spots are found within 0.3 pixels.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.spatial.transform import Rotation

import nbjax
from nbjax.config.load import config_from_dict
from nbjax.exchange.exporting import export
from nbjax.experiment import Experiment
from nbjax.io.experiments.dials_refl import INDEXED, ReflectionTable, refl_bytes
from nbjax.resolve import resolve

BACKGROUND, SPOT_PX, FOUND = 3.0, 0.3, 60
PIXEL_MM, DISTANCE_MM = 0.2, 60.0


@dataclass(frozen=True)
class Sample:
    """A crystal of the point group 222 in its beam.

    Attributes:
        cell_A: lengths of the cell.
        cells: of a block.
        fluence: photons per square metre.
        domains, wavelengths: that are sampled; several wavelengths are 0.1 % wide.
    """

    cell_A: tuple[float, float, float]
    cells: tuple[int, int, int]
    fluence: float
    domains: int = 80
    wavelengths: int = 1


@dataclass(frozen=True)
class Camera:
    """Square panels in a square, with gaps of four pixels."""

    panels: int = 16
    pixels: int = 60

    def geometry(self) -> str:
        """Text of a CrystFEL geometry."""
        side, pitch = round(self.panels**0.5), self.pixels + 4
        lines = ["photon_energy = 12398.42", f"clen = {DISTANCE_MM / 1000}", f"res = {1000 / PIXEL_MM}"]
        lines += [f"max_fs = {self.pixels - 1}", f"max_ss = {self.pixels - 1}", "min_fs = 0", "min_ss = 0"]
        lines += ["fs = +1.0x", "ss = +1.0y"]
        for number in range(self.panels):
            row, column = divmod(number, side)
            own = {"corner_x": (column - side / 2) * pitch + 2, "corner_y": (row - side / 2) * pitch + 2}
            own |= {"dim0": "%", "dim1": number, "dim2": "ss", "dim3": "fs"}
            lines += [f"p{number}/{key} = {value}" for key, value in own.items()]
        return "\n".join(lines) + "\n"


def config(folder: Path, sample: Sample, misset_deg: Sequence[float], **crystal: Any) -> nbjax.Config:
    """One still; ``nominal.expt`` or else ``camera.geom`` of the folder has the panels, ``true.hkl`` the amplitudes."""
    nominal = folder / "nominal.expt"
    band = {"bandwidth_percent": 0.1} if sample.wavelengths > 1 else {}
    steps = {"dispersion_steps": sample.wavelengths} if sample.wavelengths > 1 else {}
    return config_from_dict(
        {
            "precision": "mixed",
            "beam": {"wavelength_A": 1.0, "fluence_photons_per_m2": sample.fluence, **band},
            "crystal": {
                "cell_A": sample.cell_A,
                "cell_deg": [90.0] * 3,
                "hkl_file": str(folder / "true.hkl"),
                "default_F": 0.0,
                "cells": sample.cells,
                "mosaicity_deg": 0.2,
                "misset_deg": [float(angle) for angle in misset_deg],
                **crystal,
            },
            "detector": {"file": str(nominal if nominal.exists() else folder / "camera.geom")},
            "sampling": {"mosaic_domains": sample.domains, "oversample": 2, **steps},
        }
    )


def true_factors(folder: Path, sample: Sample, anomalous: float = 0.0) -> None:
    """Write random amplitudes of the point group 222 that fall off with resolution.

    Args:
        folder: of the file.
        sample: whose cell they are of.
        anomalous: standard deviation of the relative difference of Friedel mates.
    """
    rng = np.random.default_rng(5)
    limits = [int(length / 1.8) for length in sample.cell_A]
    h, k, l = (np.arange(limit + 1) for limit in limits)  # noqa: E741
    q2 = sum((index / length) ** 2 for index, length in zip(np.ix_(h, k, l), sample.cell_A, strict=True))
    base = 200 * np.sqrt(rng.exponential(size=q2.shape)) * np.exp(-15.0 * q2 / 4)
    half = 0.5 * anomalous * rng.normal(size=q2.shape)
    half[0], half[:, 0], half[:, :, 0] = 0, 0, 0
    hkl = np.stack(np.meshgrid(*(np.arange(-limit, limit + 1) for limit in limits), indexing="ij"), -1).reshape(-1, 3)
    # an even number of changed signs is a rotation of 222, an odd one leads to the mate
    mate = np.sign(np.prod(hkl, axis=1))
    at = tuple(abs(hkl).T)
    np.savetxt(folder / "true.hkl", np.column_stack([hkl, base[at] * (1 + mate * half[at])]), fmt="%d %d %d %.5f")


def displaced(experiment: Experiment, shift_mm: float, turn_deg: float) -> Experiment:
    """With every panel shifted by so much in a direction of its own, and turned likewise."""
    rng = np.random.default_rng(11)
    count = experiment.detector.count
    ways = rng.normal(size=(2, count, 3))
    ways /= np.linalg.norm(ways, axis=-1, keepdims=True)
    moved = nbjax.put(experiment, "detector.groups.shift_m", jnp.asarray(1e-3 * shift_mm * ways[0]))
    return nbjax.put(moved, "detector.groups.rotation_rad", jnp.asarray(np.radians(turn_deg) * ways[1]))


def write_stills(
    folder: Path,
    count: int,
    sample: Sample,
    camera: Camera = Camera(),
    off: tuple[float, float] = (0.0, 0.0),
    start_off: tuple[float, float] = (0.1, 0.001),
) -> Experiment:
    """Write ``still_N.npy``, ``start.expt`` and ``start.refl``, as indexing gives them; returns the last true shot.

    Args:
        folder: with ``true.hkl``.
        count: of stills.
        sample: the crystal.
        camera: whose panels.
        off: how far in mm and degrees each panel is from where the file has it.
        start_off: how far the starts are, in degrees and relative lengths.
    """
    warnings.simplefilter("ignore")
    (folder / "camera.geom").write_text(camera.geometry())
    first = export(resolve(config(folder, sample, (0, 0, 0))), "still.npy").text
    (folder / "nominal.expt").write_text(first)
    rng = np.random.default_rng(7)
    lists, columns = [], []
    for number, turn in enumerate(Rotation.random(count, random_state=3)):
        misset_deg = turn.as_euler("xyz", degrees=True)
        made = config(folder, sample, misset_deg)
        true = displaced(nbjax.prepare(made), *off)
        image = np.asarray(nbjax.simulate(true))
        np.save(folder / f"still_{number}.npy", rng.poisson(image + BACKGROUND).astype(np.int32))
        closed = displaced(nbjax.prepare(config(folder, sample, misset_deg, model="closed")), *off)
        if number == 0:
            capacity = nbjax.spot_capacity(closed)
        spots = jax.tree.map(np.asarray, nbjax.predict(closed, capacity=capacity))
        rows = np.argsort(-spots.photons[: int(spots.count)])[:FOUND]
        found = spots.centre[rows] + rng.normal(0, SPOT_PX, (len(rows), 2))
        columns.append((spots.miller_index[rows], spots.panel[rows], found))
        lists.append(json.loads(export(resolve(made), f"still_{number}.npy").text))
        axis = rng.normal(size=3)
        off_by = Rotation.from_rotvec(np.radians(start_off[0]) * axis / np.linalg.norm(axis)).as_matrix()
        crystal = lists[-1]["crystal"][0]
        for name in "abc":
            crystal[f"real_space_{name}"] = ((1 + start_off[1]) * off_by @ crystal[f"real_space_{name}"]).tolist()
        crystal["space_group_hall_symbol"] = "P 2 2"
    (folder / "start.expt").write_text(json.dumps(joined(lists)))
    (folder / "start.refl").write_bytes(refl_bytes(table(columns)))
    return true


def joined(lists: list[dict[str, Any]]) -> dict[str, Any]:
    """One experiment list of several that have one experiment each, on the detector and in the beam of the first."""
    experiments = [
        {"__id__": "Experiment", "identifier": f"still{i}", "beam": 0, "detector": 0, "crystal": i, "imageset": i}
        for i in range(len(lists))
    ]
    each = {kind: [one[kind][0] for one in lists] for kind in ("crystal", "imageset")}
    return {**lists[0], "experiment": experiments, **each, "scan": [], "goniometer": []}


def table(columns: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> ReflectionTable:
    """A table of indexed spots, by still."""
    ids = np.repeat(np.arange(len(columns)), [len(hkl) for hkl, _, _ in columns])
    hkl, panel, centre = (np.concatenate(parts) for parts in zip(*columns, strict=True))
    return ReflectionTable(
        {
            "miller_index": hkl,
            "id": ids,
            "panel": panel.astype(int),
            "flags": np.full(len(ids), INDEXED),
            "xyzobs.px.value": np.column_stack([centre, np.full(len(centre), 0.5)]),
        },
        {number: f"still{number}" for number in range(len(columns))},
    )
