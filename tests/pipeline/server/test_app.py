"""The server's WebSockets, which its middleware for the auth string does not see: each asks for it itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from prefect.settings import PREFECT_SERVER_API_AUTH_STRING, temporary_settings
from starlette.routing import Mount, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from pipeline.server.app import create_app

AUTH = "hanet:0123456789abcdef"
HOST = "127.0.0.1"


@pytest.fixture(scope="module")
def app() -> Iterator[FastAPI]:
    with temporary_settings({PREFECT_SERVER_API_AUTH_STRING: AUTH}):
        yield create_app([HOST])


def sockets(app: FastAPI) -> list[str]:
    """Paths of all WebSockets; names in them stand for themselves."""
    found: list[str] = []

    def walk(routes, before: str) -> None:
        for route in routes:
            if isinstance(route, WebSocketRoute):
                found.append(before + route.path.translate({ord("{"): None, ord("}"): None}))
            elif isinstance(route, Mount):
                walk(route.routes, before + route.path)
            elif hasattr(route, "original_router"):
                walk(route.original_router.routes, before + route.include_context.prefix)

    walk(app.routes, "")
    return found


def closed(app: FastAPI, path: str, *, host: str = HOST, token: str | None = None) -> bool:
    """Whether a connection is refused, or ended after the client's first message."""
    protocols = [] if token is None else ["prefect"]
    try:
        with TestClient(app).websocket_connect(path, protocols, headers={"host": host}) as socket:
            if token is not None:
                socket.send_json({"type": "auth", "token": token})
            return socket.receive_json() != {"type": "auth_success"}
    except WebSocketDisconnect:
        return True


def test_every_websocket_needs_the_auth_string_and_a_known_host(app: FastAPI) -> None:
    paths = sockets(app)
    assert {"/api/events/in", "/api/events/out", "/api/logs/out"} <= set(paths)
    for path in paths:
        assert closed(app, path)
        assert closed(app, path, token="")
        assert closed(app, path, token=AUTH + "x")
        assert closed(app, path, host="evil.example", token=AUTH)
        assert not closed(app, path, token=AUTH)
