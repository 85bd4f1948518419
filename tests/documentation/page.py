"""Runs the blocks of one page of the documentation in order, as a reader would who types them in.

``python page.py PAGE.md`` in the folder that stands for the project's: Python blocks share one interpreter and shell
blocks one shell. What a block needs is on its page or in the project. A comment before a block says what else it is:

``<!-- not run: REASON -->``: only read. ``<!-- file: NAME -->``: the content of a file that later blocks use.
``<!-- ends with N -->``: the exit code of a command that tells something by it.

A block without a language after a shell block is what that one prints, where dots stand for anything.
"""

from __future__ import annotations

import re
import subprocess
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_FENCE = re.compile(
    r"^(?:<!-- (?P<note>.*?) -->\n)?```(?P<language>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
_END = "-- end of block --"


@dataclass(frozen=True)
class Block:
    """One fenced block.

    Attributes:
        line: of the page, where it starts.
        language: after the fence.
        text: its content.
        note: of the comment before it.
    """

    line: int
    language: str
    text: str
    note: str = ""

    @property
    def is_run(self) -> bool:
        """Whether a reader would run it."""
        return self.language in ("python", "sh") and not self.note.startswith("not run: ")


def blocks(page: str) -> Iterator[Block]:
    """Blocks of a page, in order."""
    for match in _FENCE.finditer(page):
        line = page.count("\n", 0, match.start("text"))
        yield Block(line, match["language"], match["text"], match["note"] or "")


class Shell:
    """A shell that stops at the first command that fails; to be used in a ``with`` statement."""

    def __enter__(self) -> Shell:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        self._process = subprocess.Popen(["bash", "-euo", "pipefail"], text=True, **pipes)
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.communicate()

    def run(self, text: str, code: str = "0") -> tuple[bool, str]:
        """Whether the commands ended as they should, and what they printed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        checked = "" if code == "0" else f" && false || test $? -eq {code}"
        self._process.stdin.write(f"{{\n{text}\n}} < /dev/null{checked}\necho '{_END}'\n")
        self._process.stdin.flush()
        printed = []
        for line in self._process.stdout:
            if line.strip() == _END:
                return True, "".join(printed)
            printed.append(line)
        return False, "".join(printed)


def shows(printed: str, block: str) -> bool:
    """Whether what was printed holds what a page shows of it, in whatever lines."""
    parts = (re.escape(" ".join(part.split())) for part in block.split("..."))
    return re.search(".*".join(parts), " ".join(printed.split())) is not None


def run(page: Path) -> str | None:
    """What is wrong with a page, if anything."""
    names: dict[str, Any] = {"__name__": "__main__"}
    printed = ""
    with Shell() as shell:
        for block in blocks(page.read_text()):
            where = f"{page.name}:{block.line}"
            if block.note.startswith("file: "):
                Path(block.note.removeprefix("file: ")).write_text(block.text)
            elif block.is_run and block.language == "python":
                try:
                    exec(compile("\n" * block.line + block.text, str(page), "exec"), names)
                except Exception:
                    return f"{where}: this block fails\n{traceback.format_exc()}"
            elif block.is_run:
                code = block.note.removeprefix("ends with ") if block.note.startswith("ends with ") else "0"
                went_well, printed = shell.run(block.text, code)
                if not went_well:
                    return f"{where}: this block fails\n{printed}"
            elif block.language == "" and not shows(printed, block.text):
                return f"{where}: the block before prints something else\n{printed}"
    return None


if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1])))
