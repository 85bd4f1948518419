"""The factors of a pixel's intensity, one module each, which take plain arrays and can be used alone."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

_MODULES = tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def __getattr__(name: str) -> ModuleType:
    # imported on first use, as all of nbjax is
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(_MODULES)
