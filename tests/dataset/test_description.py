"""Labels of an experiment of several crystals: each is a lattice."""

from __future__ import annotations

from dataclasses import replace

import jax
import numpy as np
import pytest
from cases import small_config
from datasets import full_recipe

import nbjax
from nbjax.dataset.images import Simulator
from nbjax.dataset.plan import Plan
from nbjax.errors import StructureError
from nbjax.experiment import chosen, in_double


def test_every_pixel_and_spot_names_its_lattice() -> None:
    fluence = {"fluence_photons_per_m2": 1e24}
    first = nbjax.prepare(small_config(beam=fluence, crystal={"water_um": 0.5}))
    second = nbjax.prepare(small_config(beam=fluence, crystal={"misset_deg": (3.0, 40.0, 1.0)}))
    both = replace(first, crystals=(*first.crystals, *second.crystals))
    found = nbjax.dataset.describe(both)
    water = nbjax.simulate(chosen(both, ()))
    np.testing.assert_allclose(found["background"], water, rtol=1e-6)
    np.testing.assert_allclose(found["noise_free"], nbjax.simulate(both), rtol=1e-5)
    images = [np.asarray(nbjax.simulate(chosen(both, (i,), ()))) for i in range(2)]
    clear = np.abs(images[0] - images[1]) > 1e-4 * np.asarray(water)
    wanted = 1 + np.argmax(images, axis=0)
    assert (found["lattice"] == wanted)[clear].all()
    assert {1, 2} == set(found["lattice"][clear].tolist())
    # the pixel's ray and the A matrix of its lattice give its index
    for lattice, other in (
        (1, nbjax.dataset.describe(chosen(both, (0,)))),
        (2, nbjax.dataset.describe(chosen(both, (1,)))),
    ):
        np.testing.assert_allclose(found["a_matrix"][lattice - 1], other["a_matrix"][0], rtol=1e-12)
        here = clear & (wanted == lattice)
        np.testing.assert_array_equal(found["miller_index"][here], other["miller_index"][here])
        rows, own = found["spots.lattice"] == lattice, other["spots.intensity"]
        bright = own > 1e-3 * own.max()
        np.testing.assert_allclose(found["spots.intensity"][rows][bright], own[bright], rtol=1e-4)
    assert found["misset"][1] == pytest.approx([3.0, 40.0, 1.0])
    with pytest.raises(StructureError, match="the experiment has none"):
        nbjax.dataset.describe(chosen(both, ()))


def test_a_batch_of_several_crystals_is_mapped_and_described_one_by_one() -> None:
    start = nbjax.prepare(small_config(beam={"fluence_photons_per_m2": 1e24}))
    turned = nbjax.put(start.crystal, "cell.misset_rad", np.radians([3.0, 40.0, 1.0]))
    images = [replace(start, crystals=(start.crystal, turned)), replace(start, crystals=(turned, start.crystal))]
    batch = jax.vmap(nbjax.simulate)(nbjax.stack(images))
    # between spots a pixel is the small difference of large terms, and rounding is that of the brightest pixel
    rounding = 1e-15 * float(batch.max())
    np.testing.assert_allclose(batch[0], nbjax.simulate(images[0]), rtol=1e-12, atol=rounding)
    np.testing.assert_allclose(batch[1], batch[0], rtol=1e-12, atol=rounding)
    labels = [nbjax.dataset.describe(image)["lattice"] for image in images]
    assert (labels[0] + labels[1])[labels[0] > 0].tolist() == [3] * int((labels[0] > 0).sum())


def test_lattices_of_a_dataset_in_single_precision_have_the_structure_of_its_configuration() -> None:
    """Their low parts too; in double they are those of a dataset in double."""
    recipe = full_recipe()
    single = replace(recipe, config=replace(recipe.config, precision="single"))
    found, wanted = (Simulator(Plan(each)) for each in (single, recipe))
    configs = found.plan.image(3).lattices
    experiment = found._experiment(configs[1], 3, 1)
    assert jax.tree.structure(experiment) == jax.tree.structure(found.base)
    exact = wanted._experiment(wanted.plan.image(3).lattices[1], 3, 1)
    for a, b in zip(jax.tree.leaves(in_double(experiment)), jax.tree.leaves(exact), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-14 if a.dtype == np.float64 else 1e-6)
    assert in_double(exact) is exact
