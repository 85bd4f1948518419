"""Figures of datasets: images a second against the C program, the share of writing, and memory."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from measure import nbjax_command, time_process
from workloads import INPUTS

Row = tuple[str, ...]

IMAGES = 200
_CALLS = 5
_ROUNDS = 3
_FILE = f"""
precision = "mixed"

[beam]
wavelength_A = 1.0
fluence_photons_per_m2 = 1e24

[crystal]
hkl_file = "{INPUTS / "p1_6A.hkl"}"
matrix_file = "{INPUTS / "p1.mat"}"
cells = [30, 30, 30]
mosaic_spread_deg = 0.5

[detector]
pixels_fast = PIXELS
pixels_slow = PIXELS

[sampling]
oversample = 1
mosaic_domains = 20

[dataset]
pixels = "uint16"
frames_per_shard = 50
"""
_LINE = (
    f"-hkl {INPUTS / 'p1_6A.hkl'} -mat {INPUTS / 'p1.mat'} -N 30 -mosaic 0.5 -mosaic_dom 20 -detpixels 512 -pixel 0.1 "
    "-distance 100 -lambda 1 -oversample 1 -fluence 1e24 -misset random -noisefile n.img -nopgm"
)


def dataset_rows(c_program: Path | None) -> list[Row]:
    """Tables' rows; runs of both programs alternate, so that they meet the same machine."""
    rows: list[Row] = [("datasets", "measured", "wanted")]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for pixels in (512, 1024):
            (folder / f"{pixels}.toml").write_text(_FILE.replace("PIXELS", str(pixels)))
        rows += _against_the_c_program(folder, c_program)
        rows.append(_writing(folder))
        rows += _memory(folder)
    return rows


def _batch(folder: Path, images: int) -> list[str]:
    # every process starts in an empty folder of its own
    return nbjax_command("batch", str(folder / "512.toml"), "--images", str(images), "--out", "out")


def _against_the_c_program(folder: Path, c_program: Path | None) -> list[Row]:
    ours, theirs = [], []
    time_process(_batch(folder, 2), repeats=1)
    for _ in range(_ROUNDS):
        ours.append(time_process(_batch(folder, IMAGES), repeats=1)[0])
        if c_program is not None:
            command = [str(c_program.resolve()), *_LINE.split()]
            theirs.append(time_process(command, repeats=_CALLS)[0])
    rate = IMAGES / statistics.median(ours)
    rows: list[Row] = [
        (f"{IMAGES} noisy stills of 512 x 512, 20 domains, table, start-up included", f"{rate:.1f}/s", "")
    ]
    if theirs:
        ratios = [call * IMAGES / run for call, run in zip(theirs, ours, strict=True)]
        rows.append(("the C program, called once an image", f"{1 / statistics.median(theirs):.2f}/s", ""))
        rows.append(("ratio, median of the rounds", f"{statistics.median(ratios):.1f}", "10"))
    return rows


def _writing(folder: Path) -> Row:
    """What writing adds to making the same images, as a share of the whole."""
    from nbjax.dataset.batch import Batch, default_workers
    from nbjax.dataset.load import load_recipe
    from nbjax.dataset.run import Share, made_ahead

    recipe = load_recipe(folder / "1024.toml")
    images = 20

    def batch(name: str) -> Any:
        (folder / name).mkdir()
        return Batch(recipe, Share(folder / name, "large", images, 10), default_workers())

    batch("warm").frame(0)
    with_files, without = [], []
    for number in range(_ROUNDS):
        made = batch(f"made{number}")
        made.frame(0)
        begin = time.perf_counter()
        for _ in made_ahead(made.frame, list(range(images)), made.workers):
            pass
        middle = time.perf_counter()
        made.run()
        without.append(middle - begin)
        with_files.append(time.perf_counter() - middle)
    shares = [1 - alone / both for alone, both in zip(without, with_files, strict=True)]
    share = f"{100 * max(0.0, statistics.median(shares)):.0f} %"
    return ("writing's share of the wall time, 1 Mpixel, 20 domains", share, "15 %")


def _memory(folder: Path) -> list[Row]:
    rows: list[Row] = []
    for images in (50, 400):
        _, memory = time_process(_batch(folder, images), repeats=1)
        rows.append((f"peak memory of {images} stills of 512 x 512", f"{memory / 1e6:.0f} MB", "equal"))
    return rows
