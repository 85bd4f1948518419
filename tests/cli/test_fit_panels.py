"""``nbjax fit`` of detectors of several panels: data of every layout, and a refined geometry that goes on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import h5py
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from panel_stills import SHAPE, SHEETS, write_config

from nbjax.cli import main
from nbjax.config.inputs import absolute_inputs
from nbjax.config.load import load_config
from nbjax.config.tree import Config
from nbjax.config.write import config_toml
from nbjax.fit import measurement
from nbjax.fit.measurement import Measurement, read_measurement
from nbjax.fit.settings import load_settings
from nbjax.parameters import parameters_of
from nbjax.physics.noise import poisson_counts
from nbjax.pipeline.image import simulate
from nbjax.preparation import prepare

FIT = """config = "start.toml"
[data]
files = ["FILE"]
MORE
[parameters."panels[1].shift_mm"]
shared = true
[parameters.scale]
transform = "log"
[[stages]]
name = "sharp"
parameters = ["panels[*].shift_mm", "scale"]
"""


def write_fit(config: Config, file: str, more: str = "") -> None:
    Path("start.toml").write_text(config_toml(config))
    Path("FIT.toml").write_text(FIT.replace("FILE", file).replace("MORE", more))


def seen() -> Measurement:
    """What a fit reads, without the problem, which costs more."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(measurement, "problem", lambda *given, **named: None)
        return read_measurement(load_settings("FIT.toml"))


def places(text: str, image: np.ndarray) -> tuple[str, np.ndarray]:
    """The geometry with every panel at another place of one array, and the image in that array."""
    corners = ((0, 40), (0, 0), (38, 2))
    array = np.full((80, 80), 7.0)
    lines = []
    for line in text.splitlines():
        key = line.partition(" ")[0].partition("/")
        if key[2] not in ("min_fs", "max_fs", "min_ss", "max_ss"):
            lines.append(line)
    for (slow, fast), sheet, panel in zip(corners, SHEETS, image, strict=True):
        wide, high = sheet.pixels
        array[slow : slow + high, fast : fast + wide] = panel[:high, :wide]
        ends = {"min_fs": fast, "max_fs": fast + wide - 1, "min_ss": slow, "max_ss": slow + high - 1}
        lines += [f"{sheet.name}/{key} = {value}" for key, value in ends.items()]
    return "\n".join(lines) + "\n", array


def _npy(image: np.ndarray) -> str:
    np.save("data.npy", image)
    return "data.npy"


def _npz(image: np.ndarray) -> str:
    np.savez("data.npz", frames=np.stack([image, image]))
    return "data.npz"


def _below(image: np.ndarray) -> str:
    np.save("data.npy", image.reshape(-1, image.shape[-1]))
    return "data.npy"


def _hdf5(image: np.ndarray) -> str:
    with h5py.File("data.h5", "w") as file:
        file["entry/data/data"] = np.stack([image, image])
    return "data.h5"


def _placed(image: np.ndarray) -> str:
    text, array = places(Path("panels_3.geom").read_text(), image)
    Path("panels_3.geom").write_text(text)
    with h5py.File("data.h5", "w") as file:
        file["data/data"] = array
    return "data.h5"


@pytest.mark.parametrize("write", [_npy, _npz, _below, _hdf5, _placed])
def test_data_of_every_layout_are_photons_by_panel(write: Callable[[np.ndarray], str], tmp_path: Path) -> None:
    config = write_config(tmp_path)
    image = np.arange(float(np.prod(SHAPE))).reshape(SHAPE)
    there = np.zeros(SHAPE, bool)
    for own, sheet in zip(there, SHEETS, strict=True):
        own[: sheet.pixels[1], : sheet.pixels[0]] = True
    mask = there.copy()
    mask[1, 4, 5] = False
    np.save("mask.npy", mask.astype(np.uint8).reshape(-1, SHAPE[-1]))
    write_fit(config, write(image), 'mask_file = "mask.npy"')
    found = seen()
    assert len(found.images) in (1, 2)
    for photons, used in zip(found.images, found.used, strict=True):
        np.testing.assert_array_equal(used, mask)
        np.testing.assert_array_equal(photons[there], image[there])


def test_gains_and_saturation_of_a_geometry_are_those_of_its_panels(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    lines = ["left/adu_per_photon = 2", "right/adu_per_photon = 4", "upper/adu_per_photon = 4", "right/max_adu = 100"]
    Path("panels_3.geom").write_text(Path("panels_3.geom").read_text() + "\n".join(lines) + "\n")
    image = np.full(SHAPE, 40.0)
    image[1, 0, 0] = 100.0
    write_fit(config, _npy(image))
    found = seen()
    assert [photons[2, 3] for photons in found.images[0]] == [20.0, 10.0, 10.0]
    assert not found.used[0][1, 0, 0]
    (source,) = found.sources
    assert (source.photons_per_count, source.saturation_counts) == ((0.5, 0.25, 0.25), (None, 100.0, None))
    assert "panels_3.geom, 2 to 4 a photon; give data.photons_per_count, 1 if they are photons" in found.warnings[-1]
    # a file that tells of its exposure has its own counts
    with h5py.File("data.h5", "w") as file:
        for place, kind in (("entry", "NXentry"), ("entry/instrument", "NXinstrument"), ("entry/data", "NXdata")):
            file.create_group(place).attrs["NX_class"] = kind
        file["entry/data/data"] = image[None]
        detector = file.create_group("entry/instrument/detector")
        detector.attrs["NX_class"] = "NXdetector"
        detector["distance"] = 0.06
        detector["distance"].attrs["units"] = "m"
    write_fit(config, "data.h5")
    found = seen()
    assert (found.sources[0].photons_per_count, found.sources[0].saturation_counts) == (1.0, None)
    assert not any("a photon" in sentence for sentence in found.warnings)
    write_fit(config, _npy(image), "photons_per_count = 1.0\nsaturation_counts = 1000.0")
    assert seen().images[0][1, 0, 0] == 100.0


@pytest.mark.parametrize(
    ("shape", "more", "said"),
    [
        ((3, 35, 36), "", "108 x 36 with the panels below each other"),
        (SHAPE, 'mask_file = "mask.npy"', "mask.npy"),
        (SHAPE, '[parameters."panels[lower].shift_mm"]', "the panels of this detector are left, right, upper"),
    ],
)
def test_what_does_not_fit_the_panels_is_told(
    shape: tuple[int, ...], more: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save("mask.npy", np.ones((2, 36, 36), np.uint8))
    write_fit(write_config(tmp_path), _npy(np.ones(shape)), more)
    assert main(["fit", "FIT.toml", "--out", "out"]) == 2
    assert said in capsys.readouterr().err


def test_two_shots_of_two_panels_give_one_geometry(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = write_config(tmp_path, panels=2)
    with jax.enable_x64(True):
        truth = prepare(config)
        shift = parameters_of(truth)["panels[right].shift_mm"]
        mean = simulate(shift.set(truth, jnp.array([0.05, -0.03, 0.0])))
        shots = [np.asarray(poisson_counts(mean, jax.random.key(seed))) for seed in (1, 2)]
    np.save("shots.npy", np.stack(shots))
    write_fit(config, "shots.npy", '[background]\nkind = "none"')
    assert main(["fit", "FIT.toml", "--out", "out"]) == 0
    assert "panel" in capsys.readouterr().out
    tree = json.loads(Path("out/parameters.json").read_text())
    np.testing.assert_allclose(tree["shots"][1]["values"][:2], (0.05, -0.03), atol=0.004)
    assert {pixel["panel"] for shot in tree["shots"] for pixel in shot["goodness"]["worst_pixels"]} <= {"left", "right"}
    assert "<th>panel</th>" in Path("out/report.html").read_text()
    assert sorted(path.name for path in Path("out").iterdir() if path.suffix in (".geom", ".toml")) == [
        "fitted.geom",
        "fitted_0001.toml",
        "fitted_0002.toml",
    ]
    again = absolute_inputs(load_config("out/fitted_0002.toml"))
    with jax.enable_x64(True):
        image = np.asarray(simulate(prepare(again)))
        scale = tree["shots"][1]["values"][-1]
        moved = shift.set(truth, jnp.asarray(tree["shots"][1]["values"][:3]))
        np.testing.assert_allclose(image, scale * np.asarray(simulate(moved)), rtol=1e-6, atol=1e-9)
    # the result is a start
    write_fit(again, "shots.npy")
    assert [photons.shape for photons in seen().images] == [(2, 36, 36)] * 2
