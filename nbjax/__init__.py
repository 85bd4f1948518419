"""Diffraction images of crystals on an absolute photon scale, as pure JAX functions.

``load_config`` reads a configuration, ``prepare`` turns it into an ``Experiment`` (a pytree), ``simulate`` and
``simulate_pixels`` are pure functions of it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbjax.config.load import load_config
    from nbjax.config.tree import Config
    from nbjax.experiment import Experiment
    from nbjax.pipeline.image import simulate, simulate_pixels
    from nbjax.preparation import prepare

__version__ = "0.1.0"

_HOMES = {
    "Config": "nbjax.config.tree",
    "Experiment": "nbjax.experiment",
    "load_config": "nbjax.config.load",
    "prepare": "nbjax.preparation",
    "simulate": "nbjax.pipeline.image",
    "simulate_pixels": "nbjax.pipeline.image",
}

__all__ = ["Config", "Experiment", "load_config", "prepare", "simulate", "simulate_pixels"]


def __getattr__(name: str) -> Any:
    # imported on first use, so that the command line answers --help without loading JAX
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'nbjax' has no attribute {name!r}")
