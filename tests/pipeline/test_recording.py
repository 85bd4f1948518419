"""Stages of pixels: equal to the image, to the C program's traces, and without cost when not asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import CASES, GOLDEN, INPUTS, golden_traces, option_line, small_config

from nbjax import prepare, simulate, simulate_pixels, trace
from nbjax.cli.nanobragg import read_options
from nbjax.experiment import Experiment
from nbjax.numerics import components
from nbjax.physics.polarization import polarization_factor
from nbjax.stages import Stages
from nbjax.tracing.compare import compare
from nbjax.tracing.factors import trace_document
from nbjax.tracing.files import read_trace

CONFIGS = {
    "plain": small_config(),
    "sources": small_config(
        beam={"polarization": 0.6, "divergence_horizontal_mrad": 3.0, "dispersion_percent": 1.0},
        crystal={"water_um": 5.0, "phi_range_deg": 1.0, "mosaic_spread_deg": 0.5},
        sampling={"oversample": 2, "mosaic_domains": 2, "phi_steps": 3, "dispersion_steps": 2},
    ),
    "sensor": small_config(
        detector={"thickness_um": 300.0, "attenuation_depth_um": 250.0, "rotation_y_deg": 15.0},
        sampling={"oversample": 2, "thickness_layers": 3},
        crystal={"water_um": 5.0},
    ),
    "oversampled": small_config(
        beam={"polarization": 0.6, "divergence_vertical_mrad": 3.0},
        detector={"thickness_um": 300.0, "attenuation_depth_um": 250.0},
        crystal={"shape": "gauss", "water_um": 4.0, "phi_range_deg": 2.0},
        sampling={"oversample": 2, "thickness_layers": 2, "oversample_solid_angle": True, "oversample_thickness": True},
    ),
    "cut": small_config(crystal={"shape": "round"}, sampling={"resolution_limit_A": 9.0, "oversample": 2}),
}
CASES_OF_PARITY = [
    ("sources", ("all",)),
    ("sensor", ("all",)),
    ("sensor", ("last_layer_capture", "water_scale")),
    ("oversampled", ("running_product",)),
]
PIXELS = np.array([[0, 0], [11, 9], [12, 10], [23, 19], [5, 17]])


def _experiment(name: str, parity: tuple[str, ...]) -> Experiment:
    from nbjax.reference.ledger import check_names

    return prepare(replace(CONFIGS[name], parity=check_names(parity)))


@pytest.mark.parametrize(("name", "parity"), CASES_OF_PARITY)
def test_the_product_of_the_stages_is_the_image_under_parity(name: str, parity: tuple[str, ...]) -> None:
    experiment = _experiment(name, parity)
    _is_the_image(trace(experiment, PIXELS), experiment)


def _is_the_image(stages: Stages, experiment: Experiment) -> None:
    image = np.asarray(simulate_pixels(experiment, PIXELS))
    assert image.max() > 0
    np.testing.assert_allclose(stages.product_photons(), image, rtol=1e-13, atol=1e-13 * image.max())
    np.testing.assert_allclose(stages.I_pixel_photons, image, rtol=1e-13, atol=1e-13 * image.max())


@pytest.mark.parametrize("name", CONFIGS)
def test_the_samples_add_up_and_the_product_is_the_image(name: str) -> None:
    experiment = _experiment(name, ())
    stages = trace(experiment, PIXELS, samples=True)
    _is_the_image(stages, experiment)
    assert stages.samples is not None
    (s,) = stages.samples
    assert s.running_electrons_squared is not None
    amplitude = np.asarray(s.lattice * s.structure_electrons)
    np.testing.assert_allclose(s.intensity_electrons_squared, amplitude**2, rtol=1e-14)
    if s.lattice_axes is not None:
        # a grating close to one of its zeros is the rounding of N delta, which each loop may fuse in its own way
        rounding = 1e-16 * np.abs(s.lattice_axes).max(axis=tuple(range(s.lattice_axes.ndim - 1))).prod()
        np.testing.assert_allclose(s.lattice, np.prod(s.lattice_axes, axis=-1), rtol=1e-13, atol=rounding)
    factor = np.asarray(s.resolved * s.weight)
    if stages.oversample_solid_angle:
        factor = factor * np.asarray(s.solid_angle_sr)
    if stages.oversample_thickness:
        factor = factor * np.asarray(s.capture)
    bragg = (factor * amplitude**2).reshape(len(PIXELS), -1).sum(1) * float(stages.steps)
    whole = np.asarray(stages.before_scaling_electrons_squared)
    np.testing.assert_allclose(bragg + stages.background_electrons_squared, whole, rtol=1e-12)
    last = np.asarray(s.running_electrons_squared).reshape(len(PIXELS), -1)[:, -1]
    np.testing.assert_allclose(last, whole, rtol=1e-12)


def test_vectors_follow_from_one_another() -> None:
    stages = trace(_experiment("sources", ()), PIXELS, samples=True)
    assert stages.samples is not None
    (s,) = stages.samples
    np.testing.assert_allclose(s.position_m, s.airpath_m[..., None] * s.diffracted, rtol=1e-14)
    q = (np.asarray(s.diffracted) - np.asarray(s.incident)) / np.asarray(s.wavelength_m)[..., None]
    np.testing.assert_allclose(s.scattering_per_m, q, rtol=1e-10)
    assert np.allclose(stages.scene.source_weights.sum(), 1, rtol=1e-14)
    first = np.asarray(s.hkl[:, 0, 0, 0, 0, 0, 0])  # phi 0 and the aligned domain leave the cell where it is
    np.testing.assert_allclose(first, q[:, 0, 0, 0, 0, 0, 0] @ np.asarray(stages.scene.cell_m).T, rtol=1e-9)
    beam = _experiment("sources", ()).beam
    wanted = polarization_factor(
        beam.kahn_factor, components(s.incident), components(s.diffracted), components(beam.polarization_axis)
    )
    # the polarization of a pixel is taken at its centre, that of a subpixel differs a little
    np.testing.assert_allclose(s.polarization, wanted, rtol=2e-2)


def test_a_factor_that_differs_between_samples_is_their_weighted_mean() -> None:
    # a background has the mean ray's factors
    stages = trace(replace(_experiment("sensor", ()), backgrounds=()), PIXELS, samples=True)
    assert stages.samples is not None
    (s,) = stages.samples
    assert np.ptp(np.asarray(s.capture[0])) > 0.1
    weights = np.asarray(s.weight * s.intensity_electrons_squared)
    mean = (weights * np.asarray(s.capture)).reshape(5, -1).sum(1) / weights.reshape(5, -1).sum(1)
    np.testing.assert_allclose(stages.capture, mean, rtol=1e-12)


@pytest.mark.parametrize("case", CASES)
def test_golden_traces(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(INPUTS)
    experiment = prepare(read_options([*option_line(case), "-parity"]).config)
    cells = float(np.prod(np.asarray(experiment.crystal.cells)))
    for steps, pixel in golden_traces(case):
        at = [[int(pixel["spixel"][0]), int(pixel["fpixel"][0])]]
        stages = trace(experiment, at, samples=True)
        _equal_steps(stages, steps, cells, bool(experiment.crystal.factors.interpolate))
        largest = cells * (steps["F_cell"].max() if len(steps) else 0.0)
        _equal_pixel(stages, pixel, largest)
        path = GOLDEN / case / f"trace_s{at[0][0]}_f{at[0][1]}.txt"
        comparison = compare(read_trace(path), trace_document(experiment, stages))
        assert comparison.first_divergence is None


def _equal_steps(stages: Stages, steps: np.ndarray, cells: float, interpolates: bool) -> None:
    assert stages.samples is not None
    (s,) = stages.samples
    shape = s.lattice.shape
    rows = (0, *(steps[name].astype(int) for name in ("thick", "subS", "subF", "source", "phi", "mosaic")))

    def at(values: Any, *vector: int) -> np.ndarray:
        return np.broadcast_to(np.asarray(values), shape + vector)[rows]

    for i, name in enumerate("hkl"):
        np.testing.assert_allclose(at(s.hkl, 3)[:, i], steps[name], rtol=0, atol=1e-9)
        np.testing.assert_array_equal(at(s.hkl_nearest, 3)[:, i], steps[name + "0"])
    np.testing.assert_allclose(at(s.lattice), steps["F_latt"], rtol=0, atol=1e-8 * cells)
    # a looked-up factor is exact; an interpolated one is rounded in another order
    np.testing.assert_allclose(at(s.structure_electrons), steps["F_cell"], rtol=4e-15 if interpolates else 0)
    for name, values in (
        ("polarization", s.polarization),
        ("omega", s.solid_angle_sr),
        ("capture", s.capture),
        ("lambda", s.wavelength_m),
    ):
        np.testing.assert_allclose(at(values), steps[name], rtol=1e-12)
    floor = 1e-12 * (cells * steps["F_cell"].max(initial=0)) ** 2
    floor *= float(stages.solid_angle_sr[0]) if stages.oversample_solid_angle else 1.0
    np.testing.assert_allclose(at(s.running_electrons_squared), steps["I_running"], rtol=1e-9, atol=floor)


def _equal_pixel(stages: Stages, pixel: dict[str, np.ndarray], largest: float) -> None:
    scene, last = stages.scene, stages.last
    exact: dict[str, Any] = {
        "pix0_vector_m": scene.origin_m,
        "fdet_vector": scene.fast,
        "sdet_vector": scene.slow,
        "odet_vector": scene.normal,
        "beam_vector": scene.beam,
        "close_distance_m": scene.close_distance_m,
        "distance_m": scene.distance_m,
        "a0_m": scene.cell_m[0],
        "b0_m": scene.cell_m[1],
        "c0_m": scene.cell_m[2],
        "last_pixel_pos_m": last.position_m[0],
        "last_diffracted": last.diffracted[0],
        "last_incident": last.incident[0],
        "last_scattering_per_m": last.scattering_per_m[0],
        "airpath_m": last.airpath_m[0],
        "I_background": stages.background_electrons_squared[0],
        "r_e_sqr_m2": stages.r_e_squared_m2,
        "fluence_photons_per_m2": stages.fluence_photons_per_m2,
        "steps": stages.steps,
        "oversample_thick": stages.oversample_thickness,
        "oversample_polar": stages.oversample_polarization,
        "oversample_omega": stages.oversample_solid_angle,
        "capture_fraction": stages.capture[0],
        "polarization": stages.polarization[0],
        "omega_pixel_sr": stages.solid_angle_sr[0],
    }
    # a scattering vector at the direct beam is the rounding of 1/wavelength
    floors = {"last_scattering_per_m": 1e-12 / float(scene.wavelength_m)}
    for name, value in exact.items():
        wanted = pixel[name]
        floor = 1e-12 * float(np.linalg.norm(wanted)) + floors.get(name, 0.0)
        np.testing.assert_allclose(np.ravel(value), wanted, rtol=0, atol=floor, err_msg=name)
    floor = 1e-12 * largest**2 * (float(stages.solid_angle_sr[0]) if stages.oversample_solid_angle else 1.0)
    whole = float(stages.before_scaling_electrons_squared[0])
    np.testing.assert_allclose(whole, pixel["I_before_scaling"][0], rtol=1e-9, atol=floor)
    scale = float(stages.r_e_squared_m2 * stages.fluence_photons_per_m2 / stages.steps)
    floor *= scale * (1.0 if stages.oversample_solid_angle else float(stages.solid_angle_sr[0]))
    np.testing.assert_allclose(float(stages.I_pixel_photons[0]), pixel["I_pixel_photons"][0], rtol=1e-9, atol=floor)
    tested = set(exact) | {"I_before_scaling", "I_pixel_photons", "spixel", "fpixel"}
    assert tested == set(pixel)


def test_every_golden_trace_is_there() -> None:
    assert sum(len(golden_traces(case)) for case in CASES) == len(list(GOLDEN.glob("*/trace_*.txt"))) > 90


@pytest.mark.parametrize(
    ("more", "wanted"), [(["-parity"], 943654.80923754955), ([], 807189.76867758576)], ids=["parity", "physics"]
)
def test_the_pixel_of_the_stuck_comparison(more: list[str], wanted: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(INPUTS)
    experiment = prepare(read_options([*option_line("supervisor_crop"), *more]).config)
    stages = trace(experiment, [[685, 1039]])
    assert float(stages.before_scaling_electrons_squared[0]) == pytest.approx(wanted, rel=1e-9)
    np.testing.assert_array_equal(stages.last.hkl_nearest[0], [-7, -1, -14])
    assert float(stages.last.structure_electrons[0]) == 190.27
    assert int(stages.steps) == 10


def test_tiles_change_nothing() -> None:
    experiment = _experiment("sources", ())
    wanted = trace(experiment, PIXELS, samples=True)
    tiled = replace(experiment, grid=replace(experiment.grid, tile=2))
    for found, value in zip(jax.tree.leaves(trace(tiled, PIXELS, samples=True)), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(found, value, rtol=1e-12, atol=1e-12 * float(jnp.abs(value).max()))


def test_jit_and_vmap() -> None:
    first = _experiment("plain", ())
    second = replace(first, beam=replace(first.beam, wavelength_m=first.beam.wavelength_m * 1.01))
    batch = jax.tree.map(lambda a, b: jnp.stack([a, b]), first, second)
    both = jax.vmap(lambda e: trace(e, PIXELS, samples=True))(batch)
    assert both.I_pixel_photons.shape == (2, 5)
    assert both.samples is not None
    assert both.samples[0].hkl.shape == (2, 5, 1, 1, 1, 1, 1, 1, 3)
    jitted = jax.jit(lambda e: trace(e, PIXELS))(second)
    np.testing.assert_allclose(both.I_pixel_photons[1], jitted.I_pixel_photons, rtol=1e-10)
    each = jax.vmap(lambda pixel: trace(first, pixel[None]).I_pixel_photons[0])(jnp.asarray(PIXELS))
    np.testing.assert_allclose(each, simulate_pixels(first, PIXELS), rtol=1e-10)


def test_gradients_pass_through_the_stages() -> None:
    experiment = _experiment("plain", ())

    def total(fluence: Any) -> Any:
        moved = replace(experiment, beam=replace(experiment.beam, fluence_photons_per_m2=fluence))
        return trace(moved, PIXELS).product_photons().sum()

    fluence = experiment.beam.fluence_photons_per_m2
    assert float(jax.grad(total)(fluence)) == pytest.approx(float(total(fluence) / fluence), rel=1e-10)


@pytest.mark.parametrize("pixels", [np.array([1, 2]), [[1, 2, 3]], np.zeros((0, 2), int)])
def test_pixels_of_another_shape_are_refused(pixels: Any) -> None:
    with pytest.raises(ValueError, match=r"shape \(n, 2\)"):
        trace(_experiment("plain", ()), pixels)


def _scans(jaxpr: Any) -> Iterator[Any]:
    for equation in jaxpr.eqns:
        if equation.primitive.name == "scan":
            yield equation
        for parameter in equation.params.values():
            inner = getattr(parameter, "jaxpr", parameter)
            if hasattr(inner, "eqns"):
                yield from _scans(inner)


def test_an_image_pays_nothing_for_traces() -> None:
    experiment = _experiment("sources", ("running_product",))
    scans = list(_scans(jax.make_jaxpr(simulate)(experiment).jaxpr))
    # the rays, and the orientations inside, carry one sum and stack nothing
    assert len(scans) == 2
    assert [(len(scan.outvars), scan.params["num_carry"]) for scan in scans] == [(1, 1), (1, 1)]
    image = jax.jit(simulate).lower(experiment).compile()
    kept = jax.jit(lambda e: trace(e, np.argwhere(np.ones((24, 20))), samples=True)).lower(experiment).compile()
    assert image.memory_analysis().temp_size_in_bytes < 0.1 * kept.memory_analysis().temp_size_in_bytes
    assert image.cost_analysis()["flops"] < 0.5 * kept.cost_analysis()["flops"]
