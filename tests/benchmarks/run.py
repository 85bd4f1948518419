"""Every figure of docs/performance.md: ``python tests/benchmarks/run.py [--nanobragg PATH] [--out FILE.md]``.

Times are medians of one run on one machine; compare ratios. The C program is whatever is at PATH, best built with
``-O3 -march=native -fopenmp``; it uses every core, as nbjax does.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from measure import c_program_command, in_turn, median, nbjax_command, time_compiled, time_process
from series import dataset_rows
from workloads import KERNELS, PROCESSES, Workload

PARTS = ("kernels", "processes", "gradient", "memory", "batch", "devices", "datasets")
Row = tuple[str, ...]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nanobragg", type=Path, help="a locally built C program")
    parser.add_argument("--out", type=Path, help="write the tables to this Markdown file too")
    parser.add_argument("--only", choices=PARTS, action="append", help="measure this part; may be repeated")
    parser.add_argument("--precision", nargs="+", default=["mixed", "double"], choices=("double", "mixed"))
    parser.add_argument("--profile", type=Path, help="write a JAX profiler trace of the first workload to this folder")
    parser.add_argument("--child", choices=_CHILDREN, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    import jax

    jax.config.update("jax_enable_x64", True)
    if arguments.child:
        print(json.dumps(_CHILDREN[arguments.child]()))
        return
    if arguments.profile:
        _profile(arguments.profile)
        return
    lines = [f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, jax {jax.__version__}, "]
    lines[0] += f"{jax.devices()[0].device_kind} x {len(jax.devices())}"
    tables = {
        "kernels": lambda: _kernels(arguments),
        "processes": lambda: _processes(arguments),
        "gradient": _gradient,
        "memory": _memory,
        "batch": _batch,
        "devices": _devices,
        "datasets": lambda: dataset_rows(arguments.nanobragg),
    }
    print(lines[0], flush=True)
    for part in arguments.only or PARTS:
        head, *rows = tables[part]()
        lines += ["", *_markdown(head, rows)]
        print("\n".join(["", *_markdown(head, rows)]), flush=True)
    if arguments.out:
        arguments.out.write_text("\n".join([*lines, ""]))


def _markdown(head: Row, rows: list[Row]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|---" * len(head) + "|"
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def _experiment(workload: Workload, precision: str, **grid: Any) -> Any:
    from nbjax import prepare
    from nbjax.cli.nanobragg import read_options

    experiment = prepare(read_options([*workload.line, "-precision", precision]).config)
    return replace(experiment, grid=replace(experiment.grid, **grid))


def _c_seconds(arguments: argparse.Namespace, workload: Workload) -> float | None:
    if arguments.nanobragg is None:
        return None
    return time_process(c_program_command(arguments.nanobragg.resolve(), workload.line), repeats=1)[0]


def _kernels(arguments: argparse.Namespace) -> list[Row]:
    from nbjax import simulate

    rows: list[Row] = [
        (
            "workload",
            "precision",
            "compile s",
            "first s",
            "warm s",
            "ns a sample",
            "operations a sample",
            "C program ns a sample",
            "ratio",
            "wanted",
        )
    ]
    for workload in KERNELS:
        c_seconds = _c_seconds(arguments, workload)
        for precision in arguments.precision:
            timing = time_compiled(simulate, _experiment(workload, precision))
            per_sample = 1e9 / workload.samples
            rows.append(
                (
                    workload.name,
                    precision,
                    f"{timing.compile_s:.2f}",
                    f"{timing.first_s:.2f}",
                    f"{timing.warm_s:.3f}",
                    f"{timing.warm_s * per_sample:.2f}",
                    f"{_operations_a_sample(workload, precision):.0f}",
                    "" if c_seconds is None else f"{c_seconds * per_sample:.1f}",
                    "" if c_seconds is None else f"{c_seconds / timing.warm_s:.1f}",
                    f"{workload.wanted:g}",
                )
            )
    return rows


def _operations_a_sample(workload: Workload, precision: str) -> float:
    """Floating-point operations of one orientation at one pixel, as XLA counts them.

    XLA counts the body of a loop once, so that the body is compiled alone.
    """
    import jax
    import jax.numpy as jnp

    from nbjax.pipeline.image import complete_scene, pixels_at
    from nbjax.pipeline.sample import domain_of, sample_crystal, sample_ray

    pixels = 1024

    def context(experiment: Any) -> Any:
        scene = complete_scene(experiment)
        ray = jax.tree.map(lambda rows: rows[0], scene.rays)
        at = pixels_at(experiment, jnp.zeros(pixels, jnp.int32), jnp.arange(pixels, dtype=jnp.int32))
        return scene, scene.crystals[0].orientations_m[0], sample_ray(experiment, scene, at, ray).scattering_per_m

    def intensity(experiment: Any, scene: Any, cell: Any, scattering: Any) -> Any:
        return sample_crystal(domain_of(experiment, scene, 0), cell, scattering).intensity

    experiment = _experiment(workload, precision)
    arguments = jax.jit(context)(experiment)
    cost = jax.jit(intensity).lower(experiment, *arguments).compile().cost_analysis() or {}
    return float(cost.get("flops", 0)) / pixels


def _processes(arguments: argparse.Namespace) -> list[Row]:
    rows: list[Row] = [("whole process, warm compilation cache", "s", "MB", "C program s", "ratio", "wanted")]
    for workload in PROCESSES:
        command = nbjax_command("nanobragg", *workload.line, "-floatfile", "f.bin")
        time_process(command, repeats=1)
        seconds, memory = time_process(command)
        c_seconds = _c_seconds(arguments, workload)
        ratio = "" if c_seconds is None else f"{c_seconds / seconds:.2f}"
        shown = "" if c_seconds is None else f"{c_seconds:.2f}"
        wanted = f"{workload.wanted:g}" if workload.wanted else "2.5 s"
        rows.append((workload.name, f"{seconds:.2f}", f"{memory / 1e6:.0f}", shown, ratio, wanted))
    seconds, memory = time_process(nbjax_command("--help"))
    rows.append(("nbjax --help", f"{seconds:.2f}", f"{memory / 1e6:.0f}", "", "", "0.3 s"))
    return rows


def _twenty(experiment: Any, x: Any) -> Any:
    """The experiment with 20 parameters moved by relative or small absolute amounts."""
    crystal, panel, beam = experiment.crystal, experiment.panel, experiment.beam
    cell = replace(
        crystal.cell,
        lengths_m=crystal.cell.lengths_m * (1 + x[0:3]),
        angles_rad=crystal.cell.angles_rad + x[3:6],
        misset_rad=crystal.cell.misset_rad + x[6:9],
    )
    panel = replace(
        panel,
        distance_m=panel.distance_m * (1 + x[12]),
        rotation_rad=panel.rotation_rad + x[13:16],
        beam_centre_m=panel.beam_centre_m + x[16:18] * 1e-3,
    )
    crystal = replace(crystal, cell=cell, cells=crystal.cells * (1 + x[9:12]))
    return replace(
        experiment.with_crystal(crystal).with_panel(panel),
        beam=replace(
            beam,
            wavelength_m=beam.wavelength_m * (1 + x[18]),
            fluence_photons_per_m2=beam.fluence_photons_per_m2 * (1 + x[19]),
        ),
    )


def _gradient() -> list[Row]:
    import jax

    head = ("value and gradient, 20 parameters", "precision", "devices", "forward s", "both s", "time ratio", "memory")
    rows = _gradients()
    cores = sorted(os.sched_getaffinity(0))
    if jax.default_backend() == "cpu" and len(cores) > len(jax.devices()):
        rows += [tuple(row) for row in _in_child("gradients", len(cores), cores)]
    return [(*head, "wanted"), *rows]


def _gradients() -> list[Row]:
    """Value and gradient beside the value alone, on every device of this process."""
    import jax
    import jax.numpy as jnp

    from nbjax import compiled, simulate, simulate_on

    devices = jax.devices()
    image_of = simulate if len(devices) == 1 else partial(simulate_on, devices)
    rows = []
    for workload in KERNELS[:2]:
        for precision in ("mixed", "double"):
            experiment = _experiment(workload, precision)

            def loss(x: Any, experiment: Any = experiment) -> Any:
                return image_of(_twenty(experiment, x)).sum()

            at = jnp.zeros(20)
            functions = compiled(loss), compiled(jax.value_and_grad(loss))
            forward, both = (time_compiled(function, at, repeats=1) for function in functions)
            seconds = in_turn(*(partial(_wait_for, function, at) for function in functions))
            share = 8 * 512**2 / len(devices)
            memory = (both.temporary_bytes + share) / (forward.temporary_bytes + share)
            ratio = statistics.median(gradient / value for value, gradient in seconds)
            value, gradient = (statistics.median(column) for column in zip(*seconds, strict=True))
            row = (workload.name, precision, str(len(devices)), f"{value:.3f}", f"{gradient:.3f}")
            rows.append((*row, f"{ratio:.1f}", f"{memory:.2f}", "5 and 2"))
    return rows


def _wait_for(function: Any, *arguments: Any) -> None:
    import jax

    jax.block_until_ready(function(*arguments))


def _memory() -> list[Row]:
    rows: list[Row] = [("peak memory of a process, warm compilation cache", "MB", "wanted")]
    line = "-cell 78 78 38 90 90 90 -default_F 100 -N 10 -pixel 0.1 -oversample 1 -floatfile f.bin -noprogress"
    for domains in (10, 10_000):
        words = [*line.split(), "-detpixels", "1024", "-mosaic", "0.3", "-mosaic_dom", str(domains)]
        time_process(nbjax_command("nanobragg", *words), repeats=1)
        _, memory = time_process(nbjax_command("nanobragg", *words), repeats=1)
        rows.append((f"1 Mpixel, {domains} samples a pixel", f"{memory / 1e6:.0f}", "within 10 %"))
    words = [*line.split(), "-detpixels", "2450", "-mosaic", "0.3", "-mosaic_dom", "10"]
    _, memory = time_process(nbjax_command("nanobragg", *words))
    _, bare = time_process([sys.executable, "-c", "pass"])
    rows.append(("6 Mpixel, 10 samples a pixel", f"{memory / 1e6:.0f}", f"{bare / 1e6:.0f} + 1000"))
    return rows


def _batch() -> list[Row]:
    import jax

    from nbjax import simulate, simulate_batch, stack

    large = _experiment(KERNELS[0], "mixed")
    small = _experiment(KERNELS[0], "mixed", slow=64, fast=64, roi=(0, 64, 0, 64))
    stacked = stack([jax.tree.map(lambda leaf, i=i: leaf * (1 + 1e-6 * i), small) for i in range(64)])
    one = time_compiled(simulate, large)
    many = time_compiled(simulate_batch, stacked)
    head = ("a batch under vmap, mixed", "s", "rate against one large image", "wanted")
    ratio = one.warm_s / many.warm_s
    return [
        head,
        ("one experiment of 512 x 512", f"{one.warm_s:.3f}", "1", ""),
        ("64 experiments of 64 x 64, `nbjax.simulate_batch`", f"{many.warm_s:.3f}", f"{ratio:.2f}", "0.8"),
    ]


def _on_devices() -> float:
    """Seconds on every device of a process of its own."""
    import jax

    from nbjax import simulate_on

    experiment = _experiment(KERNELS[0], "mixed")

    def call() -> None:
        jax.block_until_ready(simulate_on(jax.devices(), experiment))

    call()
    return median(call)


def _devices() -> list[Row]:
    head = ("host devices, one core each, mixed", "s", "speed", "wanted")
    cores = sorted(os.sched_getaffinity(0))
    one, two = (_in_child("seconds", count, cores[:count]) for count in (1, 2))
    return [head, ("one", f"{one:.3f}", "1", ""), ("two", f"{two:.3f}", f"{one / two:.2f}", "1.7")]


def _in_child(name: str, devices: int, cores: Sequence[int]) -> Any:
    """What one of ``_CHILDREN`` returns in a process that has some devices on some cores."""
    code = f"import os, runpy, sys; os.sched_setaffinity(0, {cores}); sys.argv = {[__file__, '--child', name]}; "
    code += f"runpy.run_path({__file__!r}, run_name='__main__')"
    environment = {**os.environ, "JAX_NUM_CPU_DEVICES": str(devices)}
    found = subprocess.run([sys.executable, "-c", code], env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(found.stdout.splitlines()[-1])


def _profile(folder: Path) -> None:
    import jax

    from nbjax import simulate

    experiment = _experiment(KERNELS[0], "mixed")
    jax.block_until_ready(simulate(experiment))
    with jax.profiler.trace(str(folder)):
        jax.block_until_ready(simulate(experiment))
    print(f"wrote a profiler trace to {folder}")


_CHILDREN: dict[str, Callable[[], Any]] = {"seconds": _on_devices, "gradients": _gradients}
"""What is measured in processes of its own."""

if __name__ == "__main__":
    main()
