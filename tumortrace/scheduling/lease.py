"""The right to train one run, for processes on several machines that share a folder.

A run may be reachable from several workers (a retry after a lost node, the same sweep started twice), and only one may
train it. It holds the lease, a small file beside the runs that is rewritten every few seconds::

    TUMORTRACE_HOME/sweeps/<run_id>.lease    {"place": ..., "pid": ..., "started": ..., "token": ..., "beat": ...}

On the same machine a lease ends with its process. A process on another machine cannot be asked, so its lease ends when
it has not been rewritten for :data:`STALE_SECONDS`. Two workers may find the same lease dead at once; the one whose
token is not in the file at its next beat gives way.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import socket
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tumortrace import paths, processes
from tumortrace.errors import TrainingError
from tumortrace.processes import ProcessId

STALE_SECONDS = 30.0
"""How long a lease of another machine may stay as it is before it counts as lost."""
_BEAT_SECONDS = 3.0


def _place() -> str:
    """Where a pid means the same process: this boot of this machine, in this container."""
    parts = [socket.gethostname()]
    with contextlib.suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    return " ".join(parts)


class Lease:
    """The right to train one run."""

    def __init__(self, run_id: str) -> None:
        self.path = paths.home() / "sweeps" / f"{run_id}.lease"
        self.me: dict[str, Any] = {"place": _place(), **asdict(ProcessId.current()), "token": secrets.token_hex(8)}
        self.held = False
        self.kept = self.since = 0.0
        self.seen: str | None = None

    def take(self) -> bool:
        """Try to take it; False while another holds it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with self.path.open("x") as file:
                file.write(self._text())
        except FileExistsError:
            if self._other_is_gone():
                self.path.unlink(missing_ok=True)
                return self.take()
            return False
        self.held, self.kept = True, time.monotonic()
        return True

    def keep(self) -> None:
        """Rewrite it when that is due.

        Raises:
            TrainingError: Another worker holds it now.
        """
        if time.monotonic() - self.kept < _BEAT_SECONDS:
            return
        if self._holder().get("token") != self.me["token"]:
            self.held = False
            raise TrainingError(
                "another worker has taken this run over", value=self.path.stem, remedy="Start the sweep once at a time."
            )
        processes.write_text(self.path, self._text())
        self.kept = time.monotonic()

    def release(self) -> None:
        """Give it back, where it is still ours."""
        if self.held and self._holder().get("token") == self.me["token"]:
            self.path.unlink(missing_ok=True)
        self.held = False

    def _text(self) -> str:
        return json.dumps(self.me | {"beat": time.time()})

    def _holder(self) -> dict[str, Any]:
        try:
            found = json.loads(self.path.read_text())
        except (FileNotFoundError, ValueError):  # gone, or being written
            return {}
        return found if isinstance(found, dict) else {}

    def _other_is_gone(self) -> bool:
        holder = self._holder()
        if holder.get("place") == self.me["place"]:
            return not ProcessId(holder["pid"], holder["started"]).alive()
        text = json.dumps(holder)
        if text != self.seen:
            self.seen, self.since = text, time.monotonic()
        return time.monotonic() - self.since > STALE_SECONDS
