"""Configurations built by hand, checked as those of a file are."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, get_type_hints

from nbjax.config.load import config_from_dict
from nbjax.config.tree import Config, Crystal
from nbjax.errors import ConfigError, Fault


def checked(config: Any) -> Config:
    """The configuration with every value of the type that its key wants.

    Numbers and vectors may be NumPy's or JAX's, and files may be paths; they become Python's.

    Raises:
        ConfigError: it is no configuration; or every wrong type, number that is not finite and impossible choice, with
            its key path.
    """
    if isinstance(config, str | os.PathLike):
        name = repr(os.fspath(config))
        raise ConfigError([Fault("config", f"got the name of a file, {name}; read it: nbjax.load_config({name})")])
    if not isinstance(config, Config):
        problem = f"got {type(config).__name__}, a nbjax.Config is wanted; nbjax.load_config reads one"
        raise ConfigError([Fault("config", problem)])
    faults = [
        Fault(name, f"got {type(getattr(config, name)).__name__}, a {kind.__name__} is wanted")
        for name, kind in _kinds().items()
        if isinstance(kind, type) and is_dataclass(kind) and not isinstance(getattr(config, name), kind)
    ]
    if faults:
        raise ConfigError(faults)
    for i, one in enumerate(config.crystals):
        if not isinstance(one, Crystal):
            raise ConfigError([Fault(f"crystals.{i}", f"got {type(one).__name__}, a Crystal is wanted")])
    if config.crystals and config.crystal not in (Crystal(), config.crystals[0]):
        problem = "is another than crystals.0, the first of several crystals; change that, or leave one of them out"
        raise ConfigError([Fault("crystal", problem)])
    return config_from_dict(_plain(config, ""))


@cache
def _kinds() -> Mapping[str, Any]:
    return get_type_hints(Config)


def _plain(value: Any, key: str) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in fields(value)]
        return {name: _plain(getattr(value, name), f"{key}.{name}".lstrip(".")) for name in names}
    if isinstance(value, list | tuple):
        return [_plain(item, key) for item in value]
    # only who has loaded JAX has such numbers
    if "jax" in sys.modules and isinstance(value, sys.modules["jax"].core.Tracer):
        problem = (
            "got a number that JAX traces; prepare the configuration outside of jax.grad, jax.jit and jax.vmap, and "
            "inside set it in the experiment: nbjax.put(experiment, place, value)"
        )
        raise ConfigError([Fault(key, problem)])
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return value.tolist() if hasattr(value, "tolist") else value
