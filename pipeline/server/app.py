"""Prefect's server with a check of the Host header and a login link: ``python -m pipeline.server.app``.

`pipeline.server.serve` starts it and sets its environment. It adds to `prefect server start`: requests for
hosts that are not in PREFECT_ALLOWED_HOSTS get 400; the page `/open` stores the auth string in the browser;
a Content-Security-Policy keeps browsers from calling other servers (Prefect's V2 pages call an analytics
service even if analytics are off). Its `unsafe-eval` is for the graph of a run: without it there is none.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from prefect.server.api.server import create_app as create_prefect_app
from prefect.settings import get_current_settings
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import FileResponse
from starlette.routing import Route

from pipeline.server.access import ALLOWED_HOSTS, LOGIN_PATH

HEADERS = [
    (
        "Content-Security-Policy",
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
        "style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; frame-ancestors 'none'",
    ),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
]
"""Sent with every response."""


def create_app(hosts: Sequence[str]) -> FastAPI:
    """Return Prefect's app, restricted to requests for these hosts."""
    app = create_prefect_app(final=True)

    async def log_in(_: object) -> FileResponse:
        return FileResponse(Path(__file__).with_name("open.html"), headers={"Cache-Control": "no-store"})

    app.router.routes.insert(0, Route(LOGIN_PATH, log_in))  # before Prefect's pages, which take every path
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False)
    return app


def main() -> None:
    """Serve as `prefect server start` does, with Prefect's settings."""
    settings = get_current_settings().server
    uvicorn.run(
        create_app(os.environ[ALLOWED_HOSTS].split(",")),
        host=settings.api.host,
        port=settings.api.port,
        timeout_keep_alive=settings.api.keepalive_timeout,
        ws_ping_interval=settings.api.websocket_ping_interval,
        ws_ping_timeout=settings.api.websocket_ping_timeout,
        log_level=settings.logging_level.lower(),
        headers=HEADERS,
    )


if __name__ == "__main__":
    main()
