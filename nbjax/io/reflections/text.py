"""Structure-factor lists: text files of h, k, l and F."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nbjax.errors import FileError
from nbjax.io.files import as_text, read_text
from nbjax.io.foreign import Content, refuse_foreign
from nbjax.io.reflections.reflection_list import Kind, ReflectionList
from nbjax.io.reflections.rows import as_number, number_rows

_KINDS: dict[str | None, Kind] = {None: "amplitude", "F": "amplitude", "I": "intensity"}
_WANTED = "text, a line h k l F for each reflection of the whole sphere in P1"
_OTHER = "give it as crystal.reflections_file, or nbjax structure-factors makes such a list of it"
_REMEDIES = {
    Content.REFLECTIONS: f"{_OTHER}: {_WANTED}",
    Content.COORDINATES: "give it as crystal.coordinates_file",
    Content.SMALL_MOLECULE: "give it as crystal.coordinates_file",
    Content.EXPERIMENT: f"give the amplitudes of a merged list as {_WANTED}",
    Content.UNSCALED: f"scale it, and give the amplitudes of the merged list as {_WANTED}",
    Content.IMAGE: f"give {_WANTED}",
    Content.COMPRESSED: "unpack it, or give it as crystal.reflections_file",
}


def read_hkl(path: str | Path) -> ReflectionList:
    """Read a P1 list: h k l F a line, further columns ignored; blank lines and # comments allowed.

    Raises:
        FileError: naming the file, the line and what is wrong with it.
    """
    refuse_foreign(path, _REMEDIES)
    return _four_columns(str(path), read_text(path))


class Text:
    """h k l and F a line, sigma and more may follow; h k l alone for reflections of one electron."""

    name = "text of h k l F"

    def recognises(self, content: bytes) -> bool:
        """Whether the first line that is no comment begins with three numbers."""
        return _columns(content.decode("utf-8-sig", "replace")) >= 3

    def read(self, content: bytes, name: str, column: str | None) -> ReflectionList:
        """Read the list; ``column`` says what the fourth number is, F (default) or I."""
        if column not in _KINDS:
            raise FileError(f"{name}: is text, whose columns are h k l F or h k l I; {column!r} is neither")
        text = as_text(content, name)
        if _columns(text) > 3:
            return _four_columns(name, text, _KINDS[column])
        rows = number_rows(name, text, (0, 1, 2), "h k l F")
        remark = f"{name}: lists indices alone; each reflection gets an amplitude of 1 electron"
        return ReflectionList(rows.astype(np.int32), np.ones(len(rows)), "amplitude", "h k l", True, remarks=(remark,))


def _four_columns(name: str, text: str, kind: Kind = "amplitude") -> ReflectionList:
    rows = number_rows(name, text, (0, 1, 2, 3), "h k l F")
    return ReflectionList(rows[:, :3].astype(np.int32), rows[:, 3].copy(), kind, as_listed=True)


def _columns(text: str) -> int:
    """Numbers at the beginning of the first line that has any words."""
    at = 0
    while at < len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        words = text[at:end].split("#", 1)[0].split()
        at = end + 1
        if words:
            return next((i for i, word in enumerate(words) if as_number(word) is None), len(words))
    return 0
