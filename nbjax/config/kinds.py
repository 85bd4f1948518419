"""The kinds of TOML files, told apart by their tables: whoever gets one of another kind names what takes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal

from nbjax.config.tree import Config
from nbjax.errors import FileError

Kind = Literal["configuration", "dataset", "fit"]

_FIT = {"config", "configs", "data", "loss", "parameters", "stages", "tries", "set_aside"}
_IS = {
    "configuration": "is a configuration: nbjax simulate CONFIG.toml renders it, and a fit starts from it where the "
    'fit\'s own file says config = "CONFIG.toml" beside [data] and [parameters]',
    "dataset": "describes a dataset: nbjax batch DATASET.toml --images N --out DIR makes it; without its [dataset] "
    "section it is a configuration",
    "fit": "describes a fit: nbjax fit FIT.toml --out DIR runs it; its key config names the configuration where it "
    "starts",
}


def check_kind(path: str | Path, tree: Mapping[str, Any], wanted: Kind) -> None:
    """Make sure that a file is of the wanted kind; an empty one, or one with no table that tells, is of any.

    Raises:
        FileError: it is of another kind.
    """
    kind = _kind(tree)
    if kind is None or kind == wanted or (kind, wanted) == ("configuration", "dataset"):
        return
    raise FileError(f"{path}: {_IS[kind]}")


def _kind(tree: Mapping[str, Any]) -> Kind | None:
    sections = {field.name for field in fields(Config)} & set(tree)
    if "dataset" in tree:
        return "dataset"
    if _FIT & set(tree) and not sections:
        return "fit"
    return "configuration" if sections and not _FIT & set(tree) else None
