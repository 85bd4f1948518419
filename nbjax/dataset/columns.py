"""Columns of text files, a line for each image."""

from __future__ import annotations

from functools import cache

import numpy as np

from nbjax.dataset.section import Draw
from nbjax.errors import FileError
from nbjax.io.files import read_text


@cache
def read_columns(path: str) -> np.ndarray:
    """Numbers of a text file, a row for each line; shape (lines, columns).

    Raises:
        FileError: it cannot be read, or holds other than equally many finite numbers a line.
    """
    lines = [line.split("#")[0].replace(",", " ").split() for line in read_text(path).splitlines()]
    try:
        table = np.array([[float(word) for word in line] for line in lines if line], float)
    except ValueError:
        table = np.full((1, 1), np.nan)
    if table.ndim != 2 or not len(table) or not np.isfinite(table).all():
        raise FileError(f"{path}: needs equally many finite numbers on every line; correct it")
    return table


def numbers_of_column(draw: Draw) -> np.ndarray:
    """The numbers of a draw from a file, shape (lines,).

    Raises:
        FileError: the file cannot be read, or has no such column.
    """
    assert draw.file is not None
    assert draw.column is not None
    table = read_columns(draw.file)
    if draw.column >= table.shape[1]:
        raise FileError(f"{draw.file}: has {table.shape[1]} columns, column {draw.column} (counted from 0) is missing")
    return table[:, draw.column]
