"""What made a dataset: versions and the processor, on which the last digits of its photons depend."""

from __future__ import annotations

import platform
from importlib.metadata import version

import jax

from nbjax import __version__


def made_by() -> dict[str, str]:
    """Name -> text of everything that is noted with the files."""
    return {
        "nbjax_version": __version__,
        "numpy_version": version("numpy"),
        "jax_version": jax.__version__,
        "jaxlib_version": version("jaxlib"),
        "processor": processor(),
    }


def processor() -> str:
    """Kind of the device that JAX computes on: of a CPU its model, where the system tells it."""
    device = jax.local_devices()[0]
    if device.platform != "cpu":
        return str(device.device_kind)
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
            return next(models, platform.machine())
    except OSError:
        return platform.processor() or platform.machine()
