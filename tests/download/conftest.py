"""Servers that fail, and no configuration of this machine."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest

from tests.support.failing_server import Page, Server


@pytest.fixture
def servers() -> Iterator[tuple[Server, Server]]:
    both = Server(), Server()
    threads = [threading.Thread(target=one.serve_forever, args=(0.01,), daemon=True) for one in both]
    for thread in threads:
        thread.start()
    yield both
    for server, thread in zip(both, threads, strict=True):
        server.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def server(servers: tuple[Server, Server]) -> Server:
    servers[0].pages["a.zip"] = Page()
    return servers[0]


@pytest.fixture(autouse=True)
def _no_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy and no credentials of the machine that runs the tests reach them."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name.startswith("HANET_"):
            monkeypatch.delenv(name)
