"""The page's application: images, pixels, overlays, faults, and who may ask."""

from __future__ import annotations

import asyncio
import json
import struct
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

import nbjax
from nbjax.cli import main
from nbjax.config.load import read_data
from nbjax.explore.application import Exhibit, application
from nbjax.explore.model import Model
from nbjax.pipeline.closed.survey import with_capacity
from nbjax.preparation import prepare_resolved
from nbjax.resolve import resolve

PORT, TOKEN = 8321, "token-of-this-test"
TINY = """
[beam]
wavelength_A = 1.0
fluence_photons_per_m2 = 1e26

[crystal]
model = "closed"
cell_A = [40.0, 50.0, 60.0]
cell_deg = [90.0, 90.0, 90.0]
default_F = 100.0
cells = [12, 12, 12]
shape = "gauss"
mosaicity_deg = 0.3
misset_deg = [5.0, 8.0, 3.0]

[detector]
distance_mm = 150.0
pixel_mm = 0.3
pixels_fast = 48
pixels_slow = 40
"""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("explore") / "tiny.toml"
    path.write_text(TINY)
    return path


class Client:
    """Asks an application without a network."""

    def __init__(self, app: Any, base_url: str):
        self._app, self._base_url = app, base_url

    def get(self, path: str, **more: Any) -> httpx.Response:
        return asyncio.run(self._ask("GET", path, **more))

    def post(self, path: str, **more: Any) -> httpx.Response:
        return asyncio.run(self._ask("POST", path, **more))

    async def _ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self._app), base_url=self._base_url) as client:
            return await client.request(method, path, **more)


@pytest.fixture(scope="module")
def client(tiny: Path) -> Client:
    model = Model(read_data(tiny)[0])
    measured = np.full((40, 48), 2.0)
    app = application(Exhibit(model, tiny.name, measured, "shot.img"), TOKEN, PORT)
    return Client(app, base_url=f"http://127.0.0.1:{PORT}/{TOKEN}/")


def image_of(answer: Any) -> tuple[dict[str, Any], np.ndarray]:
    assert answer.status_code == 200, answer.text
    (length,) = struct.unpack_from("<I", answer.content)
    return json.loads(answer.content[4 : 4 + length]), np.frombuffer(answer.content[4 + length :], "<f4").reshape(
        40, 48
    )


def test_the_image_is_that_of_the_configuration(client: Client, tiny: Path) -> None:
    told, image = image_of(client.post("image", json={}))
    # as with the same room: no other program is compiled
    experiment = prepare_resolved(resolve(nbjax.load_config(tiny)), on_host=True, counted=False)
    wanted = np.asarray(nbjax.simulate(with_capacity(experiment, 2.0, 1.3)))
    np.testing.assert_allclose(image, wanted, rtol=1e-6)
    assert told["values"]["detector.distance_mm"] == [150.0]
    assert told["levels"] == 1
    _, changed = image_of(client.post("image", json={"changes": {"detector.distance_mm": "151"}, "moving": True}))
    assert abs(changed - image).max() > 0.01 * image.max()
    # two tabs at once: nothing of the other's changes is left
    _, again = image_of(client.post("image", json={"tab": "other", "serial": 1}))
    np.testing.assert_array_equal(again, image)


def test_nonsense_is_told_in_the_words_of_the_command_line(
    client: Client, tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for key, text in (
        ("detector.distance_mm", "-5"),
        ("detector.distance_mm", "far"),
        ("crystal.cell_A", "[40, x, 60]"),
    ):
        answer = client.post("image", json={"changes": {key: text}})
        assert answer.status_code == 400
        assert main(["config", "resolve", str(tiny), "--set", f"{key}={text}"]) == 2
        assert capsys.readouterr().err.splitlines() == [f"nbjax: {line}" for line in answer.json()["errors"]]
    assert client.post("image", json={}).status_code == 200
    for body in (
        b"{",
        b"[]",
        b'{"changes": 3}',
        b'{"changes": {"output.float_file": "x"}}',
        b'{"course": "steep"}',
        b'{"course": []}',
        b'{"serial": NaN}',
        b'{"level": -1}',
    ):
        assert client.post("image", content=body).status_code == 400
    assert client.post("image", content=b" " * 100_000).status_code == 413


def test_a_panel_along_its_rays_leaves_the_page_alive(client: Client) -> None:
    answer = client.post("image", json={"changes": {"detector.rotation_y_deg": "180"}})
    assert answer.status_code == 400
    assert "more than an image: the panel lies along its ray" in answer.json()["errors"][0]
    assert client.post("image", json={}).status_code == 200


def test_a_fault_of_the_program_is_told(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*arguments: Any) -> None:
        raise RuntimeError("out of room\nin a line")

    monkeypatch.setattr(Model, "frame", fails)
    answer = client.post("image", json={})
    assert answer.status_code == 500
    assert answer.json()["errors"] == ["a fault of the program, RuntimeError: out of room; take back what was changed"]


def test_a_pixel_has_the_numbers_of_the_trace(client: Client, tiny: Path, tmp_path: Path) -> None:
    found = client.post("pixel", json={"changes": {"crystal.misset_deg": "[5, 8, 3.5]"}, "slow": 11, "fast": 30}).json()
    command = ["trace", str(tiny), "--pixel", "11", "30", "--out", str(tmp_path / "trace.json")]
    sets = ['crystal.model="sampled"', "crystal.misset_deg=[5, 8, 3.5]", "crystal.mosaicity_deg=0"]
    assert main([*command, *(word for text in sets for word in ("--set", text))]) == 0
    values = json.loads((tmp_path / "trace.json").read_text())["pixels"][0]["values"]
    assert found["of_mean"]
    assert found["values"] == {key: pytest.approx(value, rel=1e-15) for key, value in values.items()}
    assert found["hkl"] == [[round(index) for index in values["last_hkl0"]]]
    assert found["spacing_A"] == pytest.approx(1e10 / np.linalg.norm(values["last_scattering_per_m"]))
    assert client.post("pixel", json={"slow": 40, "fast": 0}).status_code == 400
    assert client.post("pixel", json={"slow": "a"}).status_code == 400


def test_spots_and_rings_lie_on_the_image(client: Client) -> None:
    found = client.post("overlay", json={}).json()
    _, image = image_of(client.post("image", json={}))
    slow, fast = np.indices(image.shape) + 0.5
    marked = np.zeros(image.shape, bool)
    for x, y, long, short, turn, *_ in found["spots"]:
        along = (fast - x) * np.cos(turn) + (slow - y) * np.sin(turn)
        across = (slow - y) * np.cos(turn) - (fast - x) * np.sin(turn)
        marked |= (along / long) ** 2 + (across / short) ** 2 < 1
    # what is left comes from spots beside the panel
    assert image[marked].sum() > 0.9 * image.sum()
    assert marked.mean() < 0.5
    assert found["centre"] == pytest.approx([24.5, 20.5], abs=1.0)
    ring = found["rings"][0]
    at = next(point for point in ring["line"] if point is not None and 0 <= point[0] < 48 and 0 <= point[1] < 40)
    fact = client.post("pixel", json={"slow": int(at[1]), "fast": int(at[0])}).json()
    assert fact["spacing_A"] == pytest.approx(ring["spacing_A"], rel=0.2)


def test_a_saved_configuration_reads_back(client: Client, tmp_path: Path) -> None:
    changes = {"detector.distance_mm": "61.5", "crystal.cells": "[10, 12, 14]", "beam.energy_eV": 12000.0}
    answer = client.post("config", json={"changes": changes})
    (tmp_path / "saved.toml").write_text(answer.text)
    config = nbjax.load_config(tmp_path / "saved.toml")
    assert (config.detector.distance_mm, config.crystal.cells) == (61.5, (10.0, 12.0, 14.0))
    assert (config.beam.wavelength_A, config.beam.energy_eV) == (None, 12000.0)


def test_only_who_knows_the_address_may_ask(client: Client) -> None:
    assert client.get("").status_code == 200
    assert "default-src 'self'" in client.get("").headers["content-security-policy"]
    assert client.get("explore.js").headers["content-type"].startswith("text/javascript")
    base = f"http://127.0.0.1:{PORT}"
    for path in ("/", "/start", "/wrong/start", f"/{TOKEN}x/start", f"/{TOKEN}/../start", f"/{TOKEN}/%2e%2e/start"):
        assert client.get(base + path).status_code == 403, path
    assert client.get("start", headers={"host": f"rebound.example:{PORT}"}).status_code == 403
    assert client.get("start", headers={"host": "127.0.0.1:1"}).status_code == 403
    assert client.post("image", json={}, headers={"origin": "https://other.example"}).status_code == 403
    assert client.get("explore.py").status_code == 404
    assert client.get(f"{base}/{TOKEN}//etc/passwd").status_code == 404


def test_superseded_images_are_not_computed(client: Client) -> None:
    assert client.post("image", json={"tab": "one", "serial": 7}).status_code == 200
    assert client.post("image", json={"tab": "one", "serial": 6}).status_code == 409
    assert client.post("image", json={"tab": "two", "serial": 6}).status_code == 200
