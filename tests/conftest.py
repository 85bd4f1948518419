"""Every test runs with 64-bit floats and with types and shapes checked; those about 32 bits switch x64 off."""

from __future__ import annotations

import atexit
import ctypes
import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import jaxlib
import pytest
import typechecker
from hypothesis import settings
from sharing import Sharing, dearest_first

if "XLA_FLAGS" not in os.environ and jaxlib.__version__.startswith("0.10."):
    # compiling is most of what the tests do: code of lesser quality takes a third less time to make, and a program
    # made as one piece a sixth less where each processor has a worker already
    os.environ["XLA_FLAGS"] = (
        "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false "
        "--xla_cpu_parallel_codegen_split_count=1"
    )

typechecker.install()

# what compiles takes long, and only the first time
settings.register_profile("nbjax", settings(), deadline=None)
settings.load_profile("nbjax")

if "NBJAX_TESTS_CACHE" not in os.environ:
    # what the workers of one run compile they share; the process that starts the run removes it
    os.environ["NBJAX_TESTS_CACHE"] = tempfile.mkdtemp(prefix="nbjax-tests-")
    atexit.register(shutil.rmtree, os.environ["NBJAX_TESTS_CACHE"], ignore_errors=True)
jax.config.update("jax_compilation_cache_dir", os.environ["NBJAX_TESTS_CACHE"])
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
# so that whatever is shared out among devices is
jax.config.update("jax_num_cpu_devices", 2)


@pytest.fixture(autouse=True)
def _double_precision() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


@pytest.fixture(autouse=True, scope="module")
def _compiled_programs_are_let_go() -> Iterator[None]:
    """After a file, where a process holds a gigabyte or two; what comes back is read from the disk."""
    yield
    if _resident_bytes() > 2e9:
        jax.clear_caches()
        gc.collect()
        # glibc keeps what it is given back; not every one can be told to return it
        getattr(ctypes.CDLL(None), "malloc_trim", lambda _: None)(0)


def _resident_bytes() -> int:
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        dearest_first(items)
        # what was imported and collected stays; looking through it for garbage is a twentieth of the time, and looking
        # as often as Python does, at what is traced and soon let go, another
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Sharing | None:
    if config.option.dist != "load":
        return None
    config.option.loadscopereorder = False
    return Sharing(config, log)
