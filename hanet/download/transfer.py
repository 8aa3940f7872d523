"""Download one file over HTTP into a ``.part`` file in the target's folder, resuming where that is safe.

httpx2 transfers the bytes. This module resumes a partial file only where the server's file is unchanged, and
rejects truncated content, wrong content and web pages. httpx2's own errors are worth a retry; `ArchiveError`
is final.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx2

from hanet.download.credentials import redact
from hanet.download.unpack import ArchiveError
from hanet.download.verify import require_room
from hanet.files.atomic import write_json

BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
"""HTTP statuses that are retried."""

_WHY = {
    401: "it needs credentials",
    403: "it needs an account, accepted terms or other credentials",
    404: "the file is not there, or no longer there",
    410: "the file is no longer there",
}


def transfer(
    client: httpx2.Client,
    url: str,
    part: Path,
    *,
    pinned: bool,
    advice: str,
    report: Callable[..., object],
) -> None:
    """Fetch `url` into `part`, resuming where possible.

    A transfer is resumed where the server confirms by ``If-Range`` that its file is unchanged; the validator
    (a strong ETag, else Last-Modified) is stored in ``<part>.json``. Otherwise the transfer restarts.

    Args:
        client: must follow redirects; its read timeout ends a stalled transfer.
        url: ``https://…`` or ``http://…``.
        part: the partial file; complete on return, not renamed.
        pinned: the caller knows the SHA-256 and will check it, so a partial file without a validator, or from
            another mirror, may be resumed too.
        advice: what the user can do where the server refuses the file.
        report: called as ``report(completed=…, total=…)`` with bytes.

    Raises:
        httpx2.HTTPError: the transfer broke off, or the server is busy; a retry may resume.
        ArchiveError: the server refuses the file or answers with a web page, or the disk is full.
    """
    notes = _Notes(part)
    # the file's own bytes, whether or not the server treats .gz as an encoding
    headers = {"Accept-Encoding": "identity"}
    have = part.stat().st_size if part.exists() else 0
    validator = notes.validator(url)
    if have and (validator or pinned):
        headers["Range"] = f"bytes={have}-"
        if validator:
            headers["If-Range"] = validator
    else:
        have = 0
    with client.stream("GET", url, headers=headers) as response:
        if response.status_code == 416 and have:
            if validator and _complete_length(response) == have:
                return  # killed after the last byte, before renaming
            notes.discard()
            raise httpx2.RemoteProtocolError(
                "the server's file is not longer than the partial one; restarting"
            )
        _check_answer(response, part.name.removesuffix(".part"), advice)
        continued = response.status_code == 206
        if continued and not _continues(response, have, validator):
            notes.discard()
            raise httpx2.RemoteProtocolError("the server sent another range, or its file changed; restarting")
        have = have if continued else 0
        length = response.headers.get("Content-Length", "")
        total = have + int(length) if length.isdecimal() else None
        if total is not None:
            require_room(part.parent, total - have, part.name.removesuffix(".part"))
        if not continued:
            part.unlink(missing_ok=True)  # before its validator is replaced by another file's
            notes.write(url, _validator(response))
        with part.open("ab") as file:
            for chunk in response.iter_raw():  # raises where fewer bytes arrive than announced
                file.write(chunk)
                have += len(chunk)
                report(completed=have, total=total)


def retry_after(error: httpx2.HTTPError) -> float | None:
    """Seconds that a busy server asks to wait (``Retry-After``, a number or a date), or None."""
    if not isinstance(error, httpx2.HTTPStatusError):
        return None
    text = error.response.headers.get("Retry-After", "")
    if text.isdecimal():
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())


def describe(error: Exception) -> str:
    """An error in one line, with its kind."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def discard(part: Path) -> None:
    """Delete a partial file and its validator."""
    _Notes(part).discard()


def complete(part: Path, target: Path) -> Path:
    """Rename a complete partial file, if not yet renamed, and delete its validator."""
    part.replace(target)
    _Notes(part).forget()
    return target


class _Notes:
    """Address and validator of a partial file, stored in a JSON file in the same folder."""

    def __init__(self, part: Path) -> None:
        self.part = part
        self.path = part.with_name(f"{part.name}.json")

    def validator(self, url: str) -> str | None:
        """The validator, if the part came from this address: mirrors may date one file differently."""
        try:
            noted = json.loads(self.path.read_text())
            return noted["validator"] if noted["address"] == redact(url) else None
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None

    def write(self, url: str, validator: str | None) -> None:
        write_json(self.path, {"address": redact(url), "validator": validator})

    def forget(self) -> None:
        self.path.unlink(missing_ok=True)

    def discard(self) -> None:
        self.part.unlink(missing_ok=True)
        self.forget()


def _check_answer(response: httpx2.Response, name: str, advice: str) -> None:
    status = f"{response.status_code} {response.reason_phrase}".strip()
    if response.status_code in BUSY:
        raise httpx2.HTTPStatusError(
            f"{response.request.url.host} answered {status}", request=response.request, response=response
        )
    address = redact(str(response.request.url))
    if not response.is_success:
        why = _WHY.get(response.status_code, "it refuses the file")
        raise ArchiveError(f"{address}: the server answered {status}: {why}; {advice}")
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind in {"text/html", "application/xhtml+xml"} and not name.endswith((".html", ".htm")):
        raise ArchiveError(
            f"{address}: the server answered with a web page instead of {name}, most likely a login, licence "
            f"or error page; {advice}"
        )


def _validator(response: httpx2.Response) -> str | None:
    """The validator for ``If-Range``; weak ETags are excluded, as they do not guarantee equal bytes."""
    tag = response.headers.get("ETag", "")
    return tag if tag.startswith('"') else response.headers.get("Last-Modified")


def _continues(response: httpx2.Response, have: int, validator: str | None) -> bool:
    """True where a 206 answer continues at byte `have`, to the end, in an unchanged file."""
    span = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", response.headers.get("Content-Range", ""))
    if span is None or int(span[1]) != have or (span[3] != "*" and int(span[2]) + 1 != int(span[3])):
        return False
    now = _validator(response)
    return validator is None or now is None or now == validator


def _complete_length(response: httpx2.Response) -> int | None:
    length = re.fullmatch(r"bytes \*/(\d+)", response.headers.get("Content-Range", ""))
    return int(length[1]) if length else None
