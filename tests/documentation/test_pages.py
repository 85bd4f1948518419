"""Every block of README and docs runs as printed. A stage of its own, ``pytest -m documentation``."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from page import Block, Shell, blocks, shows

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
LANGUAGES = {"python", "sh", "toml", "text", "", "{eval-rst}", "{toctree}", "{literalinclude}"}
SUPPLIED = ("configs", "examples", "nbjax/data", "tests/golden/inputs", "tests/golden/supervisor_crop")


def test_blocks_are_found_with_their_notes() -> None:
    page = "a\n<!-- not run: slow -->\n```sh\nfalse\n```\n\n```python\nx = 1\n```\n"
    assert list(blocks(page)) == [Block(3, "sh", "false\n", "not run: slow"), Block(7, "python", "x = 1\n")]
    assert [block.is_run for block in blocks(page)] == [False, True]


def test_a_shell_keeps_its_state_and_tells_of_failures() -> None:
    with Shell() as shell:
        assert shell.run("word=kept; cd /") == (True, "")
        assert shell.run("echo $word; pwd") == (True, "kept\n/\n")
        assert shell.run("grep x /dev/null", "1") == (True, "")
        assert shell.run("false | true; echo not reached") == (False, "")


def test_what_is_printed_is_compared() -> None:
    assert shows("a b\nc 1.2e-16 d", "b c ... d")
    assert not shows("a b\nc 1.2e-16 d", "b d")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_has_a_known_language(page: Path) -> None:
    # an unknown one would not be run
    assert {block.language.partition(" ")[0] for block in blocks(page.read_text())} <= LANGUAGES


@pytest.mark.documentation
@pytest.mark.parametrize(
    "page", [p for p in PAGES if any(b.is_run for b in blocks(p.read_text()))], ids=lambda page: page.stem
)
def test_every_block_runs(page: Path, tmp_path: Path) -> None:
    for name in SUPPLIED:
        shutil.copytree(ROOT / name, tmp_path / name)
    kept = {name: value for name, value in os.environ.items() if name != "XLA_FLAGS"}
    environment = kept | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    command = [sys.executable, str(Path(__file__).with_name("page.py")), str(page)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
