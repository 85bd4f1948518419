"""A configuration file with the command line's own settings on top."""

from __future__ import annotations

import argparse

from nbjax.config.load import load_with_sources
from nbjax.config.tree import Config
from nbjax.errors import FileError
from nbjax.io.foreign import content_of


def load_configured(arguments: argparse.Namespace) -> tuple[Config, dict[str, str]]:
    """The configuration of ``arguments.config`` with ``--set``, ``--parity`` and ``--precision``, and its sources."""
    known = content_of(arguments.config)
    if known is not None:
        raise FileError(f"{arguments.config}: is {known[0]}, no configuration; nbjax import makes one of it")
    flags = {key: getattr(arguments, key) for key in ("parity", "precision") if getattr(arguments, key)}
    overrides = [*arguments.set, *(f'{key}="{value}"' for key, value in flags.items())]
    config, sources = load_with_sources(arguments.config, overrides)
    return config, {**sources, **{key: f"--{key}" for key in flags}}
