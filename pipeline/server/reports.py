"""Serve the results of runs on 127.0.0.1: ``python -m pipeline.server.reports FOLDER PORT``.

On its own port: a report's scripts must not share the origin of Prefect's pages, which store the auth string.
"""

from __future__ import annotations

import sys

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

HOST = "127.0.0.1"


def main(folder: str, port: str) -> None:
    """Serve files below `folder`; requests for other hosts than this machine get 400."""
    known = Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"], www_redirect=False)
    app = Starlette(routes=[Mount("/", StaticFiles(directory=folder))], middleware=[known])
    uvicorn.run(app, host=HOST, port=int(port), log_level="warning")


if __name__ == "__main__":
    main(*sys.argv[1:])
