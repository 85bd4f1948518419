"""Predicted spots as files: columns as text, or as of a reflection table of DIALS in HDF5."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from nbjax.experiment import Experiment, chosen
from nbjax.io.files import atomic_writer
from nbjax.pipeline.closed.crossing import range_rad
from nbjax.pipeline.spots.table import Spots

_PER_ANGSTROM = 1e-10


@dataclass(frozen=True)
class Column:
    """Values of all spots, a row each, and what they are."""

    values: np.ndarray
    unit: str
    meaning: str


def columns_of(spots: Spots) -> dict[str, np.ndarray]:
    """Numbers of each spot by readable names, which end in their units.

    Args:
        spots: as many rows as there are spots, of numbers.
    """
    h, k, l = np.asarray(spots.miller_index).T  # noqa: E741
    centre, covariance = np.asarray(spots.centre), np.asarray(spots.covariance)
    return {
        "h": h,
        "k": k,
        "l": l,
        "panel": np.asarray(spots.panel),
        "fast_px": centre[:, 0],
        "slow_px": centre[:, 1],
        "angle_deg": np.degrees(np.asarray(spots.angle_rad)),
        "d_A": np.asarray(spots.spacing_m) * 1e10,
        "excitation_per_A": np.asarray(spots.excitation_per_m) * _PER_ANGSTROM,
        "partiality": np.asarray(spots.partiality),
        "variance_fast_px2": covariance[:, 0, 0],
        "covariance_px2": covariance[:, 0, 1],
        "variance_slow_px2": covariance[:, 1, 1],
        "photons": np.asarray(spots.photons),
    }


def write_csv(path: str | Path, crystals: Sequence[Spots]) -> None:
    """Write the columns as text, one line for each spot after that of their names.

    Args:
        path: of the file.
        crystals: spots of each crystal; of several, the first column is its number.

    Raises:
        FileError: it cannot be written.
    """
    tables = [columns_of(spots) for spots in crystals]
    if len(tables) > 1:
        tables = [{"crystal": np.full(len(table["h"]), i)} | table for i, table in enumerate(tables)]
    columns = {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    with atomic_writer(path, "w") as handle:
        handle.write(",".join(columns) + "\n")
        for row in rows:
            handle.write(",".join(f"{value:.9g}" for value in row) + "\n")


def reflection_columns(experiment: Experiment, spots: Spots, number: int = 0) -> Mapping[str, Column]:
    """Columns of a reflection table of DIALS, by its names.

    Args:
        experiment: that was predicted, of one crystal.
        spots: its spots, as many rows as there are.
        number: of the crystal.
    """
    spindle, panels = experiment.crystal.spindle, experiment.detector.panels
    angle = np.asarray(spots.angle_rad)
    turned = float(abs(np.asarray(range_rad(spindle)))) if spindle.steps > 1 else 0.0
    frame = np.abs(angle - float(spindle.start_rad)) / turned if turned else np.zeros_like(angle)
    fast_m, slow_m = (np.broadcast_to(np.asarray(size), (experiment.grid.panels,)) for size in panels.pixel_sizes_m)
    panel, centre = np.asarray(spots.panel), np.asarray(spots.centre)
    millimetres = centre * np.stack([fast_m[panel], slow_m[panel]], -1) * 1e3
    return {
        "miller_index": Column(np.asarray(spots.miller_index, np.int32), "", "h, k, l"),
        "panel": Column(panel.astype(np.uint64), "", "number of the panel, from 0"),
        "id": Column(np.full(len(angle), number, np.int32), "", "number of the experiment"),
        "xyzcal.px": Column(
            np.column_stack([centre, frame]), "pixel, pixel, image", "fast, slow and the part of the exposure"
        ),
        "xyzcal.mm": Column(np.column_stack([millimetres, angle]), "mm, mm, rad", "fast, slow and spindle angle"),
        "s1": Column(
            np.asarray(spots.s1_per_m) * _PER_ANGSTROM,
            "1/angstrom",
            "diffracted ray over the wavelength, in nbjax's laboratory",
        ),
        "d": Column(np.asarray(spots.spacing_m) * 1e10, "angstrom", "spacing"),
        "partiality": Column(np.asarray(spots.partiality), "", "recorded part of the rocking curve"),
        "intensity": Column(np.asarray(spots.photons), "", "expected photons"),
        "excitation": Column(
            np.asarray(spots.excitation_per_m) * _PER_ANGSTROM, "1/angstrom", "distance from the Ewald sphere"
        ),
        "covariance": Column(np.asarray(spots.covariance), "pixel^2", "of fast and slow"),
    }


def write_hdf5(path: str | Path, experiment: Experiment, crystals: Sequence[Spots]) -> None:
    """Write the columns of ``reflection_columns`` as datasets, each with its unit and meaning.

    Args:
        path: of the file.
        experiment: that was predicted.
        crystals: spots of each of its crystals, whose number is the ``id``, as in an exported list of experiments.

    Raises:
        FileError: it cannot be written.
    """
    tables = [
        reflection_columns(chosen(experiment, crystals=[number]), spots, number)
        for number, spots in enumerate(crystals)
    ]
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for name, column in tables[0].items():
            dataset = file.create_dataset(name, data=np.concatenate([table[name].values for table in tables]))
            dataset.attrs["units"], dataset.attrs["description"] = column.unit, column.meaning
    with atomic_writer(path) as handle:
        handle.write(buffer.getvalue())
