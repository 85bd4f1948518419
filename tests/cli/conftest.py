"""What the tests of commands share: an empty folder to work in, and a look at a command that fails."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from nbjax.cli import main


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def fails(capsys: pytest.CaptureFixture[str]) -> Callable[[list[str]], str]:
    """The message of a command that fails: one line a fault, nothing on stdout."""

    def message(words: list[str]) -> str:
        assert main(words) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert all(line.startswith("nbjax: ") for line in captured.err.splitlines())
        return captured.err

    return message
