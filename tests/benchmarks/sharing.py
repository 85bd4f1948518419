"""Figures of what all shots of a run share: panels of a detector, and structure factors.

    python tests/benchmarks/sharing.py panels --shots 100
    python tests/benchmarks/sharing.py factors --shots 300

Either takes about half an hour on two cores, most of it for the images. Panels are compared after the best rigid motion
of those that have enough spots; intensities with those that the images were made with, and with plain means of the
same spots.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
from crystals import Row
from many_stills import Camera, Sample, true_factors, write_stills

from nbjax.cli import main as nbjax_main
from nbjax.experiment import Experiment
from nbjax.io.experiments.dials_list import read_stills
from nbjax.preparation import place
from nbjax.refine.claims import Claims
from nbjax.refine.factor_files import correlation
from nbjax.refine.factors import refine_factors, tabled
from nbjax.refine.inputs import read_inputs
from nbjax.refine.kept import Kept
from nbjax.refine.pixels import Pixels
from nbjax.refine.run import Run, refine_all
from nbjax.refine.settings import load_refine
from nbjax.refine.sharing import prepared
from nbjax.refine.start import shared_experiment

OFF_MM, OFF_DEG, FEWEST_SPOTS = 0.2, 0.2, 200
SHORTEST_A, ANOMALOUS = 2.5, 0.1
CAMERA = Camera(16, 128)
LARGE = Sample((40.0, 44.0, 52.0), (12, 11, 9), 4e27)
SMALL = Sample((28.0, 31.0, 36.0), (17, 15, 13), 4e26, wavelengths=2)
PANELS = """
[crystal]
hkl_file = "true.hkl"
default_F = 0.0
mosaicity_deg = 0.22
cells = [14, 13, 11]
[refine]
spots = 300
box_px = 11
shared = ["detector"]
"""
FACTORS = """
[crystal]
default_F = 100.0
mosaicity_deg = 0.25
cells = [19, 17, 15]
[beam]
bandwidth_percent = 0.1
[refine]
spots = 120
box_px = 9
factor_error = 1.0
mates_apart = true
shared = ["factors"]
"""


def panels(folder: Path, shots: int) -> list[Row]:
    """Panels that are off, each in a direction of its own."""
    true_factors(folder, LARGE)
    truth = write_stills(folder, shots, LARGE, CAMERA, (OFF_MM, OFF_DEG))
    (folder / "refine.toml").write_text(PANELS)
    files = ["--reflections", str(folder / "start.refl"), "--config", str(folder / "refine.toml")]
    nbjax_main(["refine", str(folder / "start.expt"), *files, "--out", str(folder / "out"), "--no-progress"])
    with (folder / "out" / "panels.csv").open() as handle:
        seen = np.array([int(row["spots"]) for row in csv.DictReader(handle)]) >= FEWEST_SPOTS
    shift_um, turn_deg = panel_errors(folder / "out" / "refined.expt", truth, seen)
    measured = f"{shift_um.max():.1f} um and {turn_deg.max():.4f} deg, of {seen.sum()} panels"
    wanted = "shifts < 5 um, turns < 0.01 deg"
    reached = shift_um.max() < 5 and turn_deg.max() < 0.01
    return [Row(f"16 panels off by {OFF_MM} mm and {OFF_DEG} deg, {shots} shots", wanted, measured, bool(reached))]


def panel_errors(path: Path, truth: Experiment, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distances of middles in micrometres and angles in degrees of the panels that are seen, against each other."""
    found = read_stills(path)[0].experiment.panels
    placed = place(truth.detector, truth.beam.direction)
    axes, true_axes = (
        np.stack([fast, slow, np.cross(fast, slow)], -1)[seen]
        for fast, slow in (
            (np.array([panel.fast for panel in found]), np.array([panel.slow for panel in found])),
            (np.asarray(placed.fast), np.asarray(placed.slow)),
        )
    )
    corners = np.array([panel.corners_mm for panel in found])[seen]
    moved = [
        replace(panel, origin_mm=1e3 * np.asarray(origin), fast=axis[:, 0], slow=axis[:, 1]).corners_mm
        for panel, origin, axis in zip(
            np.array(found, object)[seen], np.asarray(placed.origin_m)[seen], true_axes, strict=True
        )
    ]
    true_corners = np.array(moved)
    one, two = corners.reshape(-1, 3), true_corners.reshape(-1, 3)
    left, _, right = np.linalg.svd((one - one.mean(0)).T @ (two - two.mean(0)))
    turn = (left @ np.diag([1, 1, np.linalg.det(left @ right)]) @ right).T
    away = (one - one.mean(0)) @ turn.T + two.mean(0) - two
    angles = np.einsum("pij,pij->p", turn @ axes, true_axes)
    return 1e3 * np.linalg.norm(away.reshape(corners.shape).mean(1), axis=1), np.degrees(
        np.arccos(np.clip((angles - 1) / 2, -1, 1))
    )


def factors(folder: Path, shots: int) -> list[Row]:
    """Intensities from equal ones, and anomalous differences of 10 %."""
    true_factors(folder, SMALL, ANOMALOUS)
    write_stills(folder, shots, SMALL)
    (folder / "refine.toml").write_text(FACTORS)
    told, settings = load_refine(folder / "refine.toml")
    inputs = read_inputs(str(folder / "start.expt"), str(folder / "start.refl"), [], settings)
    pixels = Pixels(folder)
    run = prepared(Run(inputs, shared_experiment(inputs.stills[0], told), settings, pixels))
    kept = Kept(folder, "", resume=False)
    with Claims(folder) as claims:
        single = refine_all(run, kept, claims, lambda words: None)
    run, unique = tabled(run)
    found = refine_factors(run, unique, single, pixels, lambda words: None, kept.rounds())

    hkl = np.loadtxt(folder / "true.hkl")
    F = {tuple(map(int, row[:3])): row[3] for row in hkl}
    signed = np.where(unique.minus[:, None], -1, 1) * unique.hkl
    true = np.array([F.get(tuple(index), np.nan) for index in signed.tolist()])
    count = found.before.count.sum(0)
    use = (unique.spacing_A >= SHORTEST_A) & (count > 0) & (found.sums.count.sum(0) > 0)
    plain = np.sqrt(np.maximum(found.before.plain.sum(0) / np.maximum(count, 1), 0))
    plus = np.flatnonzero(~unique.minus)[~unique.centric[~unique.minus]]
    minus = np.flatnonzero(unique.minus)
    pairs = use[plus] & use[minus]

    def of(values: np.ndarray) -> tuple[float, float]:
        differences = (values[plus] - values[minus])[pairs], (true[plus] - true[minus])[pairs]
        return correlation(values[use] ** 2, true[use] ** 2), correlation(*differences)

    refined, averaged = of(found.F), of(plain)
    times = f"{shots} shots, {count[use].mean():.1f} spots each of {use.sum()}"
    return [
        Row(
            f"intensities to {SHORTEST_A} A from equal ones: CC to the truth; {times}",
            ">= 0.95, above plain means",
            f"{refined[0]:.4f}, plain means {averaged[0]:.4f}",
            refined[0] >= 0.95 and refined[0] > averaged[0],
        ),
        Row(
            f"anomalous differences of {pairs.sum()} pairs: CC to the truth",
            ">= 0.4, twice that of plain means",
            f"{refined[1]:.4f}, plain means {averaged[1]:.4f}",
            refined[1] >= 0.4 and refined[1] >= 2 * averaged[1],
        ),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("panels", "factors"))
    parser.add_argument("--shots", type=int, default=100)
    arguments = parser.parse_args()
    with jax.enable_x64(True), tempfile.TemporaryDirectory() as name:
        rows = (panels if arguments.what == "panels" else factors)(Path(name), arguments.shots)
    for row in rows:
        print(f"| {row.problem} | {row.wanted} | {row.measured} | {'yes' if row.reached else 'no'} |")


if __name__ == "__main__":
    main()
