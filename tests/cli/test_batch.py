"""``nbjax batch`` from the outside: what it prints, what it refuses, and how it ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from datasets import recipe, rotation_recipe, shards

import nbjax
import nbjax.dataset
from nbjax.cli import main
from nbjax.dataset.load import Recipe

Fails = Callable[[list[str]], str]
WORDS = ["batch", "small.toml", "--images", "7", "--out", "out"]


@pytest.fixture(autouse=True)
def _a_dataset_file() -> None:
    save(recipe(frames_per_shard=1))


def save(made: Recipe, more: str = "") -> None:
    Path("small.toml").write_text(made.toml() + more)


def test_a_dataset_is_written_and_read(capsys: pytest.CaptureFixture[str]) -> None:
    save(rotation_recipe())
    assert main([*WORDS[:3], "4", "--out", "out"]) == 0
    assert capsys.readouterr().out == "wrote out/small_master.h5: 4 images in 2 shards, no overloaded pixel\n"
    images = nbjax.dataset.open("out/small_master.h5", verify=True)
    assert [float(truth["start"]) for _, truth in images] == [10.0, 10.5, 11.0, 11.5]
    assert sorted(path.name for path in Path("out").iterdir()) == [
        "XDS.INP",
        "small.geom",
        "small.poni",
        "small.toml",
        "small_000001.h5",
        "small_000001.h5.sha256",
        "small_000002.h5",
        "small_000002.h5.sha256",
        "small_master.h5",
    ]


def test_a_saturated_dataset_is_warned_of(capsys: pytest.CaptureFixture[str]) -> None:
    bright = rotation_recipe(sections={"beam": {"fluence_photons_per_m2": 3.4e27}}, pixels="uint16")
    save(bright)
    for more in (["--dry-run"], []):
        assert main([*WORDS[:3], "2", "--out", "out", *more]) == 0
        said = capsys.readouterr().err
        assert "warning: 2 of 2 images are saturated: " in said
        assert "% of their pixels are cut to 65534, the largest uint16; lower beam.fluence_photons_per_m2, or" in said


def test_the_noted_settings_make_the_same_dataset(fails: Fails, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*WORDS[:3], "2", "--out", "out"]) == 0
    capsys.readouterr()
    assert "holds a dataset; continue it with --resume, or give another folder" in fails([*WORDS[:3], "2", *WORDS[4:]])
    noted = Path("out/small.toml").read_text()
    assert "[run]" in noted
    Path("again").mkdir()
    Path("again/small.toml").write_text(noted[: noted.index("[run]")])
    assert main(["batch", "again/small.toml", "--images", "2", "--out", "copy"]) == 0
    assert shards(Path("copy")) == shards(Path("out"))


def test_a_dry_run_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*WORDS, "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("7 images in 7 shards: about ")
    assert " MB on disk, 0 h 0 min" in said
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--images", "0"], "--images: got 0, must be 1 to 1000000000"),
        (["--images", "99999999999999999999"], "--images: got 99999999999999999999, must be 1 to 1000000000"),
        (["--threads", "0"], "--threads: got 0, must be at least 1"),
        (["--process-id", "1"], "--coordinator: comes with --process-id and --processes"),
        (
            ["--coordinator", "localhost", "--process-id", "0", "--processes", "1"],
            "--coordinator: got 'localhost', wants HOST:PORT",
        ),
        (["--coordinator", "h:1", "--process-id", "2", "--processes", "2"], "--process-id: got 2 of 2 processes"),
        (["--set", "dataset.seed=-1"], "dataset.seed: got -1, must lie between 0 and"),
        (["--set", "dataset.lattices=0"], "dataset.lattices: got 0, must lie between 1 and 1000"),
        (["--set", 'dataset.pixels="int8"'], "dataset.pixels: got 'int8'; did you mean 'uint32'?"),
        (["--set", "dataset.sed=1"], "dataset.sed: unknown key; did you mean seed?"),
        (["--set", "dataset.width_deg=1"], 'dataset.width_deg: belongs to kind = "rotation"; leave it out of stills'),
        (["--set", 'dataset.kind="rotation"'], "dataset.width_deg: missing; give the rotation of each image"),
        (["--set", "dataset=1"], "dataset: got 1, a section with its keys is wanted"),
        (["--set", "detector.curved=true"], "detector.curved: NXmx files describe flat panels; leave it out"),
        (["--set", 'parity="all"'], "parity: a dataset computes the physics; leave the ledger's entries out"),
        (["--set", 'dataset.matrices_file="none.txt"'], "none.txt: cannot be read (No such file or directory)"),
        (["--set", 'dataset.also=["cbf", "tif"]'], "dataset.also: got 'tif', must be one of cbf, smv, nxmx"),
        (["--set", 'dataset.also=["cbf", "cbf"]'], "dataset.also: names a format twice; name it once"),
        (["--set", 'dataset.pixels="float32"', "--set", 'dataset.also=["smv"]'], "dataset.also: holds whole numbers"),
        (["--out", "/proc/none"], "--out /proc/none: cannot be made a folder (No such file or directory)"),
        (["--out", "/proc"], "/proc/.small.lock: cannot be written ("),
    ],
)
def test_faults_are_named(words: list[str], problem: str, fails: Fails) -> None:
    assert problem in fails([*WORDS, *words])
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("draw", "problem"),
    [
        ('distribution = "normal"\nmean = 1.0', "dataset.draws.0.sigma: missing; the distribution 'normal' needs it"),
        ('distribution = "uniform"\nlow = 2\nhigh = 1', "dataset.draws.0.low: got 2, must not exceed high = 1"),
        ('distribution = "uniform"\nlow = 0\nhigh = 1\nmean = 1', "dataset.draws.0.mean: does not belong to"),
        ('distribution = "lognormal"\nmedian = 0\nsigma = 1', "dataset.draws.0.median: got 0, must be above zero"),
        ('distribution = "normal"\nmean = 1\nsigma = -1', "dataset.draws.0.sigma: got -1, must not be negative"),
        ('distribution = "column"\nfile = "x"\ncolumn = -1', "dataset.draws.0.column: got -1, columns are counted"),
    ],
)
def test_faulty_draws_are_named(draw: str, problem: str, fails: Fails) -> None:
    save(recipe(), f'\n[[dataset.draws]]\nkeys = ["beam.wavelength_A"]\n{draw}\n')
    assert problem in fails(WORDS)


def test_a_crystals_keys_are_drawn_apart(fails: Fails) -> None:
    draw = 'distribution = "uniform"\nlow = 1\nhigh = 2'
    save(recipe(), f'\n[[dataset.draws]]\nkeys = ["beam.wavelength_A", "crystal.cells.0"]\n{draw}\n')
    assert "dataset.draws.0.keys: mixes the crystal's keys with others; draw them apart" in fails(WORDS)
    save(recipe(), f'\n[[dataset.draws]]\nkeys = ["beam.wavelength_A", "beam.wavelength_A"]\n{draw}\n')
    assert "dataset.draws.0.keys: beam.wavelength_A is drawn twice; name it once" in fails(WORDS)
    save(recipe(), f"\n[[dataset.draws]]\nkeys = []\n{draw}\n")
    assert "dataset.draws.0.keys: is empty; name the keys that get the number" in fails(WORDS)


def process(*words: str) -> subprocess.Popen[str]:
    """The command as a process of its own."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(nbjax.__file__).parents[1]),
        "JAX_COMPILATION_CACHE_DIR": os.environ["NBJAX_TESTS_CACHE"],
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }
    command = [sys.executable, "-m", "nbjax", *words]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(path: Path, running: subprocess.Popen[str]) -> None:
    for _ in range(6000):
        if path.exists():
            return
        assert running.poll() is None, running.communicate()
        time.sleep(0.01)
    raise AssertionError(f"{path} did not appear")


def test_interrupted_and_killed_runs_are_resumed(fails: Fails) -> None:
    many = ["batch", "small.toml", "--images", "3000", "--out", "out"]
    first = process(*many)
    wait_for(Path("out/small_000002.h5"), first)
    assert "--out out: another run is writing into it; wait for its end, or give" in fails([*many, "--resume"])
    first.send_signal(signal.SIGINT)
    _, said = first.communicate(timeout=60)
    assert first.returncode == 130
    assert "the same command with --resume continues" in said
    assert not list(Path("out").glob(".*"))
    kept = shards(Path("out"))
    assert 2 <= len(kept) < 3000
    second = process(*many, "--resume")
    wait_for(Path(f"out/small_{len(kept) + 3:06d}.h5"), second)
    second.kill()
    second.communicate(timeout=60)
    after = shards(Path("out"))
    assert len(after) >= len(kept) + 3
    assert {name: after[name] for name in kept} == kept
    # an unbroken run of the first images has the same truth and pixels; its noted text has another number of images
    assert main([*WORDS[:-1], "unbroken"]) == 0
    for number, (pixels, truth) in enumerate(nbjax.dataset.open("unbroken/small_master.h5")):
        if (shard := Path(f"out/small_{number + 1:06d}.h5")).name in after:
            again, known = nbjax.dataset.open(shard)[0]
            assert (again == pixels).all()
            assert all((known[name] == truth[name]).all() for name in truth)


def test_a_dataset_grows_to_what_an_unbroken_run_writes(fails: Fails, capsys: pytest.CaptureFixture[str]) -> None:
    save(recipe(frames_per_shard=2))
    assert main([*WORDS[:3], "3", "--out", "out"]) == 0
    first = shards(Path("out"))
    assert main([*WORDS[:3], "5", "--out", "out", "--resume"]) == 0
    assert main([*WORDS[:3], "5", "--out", "whole"]) == 0
    assert shards(Path("out")) == shards(Path("whole"))
    assert shards(Path("out"))["small_000001.h5"] == first["small_000001.h5"]
    assert len(list(nbjax.dataset.open("out/small_master.h5", verify=True))) == 5
    capsys.readouterr()
    assert "holds a dataset of 5; give as many, or more" in fails([*WORDS[:3], "3", "--out", "out", "--resume"])


def test_processes_share_a_dataset() -> None:
    processes = 2
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    together = ["--coordinator", f"127.0.0.1:{port}", "--processes", str(processes)]
    running = [process(*WORDS, *together, "--process-id", str(number)) for number in range(processes)]
    said = [one.communicate(timeout=100) for one in running]
    assert [one.returncode for one in running] == [0] * processes, said
    assert main([*WORDS[:-1], "alone"]) == 0
    assert shards(Path("out")) == shards(Path("alone"))
    assert any("wrote out/small_master.h5: 7 images in 7 shards" in out for out, _ in said)
    # as if the second process had been lost
    for number in range(1, 7, processes):
        Path(f"out/small_{number + 1:06d}.h5").unlink()
    Path("out/small_master.h5").unlink()
    assert main([*WORDS, "--resume"]) == 0
    assert shards(Path("out")) == shards(Path("alone"))
    assert len(list(nbjax.dataset.open("out/small_master.h5", verify=True))) == 7


def test_processes_that_do_not_meet_say_so(fails: Fails, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "the processes cannot meet (" in fails([*WORDS, "--distributed"])
    with socket.create_server(("127.0.0.1", 0)) as busy:
        place = f"127.0.0.1:{busy.getsockname()[1]}"
        monkeypatch.setattr("nbjax.dataset.processes.socket.has_dualstack_ipv6", lambda: False)
        alone = ["--coordinator", place, "--process-id", "0", "--processes", "2"]
        assert "--coordinator: the port" in fails([*WORDS, *alone])
    monkeypatch.setattr("nbjax.dataset.processes.PATIENCE_S", 0.5)
    assert f"the processes cannot meet at {place}: not all came within 0.5 s; start as many" in fails([*WORDS, *alone])
    assert "the host none.invalid is unknown" in fails([*WORDS, *alone, "--coordinator", "none.invalid:1"])
    assert not Path("out").exists()


def test_blank_images_are_counted_and_explained(capsys: pytest.CaptureFixture[str]) -> None:
    save(rotation_recipe())
    assert main([*WORDS[:3], "2", "--out", "out", "--set", "beam.fluence_photons_per_m2=0"]) == 0
    said = capsys.readouterr().err
    assert "beam.fluence_photons_per_m2 = 0: no photon falls on the crystal" in said
    assert "2 images are blank; in image 0 every pixel is zero: beam.fluence_photons_per_m2 is 0" in said


def test_a_folder_that_is_moved_away_is_an_error(fails: Fails, monkeypatch: pytest.MonkeyPatch) -> None:
    def move(*words: object) -> None:
        Path("out").rename("elsewhere")

    monkeypatch.setattr("nbjax.dataset.batch.write_shards", move)
    assert "out/small_000001.h5: was written and is gone, as are 6 other shards; restore the folder" in fails(WORDS)
