"""Who is who, whole files and locks: what every writer and every starter of processes rests on."""

from __future__ import annotations

import errno
import io
import os
import sys
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest

from tests.processes import PATIENCE_S, eventually, kill_group, python, spawned
from tumortrace import processes
from tumortrace.errors import RunBusy
from tumortrace.processes import ProcessId

BUSY = RunBusy("the queue is locked", value="here", remedy="Wait.")
NOBODY = 2**22 - 1
"""A number that no process of a test machine has."""


def test_this_process_is_alive_and_nobody_is_not() -> None:
    me = ProcessId.current()
    assert me == ProcessId(os.getpid(), psutil.Process().create_time())
    assert me.alive()
    assert ProcessId(me.pid).alive()
    assert ProcessId.of(NOBODY) == ProcessId(NOBODY, None)
    assert not ProcessId(NOBODY).alive()


@pytest.mark.parametrize("seconds", [-500.0, -3.0, 3.0, 500.0])
def test_a_number_given_to_another_process_is_not_the_same_process(seconds: float) -> None:
    me = ProcessId.current()
    assert me.started is not None
    assert not ProcessId(me.pid, me.started + seconds).alive()
    assert ProcessId(me.pid, me.started + seconds / 1000).alive()


@pytest.mark.process
def test_a_zombie_is_dead_and_reaping_collects_it(tmp_path: Path) -> None:
    process = processes.start_detached(["-c", "pass"], tmp_path / "log.txt")
    other = psutil.Process(process.pid)
    eventually(lambda: other.status() == psutil.STATUS_ZOMBIE, "the child has ended")
    assert ProcessId.of(process.pid).started is not None
    assert not ProcessId.of(process.pid).alive()
    assert process in processes.children
    processes.reap()
    assert process not in processes.children
    assert not psutil.pid_exists(process.pid)


@pytest.mark.process
def test_what_is_started_leads_a_session_of_its_own_and_its_words_are_kept(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    log.write_text("before\n")
    say = "import os, sys; print(os.getsid(0) == os.getpid(), os.environ['SAID'], sys.stdin.read() == '')"
    for append, expected in ((True, "before\nTrue yes True\n"), (False, "True yes True\n")):
        process = processes.start_detached(["-c", say], log, append=append, environment={"SAID": "yes"})
        assert process.wait(PATIENCE_S) == 0
        assert log.read_text() == expected
    processes.reap()


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file.json"
    processes.write_json(path, {"a": 1})
    with pytest.raises(TypeError):
        processes.write_json(path, {"a": object()})
    with pytest.raises(ValueError, match="nan"):
        processes.write_json(path, {"a": float("nan")})
    assert '"a": 1' in path.read_text()
    assert [entry.name for entry in path.parent.iterdir()] == ["file.json"]


def test_every_kind_of_file_reads_back_as_it_was_written(tmp_path: Path) -> None:
    processes.write_bytes(tmp_path / "raw", b"\x00\r\n")
    processes.write_text(tmp_path / "text", "β\r\n")
    table = pd.DataFrame({"a": [1, 2], "b": ["x", None]}, index=[7, 8])
    processes.write_parquet(tmp_path / "table.parquet", table, compression="zstd")
    arrays = {"one": np.arange(6).reshape(2, 3), "file": np.array(["ä"])}
    processes.write_npz(tmp_path / "arrays.npz", {"one": arrays["one"], "names": arrays["file"]})
    assert (tmp_path / "raw").read_bytes() == b"\x00\r\n"
    assert (tmp_path / "text").read_bytes() == "β\r\n".encode()
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "table.parquet"), table.reset_index(drop=True))
    with np.load(tmp_path / "arrays.npz", allow_pickle=False) as stored:
        assert stored["one"].tolist() == arrays["one"].tolist()
        assert stored["names"].tolist() == ["ä"]
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o644}


def test_arrays_of_objects_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="allow_pickle"):
        processes.write_npz(tmp_path / "a.npz", {"one": np.array([object()])})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("alone", [False, True])
def test_an_error_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path, alone: bool) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    for error in (ValueError, KeyboardInterrupt):
        with pytest.raises(error), processes.replacing(path, alone=alone) as file:  # noqa: PT012
            file.write(b"new")
            raise error
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("alone", [False, True])
def test_a_full_disk_is_named_whatever_the_writer_makes_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, alone: bool
) -> None:
    class Full(io.FileIO):
        def write(self, data: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "file"
    path.write_text("old")
    with monkeypatch.context() as patched:
        patched.setattr(io, "FileIO", Full)
        # Torch's archive writer turns it into another error.
        with pytest.raises(OSError, match="No space left") as raised, processes.replacing(path, alone=alone) as file:  # noqa: PT012
            with pytest.raises(OSError, match="No space left"):
                file.write(bytes(1 << 20))
            raise RuntimeError("unexpected pos 64 vs 0")
    assert raised.value.errno == errno.ENOSPC
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


@pytest.mark.process
def test_what_a_kill_left_of_a_large_file_is_written_over(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.ckpt"
    code = (
        "import os, signal, sys; from pathlib import Path; from tumortrace import processes\n"
        "with processes.replacing(Path(sys.argv[1]), alone=True) as file:\n"
        "    file.write(b'half'); file.flush(); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    for number in range(2):
        with spawned(python(code, str(path)), tmp_path / f"log{number}") as process:
            assert process.wait(PATIENCE_S) < 0
        assert [entry.name for entry in tmp_path.glob("*.partial")] == ["checkpoint.ckpt.partial"]
    with processes.replacing(path, alone=True) as file:
        file.write(b"whole")
    assert path.read_bytes() == b"whole"
    assert not list(tmp_path.glob("*.partial"))


def test_many_may_write_the_same_file_and_a_reader_never_sees_a_half(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    texts = [letter * 50_000 for letter in "abcd"]
    processes.write_text(path, texts[0])
    over = threading.Event()

    def write(text: str) -> None:
        for _ in range(20):
            processes.write_text(path, text)

    seen: set[str] = set()

    def read() -> None:
        while not over.is_set():
            seen.add(path.read_text())

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write, args=(text,)) for text in texts]
    reader.start()
    for one in writers:
        one.start()
    for one in writers:
        one.join()
    over.set()
    reader.join()
    assert seen <= set(texts)
    assert [entry.name for entry in tmp_path.iterdir()] == ["status.json"]


@pytest.mark.process
def test_a_lock_is_for_one_process_and_given_back_when_that_one_is_killed(tmp_path: Path) -> None:
    lock, there = tmp_path / ".lock", tmp_path / "there"
    code = (
        "import sys, threading; from pathlib import Path\n"
        "from tumortrace import processes; from tumortrace.errors import RunBusy\n"
        "with processes.file_lock(Path(sys.argv[1]), RunBusy('held', value=0, remedy='Wait.')):\n"
        "    Path(sys.argv[2]).touch(); threading.Event().wait()\n"
    )
    assert not processes.is_locked(lock)
    with spawned(python(code, str(lock), str(there)), tmp_path / "log") as process:
        eventually(there.exists, "the other process holds the lock", process)
        assert processes.is_locked(lock)
        with pytest.raises(RunBusy, match="the queue is locked"), processes.file_lock(lock, BUSY):
            pytest.fail("two hold one lock")
        kill_group(process)
        process.wait(PATIENCE_S)
        with processes.file_lock(lock, BUSY, wait_s=PATIENCE_S):
            assert processes.is_locked(lock)
    assert not processes.is_locked(lock)


def test_an_error_inside_a_lock_is_its_own_and_gives_the_lock_back(tmp_path: Path) -> None:
    with pytest.raises(TimeoutError, match="another"), processes.file_lock(tmp_path / ".lock", BUSY):
        raise TimeoutError("another wait")
    assert not processes.is_locked(tmp_path / ".lock")


def test_it_starts_the_python_that_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "none"))
    with pytest.raises(FileNotFoundError, match="none"):
        processes.start_detached(["-c", "pass"], tmp_path / "log.txt")
