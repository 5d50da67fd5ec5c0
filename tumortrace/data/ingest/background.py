"""The download of the real dataset as a process of its own, watched through files.

::

    TUMORTRACE_HOME/downloads/
        fetch.json    pid, when that process began, when the download was started
        fetch.log     what the process prints

A download outlives the browser and the server, exactly as a training run does. No streamlit here.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

from tumortrace import paths, processes
from tumortrace.constants import FIGSHARE
from tumortrace.processes import ProcessId

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
        """Share of the bytes that are here, 0 to 1."""
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
    process = processes.start_detached(
        ["-m", "tumortrace", "data", "download", *["--replace"] * replace],
        folder / "fetch.log",
        append=False,
        environment={"TERM": "dumb", "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"},
    )
    who = ProcessId.of(process.pid)
    processes.write_json(folder / "fetch.json", {"pid": who.pid, "pid_started": who.started, "started": time.time()})


def download_status() -> DownloadStatus | None:
    """How the last download fares; None where none was ever started here."""
    processes.reap()
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
        running=ProcessId(int(facts["pid"]), facts.get("pid_started", facts["started"])).alive(),
        arrived=_arrived(float(facts["started"])),
        bytes_here=here,
        seconds=time.time() - float(facts["started"]),
        log="\n".join(lines[-25:]),
    )


def _arrived(started: float) -> bool:
    """Whether the dataset is there, and was not there before."""
    card = paths.data() / FIGSHARE / "dataset.json"
    return card.exists() and card.stat().st_mtime > started - 1
