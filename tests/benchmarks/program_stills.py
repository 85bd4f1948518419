"""How well ``nbjax refine`` finds crystals in images that nanoBragg made, from where DIALS had them.

``python tests/benchmarks/program_stills.py [--out FILE.md]``

``data/program_stills`` has twenty images of the C program: 512 x 512 pixels of 0.172 mm at 100 mm, parallelepipeds of
14 x 14 x 20 cells in 25 domains within 0.05 degrees, 15 wavelengths of one weight over 0.3 %, a drop of water that
leaves 0.8 photons a pixel, counting noise, and 10 counts of offset. Spots were found, indexed and refined by DIALS
(``find_spots``, ``index`` still by still, ``refine`` with detector and beam as they are). The truth is the mean
orientation of the domains, which differs from that of the first one by 0.002 to 0.015 degrees.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import tempfile
from collections.abc import Sequence
from pathlib import Path

import h5py
import jax
import jax.numpy as jnp
import numpy as np
from crystals import Row
from refining import true_departure, write_factors

from nbjax.cli import main as nbjax_command
from nbjax.io.experiments.dials_list import Still, read_stills
from nbjax.io.experiments.dials_refl import ReflectionTable, read_refl
from nbjax.pipeline.closed.crossing import Passage
from nbjax.pipeline.spots.listing import Rows
from nbjax.pipeline.spots.table import spots_at
from nbjax.refine.parameters import COUNT, departed
from nbjax.refine.settings import load_refine
from nbjax.refine.start import shared_experiment, start_of

DATA = Path(__file__).parent / "data" / "program_stills"
CONFIG = """
[beam]
fluence_photons_per_m2 = 2.4e26
polarization = 0.0
bandwidth_percent = 0.2
[crystal]
hkl_file = "model.hkl"
default_F = 0.0
mosaicity_deg = 0.05
cells = [10, 10, 15]
[refine]
pedestal_counts = 10.0
"""


def refined(folder: Path) -> None:
    """Refine the stills with the command, into ``out`` of a folder."""
    write_factors(folder / "model.hkl")
    (folder / "refine.toml").write_text(CONFIG)
    words = ["refine", str(DATA / "start.expt"), "--reflections", str(DATA / "start.refl"), "--no-progress"]
    words += ["--config", str(folder / "refine.toml"), "--out", str(folder / "out")]
    with contextlib.redirect_stdout(io.StringIO()) as said:
        code = nbjax_command(words)
    if code:
        raise SystemExit(f"nbjax refine ended with {code}: {said.getvalue()}")


def turned(true: np.ndarray, found: np.ndarray) -> float:
    """Angle in degrees between two lattices."""
    off = true_departure(true, found)
    return float(np.degrees(np.linalg.norm([off[f"rotation_{axis}_rad"] for axis in "xyz"])))


def stretched(true: np.ndarray, found: np.ndarray) -> float:
    """Largest error of a length in per cent."""
    return float(100 * np.abs(np.linalg.norm(found, axis=1) / np.linalg.norm(true, axis=1) - 1).max())


def off_places(folder: Path, truth: Sequence[Still], integrated: ReflectionTable) -> list[float]:
    """Root of the mean squared distance of each still's spots from where the true crystal has them, in pixels."""
    told, settings = load_refine(folder / "refine.toml")
    experiment = shared_experiment(truth[0], told)
    found = []
    for number, identifier in integrated.identifiers.items():
        still = next(each for each in truth if each.identifier == identifier)
        own = integrated.at("id") == number
        hkl = jnp.asarray(integrated.at("miller_index")[own], float)
        angle = jnp.zeros(len(hkl))
        rows = Rows(hkl, Passage(angle, angle, angle), jnp.zeros(len(hkl), int))
        true = spots_at(departed(experiment, start_of(still, experiment, settings), jnp.zeros(COUNT)), rows)
        off = np.asarray(true.centre) - integrated.at("xyzcal.px")[own, :2]
        found.append(float(np.sqrt((off**2).sum(1).mean())))
    return found


def rows(folder: Path) -> list[Row]:
    """What came out of the stills in a folder of ``refined``."""
    starts, truth = (read_stills(DATA / f"{name}.expt") for name in ("start", "truth"))
    ends = {still.identifier: direct(still) for still in read_stills(folder / "out" / "refined.expt")}
    with h5py.File(folder / "out" / "shots.h5") as file:
        columns = {name: values[()] for name, values in file["shots"].items()}
    known = [row for row, still in enumerate(starts) if still.identifier in ends]
    pairs = [(direct(truth[row]), direct(starts[row]), ends[starts[row].identifier]) for row in known]
    begun, ended = (np.array([turned(pair[0], pair[i]) for pair in pairs]) for i in (1, 2))
    cells = [np.array([stretched(pair[0], pair[i]) for pair in pairs]) for i in (1, 2)]
    places = off_places(folder, truth, read_refl(folder / "out" / "integrated.refl"))
    indexed = read_refl(DATA / "start.refl")
    apart = (indexed.at("xyzcal.px") - indexed.at("xyzobs.px.value"))[:, :2]
    begun_px = [np.sqrt((apart[indexed.at("id") == row] ** 2).sum(1).mean()) for row in known]
    ended_px = columns["offset_px"][known]
    middle = [float(np.median(each)) for each in (ended, begun, cells[1], cells[0], places, ended_px, begun_px)]
    found = [
        Row(
            f"{len(starts)} stills of the C program: orientation",
            "median <= 0.005 deg and 1/5 of the start's",
            f"median {middle[0]:.4f}, worst {ended.max():.4f} deg; start {middle[1]:.4f}, {begun.max():.4f}; "
            f"{len(known)} refined",
            len(known) == len(starts) and middle[0] <= min(0.005, middle[1] / 5),
        ),
        Row("cell", "<= 0.03 %", f"{middle[2]:.4f} %; start {middle[3]:.4f} %", middle[2] <= 0.03),
        Row(
            "places",
            "<= 0.1 px of the true crystal's",
            f"{middle[4]:.3f} px; of centroids {middle[5]:.3f}, start {middle[6]:.3f} px",
            middle[4] <= 0.1,
        ),
    ]
    pulls = [
        {
            name: (columns[name][row] - value) / columns[f"sigma_{name}"][row]
            for name, value in true_departure(*pair[:2]).items()
        }
        for row, pair in zip(known, pairs, strict=True)
    ]
    for name in pulls[0]:
        values = np.array([pull[name] for pull in pulls])
        mean, width = float(values.mean()), float(values.std(ddof=1))
        wanted = "mean within 0.2 of 0, width within 0.2 of 1"
        reached = abs(mean) <= 0.2 and abs(width - 1) <= 0.2
        found.append(Row(f"pulls of {name}", wanted, f"{mean:+.2f}, {width:.2f} ({len(pulls)} shots)", reached))
    return found


def direct(still: Still) -> np.ndarray:
    """Vectors a, b, c of a still's crystal as rows."""
    assert still.experiment.crystal is not None
    assert still.experiment.crystal.direct_A is not None
    return still.experiment.crystal.direct_A


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="write the table to this Markdown file too")
    arguments = parser.parse_args()
    lines = ["| problem | asked | measured | reached |", "|---|---|---|---|"]
    with jax.enable_x64(True), tempfile.TemporaryDirectory() as name:
        refined(Path(name))
        for row in rows(Path(name)):
            lines.append(f"| {row.problem} | {row.wanted} | {row.measured} | {'yes' if row.reached else '**no**'} |")
    print("\n".join(lines))
    if arguments.out:
        arguments.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
