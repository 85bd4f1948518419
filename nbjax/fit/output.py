"""The files that a fit leaves: configuration, parameters, report."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from nbjax import __version__
from nbjax.config.edit import with_values
from nbjax.config.inputs import absolute_inputs
from nbjax.config.write import config_toml
from nbjax.fit.configuration import fitted_config, fitted_sources, with_sources
from nbjax.fit.geometry import fitted_geometry, geometry_files
from nbjax.fit.goodness import Goodness
from nbjax.fit.losses import Gaussian, Loss, Poisson, PoissonGaussian, Robust
from nbjax.fit.measurement import Measurement
from nbjax.fit.recorded import Recorded
from nbjax.fit.report.document import report_html
from nbjax.fit.result import FitResult, Outcome
from nbjax.fit.settings import LossSettings
from nbjax.io.files import atomic_writer, make_folder
from nbjax.io.sources import sources_text
from nbjax.pipeline.render import render

SCHEMA, SCHEMA_VERSION = "nbjax-fit", 1
_KINDS: dict[type, str] = {
    Poisson: "poisson",
    PoissonGaussian: "poisson_gaussian",
    Gaussian: "gaussian",
    Robust: "robust",
    Recorded: "recorded",
}


def write_result(
    folder: str | Path,
    result: FitResult,
    images: Sequence[np.ndarray],
    used: Sequence[np.ndarray] | None = None,
    loss: Loss | None = None,
    title: str = "Fit",
) -> tuple[Path, ...]:
    """Write ``parameters.json``, ``parameters.h5`` and ``report.html`` of a fit of any experiments.

    Args:
        folder: where; made if it does not exist.
        result: from ``fit``.
        images, used, loss: as they were given to ``fit``.
        title: heading of the report.

    Returns:
        The files.

    Raises:
        FileError: the folder or a file cannot be written.
    """
    used = [np.ones(image.shape, bool) for image in images] if used is None else used
    said = _said(Poisson() if loss is None else loss)
    folder = Path(folder)
    make_folder(folder, str(folder))
    contents = _contents(result, images, used, title, said, [])
    for name, content in contents.items():
        with atomic_writer(folder / name) as handle:
            handle.write(content)
    return tuple(folder / name for name in contents)


def output_contents(measured: Measurement, result: FitResult, title: str) -> dict[str, bytes]:
    """Name and content of every file that ``nbjax fit`` leaves."""
    contents: dict[str, bytes] = {}
    paths = [*measured.problem.parameters.layout.shared, *measured.problem.parameters.layout.own]
    configs = [absolute_inputs(config) for config in measured.configs]
    usable = [i for i, shot in enumerate(result.shots) if shot.outcome is not Outcome.UNUSABLE]
    geometries = {i: fitted_geometry(configs[i], result.experiments[i], paths) for i in usable}
    # what all shots share is one file
    alike = len({geometry and geometry.text for geometry in geometries.values()}) == 1
    for number, geometry in geometries.items():
        config, experiment = configs[number], result.experiments[number]
        name = "fitted" if len(result.shots) == 1 else f"fitted_{number + 1:04d}"
        fitted = fitted_config(config, experiment, paths, geometry)
        if geometry is not None:
            files = geometry_files(geometry, "fitted" if alike else name)
            contents |= dict(files.values())
            fitted = with_values(fitted, {key: file for key, (file, _) in files.items()})
        sources = fitted_sources(config, experiment, paths)
        if sources is not None:
            contents[f"{name}_sources.txt"] = sources_text(sources).encode()
            fitted = with_sources(fitted, f"{name}_sources.txt")
        contents[f"{name}.toml"] = config_toml(fitted).encode()
    data = measured.settings.data
    inputs = [{**asdict(source), "mask_file": data.mask_file, "region": data.region} for source in measured.sources]
    loss = asdict(measured.settings.loss) | {"kind": _said(measured.problem.loss)["kind"]}
    return contents | _contents(result, measured.images, measured.used, title, loss, inputs)


def _said(loss: Loss) -> dict[str, Any]:
    """A loss as a FIT.toml has it; what it lacks has the value of a file that does not say it."""
    unsaid = LossSettings()
    return {
        "kind": _KINDS.get(type(loss), type(loss).__name__),
        "sigma_photons": getattr(loss, "sigma", unsaid.sigma_photons),
        "freedom": getattr(loss, "freedom", unsaid.freedom),
    }


def _contents(
    result: FitResult,
    images: Sequence[np.ndarray],
    used: Sequence[np.ndarray],
    title: str,
    loss: dict[str, Any],
    inputs: list[dict[str, Any]],
) -> dict[str, bytes]:
    """Parameters and report."""
    tree = as_tree(result, loss, inputs)
    shot = pictured(result)
    model, ground = render(result.experiments[shot]), result.shots[shot].background
    page = report_html(
        result,
        result.experiments[shot],
        images[shot],
        model if ground is None else model + ground.image(model.shape),
        used[shot],
        shot,
        title,
        inputs,
    )
    return {
        "parameters.json": (json.dumps(tree, indent=1, allow_nan=False) + "\n").encode(),
        "parameters.h5": as_hdf5(result),
        "report.html": page.encode(),
    }


def pictured(result: FitResult) -> int:
    """The shot that a report shows: of those that converged, the one that fits worst; else the first usable one."""
    converged = [i for i, shot in enumerate(result.shots) if shot.outcome is Outcome.CONVERGED]
    usable = [i for i, shot in enumerate(result.shots) if shot.outcome is not Outcome.UNUSABLE]
    return max(converged, key=lambda i: result.shots[i].loss / result.shots[i].pixels, default=usable[0])


def as_tree(result: FitResult, loss: dict[str, Any], inputs: list[dict[str, Any]]) -> dict[str, Any]:
    """Everything but the experiments, for JSON; what is not determined, or at a bound, has a sigma of null."""
    return {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "program": f"nbjax {__version__}",
        "loss": loss,
        "inputs": inputs,
        "parameters": [
            {"name": name, "unit": unit, "shared": i < result.shared}
            for i, (name, unit) in enumerate(zip(result.names, result.units, strict=True))
        ],
        "shots": [
            {
                "outcome": shot.outcome.value,
                "reason": shot.reason,
                "loss": _number(shot.loss),
                "pixels": shot.pixels,
                "values": [_number(x) for x in shot.values],
                "sigmas": [_number(x) for x in shot.sigmas],
                "at_bound": [bool(x) for x in shot.at_bound],
                "covariance": None
                if shot.covariance is None
                else [[_number(x) for x in row] for row in shot.covariance],
                "warnings": list(shot.warnings),
                "goodness": None if shot.goodness is None else _goodness(shot.goodness),
            }
            for shot in result.shots
        ],
        "history": [
            {"stage": result.stages[entry.stage], "step": entry.step, "losses": [_number(x) for x in entry.losses]}
            for entry in result.history
        ],
    }


def as_hdf5(result: FitResult) -> bytes:
    """The same numbers as datasets, shape (shots, parameters); what is not determined is infinite."""
    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.attrs["schema"], file.attrs["schema_version"] = SCHEMA, SCHEMA_VERSION
        file.attrs["shared_parameters"] = result.shared
        file["names"] = [name.encode() for name in result.names]
        file["units"] = [unit.encode() for unit in result.units]
        file["outcome"] = [shot.outcome.value.encode() for shot in result.shots]
        for name in ("values", "sigmas", "at_bound", "covariance", "loss", "pixels"):
            if all(getattr(shot, name) is not None for shot in result.shots):
                file[name] = np.array([getattr(shot, name) for shot in result.shots])
        for name in ("reduced_deviance", "correlation", "neighbours"):
            file[name] = [np.nan if s.goodness is None else getattr(s.goodness, name) for s in result.shots]
        file["history_stage"] = [entry.stage for entry in result.history]
        file["history_step"] = [entry.step for entry in result.history]
        file["history_losses"] = np.stack([entry.losses for entry in result.history])
    return buffer.getvalue()


def _goodness(goodness: Goodness) -> dict[str, Any]:
    return {
        "verdict": goodness.verdict,
        "reason": goodness.reason,
        **{
            name: _number(getattr(goodness, name))
            for name in ("reduced_deviance", "correlation", "attainable", "explained", "neighbours")
        },
        "worst_pixels": [
            {
                **({} if p.panel is None else {"panel": p.panel}),
                "slow": p.slow,
                "fast": p.fast,
                **{k: _number(getattr(p, k)) for k in ("data", "model", "sigmas")},
            }
            for p in goodness.worst
        ],
    }


def _number(x: float) -> float | None:
    return float(x) if math.isfinite(x) else None
