"""From a configuration to files: check, resolve, prepare, render, write."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

import jax
import numpy as np

from nbjax.advice.blank import why_blank
from nbjax.advice.cost import cost_lines
from nbjax.cli.interruption import interruptible
from nbjax.cli.outputs import check_formats, check_outputs, has_list, output_departures, write_outputs
from nbjax.cli.progress import progress_bar
from nbjax.cli.said import say_resolved
from nbjax.config.tree import Config
from nbjax.experiment import Experiment
from nbjax.pipeline.cost import cost_of
from nbjax.pipeline.render import render
from nbjax.preparation import prepare_resolved
from nbjax.reference.departures import departures
from nbjax.resolve import Resolved, resolve


def render_to_files(
    config: Config,
    sources: Mapping[str, str],
    progress: bool,
    option_entries: tuple[str, ...] = (),
    check: Callable[[Resolved], None] = lambda resolved: None,
    reword: Callable[[str], str] = str,
    annotate: bool = False,
) -> np.ndarray:
    """Render a configuration and write its output files.

    Args:
        config: the configuration; its output names are used as they are.
        sources: where each given key came from.
        progress: whether a progress bar may be shown.
        option_entries: ledger entries that the reading of the option line brings into play.
        check: called before the work begins; may refuse it with an error.
        reword: turns a warning about configuration keys into the user's own terms.
        annotate: whether the picture has axes, scale and rings.

    Returns:
        Photons, of the shape of ``simulate``.
    """
    crystal = config.crystal
    check_outputs(config.output, [crystal.dump_file] if crystal.dump_file and has_list(crystal) else [])
    with jax.enable_x64(True):
        resolved = resolve(config, sources)
        check(resolved)
        check_formats(resolved)
        say_resolved(resolved, reword)
        experiment = prepare_resolved(resolved)
        names = departures(resolved, experiment, (*option_entries, *output_departures(resolved)))
        if names:
            print(
                f"nbjax: the C program differs here: {', '.join(names)} (reproduce it with parity {','.join(names)})",
                file=sys.stderr,
            )
        for line in cost_lines(resolved, cost_of(experiment)):
            print(f"nbjax: {reword(line)}", file=sys.stderr)
        with progress_bar("simulate", progress) as advance:
            image = interruptible(lambda: _rendered(experiment, advance))
        if not image.any():
            print(f"nbjax: warning: {reword(why_blank(resolved))}", file=sys.stderr)
        lines = write_outputs(resolved, image, progress, annotate)
    axes = ("slow", "fast") if image.ndim == 2 else ("panel", "slow", "fast")
    brightest = np.unravel_index(int(image.argmax()), image.shape)
    print(
        f"{' x '.join(map(str, image.shape))} pixels ({' x '.join(axes)}), mean {image.mean():.6g}, maximum "
        f"{image.max():.6g} photons at {', '.join(f'{axis} {i}' for axis, i in zip(axes, brightest, strict=True))}"
    )
    for line in lines:
        print(f"wrote {line}")
    return image


def _rendered(experiment: Experiment, advance: Callable[[int, int], None]) -> np.ndarray:
    with jax.enable_x64(True):
        return render(experiment, advance)
