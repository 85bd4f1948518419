"""Diffraction images of crystals on an absolute photon scale, as pure JAX functions.

``load_config`` reads a configuration, ``prepare`` turns it into an ``Experiment`` (a pytree), ``simulate`` and
``simulate_pixels`` are pure functions of it, and ``trace`` returns every factor of a pixel.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbjax.config.load import load_config
    from nbjax.config.tree import Config
    from nbjax.experiment import Experiment, stack
    from nbjax.fields import put
    from nbjax.pipeline.closed.survey import with_capacity
    from nbjax.pipeline.compilation import compiled
    from nbjax.pipeline.image import simulate, simulate_batch, simulate_pixels
    from nbjax.pipeline.recording import trace
    from nbjax.pipeline.sharding import simulate_on
    from nbjax.pipeline.spots.prediction import predict, spot_capacity
    from nbjax.preparation import prepare
    from nbjax.stages import Stages

__version__ = "0.2.0"

_ROOMS = ("dataset", "errors", "fit", "physics", "plot")
"""Sub-packages that are used through ``nbjax`` itself."""

_HOMES = {
    "Config": "nbjax.config.tree",
    "compiled": "nbjax.pipeline.compilation",
    "Experiment": "nbjax.experiment",
    "load_config": "nbjax.config.load",
    "prepare": "nbjax.preparation",
    "predict": "nbjax.pipeline.spots.prediction",
    "put": "nbjax.fields",
    "spot_capacity": "nbjax.pipeline.spots.prediction",
    "Stages": "nbjax.stages",
    "simulate": "nbjax.pipeline.image",
    "simulate_batch": "nbjax.pipeline.image",
    "simulate_on": "nbjax.pipeline.sharding",
    "simulate_pixels": "nbjax.pipeline.image",
    "stack": "nbjax.experiment",
    "trace": "nbjax.pipeline.recording",
    "with_capacity": "nbjax.pipeline.closed.survey",
}

__all__ = [
    "Config",
    "Experiment",
    "Stages",
    "compiled",
    "load_config",
    "predict",
    "prepare",
    "put",
    "simulate",
    "simulate_batch",
    "simulate_on",
    "simulate_pixels",
    "spot_capacity",
    "stack",
    "trace",
    "with_capacity",
    *_ROOMS,
]


def __getattr__(name: str) -> Any:
    # imported on first use, so that the command line answers --help without loading JAX
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in _ROOMS:
        return importlib.import_module(f"nbjax.{name}")
    raise AttributeError(f"module 'nbjax' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
