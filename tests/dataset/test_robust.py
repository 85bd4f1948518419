"""Nothing that was complete is lost, whatever ends a run, and nothing half-written is taken for complete."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import h5py
import jax
import pytest
from datasets import full_recipe, recipe, shards, written

import nbjax
import nbjax.dataset
from nbjax.dataset.batch import Batch
from nbjax.dataset.load import Recipe
from nbjax.dataset.run import Share
from nbjax.dataset.settings import check_settings, settings_text, shard_size, write_settings
from nbjax.dataset.shard import check_shard, checksum_path
from nbjax.errors import ConfigError, FileError

PROGRAM = Path(__file__).parents[1] / "killed.py"


def engine(*words: object, status: int = 0) -> list[str]:
    command = [sys.executable, str(PROGRAM), *map(str, words)]
    root = str(Path(nbjax.__file__).parents[1])
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": root}, capture_output=True, text=True, timeout=120)
    assert done.returncode == status, done.stderr
    return done.stdout.splitlines()


def test_twenty_kills_change_no_byte(tmp_path: Path) -> None:
    killed, unbroken = tmp_path / "killed", tmp_path / "unbroken"
    killed.mkdir()
    unbroken.mkdir()
    runs = [tuple(map(int, line.split())) for line in engine(killed, 20, 1)]
    assert engine(unbroken, 0, 1) == ["0 12"]
    assert [status for status, _ in runs[:-1]].count(-9) >= 10
    complete = [count for _, count in runs]
    assert complete == sorted(complete)
    assert runs[-1] == (0, 12)
    names = sorted(path.name for path in unbroken.iterdir())
    assert sorted(path.name for path in killed.iterdir()) == names
    assert all((killed / name).read_bytes() == (unbroken / name).read_bytes() for name in names)


def test_a_full_disk_is_a_clear_error_and_keeps_what_is_complete(tmp_path: Path) -> None:
    engine(tmp_path, 0, 1)
    for number in (3, 9):
        (tmp_path / f"small_{number:06d}.h5").unlink()
    (message,) = engine(tmp_path, "full", 2000, status=2)
    assert "small_000003.h5: cannot be written (" in message
    assert message.endswith("then continue with --resume")
    assert not list(tmp_path.glob(".*"))
    assert len(list(tmp_path.glob("small_*.h5"))) == 10
    assert engine(tmp_path, 0, 1) == ["0 12"]


def test_a_flipped_byte_is_found(full: Path, tmp_path: Path) -> None:
    for path in full.parent.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    shard = tmp_path / "small_000002.h5"
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(content)
    with pytest.raises(FileError, match=r"small_000002\.h5: is damaged: its SHA-256 is .*; delete it to have it"):
        written(tmp_path, full_recipe())
    shard.unlink()
    master = written(tmp_path, full_recipe())
    assert shards(tmp_path) == shards(full.parent)
    assert len(list(nbjax.dataset.open(master, verify=True))) == 7


def test_damaged_pixels_are_found_while_reading(full: Path, tmp_path: Path) -> None:
    for path in full.parent.glob("*.h5"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    shard = tmp_path / "small_000001.h5"
    with h5py.File(shard) as file:
        chunk = file["entry/data/data"].id.get_chunk_info(1)
    content = bytearray(shard.read_bytes())
    # the compressed bytes of the second image, behind the chunk's header
    for place in range(chunk.byte_offset + 40, chunk.byte_offset + chunk.size - 8, 16):
        content[place] ^= 0xFF
    shard.write_bytes(content)
    images = nbjax.dataset.open(tmp_path / "small_master.h5", verify=True)
    images[0]
    with pytest.raises(FileError, match=r"image 1 (is damaged|cannot be read)"):
        images[1]


def test_a_shard_without_checksum_is_not_trusted(tmp_path: Path) -> None:
    shard = tmp_path / "x_000001.h5"
    assert not check_shard(shard, 1)
    shard.write_bytes(b"half")
    with pytest.raises(FileError, match=r"cannot be checked against x_000001\.h5\.sha256 .*delete the shard"):
        check_shard(shard, 1)
    checksum_path(shard).write_text("")
    with pytest.raises(FileError, match="cannot be checked against"):
        check_shard(shard, 1)


def test_only_the_same_settings_continue(full: Path) -> None:
    before = shards(full.parent)
    with pytest.raises(ConfigError, match=r"was begun with other settings \(-seed = 1; \+seed = 2\); restore them"):
        written(full.parent, full_recipe(seed=2))
    with pytest.raises(ConfigError, match=r"--images: got 6, .* holds a dataset of 7; give as many, or more"):
        written(full.parent, full_recipe(), images=6)
    assert shards(full.parent) == before


def noted(recipe: Recipe, share: Share, **made_by: str) -> str:
    return settings_text(recipe, share, {"nbjax_version": "1", "jax_version": "2", "processor": "3", **made_by})


def with_table(table: Path) -> Recipe:
    table.parent.mkdir(exist_ok=True)
    table.write_text("1 1 1 10\n1 1 2 20\n")
    base = recipe()
    return replace(base, config=replace(base.config, crystal=replace(base.config.crystal, hkl_file=str(table))))


def test_changed_input_files_do_not_continue(tmp_path: Path) -> None:
    made = with_table(tmp_path / "here" / "F.hkl")
    share = Share(tmp_path, "small", 4, 3)
    write_settings(share, noted(made, share))
    assert check_settings(share, noted(made, share), resume=True) == []
    moved = with_table(tmp_path / "there" / "F.hkl")
    assert check_settings(share, noted(moved, share), resume=True) == []
    (tmp_path / "there" / "F.hkl").write_text("1 1 1 10\n1 1 2 21\n")
    with pytest.raises(ConfigError, match=r"other settings .*F\.hkl"):
        check_settings(share, noted(moved, share), resume=True)


def test_another_version_continues_if_only_last_digits_may_differ(tmp_path: Path) -> None:
    share = Share(tmp_path, "small", 4, 3)
    write_settings(share, noted(recipe(), share))
    (said,) = check_settings(share, noted(recipe(), share, jax_version="2.1"), resume=True)
    assert said.endswith("was begun with jax version 2, now it is 2.1; the last digits of the photons may differ")
    with pytest.raises(ConfigError, match=r'other settings \(-nbjax_version = "1"; \+nbjax_version = "2"\)'):
        check_settings(share, noted(recipe(), share, nbjax_version="2"), resume=True)


def test_shards_know_their_settings_where_the_record_is_lost(full: Path, tmp_path: Path) -> None:
    for path in full.parent.glob("small_0000*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    with pytest.raises(ConfigError, match=r"small_000001\.h5 was begun with other settings \(-seed = 1; \+seed = 2\)"):
        written(tmp_path, full_recipe(seed=2))
    with pytest.raises(ConfigError, match="holds a dataset; continue it with --resume"):
        Batch(full_recipe(), Share(tmp_path, "small", 7, 3), 1).check(resume=False)
    assert written(tmp_path, full_recipe()).read_bytes() == full.read_bytes()
    with h5py.File(full) as file:
        truth = file["entry/truth"]
        assert truth["jax_version"][()].decode() == jax.__version__
        assert truth["processor"][()]


@pytest.mark.parametrize(("images", "size"), [(1, 100), (25_000, 100), (10**6, 4000)])
def test_large_datasets_are_hundreds_of_files(images: int, size: int, tmp_path: Path) -> None:
    made = recipe(frames_per_shard=None)
    assert shard_size(made, tmp_path, "small", images) == size
    share = Share(tmp_path, "small", 7, 5)
    write_settings(share, noted(made, share))
    assert shard_size(made, tmp_path, "small", images) == 5
    assert shard_size(recipe(frames_per_shard=3), tmp_path, "small", images) == 3


def test_shards_that_vanish_are_an_error(full: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in full.parent.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    made = Batch(full_recipe(), Share(tmp_path, "small", 7, 3), 1)
    lose = (tmp_path / "small_000002.h5").unlink
    monkeypatch.setattr("nbjax.dataset.batch.write_shards", lambda *words: lose())
    with pytest.raises(FileError, match=r"small_000002\.h5: was written and is gone, as are 0 other shards; restore"):
        made.run()
