"""What backgrounds scatter in the light that they see."""

from __future__ import annotations

from dataclasses import replace

import jax.numpy as jnp
from jax import Array

from nbjax.experiment import BeamParameters, Experiment
from nbjax.numerics import Components, components, dot
from nbjax.physics.backgrounds.amorphous import Amorphous
from nbjax.physics.backgrounds.background import Background, Extended, InPhotons, Seen, Sight, Term, Varied
from nbjax.physics.backgrounds.water import Water
from nbjax.physics.beam_profiles import BEAM_PROFILES
from nbjax.pipeline.sample import RaySample, ray_view, sample_ray
from nbjax.pipeline.scene import RayTable, Scene
from nbjax.pipeline.screens import way_to
from nbjax.pipeline.view import Pixels, View
from nbjax.sampling.subpixels import layer_fractions


def is_constant(term: Term) -> bool:
    """Whether a background needs nothing of a ray, so that the sum over all of them costs no more than one."""
    return isinstance(term, Water)


def constant_at(experiment: Experiment, q_per_m: Components) -> Array:
    """What the constant backgrounds scatter, in electrons squared at the fluence of the beam's centre."""
    terms = [term for term in experiment.backgrounds if isinstance(term, Water)]
    first, *others = (_lit(experiment.beam, term, term.electrons_squared(q_per_m)) for term in terms)
    return sum(others, first)


def mean_sample(experiment: Experiment, scene: Scene, pixels: Pixels) -> RaySample:
    """The middles of pixels in the light of the mean ray, captured by a mean layer of the sensor.

    What is smooth over a pixel and over the sources is there as its mean over all rays, but for the second order of
    their spread.
    """
    layers = experiment.detector.panels.layers
    whole = replace(scene, layer_thickness_m=scene.layer_thickness_m * layers, low=None)
    ray = _mean_ray(scene.rays)
    if experiment.detector.panels.layers > 1:
        ray = replace(ray, depth=_mean_depth(experiment, scene, ray_view(experiment, scene, pixels, ray)))
    sample = sample_ray(experiment, whole, pixels, ray)
    return replace(sample, capture=sample.capture / layers)


def backgrounds_seen(experiment: Experiment, scene: Scene, pixels: Pixels, sample: RaySample) -> list[Array]:
    """What each background that is not constant scatters towards the mean ray's points, summed over the layers."""
    ray = _mean_ray(scene.rays)
    sight = Sight(
        q_per_m=sample.scattering_per_m,
        incident=components(ray.incident),
        wavelength_m=ray.wavelength_m,
        polarization=sample.polarization,
        number=pixels.number,
    )
    layers = experiment.detector.panels.layers
    factors = scene.photons_per_sr_per_electron * sample.capture * sample.polarization * sample.solid_angle_sr

    def varied(term: Term, found: Array) -> Array:
        if not isinstance(term, Varied) or term.variation is None:
            return found
        return found * jnp.maximum(term.variation.transmission(way_to(experiment.beam, sample.view)), 0.0)

    def seen(term: Term) -> Array:
        if not isinstance(term, InPhotons):
            return layers * _lit(experiment.beam, term, _scattered(term, sight))
        # the pixel is multiplied by its factors later; one that catches nothing stays dark
        return jnp.where(factors > 0, term.photons(sight) / jnp.where(factors > 0, factors, 1.0), 0.0)

    return [varied(term, seen(term)) for term in experiment.backgrounds if not is_constant(term)]


def scattered_by_angle(experiment: Experiment, scene: Scene, stol_per_m: Array) -> Array:
    """What amorphous backgrounds scatter in the light of the mean ray by the angle alone: at a polarization of one.

    Args:
        experiment, scene: as for ``backgrounds_seen``.
        stol_per_m: sin(theta) / wavelength.
    """
    ray, nothing = _mean_ray(scene.rays), jnp.zeros_like(stol_per_m)
    sight = Sight(
        q_per_m=(2 * stol_per_m, nothing, nothing),
        incident=components(ray.incident),
        wavelength_m=ray.wavelength_m,
        polarization=jnp.ones_like(stol_per_m),
        number=nothing.astype(jnp.int32),
    )
    terms = [term for term in experiment.backgrounds if isinstance(term, Amorphous)]
    found = (_lit(experiment.beam, term, _scattered(term, sight)) for term in terms)
    return experiment.detector.panels.layers * sum(found, nothing)


def _scattered(term: Background, sight: Sight) -> Array:
    found = term.electrons_squared_at(sight) if isinstance(term, Seen) else term.electrons_squared(sight.q_per_m)
    return jnp.broadcast_to(found, sight.polarization.shape)


def _mean_depth(experiment: Experiment, scene: Scene, view: View) -> Array:
    """Mean depth of the layers, as a fraction of the thickness, by what each captures."""
    panel = experiment.detector.panels
    cosine = dot(view.diffracted, scene.panel.normal_at(view.diffracted))
    per_layer = scene.layer_thickness_m * panel.attenuation_per_m / jnp.where(cosine > 0, cosine, 1.0)
    total, reached = jnp.zeros_like(per_layer), jnp.zeros_like(per_layer)
    for number, depth in enumerate(layer_fractions(panel.layers)):
        share = jnp.exp(-number * per_layer)
        total, reached = total + share, reached + depth * share
    return reached / total


def _mean_ray(rays: RayTable) -> RayTable:
    """The middle of the pixel and of the sensor, in the weighted mean of the sources' directions and wavelengths."""
    share = rays.weight / rays.weight.sum()
    middle = share @ rays.incident
    half = jnp.full_like(share[0], 0.5)
    return RayTable(
        number=rays.number[0],
        layer=jnp.zeros_like(half),
        depth=half,
        slow_offset=half,
        fast_offset=half,
        incident=middle / jnp.sqrt(jnp.sum(middle * middle)),
        wavelength_m=share @ rays.wavelength_m,
        weight=jnp.ones_like(half),
    )


def _lit(beam: BeamParameters, term: Background, scattered: Array) -> Array:
    """One background, at the mean fluence over the square that it says to cover, or at that of the centre."""
    if beam.profile is None or beam.size_m is None or not isinstance(term, Extended) or term.edge_m is None:
        return scattered
    return scattered * BEAM_PROFILES[beam.profile].over_square(term.edge_m, beam.size_m)
