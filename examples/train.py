"""Train a network on a dataset: the distance of the detector from an image of the crystal's spots.

Make the images, then train on them (the loader is Google's Grain: ``pip install grain``):

    nbjax batch examples/stills.toml --images 2000 --out stills
    python examples/train.py stills/stills_master.h5
"""

from __future__ import annotations

import sys
from typing import Any

import grain
import jax
import jax.numpy as jnp
import numpy as np
import optax

import nbjax.dataset

BATCH, EPOCHS, HIDDEN = 50, 10, 128
MIDDLE_MM, SPREAD_MM = 100.0, 20.0


def example_of(item: tuple[np.ndarray, dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """What the network sees, and what it is to say."""
    pixels, truth = item
    distance = (truth["drawn.detector.distance_mm"] - MIDDLE_MM) / SPREAD_MM
    return {"image": np.log1p(pixels, dtype=np.float32).ravel() / 10, "distance": distance.astype(np.float32)}


def batches(path: str, first: int, end: int, epochs: int) -> grain.IterDataset:
    """Shuffled batches of a part of the dataset, read by threads while the network learns."""
    images = grain.MapDataset.source(nbjax.dataset.open(path))[first:end]
    return images.map(example_of).shuffle(seed=1).repeat(epochs).batch(BATCH, drop_remainder=True).to_iter_dataset()


def predict(weights: list[tuple[jax.Array, jax.Array]], images: jax.Array) -> jax.Array:
    """Distance, in units of the spread, of each image; shape (batch,)."""
    values = images
    for matrix, offset in weights[:-1]:
        values = jax.nn.relu(values @ matrix + offset)
    return (values @ weights[-1][0] + weights[-1][1])[:, 0]


def loss(weights: Any, batch: dict[str, jax.Array]) -> jax.Array:
    """Mean squared error."""
    return jnp.mean((predict(weights, batch["image"]) - batch["distance"]) ** 2)


def main(path: str) -> None:
    images = nbjax.dataset.open(path)
    train = len(images) * 9 // 10
    sizes = [images[0][0].size, HIDDEN, HIDDEN, 1]
    keys = jax.random.split(jax.random.key(0), len(sizes))
    weights = [
        (jax.random.normal(key, (here, there)) * np.sqrt(2 / here), jnp.zeros(there))
        for key, here, there in zip(keys, sizes, sizes[1:], strict=False)
    ]
    optimizer = optax.adam(1e-3)
    state = optimizer.init(weights)

    @jax.jit
    def step(weights: Any, state: Any, batch: dict[str, jax.Array]) -> tuple[Any, Any, jax.Array]:
        value, slope = jax.value_and_grad(loss)(weights, batch)
        change, state = optimizer.update(slope, state)
        return optax.apply_updates(weights, change), state, value

    for number, batch in enumerate(batches(path, 0, train, EPOCHS)):
        weights, state, value = step(weights, state, batch)
        if number % (train // BATCH) == 0:
            print(f"epoch {number // (train // BATCH) + 1}: error {SPREAD_MM * float(value) ** 0.5:.2f} mm")
    left = [float(loss(weights, batch)) for batch in batches(path, train, len(images), 1)]
    print(f"on images that it has not seen: {SPREAD_MM * np.mean(left) ** 0.5:.2f} mm")


if __name__ == "__main__":
    main(sys.argv[1])
