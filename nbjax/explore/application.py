"""What the page asks, and the answers: an ASGI application without state of its own but the model."""

from __future__ import annotations

import json
import logging
import queue
import struct
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import resources
from typing import Any

import jax
import matplotlib as mpl
import numpy as np
from matplotlib.colors import LogNorm, PowerNorm
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from nbjax import __version__
from nbjax.config.inputs import absolute_inputs
from nbjax.config.write import config_toml
from nbjax.errors import NbjaxError
from nbjax.explore.ground import ground_of
from nbjax.explore.guard import Guard
from nbjax.explore.measured import fitted_changes
from nbjax.explore.model import Frame, Model, Superseded
from nbjax.explore.overlay import overlay_of
from nbjax.explore.pixel import pixel_facts
from nbjax.explore.sliders import described, slider_values
from nbjax.plot import COLOUR_MAPS, Scale
from nbjax.plot.scale import COURSES
from nbjax.preparation.picture import layout_of
from nbjax.resolve import Resolved
from nbjax.style import DIFFERENCES

_PAGE = {
    "": ("explore.html", "text/html"),
    "explore.css": ("explore.css", "text/css"),
    "icon.svg": ("icon.svg", "image/svg+xml"),
} | {name: (name, "text/javascript") for name in ("explore.js", "picture.js", "controls.js")}
_LOG = logging.getLogger("uvicorn.error")
_MOST_BODY = 1 << 16
_MOST_TABS = 64


@dataclass(frozen=True)
class Exhibit:
    """What a page shows.

    Attributes:
        model: images of the configuration.
        name: of the configuration.
        measured: photons of an image beside it, NaN where there are none.
        measured_name: of its file.
    """

    model: Model
    name: str
    measured: np.ndarray | None = None
    measured_name: str | None = None


class _Asked(Exception):  # noqa: N818
    """A request that cannot be answered, with its sentence."""


def application(exhibit: Exhibit, token: str, port: int) -> ASGIApp:
    """The guarded application.

    Args:
        exhibit: what is shown.
        token: that every path begins with.
        port: of the server, which the Host of every request has to name.
    """
    answers = _Answers(exhibit)
    routes = [Route(f"/{name}", _file(*file)) for name, file in _PAGE.items()]
    routes += [Route("/start", answers.start), Route("/alive", answers.alive), Route("/measured", answers.measured)]
    routes += [
        Route(f"/{name}", answer, methods=["POST"])
        for name, answer in (
            ("image", answers.image),
            ("overlay", answers.overlay),
            ("pixel", answers.pixel),
            ("fit", answers.fit),
            ("config", answers.config),
        )
    ]
    return Guard(Starlette(routes=routes), token, port)


def _file(name: str, kind: str) -> Callable[[Request], Response]:
    content = (resources.files("nbjax.explore") / "page" / name).read_bytes()

    def answer(request: Request) -> Response:
        return Response(content, media_type=kind)

    return answer


class _Answers:
    def __init__(self, exhibit: Exhibit):
        self._exhibit, self._model = exhibit, exhibit.model
        self._newest: OrderedDict[str, int] = OrderedDict()
        self._fitting = threading.Lock()

    def start(self, request: Request) -> Response:
        """What the page is built from."""
        resolved, _ = self._model.prepared(self._model.base)
        slow, fast = resolved.detector.shape[-2:]
        return JSONResponse(
            {
                "version": __version__,
                "name": self._exhibit.name,
                "slow": slow,
                "fast": fast,
                "ground": _ground(resolved),
                "sliders": described(resolved),
                "values": slider_values(resolved),
                "measured": self._exhibit.measured_name,
                "colours": {name: _colours(each) for name, each in COLOUR_MAPS.items()},
                "differences": _colours(DIFFERENCES),
            }
        )

    async def alive(self, request: Request) -> Response:
        """That the server is there, and what takes it long."""
        return JSONResponse({"alive": True, "doing": self._model.doing})

    def measured(self, request: Request) -> Response:
        """Photons of the measured image."""
        if self._exhibit.measured is None:
            return PlainTextResponse("no image was given; start nbjax explore with --image FILE", 404)
        return _floats({}, self._exhibit.measured.astype(np.float32))

    async def image(self, request: Request) -> Response:
        """The image of changes, with the numbers of the sliders."""
        return await _answered(request, self._image)

    async def overlay(self, request: Request) -> Response:
        """Rings and spots of changes."""
        return await _answered(
            request, lambda asked: JSONResponse(overlay_of(self._model, self._model.config(_changes(asked))))
        )

    async def pixel(self, request: Request) -> Response:
        """The factors of a pixel."""

        def answer(asked: dict[str, Any]) -> Response:
            config = self._model.config(_changes(asked))
            at = [asked[name] for name in ("panel", "slow", "fast") if asked.get(name) is not None]
            if len(at) < 2 or not all(type(place) is int for place in at):
                raise _Asked("panel, slow and fast: are no whole numbers; name a pixel")
            return JSONResponse(pixel_facts(self._model, config, at))

        return await _answered(request, answer)

    async def config(self, request: Request) -> Response:
        """The configuration of changes, as a file."""

        def answer(asked: dict[str, Any]) -> Response:
            config = self._model.config(_changes(asked))
            self._model.prepared(config)
            return PlainTextResponse(config_toml(absolute_inputs(config)))

        return await _answered(request, answer)

    async def fit(self, request: Request) -> Response:
        """Lines of JSON: a sentence for each step, then what was found."""
        return await _answered(request, self._fit)

    def _image(self, asked: dict[str, Any]) -> Response:
        tab, serial, level = str(asked.get("tab", ""))[:64], asked.get("serial", 0), asked.get("level", 0)
        if type(serial) is not int or type(level) is not int or level < 0:
            raise _Asked("serial and level: are no whole numbers from 0; reload the page")
        self._newest[tab] = max(serial, self._newest.pop(tab, 0))
        while len(self._newest) > _MOST_TABS:
            self._newest.popitem(last=False)
        begin = time.perf_counter()
        try:
            frame = self._model.frame(
                _changes(asked),
                bool(asked.get("moving")),
                level,
                lambda: self._newest.get(tab, 0) > serial,
            )
        except Superseded:
            return JSONResponse({"superseded": True}, 409)
        told: dict[str, Any] = {
            "values": slider_values(frame.resolved),
            "level": frame.level,
            "levels": frame.levels,
            "remarks": frame.remarks,
        }
        if not asked.get("moving"):
            told["limits"] = _limits(frame, asked.get("course", "auto"))
        if len(frame.resolved.detector.panels) > 1:
            # they may have been shifted
            told["ground"] = _ground(frame.resolved)
        told["milliseconds"] = 1000 * (time.perf_counter() - begin)
        return _floats(told, frame.photons)

    def _fit(self, asked: dict[str, Any]) -> Response:
        measured, keys = self._exhibit.measured, asked.get("keys")
        if measured is None:
            raise _Asked("no image was given; start nbjax explore with --image FILE")
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            raise _Asked("keys: is no list of names; mark what the fit may move")
        config = self._model.config(_changes(asked))
        if not self._fitting.acquire(blocking=False):
            raise _Asked("a fit is going on; wait for its end")
        lines: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()

        def work() -> None:
            try:
                lines.put(fitted_changes(self._model, config, measured, keys, lambda said: lines.put({"said": said})))
            except NbjaxError as error:
                lines.put({"errors": str(error).splitlines()})
            except Exception as error:  # the page has to hear of it
                lines.put({"errors": [f"the fit broke off: {error}"]})
                raise
            finally:
                self._fitting.release()
                lines.put(None)

        def told() -> Iterator[bytes]:
            while (line := lines.get()) is not None:
                yield json.dumps(line).encode() + b"\n"

        threading.Thread(target=work, daemon=True, name="nbjax fit").start()
        return StreamingResponse(told(), media_type="application/x-ndjson")


async def _answered(request: Request, answer: Callable[[dict[str, Any]], Response]) -> Response:
    """The answer to a body of JSON, made in a thread; a fault of the user's is 400 with its sentences."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _MOST_BODY:
            return JSONResponse({"errors": ["the request is too long; reload the page"]}, 413)
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        asked = None
    if not isinstance(asked, dict):
        return JSONResponse({"errors": ["the request is no object of JSON; reload the page"]}, 400)
    try:
        return await run_in_threadpool(answer, asked)
    except (NbjaxError, _Asked) as error:
        return JSONResponse({"errors": str(error).splitlines()}, 400)
    except Exception as error:  # the page has to hear of it, and goes on
        _LOG.exception("nbjax explore: a fault of the program")
        what = f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}"
        return JSONResponse({"errors": [f"a fault of the program, {what}; take back what was changed"]}, 500)


def _changes(asked: dict[str, Any]) -> dict[str, Any]:
    changes = asked.get("changes", {})
    if not isinstance(changes, dict):
        raise _Asked("changes: are no object of JSON; reload the page")
    return changes


def _floats(told: dict[str, Any], values: np.ndarray) -> Response:
    """A length, as much JSON, blanks up to a multiple of four bytes, and 4-byte floats, little-endian."""
    text = json.dumps(told).encode()
    text += b" " * (-len(text) % 4)
    return Response(
        struct.pack("<I", len(text)) + text + np.ascontiguousarray(values, "<f4").tobytes(),
        media_type="application/octet-stream",
    )


def _ground(resolved: Resolved) -> dict[str, Any]:
    panels = resolved.detector.panels
    with jax.enable_x64(True):
        ground = ground_of(layout_of(resolved))
    return ground.described([panel.name for panel in panels] if len(panels) > 1 else ())


def _limits(frame: Frame, course: Any) -> tuple[str, float, float]:
    """Course of the colours and its limits, as ``nbjax show`` chooses them."""
    if not isinstance(course, str) or course not in COURSES:
        raise _Asked(f"course: got {course!r}; choose from {', '.join(COURSES)}")
    photons, panels = frame.photons, frame.resolved.detector.panels
    if len(panels) > 1:
        # smaller ones have nothing at their ends
        norm = Scale(course).norm(
            *(own[: panel.pixels[1], : panel.pixels[0]] for own, panel in zip(photons, panels, strict=True))
        )
    else:
        norm = Scale(course).norm(photons)
    kind = {LogNorm: "log", PowerNorm: "sqrt"}.get(type(norm), "linear")
    assert norm.vmin is not None
    assert norm.vmax is not None
    return kind, float(norm.vmin), float(norm.vmax)


def _colours(name: str) -> list[list[int]]:
    return (255 * mpl.colormaps[name](np.linspace(0, 1, 256))[:, :3]).round().astype(int).tolist()
