"""The server of the page, on this machine alone."""

from __future__ import annotations

import socket
from collections.abc import Callable

import uvicorn

from nbjax.errors import UsageError
from nbjax.explore.application import Exhibit, application
from nbjax.explore.guard import HOSTS, new_token

_END_S = 1
"""How long an end waits for answers on their way."""


def serve(exhibit: Exhibit, port: int, ready: Callable[[str], None]) -> None:
    """Serve a page until Ctrl-C.

    Args:
        exhibit: what it shows.
        port: 0 for one that is free.
        ready: called with the address once somebody may ask.

    Raises:
        UsageError: the port is taken.
    """
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOSTS[0], port))
    except OSError as error:
        raise UsageError(
            f"--port {port}: cannot be used ({error.strerror}); give another, or 0 for a free one"
        ) from None
    number = listening.getsockname()[1]
    token = new_token()
    server = uvicorn.Server(
        uvicorn.Config(
            application(exhibit, token, number),
            log_level="error",
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=_END_S,
        )
    )
    with listening:
        listening.listen()
        ready(f"http://{HOSTS[0]}:{number}/{token}/")
        server.run(sockets=[listening])
