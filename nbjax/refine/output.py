"""Files of a run: refined experiments, a table of shots, and integrated reflections."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import gemmi
import h5py
import numpy as np

from nbjax.geometry.unit_cell import cell_of
from nbjax.io.experiments.dials_list import Change, with_changes
from nbjax.io.experiments.dials_refl import INDEXED, INTEGRATED_PRF, ReflectionTable, refl_bytes
from nbjax.io.experiments.recorded import RecordedPanel
from nbjax.io.files import atomic_writer
from nbjax.refine.inputs import Inputs
from nbjax.refine.outcome import Outcome, ShotResult
from nbjax.refine.parameters import NAMES

_CELL = ("a_A", "b_A", "c_A", "alpha_deg", "beta_deg", "gamma_deg")
_NO_SHOT = np.nan


def output_contents(
    inputs: Inputs, shots: Sequence[ShotResult], panels: Sequence[RecordedPanel] | None = None
) -> dict[str, bytes]:
    """The content of each file, by its name; of the refined shots alone where there is one for each.

    Args:
        inputs, shots: of the run.
        panels: where they stand; None: where they stood.
    """
    refined = [shot for shot in shots if shot.outcome is Outcome.REFINED]
    rows = table_rows(inputs, shots)
    contents = {"shots.csv": csv_bytes(rows), "shots.h5": hdf5_bytes(rows)}
    if refined:
        shifts = {still.number: still.shift_mm if panels is not None else (0.0, 0.0, 0.0) for still in inputs.stills}
        changes = {shot.number: change_of(shot, shifts[shot.number]) for shot in refined}
        contents["refined.expt"] = with_changes(inputs.listed(), changes, panels).encode()
        contents["integrated.refl"] = refl_bytes(reflection_table(inputs, refined))
        contents["unmerged.mtz"] = mtz_bytes(inputs, refined)
    return contents


def change_of(shot: ShotResult, shift_mm: tuple[float, float, float]) -> Change:
    """What was refined of a shot that an experiment list tells.

    Args:
        shot: whose experiment.
        shift_mm: by which its detector stands elsewhere than the one that is written.
    """
    at = dict(zip(NAMES, shot.departure.tolist(), strict=True))
    shift_mm = at["shift_x_mm"] + shift_mm[0], at["shift_y_mm"] + shift_mm[1], at["shift_z_mm"] + shift_mm[2]
    return Change(shot.direct_A, float(np.exp(at["log_wavelength"])), shift_mm)


def table_rows(inputs: Inputs, shots: Sequence[ShotResult]) -> list[dict[str, object]]:
    """A row for each shot, with the same columns in all."""
    found: list[dict[str, object]] = []
    for still, frame, indexed, shot in zip(inputs.stills, inputs.frames, inputs.indexed, shots, strict=True):
        known = shot.outcome is not Outcome.FAILED
        lengths, angles = cell_of(shot.direct_A) if known else (np.full(3, _NO_SHOT), np.full(3, _NO_SHOT))
        row: dict[str, object] = {
            "experiment": still.number,
            "image": frame.file,
            "index": frame.index,
            "outcome": shot.outcome.value,
            "reason": shot.reason,
            "spots": len(shot.photons),
            "indexed": len(indexed),
            "misfit": shot.misfit,
            "correlation": shot.correlation,
            "r": shot.r,
            "offset_px": shot.offset_px,
            "turned_deg": float(np.degrees(np.linalg.norm(shot.departure[1:4]))) if known else _NO_SHOT,
        }
        row |= dict(zip(_CELL, (*map(float, lengths), *map(float, np.degrees(angles))), strict=True))
        for number, name in enumerate(NAMES):
            row[name] = float(shot.departure[number]) if known else _NO_SHOT
            row[f"sigma_{name}"] = float(shot.sigma[number]) if known else _NO_SHOT
        found.append(row)
    return found


def csv_bytes(rows: Sequence[dict[str, object]]) -> bytes:
    """The rows as text."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: f"{v:.9g}" if isinstance(v, float) else v for key, v in row.items()} for row in rows)
    return text.getvalue().encode()


def hdf5_bytes(rows: Sequence[dict[str, object]]) -> bytes:
    """The columns as data sets of the group ``shots``."""
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        group = file.create_group("shots")
        for name, first in rows[0].items():
            kind = h5py.string_dtype() if isinstance(first, str) else type(first)
            group.create_dataset(name, data=[row[name] for row in rows], dtype=kind)
    return content.getvalue()


def reflection_table(inputs: Inputs, refined: Sequence[ShotResult]) -> ReflectionTable:
    """Integrated reflections, whose ``id`` is the place of the shot among the refined ones."""
    identifiers = {still.number: still.identifier for still in inputs.stills}

    def every(name: str) -> np.ndarray:
        return np.concatenate([getattr(shot, name) for shot in refined])

    ids = np.concatenate([np.full(len(shot.photons), number) for number, shot in enumerate(refined)])
    middle = np.column_stack([every("centre"), np.full(len(ids), 0.5)])
    observed = np.column_stack([every("observed"), np.full(len(ids), 0.5)])
    columns = {
        "miller_index": every("hkl"),
        "id": ids,
        "panel": every("panel"),
        "flags": np.full(len(ids), INDEXED | INTEGRATED_PRF),
        "bbox": every("bbox"),
        "xyzcal.px": middle,
        "xyzobs.px.value": np.where(np.isfinite(observed), observed, middle),
        "s1": every("s1_per_A"),
        "intensity.prf.value": every("photons"),
        "intensity.prf.variance": every("photons_sigma") ** 2,
        "background.mean": every("background"),
        "partiality": every("partiality"),
    }
    return ReflectionTable(columns, {number: identifiers[shot.number] for number, shot in enumerate(refined)})


def mtz_bytes(inputs: Inputs, refined: Sequence[ShotResult]) -> bytes:
    """Unmerged intensities, a batch for each shot: partial and full ones, and the partiality."""
    first = next(still for still in inputs.stills if still.number == refined[0].number)
    mtz = gemmi.Mtz(with_base=False)
    group = gemmi.find_spacegroup_by_ops(gemmi.symops_from_hall(first.space_group or "P 1"))
    mtz.spacegroup = group or gemmi.SpaceGroup("P 1")
    cells = np.mean([np.concatenate(cell_of(shot.direct_A)) for shot in refined], axis=0)
    mtz.set_cell_for_all(gemmi.UnitCell(*cells[:3], *np.degrees(cells[3:])))
    mtz.add_dataset("HKL_base")
    dataset = mtz.add_dataset("stills")
    dataset.wavelength = first.experiment.beam.wavelength_A or 0.0
    kinds = ("H", "H", "H", "Y", "B", "J", "Q", "R", "J", "Q")
    names = ("H", "K", "L", "M/ISYM", "BATCH", "I", "SIGI", "FRACTIONCALC", "IFULL", "SIGIFULL")
    for name, kind in zip(names, kinds, strict=True):
        mtz.add_column(name, kind, dataset_id=0 if kind == "H" else 1)
    rows = []
    for number, shot in enumerate(refined, 1):
        batch = gemmi.Mtz.Batch()
        batch.number = number
        lengths, angles = cell_of(shot.direct_A)
        batch.cell = gemmi.UnitCell(*lengths, *np.degrees(angles))
        mtz.batches.append(batch)
        part = np.maximum(shot.partiality, 1e-6)
        own = (shot.photons, shot.photons_sigma, part, shot.photons / part, shot.photons_sigma / part)
        count = len(shot.photons)
        rows.append(np.column_stack([shot.hkl, np.ones(count), np.full(count, number), *own]))
    mtz.set_data(np.concatenate(rows).astype(np.float32))
    mtz.switch_to_asu_hkl()
    return mtz.write_to_bytes()


def write_outputs(folder: Path, contents: dict[str, bytes]) -> None:
    """Write the files of a run.

    Raises:
        FileError: one cannot be written.
    """
    for name, content in contents.items():
        with atomic_writer(folder / name) as handle:
            handle.write(content)
