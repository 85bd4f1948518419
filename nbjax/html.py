"""Tables in HTML, by which objects show themselves in notebooks, and what all pages share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from html import escape
from typing import Any

import numpy as np

STYLE_SHEET = """\
  body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 1180px; margin: 2em auto; padding: 0 1.2em; }
  h1 { font-size: 1.5em; margin-bottom: 0.2em; } h2 { font-size: 1.15em; margin-top: 1.8em; }
  table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
  th, td { padding: 0.2em 0.9em 0.2em 0; text-align: right; border-bottom: 1px solid #e5e5e5; }
  th { font-weight: 600; } th:first-child, td:first-child { text-align: left; }
  td.text { text-align: left; }
  img { max-width: 100%; display: block; margin: 0.6em 0; }
  .outcome { display: inline-block; padding: 0.1em 0.7em; border-radius: 1em; color: white; background: #31688e; }
  .outcome.bad { background: #c0392b; }
  .warning { border-left: 4px solid #d1603d; padding: 0.2em 0.8em; background: #fdf3ef; margin: 0.4em 0; }
  .pair { display: flex; flex-wrap: wrap; gap: 1.5em; align-items: flex-start; }
  details { margin: 0.6em 0; } .note { color: #666; font-size: 0.92em; }
"""
"""Of all reports."""

_MOST_ROWS = 200
_FEW = 6
"""Numbers of an array that are told one by one."""


def table(title: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A heading and a table that can be folded; rows after the first 200 are counted only.

    Args:
        title: above the table.
        head: names of the columns.
        rows: their cells.
    """
    listed = list(rows)
    lines = ["".join(f"<td>{escape(str(cell))}</td>" for cell in row) for row in listed[:_MOST_ROWS]]
    if len(listed) > _MOST_ROWS:
        lines.append(f'<td colspan="{len(head)}">and {len(listed) - _MOST_ROWS} more</td>')
    names = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<details open><summary>{escape(title)}</summary><table><tr>{names}</tr>{body}</table></details>"


def text_block(title: str, text: str) -> str:
    """A heading and a text as it is, that can be folded."""
    return f"<details open><summary>{escape(title)}</summary><pre>{escape(text)}</pre></details>"


def tree_table(title: str, tree: Any) -> str:
    """A table of all that lies in a tree of dataclasses and tuples: dotted place, shape, and value or range.

    Args:
        title: above the table.
        tree: whose leaves are arrays, numbers and choices.
    """
    return table(title, ("place", "shape", "value"), _leaves(tree, ""))


def _leaves(tree: Any, place: str) -> Iterator[tuple[str, str, str]]:
    if is_dataclass(tree):
        for field in fields(tree):
            yield from _leaves(getattr(tree, field.name), f"{place}.{field.name}" if place else field.name)
    elif isinstance(tree, tuple) and any(is_dataclass(item) for item in tree):
        for number, item in enumerate(tree):
            yield from _leaves(item, f"{place}.{number}")
    elif hasattr(tree, "shape"):
        shape = " x ".join(map(str, tree.shape))
        yield place, shape, _numbers(tree)
    elif tree is not None and tree != ():
        yield place, "", str(tree)


def _numbers(array: Any) -> str:
    """A few numbers, or the range of many; what is being traced has none."""
    try:
        values = np.asarray(array)
    except TypeError:
        return "traced"
    if values.size <= _FEW or values.dtype.kind not in "fiu":
        return np.array2string(values, precision=6, threshold=_FEW, separator=", ")
    finite = values[np.isfinite(values)]
    if not finite.size:
        return "no finite number"
    return f"{finite.min():.6g} to {finite.max():.6g}"
