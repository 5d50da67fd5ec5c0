from __future__ import annotations

import shutil
import threading
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from tests.processes import PATIENCE_S, end_trainings, eventually, python, spawned
from tumortrace import runs
from tumortrace.config import OptimSettings, RunConfig
from tumortrace.errors import ConfigError, RunBusy
from tumortrace.runs.run import Run
from tumortrace.scheduling import jobs, queue


@pytest.fixture
def started(home: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str]]]:
    """Starts that are written down and marked as live with this process' id, not made."""
    names: list[tuple[str, list[str]]] = []

    def spawn(run: Run, taken: list[str]) -> None:
        names.append((run.id, taken))
        me = psutil.Process()
        queue._change(run, state="running", pid=me.pid, pid_started=me.create_time(), slots=taken)

    monkeypatch.setattr(queue, "_spawn", spawn)
    return names


def end(run: Run, state: str = "finished") -> None:
    run.write_status(run.status.model_copy(update={"state": state}))


def test_one_job_a_device_first_in_first_out(started: list, tiny: RunConfig) -> None:
    first, second, third = (jobs.start(tiny, name) for name in ("a", "b", "c"))
    assert [run.status.state for run in (first, second, third)] == ["running", "queued", "queued"]
    end(first)
    assert [run.id for run in queue.dispatch()] == ["b"]
    assert queue.dispatch() == []
    end(second)
    queue.dispatch()
    assert [name for name, _ in started] == ["a", "b", "c"]


def test_the_queue_can_be_reordered_and_left(started: list, tiny: RunConfig) -> None:
    first = jobs.start(tiny, "a")
    for name in ("b", "c", "d"):
        jobs.start(tiny, name)
    queue.move("d", 0)
    jobs.stop("b")
    assert [run.id for run in queue.waiting()] == ["d", "c"]
    assert runs.find_run("b").status.state == "cancelled"
    end(first)
    assert [run.id for run in queue.dispatch()] == ["d"]
    jobs.resume("b")
    assert [run.id for run in queue.waiting()] == ["c", "b"]
    with pytest.raises(ConfigError, match="does not wait"):
        queue.move("a", 0)


def test_a_resumed_run_that_leaves_the_queue_is_stopped_as_before(started: list, tiny: RunConfig) -> None:
    jobs.start(tiny, "a")
    run = runs.create(tiny, "b")
    (run.folder / "checkpoint.ckpt").touch()
    end(run, "stopped")
    jobs.resume("b")
    assert run.status.state == "queued"
    queue.cancel("b")
    assert run.status.state == "stopped"


def test_more_jobs_may_share_a_device_when_told_so(started: list, tiny: RunConfig) -> None:
    for name in ("a", "b", "c"):
        jobs.start(tiny, name)
    queue.set_per_device(2)
    assert [name for name, _ in started] == ["a", "b"]
    with pytest.raises(ConfigError, match="1 to 16"):
        queue.set_per_device(0)


def test_each_gpu_takes_a_job_and_two_wait_for_two(
    started: list, tiny: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "slots", lambda: ["cuda:0", "cuda:1", "cpu"])
    auto = tiny.model_copy(update={"device": "auto"})
    first = jobs.start(auto, "a")
    jobs.start(auto.model_copy(update={"devices": 2}), "both")
    jobs.start(auto, "after")
    jobs.start(tiny, "on-cpu")
    assert started == [("a", ["cuda:0"]), ("on-cpu", ["cpu"])]
    end(first)
    queue.dispatch()
    assert started[2:] == [("both", ["cuda:0", "cuda:1"])]
    assert [run.id for run in queue.waiting()] == ["after"]


def test_a_run_trained_in_a_terminal_takes_its_device_too(started: list, tiny: RunConfig) -> None:
    me = psutil.Process()
    terminal = runs.create(tiny, "terminal")
    queue._change(terminal, state="running", pid=me.pid, pid_started=me.create_time(), slots=["cpu"])
    assert jobs.start(tiny, "a").status.state == "queued"


def test_another_machines_runs_do_not_block_this_one(started: list, tiny: RunConfig) -> None:
    other = runs.create(tiny, "other")
    queue._change(other, state="running", pid=1, host="elsewhere", slots=["cpu"])
    assert other.status.state == "running"
    assert jobs.start(tiny, "a").status.state == "running"


def test_a_run_of_another_machine_without_a_heartbeat_is_crashed(home: Path, tiny: RunConfig) -> None:
    run = runs.create(tiny, "other")
    status = run.status.model_copy(update={"state": "running", "pid": 1, "host": "elsewhere", "updated": 1.0})
    (run.folder / "status.json").write_text(status.model_dump_json())
    assert run.status.state == "crashed"


def test_a_deleted_run_leaves_the_queue(started: list, tiny: RunConfig) -> None:
    first = jobs.start(tiny, "a")
    second = jobs.start(tiny, "b")
    with pytest.raises(RunBusy, match="queued"):
        runs.delete("b")
    queue.cancel(second.id)
    runs.delete("b")
    end(first)
    assert queue.dispatch() == []
    assert queue.waiting() == []


@pytest.mark.parametrize("lost", ["{", "", '{"order": ["gone"], "per_device": 0}', None])
def test_without_its_file_the_queue_loses_no_run(started: list, home: Path, tiny: RunConfig, lost: str | None) -> None:
    first = jobs.start(tiny, "a")
    for name in ("c", "b"):
        jobs.start(tiny, name)
    file = home / "runs" / "queue.json"
    file.unlink() if lost is None else file.write_text(lost)
    assert [run.id for run in queue.waiting()] == ["c", "b"], "the older first"
    end(first)
    assert [run.id for run in queue.dispatch()] == ["c"]
    assert [run.id for run in queue.waiting()] == ["b"]


def test_a_kill_before_the_order_is_written_leaves_the_run_waiting(
    started: list, tiny: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = jobs.start(tiny, "a")
    with monkeypatch.context() as broken:
        broken.setattr(queue, "_write", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            jobs.start(tiny, "b")
    assert [run.id for run in queue.waiting()] == ["b"]
    end(first)
    assert [run.id for run in queue.dispatch()] == ["b"]


def test_a_run_removed_by_somebody_else_leaves_the_others_waiting(started: list, tiny: RunConfig) -> None:
    first = jobs.start(tiny, "a")
    gone = jobs.start(tiny, "b")
    jobs.start(tiny, "c")
    shutil.rmtree(gone.folder)
    end(first)
    assert [run.id for run in queue.dispatch()] == ["c"]


def test_a_waiting_run_with_unreadable_settings_holds_nobody_up(started: list, tiny: RunConfig) -> None:
    first = jobs.start(tiny, "a")
    broken = jobs.start(tiny, "b")
    jobs.start(tiny, "c")
    (broken.folder / "config.json").write_text("{}x")
    end(first)
    assert [run.id for run in queue.dispatch()] == ["c"]
    assert [run.id for run in queue.waiting()] == ["b"]


def test_a_servers_thread_starts_what_waits_and_outlives_a_failure(
    started: list, tiny: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop, calls = threading.Event(), []

    def dispatch() -> None:
        calls.append(len(calls))
        if len(calls) == 1:
            raise RunBusy("the queue is locked", value="lock", remedy="Try again.")
        stop.set()

    monkeypatch.setattr(queue, "dispatch", dispatch)
    queue.keep_dispatching(stop, every_s=0.001)
    assert calls == [0, 1]


def test_the_same_run_cannot_be_trained_twice_at_once(home: Path, tiny: RunConfig) -> None:
    import filelock

    from tumortrace.training.trainer import train

    run = runs.create(tiny, "a")
    before = run.status
    with filelock.FileLock(run.folder / ".lock"), pytest.raises(RunBusy, match="another process"):
        train(run)
    assert run.status == before


# Says that it is ready, and looks for work once all four are.
SERVER = """
import sys, time
from pathlib import Path
from tumortrace.scheduling import queue
sys.executable = sys.argv[1]
home = Path(sys.argv[2])
(home / f"ready-{sys.argv[3]}").touch()
while len(list(home.glob("ready-*"))) < 4:
    time.sleep(0.001)
for _ in range(20):
    queue.dispatch()
"""


@pytest.mark.process
def test_four_servers_on_one_folder_start_each_job_once(home: Path, tiny: RunConfig, fake_python: str) -> None:
    made = [runs.create(tiny, f"run{number}", "queued") for number in range(3)]
    queue._write(queue.Queue(order=[run.id for run in made], per_device=3))
    with ExitStack() as all_four:
        servers = [
            all_four.enter_context(
                spawned(python(SERVER, fake_python, str(home), str(number)), home / f"server{number}.log")
            )
            for number in range(4)
        ]
        assert [server.wait(PATIENCE_S) for server in servers] == [0] * 4
    eventually(lambda: all(run.status.state == "finished" for run in made), "every job has finished")
    assert [(run.folder / "starts.txt").read_text().count("started") for run in made] == [1, 1, 1]


@pytest.mark.slow
@pytest.mark.process
def test_the_end_of_a_job_starts_the_next_with_nobody_looking(home: Path, tiny: RunConfig) -> None:
    short = tiny.model_copy(update={"optim": OptimSettings(epochs=1, batch_size=8), "watch": 0})
    first, second = jobs.start(short, "a"), jobs.start(short, "b")
    try:
        assert second.status.state == "queued"
        eventually(lambda: second.status.state == "finished", "the second job has finished")
        assert first.status.state == "finished"
        eventually(lambda: queue.reap() or not queue.children, "the first job's process is reaped")
    finally:
        end_trainings(home)
