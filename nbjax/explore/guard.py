"""Who may ask: those who know the address with its token, from a page of this machine."""

from __future__ import annotations

import secrets

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_TOKEN_BYTES = 16
_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)
HOSTS = ("127.0.0.1", "localhost")
"""Names under which this machine asks itself; any other comes from a page that had its name bound anew."""
_REFUSED = b"nbjax: the address lacks its token, or comes from another page; copy the line that nbjax explore printed\n"


def new_token() -> str:
    """A token for one run, not to be guessed."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


class Guard:
    """Lets requests through whose path begins with the token, and answers all others with 403.

    Args:
        app: what is guarded; its paths begin after the token.
        token: the first part of every path.
        port: of the server.
    """

    def __init__(self, app: ASGIApp, token: str, port: int):
        self._app = app
        self._token = token.encode()
        self._hosts = {f"{host}:{port}".encode() for host in HOSTS}
        self._origins = {b"http://" + host for host in self._hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http" or not self._may(scope):
            if scope["type"] == "http":
                await send(
                    {"type": "http.response.start", "status": 403, "headers": [(b"content-type", b"text/plain")]}
                )
                await send({"type": "http.response.body", "body": _REFUSED})
            return
        path = scope["path"][1 + len(self._token) :] or "/"

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_HEADERS]
            await send(message)

        await self._app({**scope, "path": path, "raw_path": path.encode()}, receive, with_headers)

    def _may(self, scope: Scope) -> bool:
        said: dict[bytes, list[bytes]] = {}
        for name, value in scope["headers"]:
            said.setdefault(name.lower(), []).append(value)
        first, _, rest = scope["path"].lstrip("/").partition("/")
        return (
            secrets.compare_digest(first.encode(), self._token)
            and ".." not in rest.split("/")
            and said.get(b"host", [b""])[0].lower() in self._hosts
            and all(origin in self._origins for origin in said.get(b"origin", []))
        )
