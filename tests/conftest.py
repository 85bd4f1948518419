"""Every test runs with 64-bit floats and with types and shapes checked; those about 32 bits switch x64 off."""

from __future__ import annotations

from collections.abc import Iterator

import jax
import pytest
from jaxtyping import install_import_hook

install_import_hook("nbjax", "typechecker.functions_only")


@pytest.fixture(autouse=True)
def _double_precision() -> Iterator[None]:
    with jax.enable_x64(True):
        yield
