"""Endless images and labels of a recipe, made while a network learns from them; no files."""

from __future__ import annotations

import itertools
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
from jax import Array

from nbjax.dataset.batch import Batch, default_workers
from nbjax.dataset.check import check_draws
from nbjax.dataset.load import Recipe, load_recipe
from nbjax.dataset.run import Share, made_ahead
from nbjax.dataset.shard import Field, Frame
from nbjax.errors import UsageError

_LEFT_OUT = {"sha256", "image"}
"""Fields of the truth that belong to files, and the number, which is named apart."""


def generate(
    recipe: Recipe | str | Path,
    batch_size: int,
    *,
    host: int = 0,
    hosts: int = 1,
    first_batch: int = 0,
    seed: int | None = None,
    most_spots: int = 512,
    workers: int | None = None,
    sharding: jax.sharding.Sharding | None = None,
) -> Generator[dict[str, Array], None, None]:
    """Batches of images on the device, with the labels of a dataset of the same recipe, without end.

    Batch k of host h holds the images from (k hosts + h) batch_size on, each the one that ``nbjax batch`` writes with
    that number. They are made by threads while the caller works on earlier ones.

    Args:
        recipe: file of a recipe, or from ``nbjax.dataset.load.load_recipe``.
        batch_size: images of a batch of this host.
        host, hosts: which of how many processes this is; each gets images of its own.
        first_batch: batch of this host to begin with, to go on where training was interrupted.
        seed: of the draws, instead of the recipe's; images of another seed are others, as for validation.
        most_spots: rows of the table of spots of each image: the brightest, then rows of zeros.
        workers: threads that make images; None: as ``nbjax batch`` takes.
        sharding: how batches lie on the devices of all hosts; None: on JAX's default device.

    Yields:
        Name -> array with a first axis of images: ``pixels``, ``image`` (numbers), the fields of the truth, the maps of
        labels, and ``spots.intensity`` and so on of shape (batch_size, most_spots, ...), with ``spots.present`` for the
        rows that are spots.

    Raises:
        UsageError: an impossible argument.
        ConfigError: everything that is wrong with the recipe, a draw that changes nothing, or one that may give an
            image impossible numbers.
        FileError: a file that cannot be read, or that has no line for an image.
    """
    for name, value, least in (
        ("batch_size", batch_size, 1),
        ("hosts", hosts, 1),
        ("host", host, 0),
        ("first_batch", first_batch, 0),
        ("seed", seed or 0, 0),
        ("most_spots", most_spots, 1),
        ("workers", default_workers() if workers is None else workers, 1),
    ):
        if value < least:
            raise UsageError(f"{name}: got {value}, must be at least {least}")
    if host >= hosts:
        raise UsageError(f"host: got {host} of {hosts}, must be less; hosts are counted from 0")
    made = load_recipe(recipe) if isinstance(recipe, str | Path) else recipe
    if seed is not None:
        made = replace(made, dataset=replace(made.dataset, seed=seed))
    batch = Batch(made, Share(Path(), "endless", 1, 1), workers or default_workers())
    check_draws(batch.simulator, None)
    numbers = (
        number
        for k in itertools.count(first_batch)
        for number in range((k * hosts + host) * batch_size, (k * hosts + host + 1) * batch_size)
    )
    return _batches(batch, numbers, batch_size, most_spots, sharding)


def _batches(
    batch: Batch, numbers: Iterator[int], size: int, most_spots: int, sharding: jax.sharding.Sharding | None
) -> Generator[dict[str, Array], None, None]:
    frames = made_ahead(batch.frame, numbers, batch.workers)
    try:
        while True:
            arrays = _stacked(list(itertools.islice(frames, size)), most_spots)
            if sharding is None:
                yield jax.device_put(arrays)
            else:
                yield {
                    name: jax.make_array_from_process_local_data(sharding, values) for name, values in arrays.items()
                }
    finally:
        frames.close()


def _stacked(frames: Sequence[Frame], most_spots: int) -> dict[str, np.ndarray]:
    found = {
        "pixels": np.stack([frame.pixels for frame in frames]),
        "image": np.array([frame.number for frame in frames]),
    }
    for name in frames[0].truth.keys() - _LEFT_OUT:
        found[name] = np.stack([np.asarray(frame.truth[name].values) for frame in frames])
    for name in frames[0].maps:
        found[name] = np.stack([frame.maps[name].values for frame in frames])
    if frames[0].spots:
        tables = [_brightest(frame.spots, most_spots) for frame in frames]
        found |= {f"spots.{name}": np.stack([table[name] for table in tables]) for name in tables[0]}
    return found


def _brightest(spots: Mapping[str, Field], most: int) -> dict[str, np.ndarray]:
    """A table of one length: the brightest spots, then zeros."""
    order = np.argsort(-spots["intensity"].values, kind="stable")[:most]
    table = {"present": np.arange(most) < len(order)}
    for name, field in spots.items():
        if name != "image":
            values = field.values[order]
            table[name] = np.concatenate([values, np.zeros((most - len(order), *values.shape[1:]), values.dtype)])
    return table
