"""Fetch files of data sets from addresses and mirrors into a folder, and verify them.

httpx2, already a dependency, handles requests, redirects, proxies, timeouts and certificates;
`hanet.download.transfer` adds the rest, such as resuming a partial file only where the server's file is
unchanged. (pooch checks hashes, but cannot resume a transfer and tries one address only.)
`hanet.download.by_hand` handles files that need a person.
"""

from __future__ import annotations

import logging
import shutil
import ssl
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx2
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from hanet.download.credentials import redact, redacted_logs
from hanet.download.remote import Fetched, RemoteFile, Retries, is_remote, local_path
from hanet.download.transfer import complete, describe, discard, retry_after, transfer
from hanet.download.unpack import ArchiveError
from hanet.download.verify import HashRecord, require_room, verify
from hanet.files.hashing import file_hash

log = logging.getLogger(__name__)
_UNPROTECTED = (
    "%s came over plain HTTP from %s, and its SHA-256 was not known: anyone on the way could "
    "have changed it. Compare its SHA-256 %s with a copy from another network; it is recorded in "
    "%s and required from now on"
)


def fetch(
    files: Sequence[RemoteFile],
    folder: Path,
    *,
    record: Path,
    workers: int = 4,
    console: Console | None = None,
    retries: Retries = Retries(),  # noqa: B008 (frozen)
    timeout: float = 30.0,
    unpacked_bytes: int = 0,
) -> list[Fetched]:
    """Fetch files into `folder` unless they are there, and verify them.

    Addresses are tried in turn, each several times. An interrupted transfer leaves ``<name>.part`` and
    ``<name>.part.json``, from which the next attempt or call resumes. A file that fails does not stop the
    others. One process at a time may fetch into a folder.

    Args:
        files: what to fetch.
        folder: the target; created where missing.
        record: JSON file with the recorded SHA-256; see `HashRecord`.
        workers: concurrent downloads.
        console: where to show progress; None shows none.
        retries: number of attempts and pauses between them.
        timeout: seconds without a byte before a transfer counts as stalled, and without a connection.
        unpacked_bytes: additional free space needed, for unpacking.

    Returns:
        One entry per file, in their order.

    Raises:
        ArchiveError: too little free disk space (checked before anything is written), or one line per file
            that failed: another SHA-256 or size, a web page, refused or not found.
        ValueError: two files with one name, or no worker.
    """
    names = [file.name for file in files]
    if len(set(names)) < len(names) or workers < 1:
        raise ValueError(f"expected different names and at least one worker, got {names} and {workers}")
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with (
        Progress(
            TextColumn("{task.description}"), *columns, console=console, disable=console is None
        ) as progress,
        ThreadPoolExecutor(workers) as pool,
        redacted_logs(),
    ):
        session = _Session(
            folder,
            HashRecord(record),
            progress,
            retries,
            timeout,
            threading.Event(),
            httpx2.create_ssl_context(),
        )
        try:
            needed = sum(pool.map(session.missing_bytes, files)) + unpacked_bytes
            require_room(folder, needed, "what is to be fetched and unpacked")
            folder.mkdir(parents=True, exist_ok=True)
            futures = [pool.submit(session.fetch, file) for file in files]
            wait(futures)
        except BaseException:
            session.stop.set()  # else leaving the pool would wait for complete files
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return _results(names, futures, folder)


def _results(names: list[str], futures: list[Future[Fetched]], folder: Path) -> list[Fetched]:
    failures = []
    for name, future in zip(names, futures, strict=True):
        error = future.exception()
        if isinstance(error, ArchiveError | OSError):
            failures.append(f"  {name}: {error}")
        elif error is not None:
            raise error
    if failures:
        raise ArchiveError(
            f"{len(failures)} of {len(names)} files could not be fetched; the others are in {folder}; run "
            "again to resume:\n" + "\n".join(failures)
        )
    return [future.result() for future in futures]


class _StoppedError(Exception):
    """Another worker stopped the download."""


@dataclass(frozen=True)
class _Session:
    """Shared by the workers of one call."""

    folder: Path
    hashes: HashRecord
    progress: Progress
    retries: Retries
    timeout: float
    stop: threading.Event
    context: ssl.SSLContext  # one SSL context for all clients: creating it is slow

    def missing_bytes(self, file: RemoteFile) -> int:
        """Bytes of a file still to be fetched, as its description or a server announces."""
        target = self.folder / file.name
        if target.is_file():
            return 0
        part = _part(target)
        size = file.size or next(filter(None, (self._announced(file, url) for url in file.urls)), 0)
        return max(0, size - (part.stat().st_size if part.exists() else 0))

    def _announced(self, file: RemoteFile, url: str) -> int:
        """Size of a file at an address; 0 where it is not announced. Errors are left to the transfer."""
        if not is_remote(url):
            source = local_path(url, file.name)
            return source.stat().st_size if source.is_file() else 0
        try:
            with self._client(file, url) as client:
                answer = client.head(url, headers={"Accept-Encoding": "identity"})
        except (httpx2.HTTPError, ArchiveError):
            return 0
        length = answer.headers.get("Content-Length", "")
        return int(length) if answer.is_success and length.isdecimal() else 0

    def fetch(self, file: RemoteFile) -> Fetched:
        """Fetch a file from the first address that works, or verify the one already there."""
        target = self.folder / file.name
        if target.is_file():
            return Fetched(target, self._verified(file, target), target.stat().st_size, None)
        task = self.progress.add_task(file.name, total=file.size)
        known = file.sha256 or self.hashes.known(file.name)
        problems = []
        for url in file.urls:
            try:
                if is_remote(url):
                    digest = self._download(file, url, partial(self._report, task))
                else:
                    digest = self._copy(file, url)
            except ArchiveError as error:
                problems.append(str(error))
                continue
            complete(_part(target), target)
            if known is None and url.startswith("http://"):
                log.warning(_UNPROTECTED, file.name, redact(url), digest, self.hashes.path)
            size = target.stat().st_size
            self.progress.update(task, completed=size, total=size)
            return Fetched(target, digest, size, redact(url))
        raise ArchiveError(". Next address: ".join(problems))

    def _download(self, file: RemoteFile, url: str, report: Callable[..., object]) -> str:
        """Download into the partial file, with retries; return the SHA-256."""
        part = _part(self.folder / file.name)
        expected = file.sha256 or self.hashes.known(file.name)
        if expected and part.exists() and file_hash(part) == expected:
            return self._verified(file, part)
        with self._client(file, url) as client:
            attempt = 0
            while True:
                attempt += 1
                resumed = part.exists()
                try:
                    transfer(
                        client,
                        url,
                        part,
                        pinned=expected is not None,
                        advice=_advice(file, self.folder / file.name),
                        report=report,
                    )
                except httpx2.HTTPError as error:
                    self._pause(file, url, attempt, error)
                    continue
                try:
                    return self._verified(file, part)
                except ArchiveError:
                    discard(part)
                    # A resumed file may combine two versions: fetch it again from the start.
                    if not resumed or attempt == self.retries.attempts:
                        raise

    def _pause(self, file: RemoteFile, url: str, attempt: int, error: httpx2.HTTPError) -> None:
        """Wait before the next attempt, at least as long as the server asks; raise after the last one."""
        log.warning("%s: attempt %d of %d: %s", file.name, attempt, self.retries.attempts, describe(error))
        asked = retry_after(error) or 0.0
        if attempt == self.retries.attempts or asked > self.retries.longest:
            tried = f"in {attempt} attempts" if attempt > 1 else "in one attempt"
            busy = f" The server asks to wait {asked:.0f} s." if asked else ""
            raise ArchiveError(
                f"{redact(url)}: not fetched {tried}; the last one: {describe(error)}.{busy} Run again to "
                f"continue; {_advice(file, self.folder / file.name)}"
            ) from error
        if self.stop.wait(max(asked, self.retries.seconds(attempt))):
            raise _StoppedError

    def _copy(self, file: RemoteFile, url: str) -> str:
        """Copy from a local mirror into the partial file; return the SHA-256."""
        source, part = local_path(url, file.name), _part(self.folder / file.name)
        if not source.is_file():
            raise ArchiveError(f"{source}: no such file")
        discard(part)
        shutil.copyfile(source, part)
        try:
            return self._verified(file, part)
        except ArchiveError:
            discard(part)
            raise

    def _verified(self, file: RemoteFile, path: Path) -> str:
        """Verify a file against its description; return its SHA-256."""
        return verify(file.name, path, self.hashes, expected_sha256=file.sha256, expected_size=file.size)

    def _report(self, task: TaskID, completed: int, total: int | None) -> None:
        if self.stop.is_set():
            raise _StoppedError
        self.progress.update(task, completed=completed, total=total)

    def _client(self, file: RemoteFile, url: str) -> httpx2.Client:
        guards: list[Callable[[httpx2.Request], None]] = [file.credentials.guard] if file.credentials else []
        if url.startswith("https://"):
            guards.append(_refuse_plain_http)
        return httpx2.Client(
            verify=self.context,
            follow_redirects=True,
            timeout=self.timeout,
            event_hooks={"request": guards, "response": []},
        )


def _refuse_plain_http(request: httpx2.Request) -> None:
    """Guard of an https:// address: no redirect may give up its protection."""
    if request.url.scheme != "https":
        raise ArchiveError(f"the server redirects to {redact(str(request.url))}, which TLS does not protect")


def _part(target: Path) -> Path:
    return target.with_name(f"{target.name}.part")


def _advice(file: RemoteFile, target: Path) -> str:
    """What the user can do where a server does not deliver the file."""
    variables = f"check the environment variables {file.credentials.variables}; " if file.credentials else ""
    hint = f"{file.help.rstrip('.')}; " if file.help else ""
    return f"{variables}{hint}name another address, or get the file by hand and put it at {target}"
