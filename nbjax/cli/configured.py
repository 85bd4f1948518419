"""A configuration file with the command line's own settings on top."""

from __future__ import annotations

import argparse

from nbjax.config.load import load_with_sources
from nbjax.config.tree import Config


def load_configured(arguments: argparse.Namespace) -> tuple[Config, dict[str, str]]:
    """The configuration of ``arguments.config`` with ``--set``, ``--parity`` and ``--precision``, and its sources."""
    flags = {key: getattr(arguments, key) for key in ("parity", "precision") if getattr(arguments, key)}
    overrides = [*arguments.set, *(f'{key}="{value}"' for key, value in flags.items())]
    config, sources = load_with_sources(arguments.config, overrides)
    return config, {**sources, **{key: f"--{key}" for key in flags}}
