"""How well fits recover the truth: ``python tests/benchmarks/recovery.py [--only PART] [--out FILE.md]``.

Every line is measured on images that nbjax makes, with Poisson noise of a fixed seed; those of ``golden`` on images of
the C program, and that of ``hopper`` on one of diffBragg. A line that misses says so.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from crystals import CRYSTAL, WANTED, Errors, Row, errors, moved
from golden_data import golden
from hopper import hopper

import nbjax
from nbjax.config.tree import Beam, Config, Crystal, Detector, Sampling
from nbjax.experiment import Experiment
from nbjax.fields import put
from nbjax.fit import COARSE_TO_FINE, FitResult, Free, Outcome, Stage, boxes, fit
from nbjax.physics.noise import poisson_counts

SYSTEMS = {
    "triclinic": ((62.0, 71.0, 83.0), (82.0, 97.0, 106.0)),
    "monoclinic": ((62.0, 71.0, 83.0), (90.0, 101.0, 90.0)),
    "orthorhombic": ((62.0, 71.0, 83.0), (90.0, 90.0, 90.0)),
    "tetragonal": ((68.0, 68.0, 83.0), (90.0, 90.0, 90.0)),
    "trigonal": ((71.0, 71.0, 71.0), (83.0, 83.0, 83.0)),
    "hexagonal": ((68.0, 68.0, 83.0), (90.0, 90.0, 120.0)),
    "cubic": ((71.0, 71.0, 71.0), (90.0, 90.0, 90.0)),
}


def config(
    cell: tuple[tuple[float, ...], tuple[float, ...]],
    pixels: int = 512,
    width_mm: float = 60.0,
    fluence: float = 1e28,
    cells: float = 12.0,
    misset_deg: tuple[float, float, float] = (10.0, 20.0, 30.0),
    distance_mm: float = 120.0,
    **detector: object,
) -> Config:
    """A still of a crystal whose reflections are all alike, with a background of about one photon a pixel."""
    lengths, angles = cell
    return Config(
        Beam(wavelength_A=1.0, fluence_photons_per_m2=fluence),
        Crystal(
            cell_A=lengths,
            cell_deg=angles,
            misset_deg=misset_deg,
            default_F=300.0,
            cells=(cells,) * 3,
            water_um=0.06 * (3e27 / fluence) ** (1 / 3),
        ),
        Detector(
            distance_mm=distance_mm, pixel_mm=width_mm / pixels, pixels_fast=pixels, pixels_slow=pixels, **detector
        ),
        Sampling(oversample=1),
    )


def noisy(experiment: Experiment, seed: int) -> np.ndarray:
    """Counts of an image."""
    return np.asarray(poisson_counts(nbjax.simulate(experiment), jax.random.key(seed)))


def symmetric_cell_error(system: str, relative: float) -> np.ndarray:
    """Factors of a, b, c that keep to a system; alternating where they are free."""
    lengths = SYSTEMS[system][0]
    signs = dict(zip(dict.fromkeys(lengths), (1, -1, 1), strict=False))
    return np.array([1 + relative * signs[length] for length in lengths])


def still(system: str = "orthorhombic", seed: int = 1) -> tuple[FitResult, Errors, float]:
    """One still from 0.5 degrees off in each angle, 0.5 % in each length, a third in N and a factor of two in scale."""
    truth = nbjax.prepare(config(SYSTEMS[system]))
    third = np.array([4 / 3, 2 / 3, 4 / 3])
    start = moved(truth, np.array([0.5, -0.5, 0.5]), symmetric_cell_error(system, 0.005), third, 2.0)
    clock = time.perf_counter()
    result = fit([start], [noisy(truth, seed)], CRYSTAL, COARSE_TO_FINE, convention="mosflm", system=system)
    return result, errors(result.experiments[0], truth), time.perf_counter() - clock


def systems() -> list[Row]:
    """The first two lines: a still of each crystal system."""
    found = []
    for system in SYSTEMS:
        result, off, seconds = still(system)
        reached = off.reached and result.converged
        found.append(Row(f"one still, {system}", WANTED, f"{off}; {seconds:.0f} s", reached))
    return found


def detector(
    shots: int = 20, pixels: int = 256, seed: int = 3, crystals: bool = False
) -> tuple[FitResult, np.ndarray, float]:
    """Distance, beam centre and tilts from stills of random orientation; errors in mm, pixels and degrees.

    With ``crystals`` every crystal is up to 0.1 degrees off too and fitted along. The detector's rotation about the
    beam is then left out: turning all crystals does the same.
    """
    rng = np.random.default_rng(seed)
    missets = rng.uniform(-180, 180, (shots, 3))
    off_by = rng.uniform(-0.1, 0.1, (shots, 3)) if crystals else np.zeros((shots, 3))
    cell, size = SYSTEMS["orthorhombic"], {"pixels": pixels, "width_mm": 60.0}
    pixel = 60.0 / pixels
    centre = {"beam_x_mm": 30.0, "beam_y_mm": 30.0}
    off = {"beam_x_mm": 30.0 + 3 * pixel, "beam_y_mm": 30.0 - 3 * pixel}
    axes = "yz" if crystals else "xyz"
    tilts = {f"rotation_{axis}_deg": 0.3 * (-1) ** i for i, axis in enumerate(axes)}
    truths = [nbjax.prepare(config(cell, misset_deg=tuple(m), **size, **centre)) for m in missets]
    starts = [
        nbjax.prepare(config(cell, misset_deg=tuple(m), distance_mm=121.0, **size, **off, **tilts))
        for m in missets + off_by
    ]
    shared = [f"detector.{key}" for key in ("distance_mm", "beam_x_mm", "beam_y_mm", *tilts)]
    frees = [Free(path, shared=True) for path in shared] + [Free("scale", transform="log")]
    frees += [Free("crystal.rotation_deg")] if crystals else []
    images = [noisy(truth, seed + i) for i, truth in enumerate(truths)]
    stages = (
        Stage(broaden=6.0, steps=30, tolerance=1e-2),
        Stage(broaden=2.5, steps=30, tolerance=1e-2),
        Stage(),
    )
    clock = time.perf_counter()
    result = fit(starts, images, frees, stages, convention="mosflm")
    values = np.array([result.value(path) for path in shared])
    wanted = np.array([120.0, 30.0, 30.0, *[0.0] * len(axes)])
    units = np.array([1.0, pixel, pixel, *[1.0] * len(axes)])
    return result, np.abs(values - wanted) / units, time.perf_counter() - clock


def detectors() -> list[Row]:
    """The third line, with the crystals known and with the crystals fitted along."""
    found = []
    for crystals, name in (
        (False, "detector, 20 stills jointly"),
        (True, "the same, every crystal 0.1 degrees off too"),
    ):
        result, off, seconds = detector(crystals=crystals)
        reached = off[0] < 0.01 and off[1:3].max() < 0.02 and off[3:].max() < 0.005 and result.converged
        shown = f"{off[0]:.3e} mm, {off[1:3].max():.3e} px, {off[3:].max():.3e} deg; {seconds:.0f} s"
        found.append(Row(name, "< 0.01 mm, < 0.02 px, tilts < 0.005 deg", shown, bool(reached)))
    return found


def small(fluence: float = 3e27) -> Config:
    """A still on 128 x 128 pixels, for what needs hundreds of fits."""
    return config(SYSTEMS["orthorhombic"], pixels=128, width_mm=60.0, cells=5.0, fluence=fluence * 30)


def pulls(draws: int = 200) -> tuple[np.ndarray, tuple[str, ...]]:
    """(fit - truth) / sigma of every parameter over noise draws, shape (draws, parameters)."""
    truth = nbjax.prepare(small())
    mean = nbjax.simulate(truth)
    images = [np.asarray(poisson_counts(mean, jax.random.key(100 + i))) for i in range(draws)]
    start = moved(truth, np.array([0.02, -0.02, 0.02]), np.array([1.0005, 0.9995, 1.0005]), np.full(3, 1.02), 1.02)
    result = fit([start] * draws, images, CRYSTAL, [Stage()], convention="mosflm", system="orthorhombic")
    true = np.array([10, 20, 30, 62, 71, 83, 5, 5, 5, 1 / 1.02])
    assert result.converged
    return np.array([(s.values - true) / s.sigmas for s in result.shots]), result.names


def pulls_row() -> list[Row]:
    found, names = pulls()
    mean, deviation = found.mean(axis=0), found.std(axis=0, ddof=1)
    reached = np.abs(mean).max() < 0.2 and np.abs(deviation - 1).max() < 0.15
    shown = (
        f"means {mean.min():+.3f} to {mean.max():+.3f}, standard deviations {deviation.min():.3f} to "
        f"{deviation.max():.3f} ({len(names)} parameters)"
    )
    return [Row("pulls over 200 noise draws", "mean within 0.2 of 0, deviation within 0.15 of 1", shown, bool(reached))]


def hundred(shots: int = 100, seed: int = 5) -> tuple[list[Experiment], list[np.ndarray], list[np.ndarray], Experiment]:
    """Starts, images and used pixels (boxes around spots) of many orientations of one crystal."""
    rng = np.random.default_rng(seed)
    base = nbjax.prepare(small())
    starts, images, used = [], [], []
    for i in range(shots):
        misset = jnp.asarray(np.radians(rng.uniform(-180, 180, 3)))
        truth = put(base, "crystal.cell.misset_rad", misset)
        start = moved(truth, rng.uniform(-0.1, 0.1, 3), np.ones(3), np.ones(3), 1.2)
        images.append(noisy(truth, 1000 + i))
        used.append(boxes(start, 3, 20.0, most=20))
        starts.append(start)
    return starts, images, used, base


def batch_row() -> list[Row]:
    starts, images, used, _ = hundred()
    frees = [Free("crystal.misset_deg"), Free("scale", transform="log")]
    most = max(int(mask.sum()) for mask in used)
    padded = [_padded(mask, most) for mask in used]

    def together() -> FitResult:
        return fit(starts, images, frees, [Stage()], used=padded, convention="mosflm")

    def apart() -> list[FitResult]:
        return [
            fit([s], [i], frees, [Stage()], used=[u], convention="mosflm")
            for s, i, u in zip(starts, images, padded, strict=True)
        ]

    together(), apart()
    clock = time.perf_counter()
    one = together()
    at_once = time.perf_counter() - clock
    clock = time.perf_counter()
    many = apart()
    looped = time.perf_counter() - clock
    differences = [
        float(np.abs((a.values - b.shots[0].values) / np.maximum(np.abs(b.shots[0].values), 1e-3)).max())
        for a, b in zip(one.shots, many, strict=True)
    ]
    shown = f"{looped / at_once:.1f} x ({at_once:.2f} s against {looped:.2f} s), {max(differences):.1e}"
    reached = looped / at_once >= 5 and max(differences) < 1e-6
    return [Row("100 shots under vmap against a loop of 100", ">= 5 x faster, same answers to 1e-6", shown, reached)]


def _padded(mask: np.ndarray, size: int) -> np.ndarray:
    """As many pixels in every shot, so that a loop compiles once."""
    found = mask.copy()
    rest = np.argwhere(~mask)
    found[tuple(rest[: size - int(mask.sum())].T)] = True
    return found


def basin(starts: int = 100, seed: int = 7) -> tuple[int, int]:
    """Fits that find the truth from random missets within 0.5 degrees in each angle, and how many there were."""
    rng = np.random.default_rng(seed)
    truth = nbjax.prepare(config(SYSTEMS["orthorhombic"], pixels=128, width_mm=60.0, cells=6.0, fluence=3e28))
    image = noisy(truth, seed)
    begins = [moved(truth, rng.uniform(-0.5, 0.5, 3), np.ones(3), np.ones(3), 1.0) for _ in range(starts)]
    result = fit(begins, [image] * starts, CRYSTAL, COARSE_TO_FINE, convention="mosflm", system="orthorhombic")
    good = 0
    for shot, fitted in zip(result.shots, result.experiments, strict=True):
        off = errors(fitted, truth)
        good += shot.outcome is Outcome.CONVERGED and off.misset_deg < 5 * float(shot.sigmas[:3].max()) + 0.002
    return good, starts


def basin_row() -> list[Row]:
    clock = time.perf_counter()
    good, tried = basin()
    seconds = time.perf_counter() - clock
    shown = f"{good} of {tried}; {seconds:.0f} s"
    return [Row("convergence from random starts within 0.5 degrees", ">= 95 of 100", shown, good >= 0.95 * tried)]


PARTS: dict[str, Callable[[], list[Row]]] = {
    "systems": systems,
    "hopper": hopper,
    "golden": golden,
    "detector": detectors,
    "pulls": pulls_row,
    "batch": batch_row,
    "basin": basin_row,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=tuple(PARTS), action="append", help="measure this part; may be repeated")
    parser.add_argument("--out", type=Path, help="write the table to this Markdown file too")
    arguments = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    lines = ["| problem | wanted | measured | reached |", "|---|---|---|---|"]
    print("\n".join(lines), flush=True)
    for part in arguments.only or PARTS:
        for row in PARTS[part]():
            lines.append(f"| {row.problem} | {row.wanted} | {row.measured} | {'yes' if row.reached else '**no**'} |")
            print(lines[-1], flush=True)
    if arguments.out:
        arguments.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
