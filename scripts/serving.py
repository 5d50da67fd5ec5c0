"""The app on a server of its own, and Chromium to look at it: for browser tests, screenshots and page times."""

from __future__ import annotations

import contextlib
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.processes import PYTHON, end_trainings, eventually, free_port, spawned

_TRIES = 3
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
# Resolves once everything is drawn and the document has not changed for six frames on end: frames come later on a busy
# machine, so this waits as long as it needs. Figures come in a chunk of their own, after the script has ended.
_STILL = """
() => new Promise(resolve => {
  let quiet = 0;
  const seen = new MutationObserver(() => { quiet = 0; });
  seen.observe(document, {subtree: true, childList: true, attributes: true, characterData: true});
  const drawn = () =>
    document.fonts.status === 'loaded'
    && !document.querySelector('[data-stale=true], [data-testid=stSkeleton]')
    && [...document.querySelectorAll('[data-testid=stPlotlyChart]')].every(one => one.querySelector('.main-svg'))
    && [...document.images].every(one => one.complete || one.loading === 'lazy')
    && document.getAnimations().every(
      one => one.playState !== 'running' || one.effect.getComputedTiming().endTime === Infinity);
  const frame = () => {
    quiet = drawn() ? quiet + 1 : 0;
    if (quiet < 6) return requestAnimationFrame(frame);
    seen.disconnect();
    resolve();
  };
  requestAnimationFrame(frame);
})
"""


@contextmanager
def served(home: Path, artifacts: Path | None = None) -> Iterator[str]:
    """A fresh server on a free port; yields its address. It ends with every training of its home.

    Args:
        home: ``TUMORTRACE_HOME``.
        artifacts: Folder of shipped models and results; None takes the project's own.
    """
    variables = {"TUMORTRACE_HOME": str(home)}
    if artifacts is not None:
        variables["TUMORTRACE_ARTIFACTS"] = str(artifacts)
    home.mkdir(parents=True, exist_ok=True)
    try:
        for left in reversed(range(_TRIES)):
            port = free_port()
            command = [PYTHON, "-m", "streamlit", "run", "app.py", f"--server.port={port}", "--server.headless=true"]
            with spawned(command, home / "server.log", **variables) as server:
                address = f"http://127.0.0.1:{port}"
                if not _up(address, server, last=not left):
                    continue  # somebody else took the port meanwhile
                yield address
                return
    finally:
        end_trainings(home)


def _up(address: str, server: subprocess.Popen[bytes], last: bool) -> bool:
    """Wait until the server answers; False where it ended at once and there is another try."""

    def answers() -> bool:
        if not last and server.poll() is not None:
            return True
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{address}/_stcore/health", timeout=5).close()
            return server.poll() is None
        return False

    eventually(answers, f"the server at {address} answers", server)
    return server.poll() is None


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


def still(page: Any) -> None:
    """Wait until the page's script has ended, and its figures, pictures and movements too."""
    settled(page)
    page.evaluate(_STILL)
