"""Processes that tests start: each in a group of its own that ends with the test, and one way to wait for them."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import psutil

ROOT = Path(__file__).resolve().parents[1]
PATIENCE_S = 240.0
"""How long anything may take on a slow machine whose cores are busy; nothing asserts that it was quicker."""
SCRIPT_S = 120.0
"""How long a page's script may take, imports of a fresh process among it."""
PYTHON = sys.executable  # before a test puts a make-believe one in its place
_TAIL = 4000
_Found = TypeVar("_Found")

# Stands in for `python -m tumortrace train`, where only what surrounds a training is asked. The seed says how it fares:
# 1 fails, 2 is killed once, 3 each time, 4 ends without a status, 5 waits after an epoch until `stop` is in its folder
# (it then stops) or `go` in the home (it goes on); any other finishes.
FAKE_TRAINER = """
import json, os, signal, sys, time
from pathlib import Path
folder = Path(sys.argv[sys.argv.index("--run") + 1])
config = json.loads((folder / "config.json").read_text())
seed, epochs = config["seed"], config["optim"]["epochs"]
path = folder / "status.json"
status = json.loads(path.read_text())
status["starts"] += 1
with (folder / "starts.txt").open("a") as file:
    file.write("started\\n")
def say(state, error=None):
    status.update(state=state, error=error, pid=os.getpid(), updated=time.time())
    fresh = path.with_suffix(f".{os.getpid()}")
    fresh.write_text(json.dumps(status))
    fresh.replace(path)
def end(state, error=None):
    say(state, error)
    sys.exit(state == "failed")
(folder / "seen.json").write_text(json.dumps({**os.environ, "parent": os.getppid()}))
if seed == 1:
    end("failed", "the loss is nan")
if seed == 3 or (seed == 2 and status["starts"] == 1):
    say("running")
    os.kill(os.getpid(), signal.SIGKILL)
if seed == 4:
    sys.exit("no module named nothing")
curves = folder / "metrics" / f"version_{status['starts']}" / "metrics.csv"
curves.parent.mkdir(parents=True)
curves.write_text("epoch,train_loss\\n")
while status["epoch"] < epochs:
    status["epoch"] += 1
    with curves.open("a") as file:
        file.write(f"{status['epoch']},1.0\\n")
    (folder / "checkpoint.ckpt").touch()
    say("running")
    while seed == 5 and not (folder.parents[1] / "go").exists():
        if (folder / "stop").exists():
            end("stopped")
        time.sleep(0.02)
end("finished")
"""


@contextmanager
def spawned(
    command: Sequence[str], log: Path, *, cwd: Path = ROOT, **variables: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A process of the project in a group of its own, all of which is killed at the end.

    Args:
        command: What to run.
        log: Takes what it prints, and is added to whatever fails meanwhile.
        cwd: Where; by default in the project's root.
        **variables: Further environment variables.
    """
    with log.open("wb") as sink:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=os.environ | {"PYTHONPATH": str(ROOT)} | variables,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    except BaseException as failure:
        said = log.read_text(errors="replace")[-_TAIL:]
        failure.add_note(f"--- {' '.join(command)[:200]} (exit status {process.poll()}) printed:\n{said}")
        raise
    finally:
        kill_group(process)


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def python(code: str, *arguments: str) -> list[str]:
    """The command that runs this code."""
    return [PYTHON, "-c", code, *arguments]


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """End a process that :func:`spawned` started, and all of its group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(PATIENCE_S)


def end_trainings(home: Path) -> None:
    """End every training of a home: each is in a session of its own, so no group of its starter's reaches it."""
    runs = str(home / "runs")
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid != os.getpid() and any(word.startswith(runs) for word in process.cmdline()):
                process.kill()


def ended(process: psutil.Process) -> bool:
    """Whether a process is gone, or waits only to be reaped by whoever adopted it."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def eventually(condition: Callable[[], _Found], what: str, by: subprocess.Popen[bytes] | None = None) -> _Found:
    """Wait until the condition holds.

    Args:
        condition: Asked again and again.
        what: Is waited for, for the message.
        by: The process that brings it about: once that has ended, nobody will.

    Returns:
        What the condition gave.
    """
    until = time.monotonic() + PATIENCE_S
    while True:
        over = by is not None and by.poll() is not None
        if found := condition():
            return found
        assert not over, f"the process ended (status {by and by.returncode}) before {what}"
        assert time.monotonic() < until, f"after {PATIENCE_S:.0f} s still waiting until {what}"
        time.sleep(0.05)
