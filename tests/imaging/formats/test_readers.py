"""The reader processes: hostile files, callers of every kind, and what stays behind."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from tests.imaging.bad_files import whole_files
from tests.imaging.formats.made import HEAD, dicom, mat, nifti, picture, volume
from tests.imaging.formats.test_images import opened
from tumortrace.errors import InputError
from tumortrace.imaging.formats import Opened, Refused, open_files, readers
from tumortrace.imaging.formats.readers import as_pixels, pool

ROOT = Path(__file__).parents[3]


def test_a_reader_that_dies_is_replaced_and_the_file_can_be_read_on() -> None:
    pool.close()
    found = opened(nifti())
    (process,) = pool.processes()
    psutil.Process(process).kill()
    with pytest.raises(InputError, match="made its reader fail"):
        found.stacks[0].pixels(0)
    assert np.array_equal(found.stacks[0].pixels(5), volume()[::-1, ::-1, 5].T)


def test_a_reader_that_hangs_is_ended_and_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    pool.close()
    opened(picture())
    monkeypatch.setenv("TUMORTRACE_READER_SECONDS", "0.3")
    for process in pool.processes():
        psutil.Process(process).suspend()
    (refused,) = open_files([("slow.png", picture())])
    assert isinstance(refused, Refused)
    assert "more than" in str(refused.error)
    monkeypatch.undo()
    opened(picture())


def test_a_reader_may_not_take_more_memory_than_allowed_or_write_files() -> None:
    resource = pytest.importorskip("resource")
    opened(picture())
    process = psutil.Process(pool.processes()[0])
    if not hasattr(process, "rlimit"):
        pytest.skip("limits of other processes cannot be read here")
    assert process.rlimit(resource.RLIMIT_AS)[0] == 2 * 2**30
    assert process.rlimit(resource.RLIMIT_FSIZE)[0] == 0
    assert process.rlimit(resource.RLIMIT_CORE)[0] == 0


def test_an_answer_that_is_no_picture_is_refused() -> None:
    for reply, payload in (({}, b""), ({"dtype": "object", "shape": [1, 1]}, b"x" * 8),
                           ({"dtype": "uint8", "shape": [9, 9]}, b"x")):  # fmt: skip
        with pytest.raises(InputError):
            as_pixels(reply, payload)


def test_threads_share_stacks() -> None:
    found = opened(nifti())
    wrong: list[int] = []

    def look(seed: int) -> None:
        for index in np.random.default_rng(seed).integers(0, 28, 20):
            if not np.array_equal(found.stacks[0].pixels(int(index)), volume()[::-1, ::-1, index].T):
                wrong.append(int(index))

    threads = [threading.Thread(target=look, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(pool.processes()) <= readers.READERS


def test_a_main_script_with_side_effects_is_not_run_again_and_no_process_stays_behind(tmp_path: Path) -> None:
    (tmp_path / "slice.dcm").write_bytes(dicom())
    script = tmp_path / "app.py"
    script.write_text(
        textwrap.dedent("""
        print("side effect", flush=True)
        from pathlib import Path
        from tumortrace.imaging.formats import open_files
        from tumortrace.imaging.formats.readers import pool
        found = open_files([("slice.dcm", Path("slice.dcm").read_bytes())])
        print(found[0].format, found[0].stacks[0].pixels(0).shape, *pool.processes(), flush=True)
        """)
    )
    run = subprocess.run(
        [sys.executable, script.name], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True,
        text=True, timeout=120, check=False,
    )  # fmt: skip
    assert run.stderr == ""
    lines = run.stdout.splitlines()
    assert lines[0] == "side effect"
    assert len(lines) == 2
    *_, process = lines[1].split()
    assert lines[1].startswith("DICOM (48, 64)")
    assert not psutil.pid_exists(int(process)) or psutil.Process(int(process)).status() == psutil.STATUS_ZOMBIE


def test_the_reader_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    script = "from tumortrace.imaging.formats import *; from tumortrace.imaging.formats.readers import pool\n"
    script += "import sys, time; warm_up(); print(*pool.processes(), flush=True); time.sleep(60)"
    with subprocess.Popen(
        [sys.executable, "-c", script], env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        reader = int(parent.stdout.readline())
        parent.kill()
    end = time.monotonic() + 60
    while psutil.pid_exists(reader) and psutil.Process(reader).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < end
        time.sleep(0.1)


def test_nothing_is_written_or_logged(caplog: pytest.LogCaptureFixture) -> None:
    written: list[object] = []
    watching = [True]

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        if watching[0] and event == "open":
            path, mode, flags = arguments
            if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) or (isinstance(mode, str) and set(mode) & set("wax+")):  # type: ignore[operator]
                written.append(path)

    pool.close()
    files = list(whole_files().items())
    caplog.clear()
    sys.addaudithook(watch)
    try:
        with caplog.at_level(0):
            results = open_files(files)
            for result in results:
                assert isinstance(result, Opened)
                for stack in result.stacks:
                    stack.pixels(0)
            traced = open_by_reader_files()
    finally:
        watching[0] = False
    # The pipes to the readers have numbers, not names; what they print goes nowhere.
    assert [path for path in written if not isinstance(path, int) and path != os.devnull] == []
    assert caplog.text == ""
    assert traced == []


def open_by_reader_files() -> list[str]:
    """Regular files that the readers have open for writing."""
    found = []
    for process in pool.processes():
        for file in psutil.Process(process).open_files():
            if getattr(file, "mode", "r") != "r":
                found.append(file.path)
    return found


def test_mat_files_of_both_versions_are_read() -> None:
    image = HEAD.astype(np.int16) * 9
    found = opened(mat(image))
    assert found.format == "figshare .mat"
    assert np.array_equal(found.stacks[0].pixels(0), image)
    assert found.dropped == ("PID", "label")
    assert "100360" not in repr(found)
    old = opened(whole_files()["old.mat"])
    assert np.array_equal(old.stacks[0].pixels(0), HEAD)
    assert old.dropped == ("PID", "label")
