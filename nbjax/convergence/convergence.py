"""A configuration and the counts that it needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from nbjax.advice.blank import why_blank
from nbjax.config.edit import with_values
from nbjax.config.tree import Config
from nbjax.convergence.change import Change, PixelList, change
from nbjax.convergence.choice import choose_pixels
from nbjax.convergence.dimension import Counts, Dimension, dimensions_of, values_of
from nbjax.convergence.search import MOST_EFFORT, Found, Result, Search, Trial
from nbjax.errors import ConfigError, Fault
from nbjax.experiment import Experiment, chosen, shown_pixels
from nbjax.pipeline.cost import cost_of
from nbjax.pipeline.image import simulate_pixels
from nbjax.pipeline.render import render
from nbjax.preparation import prepare_resolved
from nbjax.resolve import Resolved, resolve

SURVEY_S = 5.0
"""What the image that spots are looked for in may take."""
TRIAL_S = 10.0
"""What the pixels of one trial may take, unless another time is given."""
_LEAST_SURVEYED = 16
"""Samples of each average that is no subpixel, as far as time allows: spots of fewer may be missed."""
_KEPT = 4


@dataclass(frozen=True)
class Convergence:
    """What a configuration needs.

    Attributes:
        error: that is wanted.
        dimensions: what is sampled.
        pixels: that were compared.
        trials: in their order.
        found: the counts.
        given: the error of the configuration's own counts; None where it would take too long to tell.
        given_s, needed_s: seconds that an image takes by the configuration's counts, and by those that were found.
    """

    error: float
    dimensions: tuple[Dimension, ...]
    pixels: PixelList
    trials: tuple[Trial, ...]
    found: Found
    given: Change | None
    given_s: float
    needed_s: float

    @property
    def values(self) -> dict[str, Any]:
        """Configuration key -> value of the counts that were found; None: to be left out."""
        return values_of(self.dimensions, self.found.counts)


@dataclass
class Sampled:
    """The crystals of a configuration by any counts, without background.

    Attributes:
        config: the configuration.
        dimensions: of the counts.
    """

    config: Config
    dimensions: tuple[Dimension, ...]
    _experiments: dict[tuple[int, ...], Experiment] = field(default_factory=dict)
    _results: dict[tuple[int, ...], Result] = field(default_factory=dict)
    _seconds: dict[tuple[int, ...], float] = field(default_factory=dict)

    def experiment(self, counts: Counts) -> Experiment:
        """By some counts; the last few are remembered, because their cost is asked for before their result."""
        key = self._key(counts)
        if key not in self._experiments:
            resolved = resolve(with_values(self.config, values_of(self.dimensions, counts)))
            while len(self._experiments) >= _KEPT:
                del self._experiments[next(iter(self._experiments))]
            self._experiments[key] = chosen(prepare_resolved(resolved), backgrounds=())
        return self._experiments[key]

    def seconds(self, counts: Counts) -> float:
        """Of an image by some counts, compilation apart."""
        key = self._key(counts)
        if key not in self._seconds:
            self._seconds[key] = cost_of(self.experiment(counts)).seconds
        return self._seconds[key]

    def result(self, pixels: PixelList, counts: Counts) -> Result:
        """Photons of the pixels, remembered."""
        key = self._key(counts)
        if key not in self._results:
            self._results[key] = np.asarray(simulate_pixels(self.experiment(counts), pixels.at), float)
        return self._results[key]

    def _key(self, counts: Counts) -> tuple[int, ...]:
        return tuple(counts[one.name] for one in self.dimensions)


def converge(
    config: Config,
    error: float,
    trial_s: float = TRIAL_S,
    tell: Callable[[Trial], None] = lambda trial: None,
    advance: Callable[[int, int], None] | None = None,
) -> Convergence:
    """The counts that a configuration needs for an error. 64-bit floats must be on.

    Args:
        config: the configuration.
        error: largest relative change of a pixel (in parts of the brightest), of a spot and of the total.
        trial_s: seconds that the finest result of a trial may take.
        tell: called with every trial.
        advance: called with (pixels done, pixels in all) of the image in which spots are looked for.

    Raises:
        ConfigError: the configuration is at fault, or its crystal samples nothing or scatters no photon into the
            image.
    """
    if config.crystals:
        problem = f"got {len(config.crystals)}, one is wanted; ask for each alone, under [crystal]"
        raise ConfigError([Fault("crystals", problem)])
    if config.crystal.model != "sampled":
        problem = f'got "{config.crystal.model}", which samples no average of the crystal; give "sampled"'
        raise ConfigError([Fault("crystal.model", problem)])
    resolved = resolve(config)
    dimensions = dimensions_of(config, resolved)
    sampled = Sampled(config, dimensions)
    given = {one.name: one.given for one in dimensions}
    pixels = _pixels(resolved, sampled, advance)
    share = len(pixels.at) / max(1, cost_of(sampled.experiment(given)).counts["pixels"])
    trials: list[Trial] = []

    def keep(trial: Trial) -> None:
        trials.append(trial)
        tell(trial)

    def effort(counts: Counts) -> float:
        return sampled.seconds(counts) * share / trial_s

    def differ(coarse: Result, fine: Result) -> Change:
        return change(pixels, coarse, fine)

    found = Search(dimensions, partial(sampled.result, pixels), differ, effort, error, keep).run()
    cheap = effort(given) < MOST_EFFORT
    return Convergence(
        error=error,
        dimensions=dimensions,
        pixels=pixels,
        trials=tuple(trials),
        found=found,
        given=differ(sampled.result(pixels, given), found.finest) if cheap else None,
        given_s=sampled.seconds(given),
        needed_s=sampled.seconds(found.counts),
    )


def _pixels(resolved: Resolved, sampled: Sampled, advance: Callable[[int, int], None] | None) -> PixelList:
    """The pixels of spots that an image of few samples shows."""
    experiment = sampled.experiment(_surveyed(sampled))
    image = render(experiment, advance)
    if not image.any():
        why = why_blank(resolved).removeprefix("every pixel is zero: ")
        raise ConfigError([Fault("crystal", f"scatters no photon into the image, and nothing can converge: {why}")])
    return choose_pixels(image, shown_pixels(experiment))


def _surveyed(sampled: Sampled) -> Mapping[str, int]:
    """Counts of an image in which spots are looked for."""
    counts = {
        one.name: one.given if one.key == "sampling.oversample" else max(one.given, _LEAST_SURVEYED)
        for one in sampled.dimensions
    }
    while sampled.seconds(counts) > SURVEY_S and max(counts.values()) > 2:
        most = max(sampled.dimensions, key=lambda one: counts[one.name] * (one.cost // 2))
        counts[most.name] = max(1, counts[most.name] // 2)
    return counts
