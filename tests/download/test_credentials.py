"""Which requests carry credentials, and what messages show of addresses."""

from __future__ import annotations

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanet.download.credentials import Credentials, redact
from hanet.download.unpack import ArchiveError


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANET_X_TOKEN", "word")


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("https://example.org/a", True),
        ("https://example.org:443/a", True),
        ("https://EXAMPLE.org/a", True),
        ("http://example.org/a", False),  # readable on the way
        ("https://example.org:8443/a", False),
        ("https://files.example.org/a", False),
        ("https://example.org.evil.org/a", False),
        ("https://evil.org/example.org", False),
        ("https://example.org@evil.org/", False),
    ],
)
def test_only_the_host_they_are_for(url: str, sent: bool) -> None:
    request = httpx2.Request("GET", url, headers={"Authorization": "of an earlier request"})
    Credentials("HANET_X", "Example.org").guard(request)
    assert request.headers.get("Authorization") == ("Bearer word" if sent else None)


def test_a_port_and_a_header_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    credentials = Credentials("HANET_X", "localhost:8000", "Private-Token")
    request = httpx2.Request("GET", "http://localhost:8000/a")
    credentials.guard(request)
    assert request.headers["Private-Token"] == "word"
    assert "Authorization" not in request.headers
    monkeypatch.delenv("HANET_X_TOKEN")
    monkeypatch.setenv("HANET_X_USER", "Aladdin")
    monkeypatch.setenv("HANET_X_PASSWORD", "open sesame")
    credentials.guard(request)
    assert request.headers["Authorization"] == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="  # RFC 7617
    assert "Private-Token" not in request.headers
    monkeypatch.setenv("HANET_X_PASSWORD", "")
    with pytest.raises(ArchiveError, match="HANET_X_USER and HANET_X_PASSWORD, or HANET_X_TOKEN"):
        credentials.guard(request)


def test_no_value_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    credentials = Credentials("HANET_X", "example.org")
    assert "word" not in repr(credentials)
    monkeypatch.setenv("HANET_X_TOKEN", "wörd")
    with pytest.raises(ArchiveError, match="outside ASCII"):
        credentials.credential()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("hanet", "a.org"), "prefix of variables such as HANET_HUMAN36M, in capitals, got 'hanet'"),
        (("HANET", "https://a.org"), "host must be like example.org"),
        (("HANET", "me@a.org"), "host must be like example.org"),
        (("HANET", "a.org", "X: y"), "header must be the name"),
    ],
)
def test_wrong_descriptions(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Credentials(*arguments)


def test_redacted_addresses() -> None:
    assert redact("https://me:pw@a.org/x.zip?sig=1#f") == "https://a.org/x.zip?…"
    assert redact("https://a.org/x@2.zip") == "https://a.org/x@2.zip"
    assert redact("/folder/a") == "/folder/a"


@given(st.text("abc/:@?#%1", min_size=0, max_size=12), st.text("abc/:@?#", max_size=8))
def test_no_secret_stays(before: str, after: str) -> None:
    assert "SECRET" not in redact(f"https://host/{before.replace('?', '')}?SECRET{after}")
    user = before.replace("/", "").replace("?", "").replace("#", "")
    assert "SECRET" not in redact(f"https://{user}SECRET@host/x")
