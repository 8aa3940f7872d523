"""Plain HTTP: what comes over it is said and recorded, and an https:// address never turns into it."""

from __future__ import annotations

import datetime
import ipaddress
import logging
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hanet.datasets.sources import SOURCES
from hanet.download.fetch import RemoteFile
from hanet.download.unpack import ArchiveError
from tests.support.failing_server import DIGEST, Page, Server, one


def certify(folder: Path) -> Path:
    """A key and a certificate of its own for 127.0.0.1, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "both.pem").write_bytes(private + certificate.public_bytes(pem))
    return folder / "both.pem"


@pytest.fixture
def tls(servers: tuple[Server, Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """The second server, speaking TLS; its address is `secure`."""
    path = certify(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    servers[1].socket = context.wrap_socket(servers[1].socket, server_side=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    yield servers[1]


def secure(server: Server, name: str = "a.zip") -> str:
    return server.url(name).replace("http://", "https://")


def test_a_first_use_over_plain_http_is_said(
    server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        one(server, tmp_path)
    assert f"a.zip came over plain HTTP from {server.url('a.zip')}" in caplog.text
    assert DIGEST in caplog.text
    assert str(tmp_path / "sha256.json") in caplog.text


@pytest.mark.parametrize("known", ["pinned", "recorded"])
def test_a_known_sha256_protects_plain_http(
    server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture, known: str
) -> None:
    pinned = RemoteFile("a.zip", (server.url("a.zip"),), sha256=DIGEST)
    one(server, tmp_path, pinned if known == "pinned" else None)
    (tmp_path / "raw/a.zip").unlink()
    caplog.clear()
    one(server, tmp_path, pinned if known == "pinned" else None)
    assert "plain HTTP" not in caplog.text


def test_tls_needs_no_warning(tls: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tls.pages["a.zip"] = Page()
    result = one(tls, tmp_path, RemoteFile("a.zip", (secure(tls),)))
    assert result.address == secure(tls)
    assert "plain HTTP" not in caplog.text


def test_a_redirect_from_https_to_http_is_refused(tls: Server, server: Server, tmp_path: Path) -> None:
    tls.pages["a.zip"] = Page(script=[{"status": 302, "headers": {"Location": server.url("a.zip")}}] * 9)
    with pytest.raises(ArchiveError, match="which TLS does not protect"):
        one(tls, tmp_path, RemoteFile("a.zip", (secure(tls),)))
    assert server.gets("Range") == []


def test_every_data_set_is_asked_over_https_first() -> None:
    for name, source in SOURCES.items():
        for file in source.remote:
            assert file.urls[0].startswith("https://"), f"{name}: {file.urls[0]}"
