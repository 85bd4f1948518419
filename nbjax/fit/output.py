"""The files that a fit leaves: configuration, parameters, report."""

from __future__ import annotations

import io
import json
import math
from dataclasses import asdict
from typing import Any

import numpy as np

from nbjax import __version__
from nbjax.config.edit import with_values
from nbjax.config.inputs import absolute_inputs
from nbjax.config.write import config_toml
from nbjax.fit.configuration import fitted_config, fitted_sources
from nbjax.fit.goodness import Goodness
from nbjax.fit.measurement import Measurement
from nbjax.fit.report.document import report_html
from nbjax.fit.result import FitResult, Outcome
from nbjax.io.sources import sources_text
from nbjax.pipeline.render import render

SCHEMA, SCHEMA_VERSION = "nbjax-fit", 1


def output_contents(measured: Measurement, result: FitResult, title: str) -> dict[str, bytes]:
    """Name and content of every file that a fit leaves."""
    contents: dict[str, bytes] = {}
    paths = [*measured.problem.parameters.layout.shared, *measured.problem.parameters.layout.own]
    for number, (config, experiment) in enumerate(zip(measured.configs, result.experiments, strict=True)):
        if result.shots[number].outcome is Outcome.UNUSABLE:
            continue
        name = "fitted" if len(result.shots) == 1 else f"fitted_{number + 1:04d}"
        fitted = fitted_config(absolute_inputs(config), experiment, paths)
        sources = fitted_sources(config, experiment, paths)
        if sources is not None:
            contents[f"{name}_sources.txt"] = sources_text(sources).encode()
            fitted = with_values(fitted, {"beam.source_file": f"{name}_sources.txt"})
        contents[f"{name}.toml"] = config_toml(fitted).encode()
    tree = as_tree(measured, result)
    contents["parameters.json"] = (json.dumps(tree, indent=1, allow_nan=False) + "\n").encode()
    contents["parameters.h5"] = as_hdf5(result)
    shot = pictured(result)
    model, ground = render(result.experiments[shot]), result.shots[shot].background
    page = report_html(
        result,
        starts_of(measured),
        measured.images[shot],
        model if ground is None else model + ground.image(model.shape),
        measured.used[shot],
        shot,
        title,
        tree["inputs"],
    )
    contents["report.html"] = page.encode()
    return contents


def pictured(result: FitResult) -> int:
    """The shot that a report shows: of those that converged, the one that fits worst; else the first usable one."""
    converged = [i for i, shot in enumerate(result.shots) if shot.outcome is Outcome.CONVERGED]
    usable = [i for i, shot in enumerate(result.shots) if shot.outcome is not Outcome.UNUSABLE]
    return max(converged, key=lambda i: result.shots[i].loss / result.shots[i].pixels, default=usable[0])


def starts_of(measured: Measurement) -> np.ndarray:
    """Where every shot's components started, shape (shots, p)."""
    p = measured.problem.parameters
    own = np.asarray(p.own.start)
    shared = np.broadcast_to(np.asarray(p.shared.start), (len(own), len(p.shared_names)))
    return np.concatenate([shared, own], axis=1)


def as_tree(measured: Measurement, result: FitResult) -> dict[str, Any]:
    """Everything but the experiments, for JSON; what is not determined, or at a bound, has a sigma of null."""
    return {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "program": f"nbjax {__version__}",
        "loss": asdict(measured.settings.loss),
        "inputs": [
            {**asdict(source), "mask_file": measured.settings.data.mask_file, "region": measured.settings.data.region}
            for source in measured.sources
        ],
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
            {"slow": p.slow, "fast": p.fast, **{k: _number(getattr(p, k)) for k in ("data", "model", "sigmas")}}
            for p in goodness.worst
        ],
    }


def _number(x: float) -> float | None:
    return float(x) if math.isfinite(x) else None
