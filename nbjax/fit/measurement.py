"""From a FIT.toml to a problem: configurations, images, masks and regions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from nbjax.advice import doubts
from nbjax.config.edit import with_values
from nbjax.config.load import load_config
from nbjax.config.tree import Config
from nbjax.errors import ConfigError, Fault
from nbjax.experiment import Experiment
from nbjax.fit.configuration import check_writable
from nbjax.fit.descent import Descent
from nbjax.fit.equations import broadened
from nbjax.fit.least_squares import LeastSquares
from nbjax.fit.losses import Gaussian, Loss, Poisson, PoissonGaussian, Robust
from nbjax.fit.observation import boxes
from nbjax.fit.problem import Problem, problem
from nbjax.fit.recorded import as_recorded, recorded_loss
from nbjax.fit.scoring import Scoring
from nbjax.fit.settings import DataSettings, FitSettings, LossSettings, StageSettings
from nbjax.fit.stages import COARSE_TO_FINE, Optimiser, Stage
from nbjax.io.experiments.recorded import RecordedPanel
from nbjax.io.images import Recorded, other_size, panel_images, panel_mask, read_images, read_mask
from nbjax.io.images.calibration import OfPanels, alike, photons_of, photons_per_count_of, tells_of_counts
from nbjax.pipeline.closed.survey import with_rooms
from nbjax.preparation import prepare_resolved
from nbjax.preparation.record import Recording, recording
from nbjax.resolve import resolve
from nbjax.resolve.detector import ResolvedDetector
from nbjax.resolve.spectrum import shots_of_images


@dataclass(frozen=True)
class Source:
    """Where the image of a shot came from, and how it was read.

    Attributes:
        file, dataset, image: name of the file, of the dataset in it, and number in the stack, from 0.
        configuration: name of the file where the shot starts.
        pedestal_counts, saturation_counts, photons_per_count: as they were used; of each panel where panels differ.
    """

    file: str
    dataset: str | None
    image: int
    configuration: str
    pedestal_counts: float
    saturation_counts: OfPanels
    photons_per_count: OfPanels


@dataclass(frozen=True)
class Measurement:
    """A problem with what it came from.

    Attributes:
        problem: ready to run.
        configs: of each shot, where it starts.
        images: photons of each shot, shape (slow, fast), or (panel, slow, fast).
        used: pixels that count, boolean, same shapes.
        sources: where each image came from.
        settings: what was asked for.
        warnings: sentences for the user.
    """

    problem: Problem
    configs: tuple[Config, ...]
    images: tuple[np.ndarray, ...]
    used: tuple[np.ndarray, ...]
    sources: tuple[Source, ...]
    settings: FitSettings
    warnings: tuple[str, ...]


def read_measurement(settings: FitSettings, report: Callable[[str], None] = lambda text: None) -> Measurement:
    """Read everything that a fit needs, and check it.

    Raises:
        NbjaxError: a file, a configuration or a combination of them that cannot be fitted.
    """
    configs = [load_config(name) for name in settings.configs]
    resolved = [resolve(config) for config in configs]
    how = recording(resolved[0])
    images, read, unsure = _images(settings.data, resolved[0].detector, how)
    if len(configs) not in (1, len(images)):
        raise ConfigError(
            [Fault("configs", f"{len(configs)} configurations for {len(images)} images; give one, or one each")]
        )
    warnings = dict.fromkeys([*(sentence for one in resolved for sentence in doubts(one)), *unsure])
    experiments = [prepare_resolved(one) for one in resolved]
    if len(configs) == 1 and shots_of_images(configs[0].beam) > 1:
        configs = _with_shots(configs[0], read)
        experiments = [prepare_resolved(resolve(config)) for config in configs]
    elif len(configs) == 1:
        configs, experiments = configs * len(images), experiments * len(images)
    _check_alike(experiments, settings)
    check_writable(configs[0], [free.path for free in settings.parameters])
    used = _used(settings, experiments, images, resolved[0].detector.panels, report)
    posed = problem(
        experiments,
        images,
        settings.parameters,
        [_stage(stage) for stage in settings.stages] or COARSE_TO_FINE,
        loss=_loss(settings.loss, how),
        used=used,
        convention=configs[0].detector.convention,
        system=settings.system,
        tries=settings.tries,
        seed=settings.seed,
        background=settings.background.kind,
    )
    names = settings.configs * len(images) if len(settings.configs) == 1 else settings.configs
    sources = tuple(replace(source, configuration=name) for source, name in zip(read, names, strict=True))
    return Measurement(posed, tuple(configs), tuple(images), tuple(used), sources, settings, tuple(warnings))


def _with_shots(config: Config, sources: list[Source]) -> list[Config]:
    """The configuration with the spectrum of each image: the shot that has the image's number in its file."""
    files = {source.file for source in sources}
    if len(files) > 1:
        problem = f"has a spectrum for each shot, and no number tells the shots of {len(files)} files of images"
        cure = "give configs, one for each image, with beam.spectrum_shot"
        raise ConfigError([Fault("beam.spectrum_file", f"{problem}; {cure}")])
    return [with_values(config, {"beam.spectrum_shot": source.image}) for source in sources]


def _images(
    data: DataSettings, detector: ResolvedDetector, how: Recording
) -> tuple[list[np.ndarray], list[Source], list[str]]:
    found, sources, doubts = [], [], []
    for name in data.files:
        for stored in _read(name, data, detector):
            image = as_recorded(stored, how)
            if image.pedestal_doubt and data.pedestal_counts is None:
                doubts.append(f"{image.file} {image.pedestal_doubt}; give data.pedestal_counts, 0 if there is none")
            pedestal = _said(data.pedestal_counts, image.pedestal_counts)
            saturation, gain = _of_panels(data, image, detector.panels)
            if saturation is None and image.ceiling_counts is not None:
                doubts.append(_of_ceiling(image.file, image.ceiling_counts))
            if data.photons_per_count is None and gain != image.photons_per_count:
                doubts.append(_of_gain(image.file, detector))
            sources.append(Source(image.file, image.dataset, image.index, "", pedestal, saturation, gain))
            found.append(photons_of(image, pedestal, saturation, gain))
    return found, sources, doubts


def _read(name: str, data: DataSettings, detector: ResolvedDetector) -> list[Recorded]:
    if len(detector.panels) > 1:
        return panel_images(name, detector.panels, data.dataset, data.images)
    return read_images(name, data.dataset, data.images, (detector.pixels_slow, detector.pixels_fast))


def _of_panels(data: DataSettings, image: Recorded, panels: Sequence[RecordedPanel]) -> tuple[OfPanels, OfPanels]:
    """Saturation and photons of a count: as asked for, as the image says, or as its detector's file does."""
    saturation: OfPanels = _said(data.saturation_counts, image.saturation_counts)
    if saturation is None and not tells_of_counts(image):
        saturation = alike([panel.saturation_counts for panel in panels])
    return saturation, _said(data.photons_per_count, photons_per_count_of(image, panels))


def _of_gain(file: str, detector: ResolvedDetector) -> str:
    gains = [panel.gain for panel in detector.panels if panel.gain is not None]
    each = f"{min(gains):g}" + (f" to {max(gains):g}" if max(gains) > min(gains) else "")
    return (
        f"{file} says nothing of its counts, which are taken for those of {detector.file}, {each} a photon; give "
        "data.photons_per_count, 1 if they are photons"
    )


def _of_ceiling(file: str, counts: float) -> str:
    return (
        f"{file} says no saturation, and many pixels hold exactly {counts:g}, its largest number, as a detector at its "
        f"limit makes them; if so, give data.saturation_counts = {counts:g}"
    )


def _said(key: Any, header: Any) -> Any:
    """The value of a key, or of the file where the key is not given."""
    return header if key is None else key


def _check_alike(experiments: list[Experiment], settings: FitSettings) -> None:
    # each has its own number of spots
    bare = [with_rooms(experiment, [None] * len(experiment.crystals)) for experiment in experiments]
    first = jax.tree.map(jnp.shape, bare[0]), jax.tree.structure(bare[0])
    for number, experiment in enumerate(bare):
        if (jax.tree.map(jnp.shape, experiment), jax.tree.structure(experiment)) != first:
            name = settings.configs[number]
            problem = f"{name} differs from {settings.configs[0]} in more than numbers (counts, shapes, choices)"
            raise ConfigError([Fault("configs", f"{problem}; make them alike, or fit them apart")])


def _used(
    settings: FitSettings,
    experiments: list[Experiment],
    images: list[np.ndarray],
    panels: Sequence[RecordedPanel],
    report: Callable[[str], None],
) -> list[np.ndarray]:
    data, size = settings.data, experiments[0].grid.shape
    mask = np.ones(size, bool)
    if data.mask_file is not None:
        mask = read_mask(data.mask_file) if len(size) == 2 else panel_mask(data.mask_file, panels)
        if mask.shape != size:
            raise ConfigError([Fault("data.mask_file", f"{other_size(mask.shape, size)}; give a mask of its size")])
    found = []
    predicted: dict[int, np.ndarray] = {}
    for number, (experiment, image) in enumerate(zip(experiments, images, strict=True)):
        if image.shape != size:
            raise ConfigError(
                [Fault("data.files", f"image {number} {other_size(image.shape, size)}; give data of the model's size")]
            )
        shown = mask & ~np.isnan(image)
        if data.region == "boxes":
            report(f"predicting spots of shot {number + 1}")
            if id(experiment) not in predicted:
                rough = broadened(experiment, jnp.asarray(data.box_broaden))
                predicted[id(experiment)] = boxes(rough, data.box_half_width_px, data.box_threshold, data.box_most)
            shown = shown & predicted[id(experiment)]
        found.append(shown)
    return found


def _loss(settings: LossSettings, how: Recording) -> Loss:
    match settings.kind or ("recorded" if how.stages else "poisson"):
        case "poisson":
            return Poisson()
        case "recorded":
            if not how.stages:
                raise ConfigError([Fault("loss.kind", 'got "recorded", and the configuration has no record; give one')])
            return recorded_loss(how)
        case "poisson_gaussian":
            return PoissonGaussian(settings.sigma_photons)
        case "gaussian":
            return Gaussian(settings.sigma_photons)
    return Robust(settings.freedom, settings.sigma_photons)


def _stage(settings: StageSettings) -> Stage:
    return Stage(
        parameters=settings.parameters,
        without=settings.without,
        restart=settings.restart,
        broaden=settings.broaden,
        optimiser=_optimiser(settings),
        steps=settings.steps,
        tolerance=settings.tolerance,
        name=settings.name,
    )


def _optimiser(settings: StageSettings) -> Optimiser:
    match settings.optimiser:
        case "scoring":
            return Scoring()
        case "adam":
            rate = settings.learning_rate
            if settings.schedule == "cosine":
                rate = optax.cosine_decay_schedule(settings.learning_rate, settings.steps)
            return Descent(optax.adam(rate))
        case "lbfgs":
            return Descent(optax.lbfgs())
        case "levenberg_marquardt" | "gauss_newton" | "dogleg" as method:
            return LeastSquares(method)
