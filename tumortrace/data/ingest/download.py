"""Fetch the published files from figshare: listed through its API, resumed, retried, checked by md5 (pooch)."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pooch
import requests
import urllib3

from tumortrace import paths
from tumortrace.constants import ARTICLE_API, ARTICLE_URL
from tumortrace.errors import DownloadFailed

Progress = Callable[[int, int], None]
_CHUNK: Final = 2**18
_TIMEOUT: Final = (10, 60)
"""Seconds to connect, and to wait between two pieces."""


@dataclass(frozen=True)
class RemoteFile:
    """One file of the article."""

    name: str
    url: str
    size: int
    md5: str


def download(
    progress: Progress | None = None, *, api: str | None = None, attempts: int = 6, pause: float = 1.0
) -> Path:
    """Fetch every file of the article that is not here yet.

    Args:
        progress: Called with (bytes here, bytes in all).
        api: Address of the article's record; None takes ``TUMORTRACE_ARTICLE_API`` where it is set (a mirror, a test)
            and figshare's otherwise.
        attempts: How often a file is tried before giving up; a try that brought new bytes does not count.
        pause: Seconds before the second try, doubled each time (at most 30).

    Returns:
        The folder of the files, ready for :func:`tumortrace.data.ingest.importer.import_dataset`. What was fetched
        before, even half, is used.

    Raises:
        DownloadFailed: No network, the server keeps failing, or a file stays wrong; says what to do by hand.
    """
    folder = paths.downloads()
    folder.mkdir(parents=True, exist_ok=True)
    pooch.get_logger().setLevel("WARNING")
    files = _list(api or os.environ.get("TUMORTRACE_ARTICLE_API") or ARTICLE_API, attempts, pause)
    total, done = sum(file.size for file in files), 0
    for file in files:
        before = done

        def report(here: int, before: int = before) -> None:
            if progress:
                progress(before + here, total)

        _fetch(file, folder, report, attempts, pause)
        done += file.size
        report(file.size)
    return folder


def _list(api: str, attempts: int, pause: float) -> list[RemoteFile]:
    reason: object = None
    for attempt in range(attempts):
        if attempt:
            time.sleep(min(30.0, pause * 2 ** (attempt - 1)))
        try:
            answer = requests.get(api, timeout=_TIMEOUT)
            answer.raise_for_status()
            _check_status(answer)
            found = [_remote(entry) for entry in answer.json()["files"] if entry["name"].endswith((".zip", ".mat"))]
            if found:
                return found
            reason = "the article lists no zip and no mat file"
        except requests.ConnectionError:
            reason = f"no connection to {urlsplit(api).netloc}"
            if attempt >= 1:
                break  # no network: waiting longer would only keep the reader waiting
        except (requests.RequestException, ValueError, KeyError, TypeError) as error:
            reason = error
            if _final(error):
                break
    raise _by_hand("the list of files could not be fetched", api, reason)


def _remote(entry: dict[str, Any]) -> RemoteFile:
    name = Path(str(entry["name"])).name
    return RemoteFile(name, str(entry["download_url"]), int(entry["size"]), str(entry["computed_md5"]))


def _fetch(file: RemoteFile, folder: Path, report: Callable[[int], None], attempts: int, pause: float) -> None:
    target, part = folder / file.name, folder / f"{file.name}.part"
    if target.exists() and _right(target, file):
        return
    for fresh in (False, True):
        if fresh:
            part.unlink(missing_ok=True)
        try:
            pooch.retrieve(
                file.url,
                known_hash=f"md5:{file.md5}",
                fname=file.name,
                path=folder,
                downloader=_Resuming(file, part, report, attempts, pause),
            )
            part.unlink(missing_ok=True)
            return
        except ValueError:
            # pooch: the md5 is wrong. Once more, from the first byte.
            part.unlink(missing_ok=True)
    raise _by_hand("the file arrives with a wrong md5", file.url, f"expected {file.md5}", kept=False)


def _right(path: Path, file: RemoteFile) -> bool:
    return path.stat().st_size == file.size and pooch.file_hash(str(path), alg="md5") == file.md5


class _Unexpected(requests.RequestException):
    """An answer that is not the file: a page that asks for a browser or a login."""


def _check_status(answer: requests.Response) -> None:
    """Refuse what is neither the whole nor the part that was asked for; figshare's bot check answers 202."""
    if answer.status_code not in {requests.codes.ok, requests.codes.partial_content}:
        raise _Unexpected(f"the server answered {answer.status_code} (it asks for a browser)")


def _check_answer(answer: requests.Response, here: int, size: int) -> None:
    """Refuse an answer that cannot be the file of ``size`` bytes, or its part from ``here``."""
    _check_status(answer)
    if answer.status_code == requests.codes.partial_content:
        said = answer.headers.get("Content-Range", "")
        if said and not said.startswith(f"bytes {here}-"):
            raise _Unexpected(f"the server sends another part than the one asked for ({said})")
        return
    length, kind = answer.headers.get("Content-Length"), answer.headers.get("Content-Type", "")
    # Without a length, only a first try may be written: it overwrites nothing.
    fits = length == str(size) if length else not here
    if not fits or kind.startswith("text/html"):
        sent = f"{length or 'an unknown number of'} bytes"
        raise _Unexpected(f"the server sends {'a web page' if 'html' in kind else sent} in place of the file")


class _Resuming:
    """A pooch downloader that goes on where an earlier try, or an earlier process, was cut off."""

    def __init__(
        self, file: RemoteFile, part: Path, report: Callable[[int], None], attempts: int, pause: float
    ) -> None:
        self.file, self.part, self.report, self.attempts, self.pause = file, part, report, attempts, pause

    def __call__(self, url: str, output_file: str, _pooch: object) -> None:
        failures, reason = 0, "the server sends fewer bytes than it lists"
        while (here := self._size()) < self.file.size:
            if failures >= self.attempts:
                raise _by_hand("the download keeps failing", url, reason)
            if failures:
                time.sleep(min(30.0, self.pause * 2 ** (failures - 1)))
            try:
                self._more(url, here)
            except (requests.RequestException, OSError) as error:
                broken = isinstance(error, requests.ConnectionError)
                reason = f"the connection to {urlsplit(url).netloc} broke" if broken else str(error)
                if _final(error):
                    raise _by_hand("the server refuses the file", url, reason) from error
            failures = 0 if self._size() > here else failures + 1
        # The part stays until pooch has found the md5 right: a kill while it is summed up costs nothing.
        with contextlib.suppress(OSError):
            Path(output_file).unlink()
            os.link(self.part, output_file)
            return
        shutil.copyfile(self.part, output_file)

    def _size(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def _more(self, url: str, here: int) -> None:
        # Never packed on the way: a range counts the bytes of the file itself.
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={here}-"} if here else {})
        with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as answer:
            answer.raise_for_status()
            _check_answer(answer, here, self.file.size)
            # 200 to a Range request: the server starts over, and so must the file.
            resumed = here and answer.status_code == requests.codes.partial_content
            with self.part.open("ab" if resumed else "wb") as out:
                written = here if resumed else 0
                # Piece by piece as it comes: of a piece that is awaited in full, a break would cost all.
                while chunk := _piece(answer):
                    out.write(chunk)
                    written += len(chunk)
                    self.report(min(written, self.file.size))


def _piece(answer: requests.Response) -> bytes:
    try:
        return bytes(answer.raw.read1(_CHUNK, decode_content=True))
    except urllib3.exceptions.HTTPError as error:
        raise requests.ConnectionError(error) from error


def _final(error: Exception) -> bool:
    """Whether asking again cannot help: the server says no (but not: too many requests, time-out, or its own fault)."""
    answer = error.response if isinstance(error, requests.HTTPError) else None
    return answer is not None and 400 <= answer.status_code < 500 and answer.status_code not in {408, 416, 429}


def _by_hand(what: str, value: str, reason: object, *, kept: bool = True) -> DownloadFailed:
    here = f": what has arrived is kept in {paths.downloads()}" if kept else ""
    return DownloadFailed(
        f"{what} ({reason})",
        value=value,
        remedy=f"Try again later{here}. Or by hand: (1) Open {ARTICLE_URL} in a browser. (2) Choose "
        f"`Download all` (about 880 MB) and unpack it into a folder. (3) Run `{paths.command('data import FOLDER')}`.",
    )
