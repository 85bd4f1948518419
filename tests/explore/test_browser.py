"""The page in Chromium, from a server of its own: a stage of its own, ``pytest -m browser``.

Debian: ``apt install chromium chromium-driver``.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from panel_files import PANELS, SHEETS, write_geometry

from nbjax.cli import main

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        shutil.which("chromium") is None or shutil.which("chromedriver") is None,
        reason="Chromium is missing (Debian: apt install chromium chromium-driver)",
    ),
]
CONFIG = Path(__file__).parents[2] / "configs" / "simple_cubic.toml"
_PATIENCE_S = 240


class Server:
    """``nbjax explore`` in a process of its own."""

    def __init__(self, folder: Path, *words: str, config: Path = CONFIG):
        command = [sys.executable, "-m", "nbjax", "explore", str(config), *words]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("open http://127.0.0.1:"), self.process.communicate()[1]
        self.address = line.split()[1]

    def end(self) -> int:
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=30)
        return self.process.returncode


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With an image of the configuration, a little turned."""
    folder = tmp_path_factory.mktemp("explored")
    words = ["--set", "crystal.misset_deg=[0.3, 0.2, 0.1]", "--out", str(folder), "--no-progress"]
    assert main(["simulate", str(CONFIG), *words]) == 0
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    server = Server(folder, "--image", "simple_cubic.bin")
    yield server
    if server.process.poll() is None:
        assert server.end() == 0


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for word in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1500,900"):
        options.add_argument(word)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    yield driver
    driver.quit()


def until(browser: Any, holds: Callable[[], Any]) -> Any:
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(browser, _PATIENCE_S, 0.1).until(lambda _: holds())


def text(browser: Any, place: str) -> str:
    return browser.find_element("id", place).text


def opened(browser: Any, address: str) -> None:
    browser.get(address)
    drawn(browser)


def drawn(browser: Any) -> None:
    until(browser, lambda: browser.execute_script("return document.body.dataset.state") == "done")


def pixels(browser: Any) -> bytes:
    """The canvas of the model."""
    return browser.execute_script("return document.getElementById('model').toDataURL()").encode()


def slide(browser: Any, key: str, value: float) -> None:
    browser.execute_script(
        "const one = document.querySelector(`input[type=range][data-key='${arguments[0]}']`);"
        "one.value = arguments[1]; one.dispatchEvent(new Event('input')); one.dispatchEvent(new Event('change'));",
        key,
        value,
    )


def typed(browser: Any, key: str, value: str) -> None:
    box = browser.find_element("css selector", f"input[type=text][data-key='{key}']")
    box.clear()
    box.send_keys(value, "\n")


def test_a_slider_changes_the_picture_and_back(browser: Any, server: Server) -> None:
    opened(browser, server.address)
    browser.find_element("id", "rings").click()
    before = pixels(browser)
    slide(browser, "detector.distance_mm", 130)
    until(browser, lambda: pixels(browser) != before)
    drawn(browser)
    browser.find_element("id", "reset").click()
    until(browser, lambda: pixels(browser) == before)


def test_nonsense_is_told_and_the_page_goes_on(browser: Any, server: Server) -> None:
    opened(browser, server.address)
    typed(browser, "detector.distance_mm", "-3")
    until(browser, lambda: "detector.distance_mm: got -3, must be above zero" in text(browser, "messages"))
    typed(browser, "detector.distance_mm", "far")
    until(browser, lambda: "got 'far', a number is wanted" in text(browser, "messages"))
    typed(browser, "detector.distance_mm", "101")
    until(browser, lambda: not browser.find_element("id", "messages").is_displayed())
    drawn(browser)


def test_a_pixel_tells_what_the_trace_says(browser: Any, server: Server, folder: Path) -> None:
    from selenium.webdriver import ActionChains

    opened(browser, server.address)
    ActionChains(browser).move_to_element_with_offset(browser.find_element("id", "model"), 40, -25).perform()
    until(browser, lambda: "nearest h k l" in text(browser, "at"))
    lines = text(browser, "at").splitlines()
    slow, fast = lines[lines.index("slow, fast") + 1].split(", ")
    out = folder / "pixel.json"
    assert main(["trace", str(CONFIG), "--pixel", slow, fast, "--out", str(out)]) == 0
    values = json.loads(out.read_text())["pixels"][0]["values"]
    for key in ("I_pixel_photons", "polarization", "last_F_latt", "omega_pixel_sr"):
        cell = browser.find_element("css selector", f"[data-factor='{key}']")
        assert float(cell.text) == pytest.approx(values[key], rel=1e-8)
    assert lines[lines.index("nearest h k l") + 1].split() == [str(round(index)) for index in values["last_hkl0"]]


def test_a_fit_finds_the_measured_crystal(browser: Any, server: Server) -> None:
    opened(browser, server.address)
    browser.find_element("css selector", "[data-free='crystal.misset_deg']").click()
    browser.find_element("id", "fit").click()
    until(browser, lambda: "converged" in text(browser, "fitted") or text(browser, "messages"))
    drawn(browser)
    boxes = browser.find_elements("css selector", "input[type=text][data-key='crystal.misset_deg']")
    assert [float(box.get_attribute("value")) for box in boxes] == pytest.approx([0.3, 0.2, 0.1], abs=1e-3)


def test_two_tabs_have_changes_of_their_own(browser: Any, server: Server) -> None:
    opened(browser, server.address)
    first = browser.current_window_handle
    slide(browser, "crystal.mosaicity_deg", 0)
    typed(browser, "detector.distance_mm", "120")
    drawn(browser)
    turned = pixels(browser)
    browser.switch_to.new_window("tab")
    opened(browser, server.address)
    assert pixels(browser) != turned
    typed(browser, "detector.distance_mm", "120")
    until(browser, lambda: pixels(browser) == turned)
    browser.close()
    browser.switch_to.window(first)
    assert pixels(browser) == turned


def test_a_wrong_token_is_refused(server: Server) -> None:
    for address in (server.address[:-3] + "x/", server.address.rsplit("/", 2)[0] + "/"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(address)
        with refused.value:
            assert refused.value.code == 403


def test_panels_are_told_by_their_names(browser: Any, tmp_path: Path) -> None:
    from selenium.webdriver import ActionChains

    config = tmp_path / "panels.toml"
    config.write_text(PANELS.format(file=write_geometry(tmp_path)))
    server = Server(tmp_path, config=config)
    try:
        opened(browser, server.address)
        ActionChains(browser).move_to_element_with_offset(browser.find_element("id", "model"), -220, -200).perform()
        until(browser, lambda: "nearest h k l" in text(browser, "at"))
        lines = text(browser, "at").splitlines()
        assert lines[lines.index("panel") + 1] == "0 left"
        slow, fast = map(int, lines[lines.index("slow, fast") + 1].split(", "))
        mm = SHEETS[0].point_mm(fast + 0.5, slow + 0.5)
        right, down = map(float, lines[lines.index("mm right, down of beam") + 1].split(", "))
        assert sorted((abs(right), abs(down))) == pytest.approx(sorted(map(abs, mm[:2])), abs=2e-3)
    finally:
        assert server.end() == 0


def test_the_page_says_that_the_server_has_gone(browser: Any, server: Server) -> None:
    opened(browser, server.address)
    assert not browser.find_element("id", "gone").is_displayed()
    assert server.end() == 0
    until(browser, lambda: browser.find_element("id", "gone").is_displayed())
    assert "nbjax explore" in text(browser, "gone")
