"""What a FIT.toml says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from nbjax.config.kinds import check_kind
from nbjax.config.load import read_toml, structured
from nbjax.errors import ConfigError, Fault
from nbjax.fit.background import Kind
from nbjax.fit.parameter_set import Free
from nbjax.geometry.crystal_systems import CRYSTAL_SYSTEMS
from nbjax.quantities import QUANTITIES

System = Literal["triclinic", "monoclinic", "orthorhombic", "tetragonal", "trigonal", "hexagonal", "cubic"]


@dataclass(frozen=True)
class DataSettings:
    """Measured images: one a file, or several in a stack."""

    files: tuple[str, ...]
    dataset: str | None = None  # of HDF5 files
    images: tuple[int, ...] | None = None  # of each file, from 0; None for all
    photons_per_count: float | None = None  # this and the next two: None for what the file says
    pedestal_counts: float | None = None
    saturation_counts: float | None = None  # pixels at or above it are left out
    mask_file: str | None = None  # any of the image formats
    region: Literal["image", "boxes"] = "image"
    box_half_width_px: int = 6
    box_threshold: float = 3.0  # times the median of the model
    box_broaden: float = 3.0
    box_most: int | None = None


@dataclass(frozen=True)
class LossSettings:
    """The likelihood of a pixel."""

    # None: recorded where the first configuration has a record, else poisson
    kind: Literal["poisson", "poisson_gaussian", "gaussian", "robust", "recorded"] | None = None
    sigma_photons: float = 1.0
    freedom: float = 4.0


@dataclass(frozen=True)
class BackgroundSettings:
    """What lies under the spots besides what the configurations scatter."""

    kind: Kind = "auto"


@dataclass(frozen=True)
class StageSettings:
    """One stage."""

    name: str = ""
    parameters: tuple[str, ...] | None = None
    without: tuple[str, ...] = ()
    restart: bool = False
    broaden: float = 1.0
    optimiser: Literal["scoring", "adam", "lbfgs", "levenberg_marquardt", "gauss_newton", "dogleg"] = "scoring"
    learning_rate: float = 0.1
    schedule: Literal["constant", "cosine"] = "constant"
    steps: int = 50
    tolerance: float = 1e-6


@dataclass(frozen=True)
class Top:
    """The keys outside of tables."""

    configs: tuple[str, ...]
    system: System = "triclinic"
    set_aside: float | None = None
    tries: int = 1
    seed: int = 0


@dataclass(frozen=True)
class FitSettings:
    """A whole FIT.toml; file names are absolute.

    Attributes:
        configs: one configuration for all shots, or one for each.
        system: crystal system of ``crystal.cell``.
        set_aside, tries, seed: as for ``nbjax.fit.fit``.
        data, loss, background, parameters, stages: the tables; no stages: ``nbjax.fit.COARSE_TO_FINE``.
    """

    configs: tuple[str, ...]
    system: System
    set_aside: float | None
    tries: int
    seed: int
    data: DataSettings
    loss: LossSettings
    background: BackgroundSettings
    parameters: tuple[Free, ...]
    stages: tuple[StageSettings, ...]


def load_settings(path: str | Path) -> FitSettings:
    """Read a FIT.toml; file names in it are relative to its folder.

    Raises:
        FileError: it cannot be read, or is not TOML.
        ConfigError: what is wrong with it.
    """
    tree = read_toml(path)
    check_kind(path, tree, "fit")
    return settings_of(tree, Path(path).resolve().parent)


def settings_of(tree: Mapping[str, Any], folder: Path) -> FitSettings:
    """Settings from nested dictionaries.

    Raises:
        ConfigError: what is wrong with them.
    """
    rest = dict(tree)
    keys = ("data", "loss", "background", "parameters", "stages")
    data, loss, background, parameters, stages = (rest.pop(key, None) for key in keys)
    faults: list[Fault] = []
    if "config" in rest:
        config = rest.pop("config")
        if "configs" in rest:
            faults.append(Fault("config", "stands beside configs; give one of them"))
        rest["configs"] = [config]
    for key, value, wanted in (
        ("data", data, dict),
        ("parameters", parameters, dict),
        ("loss", loss or {}, dict),
        ("background", background or {}, dict),
        ("stages", stages or [], list),
    ):
        if not isinstance(value, wanted):
            what = "missing" if value is None else "is no table"
            example = {"data": '[data] with files = ["shot.npy"]', "parameters": '[parameters."crystal.cell"]'}
            faults.append(Fault(key, f"{what}; give {example.get(key, f'[{key}]')}"))
    if "configs" not in rest:
        faults.append(Fault("config", 'missing; name the configuration where the fit starts, config = "start.toml"'))
    if faults:
        raise ConfigError(faults)
    assert data is not None
    assert parameters is not None
    if isinstance(data.get("files"), str):
        data = {**data, "files": [data["files"]]}
    top = _table(rest, Top, "", faults)
    measured = _table(data, DataSettings, "data", faults)
    likelihood = _table(loss or {}, LossSettings, "loss", faults)
    ground = _table(background or {}, BackgroundSettings, "background", faults)
    free = [_free(path, table, faults) for path, table in parameters.items()]
    parts = [_table(table, StageSettings, f"stages[{i}]", faults) for i, table in enumerate(stages or [])]
    if faults:
        raise ConfigError(faults)
    found = FitSettings(
        configs=tuple(str(folder / name) for name in top.configs),
        system=top.system,
        set_aside=top.set_aside,
        tries=top.tries,
        seed=top.seed,
        data=_anchored(measured, folder),
        loss=likelihood,
        background=ground,
        parameters=tuple(free),
        stages=tuple(parts),
    )
    faults += _impossible(found)
    if faults:
        raise ConfigError(faults)
    return found


def _free(path: str, table: Any, faults: list[Fault]) -> Any:
    if not path:
        faults.append(Fault('parameters.""', 'got no name; name a parameter, as in [parameters."crystal.misset_deg"]'))
        return None
    key = f"parameters.{path}"
    inside = [f"{path}.{name}" for name in table] if isinstance(table, dict) else []
    if path not in QUANTITIES and inside and set(inside) <= set(QUANTITIES):
        faults += [Fault(f"parameters.{name}", f'quotes are missing; write [parameters."{name}"]') for name in inside]
        return None
    if not isinstance(table, dict):
        return _table(table, Free, key, faults)
    if "path" in table:
        faults.append(Fault(f"{key}.path", "unknown key; the name of the table is the path"))
    return _table({**table, "path": path}, Free, key, faults)


def _table(table: Any, kind: Any, key: str, faults: list[Fault]) -> Any:
    if not isinstance(table, dict):
        faults.append(Fault(key, f"got {table!r}, a table is wanted, as in [{key}]"))
        return None
    try:
        return structured(table, kind, key)
    except ConfigError as error:
        faults += error.faults
        return None


def _anchored(data: DataSettings, folder: Path) -> DataSettings:
    mask = None if data.mask_file is None else str(folder / data.mask_file)
    return replace(data, files=tuple(str(folder / name) for name in data.files), mask_file=mask)


def _impossible(settings: FitSettings) -> list[Fault]:
    assert set(CRYSTAL_SYSTEMS) == set(System.__args__)  # type: ignore[attr-defined]
    gain = settings.data.photons_per_count
    above_zero = {
        "data.photons_per_count": 1.0 if gain is None else gain,
        "data.box_broaden": settings.data.box_broaden,
        "data.box_threshold": settings.data.box_threshold,
        "data.box_half_width_px": settings.data.box_half_width_px,
        "loss.sigma_photons": settings.loss.sigma_photons,
        "loss.freedom": settings.loss.freedom,
        "data.box_most": 1 if settings.data.box_most is None else settings.data.box_most,
        "set_aside": 1.0 if settings.set_aside is None else settings.set_aside,
        "tries": settings.tries,
    }
    for number, stage in enumerate(settings.stages):
        for name in ("broaden", "steps", "tolerance", "learning_rate"):
            above_zero[f"stages[{number}].{name}"] = getattr(stage, name)
    faults = [Fault(key, f"got {value:g}, must be above zero") for key, value in above_zero.items() if not value > 0]
    if settings.seed < 0:
        faults.append(Fault("seed", f"got {settings.seed}, must not be negative"))
    free = {parameter.path for parameter in settings.parameters}
    for number, stage in enumerate(settings.stages):
        if stage.parameters == () or (stage.parameters is None and free and free <= set(stage.without)):
            faults.append(Fault(f"stages[{number}]", "leaves nothing free; name its parameters, or leave it out"))
    for key, listed, remedy in (
        ("configs", settings.configs, "name the configurations where the fit starts, one for all images or one each"),
        ("data.files", settings.data.files, "name the measured images"),
        ("data.images", settings.data.images, "give numbers of images, or leave it out for all"),
    ):
        if listed is not None and not listed:
            faults.append(Fault(key, f"is empty; {remedy}"))
        # one configuration may start several shots, one image is one measurement
        repeated = [item for item in listed or () if key != "configs" and (listed or ()).count(item) > 1]
        if repeated:
            faults.append(Fault(key, f"names {repeated[0]} more than once; an image counts once"))
    return faults
