"""The app on a server of its own, and Chromium to look at it: for browser tests, screenshots and page times."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PAGES = {
    "home": "",
    "dataset": "Dataset",
    "train": "Train",
    "results": "Results",
    "errors": "Errors",
    "classify": "Classify",
    "present": "Present?present=1",
}
_IDLE = '[data-testid="stApp"][data-test-script-state="notRunning"]'


@contextmanager
def served(home: Path, artifacts: Path | None = None) -> Iterator[str]:
    """A fresh server on a free port; yields its address.

    Args:
        home: ``TUMORTRACE_HOME``.
        artifacts: What ships; None takes the project's own.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"TUMORTRACE_HOME": str(home)}
    if artifacts is not None:
        environment["TUMORTRACE_ARTIFACTS"] = str(artifacts)
    home.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "streamlit", "run", "app.py", f"--server.port={port}", "--server.headless=true"]
    with (home / "server.log").open("wb") as log:
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(address, server)
        yield address
    finally:
        server.terminate()
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait(30)


def _wait(address: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(f"{address}/_stcore/health", timeout=1).read()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"the server at {address} did not come up")


@contextmanager
def browser() -> Iterator[Any]:
    """Debian's Chromium, driven by Playwright."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        found = play.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield found
        found.close()


def settled(page: Any) -> None:
    """Wait until the page's script has ended."""
    page.wait_for_selector(".tt-foot", state="attached", timeout=120_000)
    page.wait_for_selector(_IDLE, timeout=120_000)
