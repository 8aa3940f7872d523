"""pip's package indexes on this machine, and the link of one file there.

Index, extra indexes, local folders, certificates, proxy and trusted hosts come from pip's configuration, so
mirrors and proxies are configured once.
"""

from __future__ import annotations

import ast
import logging
import os
import re
import ssl
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
from unearth import Link, PackageFinder
from unearth.auth import MultiDomainBasicAuth
from unearth.fetchers import PyPIClient

from hanet.download.transfer import BUSY, describe
from hanet.download.unpack import ArchiveError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PackageIndex:
    """Package indexes and folders, and how to reach them.

    Attributes:
        index_urls: PEP 503/691 simple indexes, ``https://…`` or ``file://…``; may hold credentials.
        find_links: folders, or pages of links.
        trusted_hosts: hosts (``host`` or ``host:port``) reached without checking certificates or over plain
            HTTP.
        ca_bundle: file or folder of certificate authorities; None uses the system's.
        client_cert: file with the client's certificate and key.
        proxy: proxy address; None uses the environment's.
        timeout: seconds without an answer before a request fails.

    URLs may contain passwords: they are excluded from the representation and never logged.
    """

    index_urls: tuple[str, ...] = field(repr=False)
    find_links: tuple[str, ...] = field(default=(), repr=False)
    trusted_hosts: tuple[str, ...] = ()
    ca_bundle: str | None = None
    client_cert: str | None = None
    proxy: str | None = field(default=None, repr=False)
    timeout: float = 15.0

    @classmethod
    def from_pip(cls) -> PackageIndex:
        """Read the settings of ``pip install``: pip's files at every level, overridden by ``PIP_*``
        variables.

        Raises:
            ArchiveError: pip is missing or rejects its own configuration.
        """
        pip = pip_settings()
        default = [source["url"] for source in PackageFinder().sources]
        urls = [pip["index-url"]] if "index-url" in pip else default
        offline = pip.get("no-index", "").lower() in {"1", "true", "yes", "y", "on", "t"}
        return cls(
            index_urls=() if offline else (*urls, *pip.get("extra-index-url", "").split()),
            find_links=tuple(_existing(link) for link in pip.get("find-links", "").split()),
            trusted_hosts=tuple(pip.get("trusted-host", "").split()),
            ca_bundle=pip.get("cert") or os.getenv("REQUESTS_CA_BUNDLE") or os.getenv("CURL_CA_BUNDLE"),
            client_cert=pip.get("client-cert"),
            proxy=pip.get("proxy"),
            timeout=float(pip.get("timeout") or pip.get("default-timeout") or 15.0),
        )

    def client(self) -> PyPIClient:
        """An HTTP client for these indexes; it also opens ``file://`` addresses and raises where a server is
        busy.
        """
        context: ssl.SSLContext | bool = True
        if self.ca_bundle or self.client_cert:
            folder = self.ca_bundle is not None and Path(self.ca_bundle).is_dir()
            context = ssl.create_default_context(
                cafile=None if folder else self.ca_bundle, capath=self.ca_bundle if folder else None
            )
            if self.client_cert:
                context.load_cert_chain(self.client_cert)
        # unearth reaches trusted hosts through a transport of its own, which would bypass the proxy.
        through_proxy: Mapping[str, httpx2.BaseTransport] = {
            f"all://{host}": httpx2.HTTPTransport(verify=False, proxy=self.proxy)
            for host in self.trusted_hosts
            if self.proxy
        }
        return PyPIClient(
            trusted_hosts=self.trusted_hosts,
            verify=context,
            proxy=self.proxy,
            mounts=through_proxy,
            timeout=self.timeout,
            follow_redirects=True,
            # Credentials are removed from a request's address before it is sent or logged. The index's
            # addresses are not passed on: unearth would log them.
            auth=MultiDomainBasicAuth(prompting=False),
            event_hooks={"response": [_refuse_busy]},
        )

    def find(self, client: PyPIClient, requirement: str, filename: str) -> Link:
        """Find the link of one exact file, for any platform and Python version.

        Args:
            client: as returned by `client`.
            requirement: project and version, e.g. ``pybullet==3.2.7``.
            filename: the archive's file name.

        Raises:
            ArchiveError: no index offers the file.
            httpx2.HTTPError: no index offers the file, and one could not be reached.
        """
        offered: set[str] = set()
        unreachable: httpx2.HTTPError | None = None
        places = [("find_links", url) for url in self.find_links] + [
            ("index_urls", u) for u in self.index_urls
        ]
        for kind, url in places:
            finder = PackageFinder(client, **{kind: [url]}, ignore_compatibility=True)  # pyright: ignore[reportArgumentType]
            try:
                links = [package.link for package in finder.find_matches(requirement)]
            except httpx2.HTTPError as error:
                log.warning("%s: skipped %s: %s", requirement, Link(url).redacted, describe(error))
                unreachable = error
                continue
            for link in links:
                if link.filename == filename:
                    return link
            offered.update(link.filename for link in links)
        if unreachable is not None:
            raise unreachable
        raise ArchiveError(
            f"none of the {len(places)} package index(es) and folders that pip is configured with offers "
            f"{filename}; for {requirement} they offer {', '.join(sorted(offered)) or 'nothing'}. Check the "
            "requirement and `python -m pip config list`"
        )


def pip_settings() -> dict[str, str]:
    """pip's settings by option name, merged as ``pip install`` does: global, then install, then environment.

    Raises:
        ArchiveError: ``python -m pip config list`` failed.
    """
    # A quiet pip would print no settings.
    environment = {k: v for k, v in os.environ.items() if k not in {"PIP_QUIET", "PIP_VERBOSE"}}
    listing = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    if listing.returncode != 0:
        # Its output is not quoted: it may contain an address with a password.
        raise ArchiveError(
            f"`{sys.executable} -m pip config list` failed with status {listing.returncode}: "
            "run it by hand to see why, and install pip or correct its configuration"
        )
    sections: dict[str, dict[str, str]] = {"global": {}, "install": {}, ":env:": {}}
    for line in listing.stdout.splitlines():
        if match := re.fullmatch(r"(global|install|:env:)\.([\w-]+)=(.+)", line):
            section, option, value = match.groups()
            if text := ast.literal_eval(value):  # pip ignores empty settings
                sections[section][option] = text
    return sections["global"] | sections["install"] | sections[":env:"]


def _existing(link: str) -> str:
    """Convert a find-links entry for unearth: existing local paths become ``file://`` addresses."""
    return link if "://" in link else Path(link).expanduser().absolute().as_uri()


def _refuse_busy(response: httpx2.Response) -> None:
    """Raise an HTTP error for a busy server, so that the request is retried like a lost connection."""
    if response.status_code in BUSY:
        raise httpx2.HTTPStatusError(
            f"{response.request.url.host} answered {response.status_code} {response.reason_phrase}",
            request=response.request,
            response=response,
        )
