"""How well ``nbjax refine`` finds crystals.

``python tests/benchmarks/refining.py [--only PART] [--keep FOLDER] [--out FILE.md]``

The stills are of square blocks in many domains, with several wavelengths and counting noise on a background, which the
refinement does not know: its spots are Gaussians. Spots are found in the images as a program that looks for spots
finds them, by pixels that stand out and their centres of mass, and crystals begin turned and stretched.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import h5py
import jax
import jax.numpy as jnp
import numpy as np
from crystals import Row
from scipy import ndimage
from scipy.spatial.transform import Rotation

import nbjax
from nbjax.cli import main as nbjax_command
from nbjax.config.load import config_from_dict
from nbjax.exchange.exporting import export
from nbjax.io.experiments.dials_list import read_stills
from nbjax.io.experiments.dials_refl import read_refl, refl_bytes
from nbjax.resolve import resolve
from nbjax.rotations import about_vector

sys.path.append(str(Path(__file__).parents[1] / "refine"))
from stills import errors, joined, table

SHOTS, PIXELS, PIXEL_MM, BACKGROUND, FLUENCE = 20, 384, 0.15, 5.0, 1.5e27
CELL_A, LONGEST = (62.0, 62.0, 41.0), (40, 40, 30)
MOSAICITY_DEG, CELLS, BANDWIDTH_PERCENT = 0.08, (14, 14, 20), 0.15
START_MOSAICITY_DEG = 0.15
_STANDS_OUT, _LEAST_PIXELS = 4.0, 3
_SETTINGS = f"""
[beam]
fluence_photons_per_m2 = {FLUENCE}
bandwidth_percent = {BANDWIDTH_PERCENT}
[crystal]
hkl_file = "model.hkl"
default_F = 0.0
mosaicity_deg = {START_MOSAICITY_DEG}
cells = [10, 10, 15]
[refine]
system = "tetragonal"
"""


@dataclass(frozen=True)
class Still:
    """What is true of an image.

    Attributes:
        mean: photons that are expected, without background.
        direct_A: vectors a, b, c as rows, in the laboratory of DIALS.
        text: of its experiment list.
        hkl, centre, photons: of its spots by the closed model.
    """

    mean: np.ndarray
    direct_A: np.ndarray
    text: str
    hkl: np.ndarray
    centre: np.ndarray
    photons: np.ndarray


def write_factors(path: Path, wrong: Callable[[tuple[int, ...]], np.ndarray] | None = None) -> None:
    """Random amplitudes with the symmetry of the lattice; those of a model may be wrong by factors."""
    highest = LONGEST
    shape = tuple(n + 1 for n in (*highest[:2], highest[2]))
    amplitudes = 200 * np.sqrt(np.random.default_rng(5).exponential(size=shape))
    if wrong is not None:
        amplitudes = amplitudes * wrong(shape)
    h, k, l = np.mgrid[tuple(slice(-n, n + 1) for n in highest)].reshape(3, -1)  # noqa: E741
    low, high = np.minimum(abs(h), abs(k)), np.maximum(abs(h), abs(k))
    np.savetxt(path, np.column_stack([h, k, l, amplitudes[high, low, abs(l)]]), fmt="%d %d %d %.4f")


def stills(folder: Path) -> list[Still]:
    """The true images, which are kept in the folder."""
    write_factors(folder / "true.hkl")
    found = []
    rng = np.random.default_rng(11)
    for number in range(SHOTS):
        misset_deg = [float(angle) for angle in rng.uniform(-180, 180, 3)]
        crystal = {"cell_A": CELL_A, "cell_deg": (90.0,) * 3, "hkl_file": str(folder / "true.hkl"), "default_F": 0.0}
        crystal |= {"cells": list(CELLS), "mosaicity_deg": MOSAICITY_DEG, "misset_deg": misset_deg}
        config = config_from_dict(
            {
                "precision": "mixed",
                "beam": {
                    "wavelength_A": 1.0,
                    "fluence_photons_per_m2": FLUENCE,
                    "bandwidth_percent": BANDWIDTH_PERCENT,
                },
                "crystal": crystal,
                "detector": {"distance_mm": 100.0, "pixel_mm": PIXEL_MM, "pixels_fast": PIXELS, "pixels_slow": PIXELS},
                "sampling": {"mosaic_domains": 150, "dispersion_steps": 7, "oversample": 2},
            }
        )
        kept = folder / f"mean_{number}.npy"
        if not kept.exists():
            np.save(kept, np.asarray(nbjax.simulate(nbjax.prepare(config)), np.float32))
        resolved = resolve(config)
        exported = json.loads(export(resolved, f"still_{number}.npy").text)
        direct = np.array([exported["crystal"][0][f"real_space_{axis}"] for axis in "abc"])
        closed = nbjax.put(config, "crystal.model", "closed")
        spots = jax.tree.map(np.asarray, nbjax.predict(nbjax.prepare(closed)))
        rows = np.argsort(-spots.photons)
        found.append(
            Still(
                np.load(kept),
                direct,
                json.dumps(exported),
                spots.miller_index[rows],
                spots.centre[rows],
                spots.photons[rows],
            )
        )
    return found


def noisy(means: Sequence[np.ndarray], scale: float, background: float, seed: int) -> np.ndarray:
    """Counts of an image of one or more lattices."""
    return np.random.default_rng(seed).poisson(scale * sum(means) + background).astype(np.int32)


def found_spots(image: np.ndarray, background: float) -> np.ndarray:
    """Centres of mass of connected pixels that stand out, in pixels along fast and slow."""
    smooth = ndimage.uniform_filter(image.astype(float), 3)
    stands_out = smooth > background + _STANDS_OUT * np.sqrt(background) / 3
    names, count = ndimage.label(stands_out)
    numbers = np.arange(1, count + 1)
    large = numbers[ndimage.sum(stands_out, names, numbers) >= _LEAST_PIXELS + 6]
    centres = np.array(ndimage.center_of_mass(np.maximum(image - background, 0), names, large)).reshape(-1, 2)
    return centres[:, ::-1] + 0.5


def indexed(lattices: Sequence[Still], centres: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Indices and found places of each lattice's spots: the nearest one that is no further off than two pixels."""
    bright = [still.photons > 1e-3 * np.median(still.photons[:100]) for still in lattices]
    owner = np.concatenate([np.full(rows.sum(), number) for number, rows in enumerate(bright)])
    hkl = np.concatenate([still.hkl[rows] for still, rows in zip(lattices, bright, strict=True)])
    places = np.concatenate([still.centre[rows] for still, rows in zip(lattices, bright, strict=True)])
    apart = np.linalg.norm(centres[:, None] - places, axis=-1)
    nearest = apart.argmin(1)
    good = apart.min(1) < 2
    # of two that are found for one the nearer
    order = np.argsort(apart.min(1))
    first = order[np.unique(nearest[order], return_index=True)[1]]
    taken = np.intersect1d(first, np.flatnonzero(good))
    return [
        (hkl[nearest[own]], centres[own])
        for number in range(len(lattices))
        for own in [taken[owner[nearest[taken]] == number]]
    ]


@dataclass(frozen=True)
class Crystal:
    """How one crystal ended.

    Attributes:
        outcome: of its shot.
        start_deg, end_deg: how far its orientation is off the truth.
        cell_percent: the largest error of a length.
        sigma_deg: of the orientation, the root of the sum of squares.
        places_px: root of the mean squared distance of its spots from those of the true crystal.
        pulls: (found - true) / sigma by the names of the departures.
    """

    outcome: str
    start_deg: float
    end_deg: float
    cell_percent: float
    sigma_deg: float
    places_px: float
    pulls: dict[str, float]


@dataclass(frozen=True)
class Case:
    """Stills, how they are recorded, and what their model knows.

    Attributes:
        shots: the lattices of each image.
        scale, background: of the photons.
        wrong: factors of the model's amplitudes.
        spots: most of each crystal that are found.
        settings: lines of [refine].
        seed: of noise and starts.
    """

    shots: Sequence[Sequence[Still]]
    scale: float = 1.0
    background: float = BACKGROUND
    wrong: Callable[[tuple[int, ...]], np.ndarray] | None = None
    spots: int | None = None
    settings: str = ""
    seed: int = 100


def write_case(folder: Path, case: Case) -> list[np.ndarray]:
    """Write the files of a case; the starts of all crystals."""
    rng = np.random.default_rng(case.seed)
    write_factors(folder / "model.hkl", case.wrong)
    (folder / "refine.toml").write_text(_SETTINGS + case.settings)
    lists, columns, starts = [], [], []
    for number, lattices in enumerate(case.shots):
        image = noisy([still.mean for still in lattices], case.scale, case.background, case.seed + 1000 + number)
        np.save(folder / f"image_{number}.npy", image)
        found = indexed(lattices, found_spots(image, case.background))
        for still, (hkl, centre) in zip(lattices, found, strict=True):
            if case.spots is not None:
                # as bright as asked, and where a bright pixel tells it
                hkl, centre = still.hkl[: case.spots], still.centre[: case.spots]
                centre = centre + rng.normal(0, 0.5, centre.shape)
            columns.append((hkl, centre))
            axis = rng.normal(size=3)
            turn = about_vector(jnp.asarray(np.radians(rng.uniform(0.05, 0.1)) * axis / np.linalg.norm(axis)))
            stretch = 1 + 0.001 * rng.choice([-1, 1], 2)
            starts.append(stretch[[0, 0, 1], None] * still.direct_A @ np.asarray(turn).T)
            told = json.loads(still.text)
            for name, row in zip("abc", starts[-1], strict=True):
                told["crystal"][0][f"real_space_{name}"] = row.tolist()
            told["imageset"][0] = {**told["imageset"][0], "images": [f"image_{number}.npy"], "single_file_indices": [0]}
            told["imageset"][0].pop("template", None)
            lists.append(told)
    (folder / "start.expt").write_text(json.dumps(joined(lists)))
    (folder / "start.refl").write_bytes(refl_bytes(table(columns)))
    return starts


def refined(case: Case, folder: Path | None = None) -> list[Crystal]:
    """Refine a case, with the command."""
    with contextlib.ExitStack() as stack:
        place = folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        place.mkdir(exist_ok=True)
        starts = write_case(place, case)
        words = ["refine", "start.expt", "--reflections", "start.refl", "--config", "refine.toml", "--out", "out"]
        with contextlib.chdir(place), contextlib.redirect_stdout(io.StringIO()) as said:
            code = nbjax_command([*words, "--no-progress"])
        if code:
            raise SystemExit(f"nbjax refine ended with {code}: {said.getvalue()}")
        return crystals(place, case, starts)


def crystals(folder: Path, case: Case, starts: Sequence[np.ndarray]) -> list[Crystal]:
    """How all crystals of a case ended."""
    true = [still for lattices in case.shots for still in lattices]
    with h5py.File(folder / "out" / "shots.h5") as file:
        columns = {name: values[()] for name, values in file["shots"].items()}
    ends = {still.identifier: still.experiment.crystal for still in read_stills(folder / "out" / "refined.expt")}
    spots = read_refl(folder / "out" / "integrated.refl")
    number_of = {name: number for number, name in spots.identifiers.items()}
    found = []
    for row, (still, start) in enumerate(zip(true, starts, strict=True)):
        name, outcome = f"still{row}", columns["outcome"][row].decode()
        sigma = np.array([columns[f"sigma_rotation_{axis}_rad"][row] for axis in "xyz"])
        begun = errors(still.direct_A, start)[0]
        if outcome != "refined":
            found.append(Crystal(outcome, begun, np.nan, np.nan, np.nan, np.nan, {}))
            continue
        end = errors(still.direct_A, ends[name].direct_A)
        own = spots.at("id") == number_of[name]
        pulls = {
            key: float((columns[key][row] - value) / columns[f"sigma_{key}"][row])
            for key, value in true_departure(still.direct_A, start).items()
        }
        off = _off_places(still, spots.at("miller_index")[own], spots.at("xyzcal.px")[own, :2])
        found.append(
            Crystal(outcome, begun, end[0], 100 * end[1], float(np.degrees(np.linalg.norm(sigma))), off, pulls)
        )
    return found


def true_departure(true: np.ndarray, start: np.ndarray) -> dict[str, float]:
    """What is to be found, where it is known: widths and scale are those of another shape."""
    lengths = np.linalg.norm(true, axis=1) / np.linalg.norm(start, axis=1)
    turn = (true / np.linalg.norm(true, axis=1)[:, None]).T @ (start / np.linalg.norm(start, axis=1)[:, None])
    vector = Rotation.from_matrix(turn).as_rotvec()
    return {
        **{f"rotation_{axis}_rad": float(value) for axis, value in zip("xyz", vector, strict=True)},
        "log_a": float(np.log(lengths[0])),
        "log_c": float(np.log(lengths[2])),
    }


def _off_places(still: Still, hkl: np.ndarray, places: np.ndarray) -> float:
    """Against the places that the true crystal predicts."""
    true = {tuple(index): place for index, place in zip(still.hkl.tolist(), still.centre, strict=True)}
    known = [(true[tuple(h)], place) for h, place in zip(hkl.tolist(), places, strict=True) if tuple(h) in true]
    off = np.array([a - b for a, b in known])
    return float(np.sqrt((off**2).sum(1).mean()))


def stills_rows(truth: Sequence[Still]) -> list[Row]:
    """Ordinary stills, and the same with a model that is wrong in places."""
    found = refined(Case([[still] for still in truth]))
    ends, starts, cells, places = (
        np.array([getattr(crystal, name) for crystal in found])
        for name in ("end_deg", "start_deg", "cell_percent", "places_px")
    )
    end, start, cell, place = (float(np.nanmedian(values)) for values in (ends, starts, cells, places))
    shown = f"{end:.4f} deg (start {start:.3f}), {cell:.4f} %, {place:.3f} px; {_counted(found)}"
    reached = end <= min(0.005, start / 5) and cell <= 0.03 and place <= 0.1
    asked = "medians <= 0.005 deg and 1/5 of the start's, cell <= 0.03 %, places <= 0.1 px"
    return [Row(f"{len(found)} stills", asked, shown, reached), *wrong_row(truth, end)]


def wrong_row(truth: Sequence[Still], misset_deg: float) -> list[Row]:
    """A fifth of the structure factors is wrong by 30 %."""

    def wrong(shape: tuple[int, ...]) -> np.ndarray:
        rng = np.random.default_rng(6)
        return np.where(rng.random(shape) < 0.2, rng.choice([0.7, 1.3], shape), 1.0)

    found = refined(Case([[still] for still in truth], wrong=wrong))
    end = float(np.nanmedian([crystal.end_deg for crystal in found]))
    shown = f"{end:.4f} deg, {end / misset_deg:.2f} x; {_counted(found)}"
    asked = "median misset <= 2 x that of the stills"
    return [Row("the same, 20 % of the structure factors wrong by 30 %", asked, shown, end <= 2 * misset_deg)]


def weak_row(truth: Sequence[Still]) -> list[Row]:
    """Thirty spots of fifty photons."""
    shots = [replace(still, mean=still.mean * 50 / still.photons[:30].mean()) for still in truth]
    found = refined(Case([[still] for still in shots], background=1.0, spots=30))
    well = [c.outcome == "refined" and c.end_deg < c.start_deg + c.sigma_deg for c in found]
    worse = sum(c.outcome == "refined" and c.end_deg > c.start_deg + c.sigma_deg for c in found)
    middle = [float(np.nanmedian([getattr(c, name) for c in found])) for name in ("end_deg", "start_deg", "sigma_deg")]
    shown = (
        f"{100 * np.mean(well):.0f} %, {worse} worse; median {middle[0]:.3f} deg (start {middle[1]:.3f}, "
        f"sigma {middle[2]:.3f})"
    )
    asked = ">= 90 % end well, none is worse than its start by more than its sigma"
    return [Row("weak shots: 30 spots of 50 photons", asked, shown, np.mean(well) >= 0.9 and worse == 0)]


def two_row(truth: Sequence[Still]) -> list[Row]:
    """Two lattices on each image, the second one half as bright."""
    dim = [replace(still, mean=0.5 * still.mean, photons=0.5 * still.photons) for still in truth]
    found = refined(Case(list(zip(truth[::2], dim[1::2], strict=True))))
    ends = np.array([c.end_deg for c in found])
    shown = f"largest {np.nanmax(ends):.4f}, median {np.nanmedian(ends):.4f} deg; {_counted(found)}"
    reached = bool((ends <= 0.01).all())
    return [Row("two lattices on an image, one half as bright", "both within 0.01 deg", shown, reached)]


def pulls_row(truth: Sequence[Still], draws: int = 3) -> list[Row]:
    """Several draws of noise, starts and errors of the structure factors, which are as large as the settings say."""
    pulls: list[dict[str, float]] = []
    for draw in range(draws):

        def wrong(shape: tuple[int, ...], draw: int = draw) -> np.ndarray:
            # of amplitudes, half of that of intensities
            return np.exp(0.05 * np.random.default_rng(60 + draw).normal(size=shape))

        found = refined(Case([[still] for still in truth], wrong=wrong, seed=200 + 50 * draw))
        pulls += [crystal.pulls for crystal in found if crystal.pulls]
    rows = []
    for name in pulls[0]:
        values = np.array([pull[name] for pull in pulls])
        mean, width = float(values.mean()), float(values.std(ddof=1))
        shown = f"{mean:+.2f}, {width:.2f} ({len(values)} shots)"
        asked = "mean within 0.2 of 0, width within 0.2 of 1"
        rows.append(Row(f"pulls of {name}", asked, shown, abs(mean) <= 0.2 and abs(width - 1) <= 0.2))
    return rows


def _counted(found: Sequence[Crystal]) -> str:
    names = [crystal.outcome for crystal in found]
    return ", ".join(f"{names.count(name)} {name}" for name in dict.fromkeys(names))


PARTS: dict[str, Callable[[Sequence[Still]], list[Row]]] = {
    "stills": stills_rows,
    "weak": weak_row,
    "two": two_row,
    "pulls": pulls_row,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=tuple(PARTS), action="append", help="measure this part; may be repeated")
    parser.add_argument("--keep", type=Path, help="folder of the images without noise, which take most of the time")
    parser.add_argument("--out", type=Path, help="write the table to this Markdown file too")
    arguments = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    with contextlib.ExitStack() as stack:
        folder = arguments.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(exist_ok=True)
        truth = stills(folder)
    lines = ["| problem | asked | measured | reached |", "|---|---|---|---|"]
    print("\n".join(lines), flush=True)
    for part in arguments.only or PARTS:
        for row in PARTS[part](truth):
            lines.append(f"| {row.problem} | {row.wanted} | {row.measured} | {'yes' if row.reached else '**no**'} |")
            print(lines[-1], flush=True)
    if arguments.out:
        arguments.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
