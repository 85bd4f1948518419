"""Compiled programs are kept between runs, where the user wants it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nbjax.cli.startup import SWITCH, keep_compiled_programs

KEY = "JAX_COMPILATION_CACHE_DIR"
LINE = ["-cell", "50", "60", "70", "90", "90", "90", "-default_F", "100", "-N", "5", "-detpixels", "16"]


@pytest.fixture(autouse=True)
def _as_if_jax_were_not_loaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delitem(sys.modules, "jax")
    monkeypatch.setattr(os, "environ", {"XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path)})
    monkeypatch.setattr(sys, "platform", "linux")


def test_the_users_cache_folder_is_the_default(tmp_path: Path) -> None:
    keep_compiled_programs()
    assert os.environ[KEY] == str(tmp_path / "cache" / "nbjax" / "compiled")
    assert Path(os.environ[KEY]).is_dir()


def test_another_folder_may_be_named(tmp_path: Path) -> None:
    os.environ[SWITCH] = str(tmp_path / "mine")
    keep_compiled_programs()
    assert os.environ[KEY] == str(tmp_path / "mine")


@pytest.mark.parametrize("word", ["off", "OFF", "0", "no", ""])
def test_it_can_be_switched_off(word: str, tmp_path: Path) -> None:
    os.environ[SWITCH] = word
    keep_compiled_programs()
    assert KEY not in os.environ
    assert list(tmp_path.iterdir()) == []


def test_what_the_user_told_jax_stays() -> None:
    os.environ[KEY] = "elsewhere"
    keep_compiled_programs()
    assert os.environ[KEY] == "elsewhere"


def test_a_folder_that_cannot_be_made_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    os.environ[SWITCH] = str(tmp_path / "file" / "below")
    keep_compiled_programs()
    assert KEY not in os.environ


def test_a_run_fills_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    # the tests' own quick compilation may stay below the time from which programs are worth keeping
    often = {"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    environment = {**os.environ, SWITCH: str(tmp_path / "kept"), **often}
    environment.pop(KEY, None)
    command = [sys.executable, "-m", "nbjax", "nanobragg", *LINE, "-floatfile", str(tmp_path / "f.bin")]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    assert any((tmp_path / "kept").iterdir())
