"""The download against a local server that imitates figshare's API and misbehaves in every way seen in the wild."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.data.sources import FOLDS, LABELS, PATIENTS, cvind_bytes, mat_bytes
from tumortrace import paths
from tumortrace.data.ingest import download as downloads
from tumortrace.data.ingest.download import download
from tumortrace.data.ingest.importer import import_dataset
from tumortrace.errors import DownloadFailed


@dataclass
class Figshare:
    """What the server holds and how it behaves."""

    files: dict[str, bytes]
    url: str = ""
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    before: Callable[[str, int], int | None] = lambda name, times: None
    """(name, how often asked before) to a status to answer with instead."""
    ranges: bool = True
    cut: int | None = None
    """Close the connection after so many bytes, once a file."""
    wrong_md5: bool = False
    page: tuple[int, bytes] = (503, b"not now")
    """What is answered instead where ``before`` names no other status than 0."""
    spoiled: set[str] = field(default_factory=set)
    """Files whose first answer has a wrong byte."""

    @property
    def api(self) -> str:
        return f"{self.url}/v2/articles/1512427"

    def record(self) -> bytes:
        entries = [
            {
                "id": number,
                "name": name,
                "size": len(data),
                "download_url": f"{self.url}/files/{name}",
                "computed_md5": "0" * 32 if self.wrong_md5 else hashlib.md5(data).hexdigest(),
            }
            for number, (name, data) in enumerate(self.files.items())
        ]
        return json.dumps({"id": 1512427, "title": "brain tumor dataset", "files": entries}).encode()

    def asked(self, name: str) -> int:
        return sum(path.endswith(name) for path, _ in self.requests)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        site: Figshare = self.server.site  # type: ignore[attr-defined]
        name = self.path.rsplit("/", 1)[-1]
        times = site.asked(name)
        site.requests.append((self.path, self.headers.get("Range")))
        status = site.before(name, times)
        if status is not None:
            self._send(*((status, b"not now") if status else site.page))
            return
        if name == "1512427":
            self._send(200, site.record())
            return
        data = site.files[name]
        if name in site.spoiled and times == 0:
            data = b"\x00" + data[1:]
        wanted = self.headers.get("Range")
        start = int(wanted.removeprefix("bytes=").split("-")[0]) if wanted and site.ranges else 0
        cut = site.cut if site.cut is not None and times == 0 else None
        self._send(206 if start else 200, data[start:], cut)

    def _send(self, status: int, body: bytes, cut: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if cut is None else body[:cut])
        if cut is not None:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[Figshare]:
    files = {
        f"{n}.mat": mat_bytes(n, label, patient)
        for n, label, patient in zip(range(1, 7), LABELS, PATIENTS, strict=True)
    }
    files["cvind.mat"] = cvind_bytes(FOLDS)
    held = Figshare({**files, "README.txt": b"about"})
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.site = held  # type: ignore[attr-defined]
    held.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield held
    server.shutdown()
    server.server_close()
    thread.join()


def fetched(site: Figshare) -> bool:
    folder = paths.downloads()
    wanted = {name: data for name, data in site.files.items() if name != "README.txt"}
    return {path.name: path.read_bytes() for path in folder.iterdir()} == wanted


def test_what_is_fetched_is_imported_and_the_progress_ends_full(site: Figshare) -> None:
    seen: list[tuple[int, int]] = []
    folder = download(lambda done, total: seen.append((done, total)), api=site.api, pause=0)
    assert fetched(site)
    assert seen[-1][0] == seen[-1][1] == sum(len(data) for name, data in site.files.items() if name.endswith(".mat"))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert import_dataset(folder, workers=1).slices == 6


def test_nothing_is_fetched_twice(site: Figshare) -> None:
    download(api=site.api, pause=0)
    before = len(site.requests)
    download(api=site.api, pause=0)
    assert len(site.requests) == before + 1, "only the list"


def test_a_truncated_answer_is_continued_with_a_range(site: Figshare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "_CHUNK", 250)
    site.cut = 700
    download(api=site.api, pause=0)
    assert fetched(site)
    assert ("/files/1.mat", "bytes=700-") in site.requests


def test_a_server_without_range_support_starts_over(site: Figshare) -> None:
    site.cut, site.ranges = 500, False
    download(api=site.api, pause=0)
    assert fetched(site)


def test_a_server_that_is_busy_is_asked_again(site: Figshare) -> None:
    site.before = lambda name, times: 503 if times < 2 else None
    download(api=site.api, pause=0)
    assert fetched(site)
    assert site.asked("1.mat") == 3


def test_a_server_that_stays_busy_ends_with_the_manual_steps(site: Figshare) -> None:
    site.before = lambda name, times: 503 if name == "3.mat" else None
    with pytest.raises(DownloadFailed, match=r"503.*\(1\) Open .*\(2\) .*\(3\) Run"):
        download(api=site.api, attempts=3, pause=0)
    assert site.asked("3.mat") == 3
    assert (paths.downloads() / "1.mat").exists(), "what has arrived is kept"


def test_a_refused_file_is_not_asked_for_again(site: Figshare) -> None:
    site.before = lambda name, times: 404 if name == "2.mat" else None
    with pytest.raises(DownloadFailed, match="refuses"):
        download(api=site.api, pause=0)
    assert site.asked("2.mat") == 1


def test_a_spoiled_file_is_fetched_once_more(site: Figshare) -> None:
    site.spoiled = {"2.mat"}
    download(api=site.api, pause=0)
    assert fetched(site)
    assert site.asked("2.mat") == 2


def test_a_wrong_md5_is_never_taken(site: Figshare) -> None:
    site.wrong_md5 = True
    with pytest.raises(DownloadFailed, match="wrong md5"):
        download(api=site.api, pause=0)
    assert not list(paths.downloads().glob("*.mat"))


def test_a_killed_download_goes_on_from_its_part(site: Figshare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "_CHUNK", 256)

    class Killed(BaseException):
        pass

    def kill(done: int, total: int) -> None:
        if done > 1000:
            raise Killed

    with pytest.raises(Killed):
        download(kill, api=site.api, pause=0)
    part = paths.downloads() / "1.mat.part"
    here = part.stat().st_size
    assert here > 1000
    download(api=site.api, pause=0)
    assert fetched(site)
    assert ("/files/1.mat", f"bytes={here}-") in site.requests


def test_without_a_network_the_manual_steps_are_numbered() -> None:
    with pytest.raises(DownloadFailed) as caught:
        download(api="http://127.0.0.1:9/v2/articles/1512427", pause=0)
    message = str(caught.value)
    steps = ("(1) Open https://", "(2) Choose", "(3) Run `")
    assert all(step in message for step in steps)
    assert "no connection to 127.0.0.1:9" in message


def test_an_article_without_files_is_an_error(site: Figshare) -> None:
    site.files = {"README.txt": b"about"}
    with pytest.raises(DownloadFailed, match="no zip"):
        download(api=site.api, attempts=2, pause=0)


@pytest.mark.parametrize(
    ("status", "body", "said"), [(202, b"", "answered 202"), (200, b"<html>Accept the terms", "in place of the file")]
)
def test_an_answer_that_is_not_the_file_is_named_and_leaves_what_had_arrived(
    site: Figshare, monkeypatch: pytest.MonkeyPatch, status: int, body: bytes, said: str
) -> None:
    monkeypatch.setattr(downloads, "_CHUNK", 250)
    site.cut, site.page = 700, (status, body)
    site.before = lambda name, times: 0 if name == "1.mat" and times else None
    for _ in range(2):
        with pytest.raises(DownloadFailed, match=rf"{said}.*arrived is kept.*\(1\) Open"):
            download(api=site.api, attempts=2, pause=0)
        assert (paths.downloads() / "1.mat.part").read_bytes() == site.files["1.mat"][:700]
    site.before = lambda name, times: None
    download(api=site.api, pause=0)
    assert fetched(site)


def test_a_list_that_asks_for_a_browser_is_named(site: Figshare) -> None:
    site.page, site.before = (202, b""), lambda name, times: 0 if name == "1512427" else None
    with pytest.raises(DownloadFailed, match="asks for a browser"):
        download(api=site.api, attempts=2, pause=0)
