"""Every test runs with 64-bit floats and with types and shapes checked; those about 32 bits switch x64 off."""

from __future__ import annotations

import atexit
import os
import resource
import shutil
import tempfile
from collections.abc import Iterator

import jax
import jaxlib
import pytest
from jaxtyping import install_import_hook

if "XLA_FLAGS" not in os.environ and jaxlib.__version__.startswith("0.10."):
    # compiling is most of what the tests do: code of lesser quality takes a third less time to make, and a program
    # made as one piece a sixth less where each processor has a worker already
    os.environ["XLA_FLAGS"] = (
        "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false "
        "--xla_cpu_parallel_codegen_split_count=1"
    )

install_import_hook("nbjax", "typechecker.functions_only")

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
    """After each file, once a process holds a gigabyte or two of them; what comes back is read from the disk."""
    yield
    if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > 2_000_000:  # kilobytes
        jax.clear_caches()
