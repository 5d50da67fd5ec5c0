"""The download of the real dataset as a process of its own, watched through files.

::

    TUMORTRACE_HOME/downloads/
        fetch.json    pid, when it was started
        fetch.log     what the process prints

A download outlives the browser and the server, exactly as a training run does. No streamlit here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass

import psutil

from tumortrace import paths
from tumortrace.constants import FIGSHARE

TOTAL_BYTES = 880_000_000
"""About what the article holds; only for the progress bar."""
COMMAND = paths.command("data download")


@dataclass(frozen=True)
class DownloadStatus:
    """How the download fares."""

    running: bool
    arrived: bool
    bytes_here: int
    seconds: float
    log: str

    @property
    def share(self) -> float:
        """Of the bytes, between 0 and 1."""
        return min(1.0, self.bytes_here / TOTAL_BYTES)

    @property
    def failed(self) -> bool:
        """Whether it ended without a dataset."""
        return not self.running and not self.arrived


def start_download(*, replace: bool = False) -> None:
    """Start the download unless one is running.

    Args:
        replace: Whether what is imported under its name, a part of it, is swapped for the whole.
    """
    found = download_status()
    if found is not None and found.running:
        return
    folder = paths.downloads()
    folder.mkdir(parents=True, exist_ok=True)
    # Plain lines: a progress bar that redraws itself is unreadable in a file.
    environment = os.environ | paths.variables() | {"TERM": "dumb", "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}
    with (folder / "fetch.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tumortrace", "data", "download", *["--replace"] * replace],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=paths.root(),
            env=environment,
        )
    _children.append(process)
    paths.write_json(folder / "fetch.json", {"pid": process.pid, "started": time.time()})


_children: list[subprocess.Popen[bytes]] = []
"""Kept so that an ended download is reaped, not left as a zombie that looks alive."""


def download_status() -> DownloadStatus | None:
    """How the last download fares; None where none was ever started here."""
    _children[:] = [child for child in _children if child.poll() is None]
    folder = paths.downloads()
    try:
        facts = json.loads((folder / "fetch.json").read_text())
    except (OSError, ValueError):
        return None
    log = folder / "fetch.log"
    text = log.read_text(errors="replace") if log.exists() else ""
    lines = [part for line in text.splitlines() for part in line.split("\r")[-1:] if part.strip()]
    here = sum(
        file.stat().st_size for file in folder.rglob("*") if file.is_file() and not file.name.startswith("fetch.")
    )
    return DownloadStatus(
        running=_alive(int(facts["pid"]), float(facts["started"])),
        arrived=_arrived(float(facts["started"])),
        bytes_here=here,
        seconds=time.time() - float(facts["started"]),
        log="\n".join(lines[-25:]),
    )


def _arrived(started: float) -> bool:
    """Whether the dataset is there, and was not there before."""
    card = paths.data() / FIGSHARE / "dataset.json"
    return card.exists() and card.stat().st_mtime > started - 1


def _alive(pid: int, started: float) -> bool:
    try:
        process = psutil.Process(pid)
        # A recycled pid belongs to a process that is younger than the download.
        return bool(process.create_time() < started + 5 and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False
