"""Runs of the engine that are killed: ``python killed.py FOLDER KILLS SEED`` prints a line for each run.

Images are made of arithmetic instead of a simulation, and each run is a fork of one small process, so that twenty of
them take seconds.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from nbjax.dataset.nxmx import Instrument, NexusGeometry, Series
from nbjax.dataset.nxmx_modules import Module
from nbjax.dataset.run import Share, write_shards
from nbjax.dataset.shard import Field, Frame, write_shard
from nbjax.errors import FileError

X, Y, _ = np.eye(3)
MODULE = Module("module", np.ones(3), X, Y, (1e-4, 1e-4), (6, 8))
GEOMETRY = NexusGeometry(np.eye(3), np.ones(3), X, Y, X, 0.1, 0.1, (3.0, 4.0), slides=True, modules=(MODULE,))
INSTRUMENT = Instrument(
    geometry=GEOMETRY,
    shape=(6, 8),
    wavelength_A=1.0,
    kahn_factor=0.0,
    fluence_photons_per_m2=1.0,
    beamsize_m=1e-4,
    exposure_s=1.0,
    sensor_m=0.0,
    mask=np.zeros((6, 8), np.uint32),
    saturation=65534,
    bits=16,
    cell=(1.0, 1.0, 1.0, 90.0, 90.0, 90.0),
    orientation=np.eye(3),
    reciprocal_per_A=np.eye(3),
)


def share_of(folder: Path) -> Share:
    return Share(folder, "small", images=48, frames_per_shard=4)


def make(number: int) -> Frame:
    time.sleep(0.003)
    pixels = np.arange(48).reshape(6, 8) * (number + 1) % 251
    truth = {"image": Field(np.array(number)), "value": Field(np.full(3, number / 7), "mm", "a number")}
    spots = {"image": Field(np.full(number % 3, number)), "intensity": Field(np.full(number % 3, 0.5))}
    return Frame(number, pixels.astype(np.uint16), truth, {"twice": Field(pixels * 2)}, spots)


def run(folder: Path) -> None:
    share = share_of(folder)

    def write(shard: int, frames: Iterator[Frame]) -> None:
        numbers = share.numbers(shard)
        series = Series(np.array(numbers, float), 1.0)
        write_shard(share.path(shard), frames, len(numbers), INSTRUMENT, series, {"config": "text"})

    write_shards(share, share.missing(), make, write, workers=2)


def on_a_full_disk(folder: Path, largest_file: int) -> int:
    """Status of a run whose files cannot grow; the process ends by itself."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    try:
        run(folder)
    except FileError as error:
        print(error, flush=True)
        return 2
    return 0


def in_a_fork(folder: Path, kill_after_s: float | None) -> int:
    """Status of a run: what it returned, or less than zero where a signal ended it."""
    child = os.fork()
    if child == 0:
        try:
            run(folder)
        except BaseException as error:
            print(repr(error), flush=True)
            os._exit(3)
        os._exit(0)
    if kill_after_s is not None:
        time.sleep(kill_after_s)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main(folder: Path, kills: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    for _ in range(kills):
        status = in_a_fork(folder, random.uniform(0.0, 0.06))
        print(status, len(list(folder.glob("small_*.h5"))), flush=True)
    print(in_a_fork(folder, None), len(list(folder.glob("small_*.h5"))), flush=True)


if __name__ == "__main__":
    if sys.argv[2] == "full":
        sys.exit(on_a_full_disk(Path(sys.argv[1]), int(sys.argv[3])))
    else:
        main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
