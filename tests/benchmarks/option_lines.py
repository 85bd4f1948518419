"""Random option lines, run by nbjax under parity and by a C program that was built elsewhere.

    python tests/benchmarks/option_lines.py PROGRAM --lines 1000 --seed 1

Each line is small: 12 x 10 pixels, few samples. Two thirds vary cell, geometry, convention and headers on one sampling,
so that they share compiled programs; one third varies shape, sampling and factors on one geometry. The table tells how
many images are equal bit for bit, within a tolerance, or different, how many headers are equal byte for byte, and how
many automatic oversamplings agree; what differs is printed with its line.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np

from nbjax.cli.nanobragg import read_options
from nbjax.errors import NbjaxError
from nbjax.io.header import smv_header
from nbjax.pipeline.render import render
from nbjax.preparation import header_fields, prepare_resolved
from nbjax.resolve import Resolved, resolve

INPUTS = Path(__file__).parents[1] / "golden" / "inputs"
TOLERANCE = 3e-7
LARGEST_OVERSAMPLE = 3
CONVENTIONS = ("-mosflm", "-denzo", "-adxv", "-xds", "-dials")
SHAPES = ("-square_xtal", "-round_xtal", "-gauss_xtal", "-tophat_spots")
VECTORS = ("-fdet_vector", "-sdet_vector", "-odet_vector", "-beam_vector", "-polar_vector", "-spindle_axis")


class Lines:
    """A source of option lines that a seed repeats."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def number(self, low: float, high: float) -> str:
        """A number with few or many digits."""
        return f"{self.random.uniform(low, high):.{self.random.choice([2, 3, 4, 8])}g}"

    def maybe(self, chance: float, words: str) -> str:
        """The words, or nothing."""
        return words if self.random.random() < chance else ""

    def line(self) -> str:
        """The next line."""
        words = [self.crystal(), *(self.geometry() if self.random.random() < 0.67 else self.sampling())]
        self.random.shuffle(words)
        return " ".join(word for word in words if word)

    def crystal(self) -> str:
        """Cell, orientation and structure factors."""
        r = self.random
        if r.random() < 0.25:
            table = r.choice(["-hkl tric_5A.hkl", "-default_F 100"])
            stretched = self.maybe(0.2, "-cell 79.5 100 121 80 95 105")
            return f"-mat tric.mat {table} -lambda 0.9 {stretched}"
        lengths = [self.number(20, 120) for _ in range(r.choice([1, 2, 3, 3, 3]))]
        angles = [self.number(70, 110) for _ in range(r.choice([0, 1, 2, 3, 3]))] if len(lengths) == 3 else []
        misset = self.maybe(0.6, f"-misset {self.number(-90, 90)} {self.number(-90, 90)} {self.number(-90, 90)}")
        wave = r.choice([f"-lambda {self.number(0.7, 2)}", f"-energy {self.number(7000, 15000)}", "-wave 1"])
        return f"-cell {' '.join(lengths + angles)} -default_F {self.number(1, 200)} {wave} {misset}"

    def size(self) -> str:
        """Numbers of cells."""
        r = self.random
        apart = " ".join(f"-N{axis} {r.randint(1, 30)}" for axis in "abc")
        return r.choice([f"-N {r.randint(1, 30)}", apart, f"-xtalsize {self.number(2e-5, 3e-4)}", "-N 5", "-N 0"])

    def pixels(self) -> str:
        """A detector of about 12 x 10 pixels."""
        pixel = self.random.choice(["0.8", "1", "0.172", self.number(0.05, 1.5)])
        by_size = f"-detsize_f {self.number(11.6, 12.4)} -detsize_s {self.number(9.6, 10.4)} -pixel 1"
        return by_size if self.random.random() < 0.15 else f"-pixel {pixel} -detpixels_x 12 -detpixels_y 10"

    def geometry(self) -> list[str]:
        """Everything about the panel, in any order."""
        r = self.random
        oversample = r.choice(["", "", "-oversample 1", "-oversample 1", "-oversample 1"])
        distance = r.choice([f"-distance {self.number(60, 300)}", f"-close_distance {self.number(60, 300)}", ""])
        words = [self.size(), self.pixels(), distance, oversample]
        words += [self.maybe(0.3, f"{name} {self.number(-5, 15)}") for name in ("-Xbeam", "-Ybeam")]
        words += [self.maybe(0.15, f"{name} {self.number(-5, 15)}") for name in ("-Xclose", "-Yclose")]
        words += [self.maybe(0.2, f"{name} {self.number(-5, 15)}") for name in ("-ORGX", "-ORGY")]
        words += [self.maybe(0.25, f"-detector_rot{axis} {self.number(-20, 20)}") for axis in "xyz"]
        words += [self.maybe(0.3, f"-twotheta {self.number(-30, 30)}"), self.maybe(0.1, "-pivot sample")]
        words += [
            self.maybe(0.5, r.choice(CONVENTIONS)),
            self.maybe(0.05, "-point_pixel"),
            self.maybe(0.04, "-curved_det -noprogress"),
        ]
        words += [self.maybe(0.5, f"-polar {self.number(-1, 1)}"), self.maybe(0.1, "-hdiv 0 -vdiv 0")]
        words += [self.maybe(0.1, f"-fluence {self.number(1e22, 1e28)}"), self.maybe(0.05, "-stol water.stol")]
        words += self.vectors() if r.random() < 0.25 else []
        return words

    def vectors(self) -> list[str]:
        """Axes of the custom convention: exact, rotated, or neither unit nor orthogonal."""
        r = self.random
        axes = (
            np.linalg.qr(np.array([[r.gauss(0, 1) for _ in range(3)] for _ in range(3)]))[0]
            if r.random() < 0.5
            else np.eye(3)
        )
        fast, slow, across = axes[:, 2], -axes[:, 1], axes[:, 0] * np.linalg.det(axes)
        rough = r.random() < 0.3
        words = []
        for name, axis in zip(VECTORS, (fast, slow, across, across, fast, fast), strict=True):
            shown = axis + np.array([r.gauss(0, 0.05) for _ in range(3)]) if rough else axis
            digits = r.choice([3, 17]) if not rough else 3
            words.append(self.maybe(0.8, f"{name} {' '.join(f'{x:.{digits}g}' for x in shown)}"))
        return [*words, self.maybe(0.3, "-twotheta_axis 0 1 0")]

    def sampling(self) -> list[str]:
        """Shapes, sources, steps, sensor and background on one geometry."""
        r = self.random
        steps = r.choice(
            [
                f"-phi {self.number(-2, 2)} -osc {self.number(0.1, 2)} -phisteps 2",
                "-phi 0 -osc 1 -phisteps 2",
                f"-mosaic {self.number(0.1, 3)} -mosaic_domains 2",
                f"-hdivrange {self.number(0.5, 5)} -hdivsteps 2 -vdivrange 1 -vdivsteps 2",
                f"-dispersion {self.number(0.1, 3)} -dispsteps 2",
                f"-detector_abs {self.number(100, 900)} -detector_thick {self.number(50, 500)} -detector_thicksteps 2",
                "-sourcefile sources.txt",
                "",
            ]
        )
        flags = r.choice(["", "", "", "-oversample_omega", "-oversample_polar", "-oversample_thick -water 2"])
        more = [
            self.maybe(0.2, "-water 3"),
            self.maybe(0.3, f"-fudge {self.number(0.2, 2)}"),
            self.maybe(0.1, "-nopolar"),
        ]
        more += [
            self.maybe(0.15, "-interpolate"),
            self.maybe(0.2, f"-dmin {self.number(2, 6)}"),
            self.maybe(0.5, "-polar 0.9"),
        ]
        geometry = f"-distance {self.number(80, 150)} -pixel 0.8 -detpixels_x 12 -detpixels_y 10"
        return [self.size(), geometry, f"-oversample {r.choice([1, 1, 2])}", r.choice(SHAPES), steps, flags, *more]


@dataclass(frozen=True)
class Outcome:
    """What became of one line: a word for the table, and what to print."""

    image: str
    header: str
    oversample: str
    said: str = ""


def compare(line: str, program: Path, images: bool = True) -> Outcome:
    """Run one line on both sides, in the current folder."""
    words = line.split()
    for name in ("c.bin", "c.img", "Fdump.bin"):
        Path(name).unlink(missing_ok=True)
    command = [str(program), *words, "-floatfile", "c.bin", "-intfile", "c.img", "-nonoise", "-nopgm"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
    wanted = np.fromfile("c.bin", "<f4") if Path("c.bin").exists() else np.zeros(0)
    try:
        resolved = resolve(read_options([*words, "-parity", "-intfile", "x.img"]).config)
        return _compare(resolved, wanted, done.stdout, images)
    except NbjaxError as error:
        verdict = "refused by both" if not wanted.size else "refused"
        if wanted.size and not np.isfinite(wanted).all():
            verdict = "refused, not finite in C"
        return Outcome(verdict, "-", "-", str(error))


def _compare(resolved: Resolved, wanted: np.ndarray, log: str, images: bool) -> Outcome:
    found = re.search(r"auto-selected (\d+)-fold oversampling", log)
    oversample = "-" if found is None else ("equal" if int(found[1]) == resolved.sampling.oversample else "different")
    said = f"oversample {resolved.sampling.oversample}, not {found[1]}" if oversample == "different" and found else ""
    header = "-"
    if wanted.size:
        text = Path("c.img").read_bytes().split(b"\f")[0].decode()
        theirs = [tuple(row.rstrip(";").split("=")) for row in text.splitlines() if "=" in row][6:]
        ours = smv_header(header_fields(resolved))
        header = "equal" if theirs == ours else "different"
        said += "".join(f" {a[0]} {b[1]}, not {a[1]}" for a, b in zip(theirs, ours, strict=False) if a != b)
    if not wanted.size:
        return Outcome("nothing from C", header, oversample, said)
    if not images or resolved.sampling.oversample > LARGEST_OVERSAMPLE or oversample == "different":
        return Outcome("not rendered", header, oversample, said)
    image = render(prepare_resolved(resolved)).astype(np.float32).ravel()
    if image.shape != wanted.shape:
        return Outcome("other size", header, oversample, f"{image.size} pixels, not {wanted.size}")
    if (image.view(np.uint32) == wanted.view(np.uint32)).all():
        return Outcome("equal", header, oversample, said)
    difference = float(np.abs(image - wanted.astype(float)).max() / (np.abs(wanted).max() or 1.0))
    verdict = "within tolerance" if difference <= TOLERANCE else "different"
    return Outcome(verdict, header, oversample, f"{said} off by {difference:.2g}" if verdict == "different" else said)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", type=Path, help="the C program")
    parser.add_argument("--lines", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--without-images", action="store_true", help="compare headers and oversampling alone")
    arguments = parser.parse_args()
    program = arguments.program.resolve()
    lines = Lines(arguments.seed)
    table: Counter[tuple[str, str]] = Counter()
    with tempfile.TemporaryDirectory() as folder, jax.enable_x64(True):
        for source in INPUTS.iterdir():
            shutil.copy(source, folder)
        os.chdir(folder)
        Path("water.stol").write_text("0.0 2.57\n0.5 1.2\n")
        for number in range(arguments.lines):
            line = lines.line()
            outcome = compare(line, program, not arguments.without_images)
            for name in ("image", "header", "oversample"):
                table[name, getattr(outcome, name)] += 1
            if "different" in (outcome.image, outcome.header, outcome.oversample) or outcome.image in (
                "refused",
                "other size",
            ):
                print(f"{number}: {outcome.image}; header {outcome.header}; {outcome.said}\n    {line}", flush=True)
            if number % 20 == 19:
                print(f"{number + 1} lines: {dict(table)}", file=sys.stderr, flush=True)
    for (name, verdict), count in sorted(table.items()):
        print(f"{name:10} {verdict:26} {count}")


if __name__ == "__main__":
    main()
