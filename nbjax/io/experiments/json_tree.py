"""Values of a JSON file, each knowing its place, so that a fault names it."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nbjax.errors import FileError
from nbjax.io.files import read_text


@dataclass(frozen=True)
class Node:
    """A value and its place.

    Attributes:
        value: as JSON has it.
        file: name of the file.
        place: path in the file, as in ``beam[0].direction``.
    """

    value: Any
    file: str
    place: str = ""

    def has(self, key: str) -> bool:
        """Whether there is something at a key other than null."""
        return isinstance(self.value, dict) and self.value.get(key) is not None

    def at(self, key: str) -> Node:
        """The value at a key.

        Raises:
            FileError: there is none.
        """
        if not self.has(key):
            raise self.fault(f"has no {key}; write the file again with its program")
        return Node(self.value[key], self.file, f"{self.place}.{key}".lstrip("."))

    def items(self) -> list[Node]:
        """The values of a list.

        Raises:
            FileError: it is no list.
        """
        if not isinstance(self.value, list):
            raise self.fault("is no list; write the file again with its program")
        return [Node(item, self.file, f"{self.place}[{i}]") for i, item in enumerate(self.value)]

    def item(self, number: int) -> Node:
        """One value of a list.

        Raises:
            FileError: it is no list, or too short.
        """
        items = self.items()
        if not 0 <= number < len(items):
            raise self.fault(f"has {len(items)} entries and no number {number}; write the file again with its program")
        return items[number]

    def number(self) -> float:
        """A finite number.

        Raises:
            FileError: it is none.
        """
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            raise self.fault(f"is {_shown(self.value)}, and no number; correct it")
        try:
            found = float(self.value)
        except OverflowError:
            found = math.inf
        if not math.isfinite(found):
            raise self.fault(f"is {found}, and not finite; correct it")
        return found

    def whole(self) -> int:
        """A whole number.

        Raises:
            FileError: it is none.
        """
        if isinstance(self.value, bool) or not isinstance(self.value, int) or abs(self.value) >= 1 << 31:
            raise self.fault(f"is {_shown(self.value)}, and no whole number; correct it")
        return self.value

    def numbers(self, count: int) -> np.ndarray:
        """So many finite numbers, shape (count,).

        Raises:
            FileError: they are not there.
        """
        items = self.items()
        if len(items) != count:
            raise self.fault(f"has {len(items)} numbers where {count} are wanted; correct it")
        return np.array([item.number() for item in items])

    def fault(self, problem: str) -> FileError:
        """An error about this value."""
        return FileError(f"{self.file}: {self.place}{' ' if self.place else ''}{problem}")


def read_json(path: str | Path) -> Node:
    """A JSON file.

    Raises:
        FileError: it cannot be read, or is not JSON.
    """
    try:
        return Node(json.loads(read_text(path)), str(path))
    except json.JSONDecodeError as error:
        problem = f"line {error.lineno}: is not JSON ({error.msg}); the file is cut off or damaged, write it again"
        raise FileError(f"{path}: {problem}") from None
    except (ValueError, RecursionError):
        raise FileError(f"{path}: holds a number too long or brackets too deep to read; write it again") from None


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
