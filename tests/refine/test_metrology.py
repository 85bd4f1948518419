"""Panels that are off are found again from the spots of a crystal that is free too."""

from __future__ import annotations

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from panels import experiment

from nbjax.experiment import Experiment
from nbjax.geometry.unit_cell import direct_vectors_m
from nbjax.refine.elimination import shared_step
from nbjax.refine.metrology import body_motions, part_of, without_body
from nbjax.refine.model import Shot, box_photons, features_of, spots_of
from nbjax.refine.motions import moved, movers_of
from nbjax.refine.parameters import COUNT, Start, freed, tie_of
from nbjax.refine.settings import Priors, prior_sigmas
from nbjax.refine.shot import Noise
from nbjax.refine.stages import Look

SIZE = 11
SIGMA = np.tile([2e-4] * 3 + [3e-3] * 3, 2)
TRUE = np.array([[1.2e-4, -0.8e-4, 0, 0, 0, 1e-3], [-0.9e-4, 1e-4, 0, 0, 0, -1e-3]])
WIDTH_PX, LENGTH_PX, GAP_PX, DISTANCE_PX = 80, 160, 4, 300


def spots_on_panels(pair: Experiment) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Indices of reflections near the Ewald sphere whose rays meet a panel, their panels, and where, in pixels."""
    hkl = np.stack(np.meshgrid(*[np.arange(-30, 31)] * 3, indexing="ij"), -1).reshape(-1, 3)
    stars = np.linalg.inv(np.asarray(direct_vectors_m(pair.crystal.cell))).T
    leaving = np.asarray(pair.beam.direction) / float(pair.beam.wavelength_m) + hkl @ stars
    near = np.abs(np.linalg.norm(leaving, axis=1) * float(pair.beam.wavelength_m) - 1) < 5e-4
    hkl, leaving = hkl[near & hkl.any(1)], leaving[near & hkl.any(1)]
    # fast runs along x and slow along y of the geometry, whose laboratory is that of the pair
    x, y = (DISTANCE_PX * leaving[:, axis] / leaving[:, 2] for axis in (0, 1))
    right = (x > 0).astype(int)
    centre = np.stack([x + np.where(right, -2, WIDTH_PX + 2), y + LENGTH_PX / 2], 1)
    inside = ((centre > SIZE) & (centre < np.array([WIDTH_PX, LENGTH_PX]) - SIZE)).all(1)
    return hkl[inside].astype(float), right[inside], centre[inside]


def test_panels_are_found_against_each_other(tmp_path: Path) -> None:
    pair = experiment(tmp_path)
    cell, tie = pair.crystal.cell, tie_of("tetragonal")
    start = Start(pair.beam.wavelength_m, cell.lengths_m, cell.angles_rad, cell.misset @ cell.orientation, tie)
    start = jax.tree.map(jnp.asarray, start)
    movers = movers_of(pair, ["panels[*]"])
    hkl, panel, centre = spots_on_panels(pair)
    assert len(hkl) > 30
    assert set(panel.tolist()) == {0, 1}
    corner = np.floor(centre).astype(int) - SIZE // 2
    empty = jnp.zeros((len(hkl), SIZE, SIZE))
    shot = Shot(start, *map(jnp.asarray, (hkl, panel.astype(np.int32), corner)), empty, empty + 1, empty)

    @jax.jit
    def seen(motions: jax.Array) -> jax.Array:
        spots = spots_of(moved(pair, movers, motions), shot, jnp.zeros(COUNT))
        features = features_of(spots, shot.corner.astype(float), SIZE)
        return jax.vmap(lambda feature: box_photons(feature, SIZE)[0])(features)

    data = seen(jnp.asarray(TRUE))
    assert float(data.sum((1, 2)).min()) > 10
    shot = Shot(start, shot.hkl, shot.panel, shot.corner, data + 2.0, shot.valid, empty)
    look = Look(jnp.asarray(freed(("scale", "orientation", "cell"), tie)), jnp.asarray(1.0), jnp.asarray(0.1))
    noise = Noise(jnp.asarray(0.0), jnp.asarray(0.0), jnp.asarray(0.0))
    motions, departure, prior = np.zeros(12), jnp.zeros(COUNT), jnp.asarray(prior_sigmas(Priors()))
    for _ in range(4):
        part = part_of(pair, shot, noise, prior, look, movers, jnp.asarray(motions.reshape(2, 6)), departure)
        step, _ = shared_step(part.reduced, motions, SIGMA)
        motions, departure = motions + step, part.departure
    against = without_body(movers, SIGMA)
    before, after = (against @ (TRUE.reshape(-1) - value) for value in (np.zeros(12), motions))
    shifts = [0, 1, 6, 7]
    assert np.abs(before[shifts]).max() > 5e-5
    assert np.abs(after[shifts]).max() < 2e-6
    assert part.spots.tolist() == [(panel == number).sum() for number in (0, 1)]
    assert float(part.misfit / part.pixels) < 1e-3


def test_what_all_panels_do_as_one_body_is_taken_away(tmp_path: Path) -> None:
    movers = movers_of(experiment(tmp_path), ["panels[*]"])
    against = without_body(movers, SIGMA)
    body = body_motions(np.asarray(movers.centre_m))
    np.testing.assert_allclose(against @ body @ np.array([1e-4, 0, 2e-4, 1e-3, 0, 2e-3]), 0, atol=1e-15)
    np.testing.assert_allclose(against @ against, against, atol=1e-9)
    assert np.linalg.matrix_rank(against, tol=1e-6) == 6
