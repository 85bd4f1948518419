"""Labels of an experiment that was made in Python: what each pixel and each spot of its image shows."""

from __future__ import annotations

import jax
import numpy as np

from nbjax.dataset.images import Photons
from nbjax.dataset.labels import labels_of
from nbjax.dataset.plan import ImagePlan
from nbjax.dataset.section import Labels
from nbjax.dataset.truth import lattices_of
from nbjax.errors import StructureError
from nbjax.experiment import Experiment, chosen
from nbjax.pipeline.image import simulate

_ALL = Labels(noise_free=True, spots=True, miller_index=True, lattice=True, background=True)


def describe(experiment: Experiment) -> dict[str, np.ndarray]:
    """Every label of an experiment's image; each of its crystals is a lattice.

    Args:
        experiment: from ``nbjax.prepare``, with any number of crystals but none.

    Returns:
        The names and arrays of a dataset's labels (``lattice``, ``miller_index``, ``background``, ``noise_free`` and
        the columns of the table of spots, ``spots.intensity`` and so on; lattices count from 1), and
        ``a_matrix``, ``unit_cell_lengths``, ``unit_cell_angles`` and ``misset`` with a first axis of lattices. The
        laboratory is that of nbjax.

    Raises:
        StructureError: the experiment has no crystal.
    """
    if not experiment.crystals:
        raise StructureError("labels tell of crystals, and the experiment has none; its image is its background")
    # all lattices sit in the same background, which the first brings along
    lattices = tuple(chosen(experiment, (i,), () if i else None) for i in range(len(experiment.crystals)))
    with jax.enable_x64(True):
        parts = np.stack([np.asarray(simulate(lattice)) for lattice in lattices])
        photons = Photons(ImagePlan(0, (), {}, len(lattices)), lattices, parts, parts.sum(0))
        maps, spots = labels_of(lambda seen: np.asarray(simulate(chosen(seen.experiments[0], ()))), photons, _ALL)
    fields = {**lattices_of(lattices, np.eye(3)), **maps, **{f"spots.{name}": field for name, field in spots.items()}}
    return {name: np.asarray(field.values) for name, field in fields.items() if name != "spots.image"}
