"""A run as a zip: to keep, to send, to go on with elsewhere; and back.

::

    <run_id>.zip
        <run_id>/README.txt   what each file is, and how to use it; written for the zip, not kept by a run
        <run_id>/...          the run folder (see tumortrace.runs.run) without locks, requests and partial files

A live run may be exported: a file that is replaced is copied whole, old or new, and one that grows is copied up to a
whole line. The checkpoint goes first and the status last, so curves and status never lag behind the checkpoint.
Weights are stored as they are and everything large is streamed. No torch: pages export.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import time
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from tumortrace import paths, processes
from tumortrace.constants import NOT_FOR_CLINICAL_USE
from tumortrace.errors import ConfigError, DataError, RunNotFound, TrainingError
from tumortrace.evaluation.report import read_report
from tumortrace.runs.dataset import read_ref
from tumortrace.runs.run import LIVE, Run

README: Final = "README.txt"
CHECKPOINT: Final = "checkpoint.ckpt"
MAX_BYTES: Final = 8 * 2**30
"""What a zip may hold, unpacked, to be taken in."""
MAX_FILES: Final = 20_000
MAX_TEXT: Final = 64 * 2**20
"""What one JSON file may hold, for it is read whole."""
KNOWN: Final = {
    r"config\.json": "config.json: the settings of the run",
    r"dataset\.json": "dataset.json: which dataset it was trained on, by fingerprint",
    r"status\.json": "status.json: its state, device, times and the number of slices in each part",
    r"metrics/version_\d+/metrics\.csv": "metrics/: a row an epoch; version_K is the K-th start",
    r"telemetry/version_\d+/metrics\.csv": "telemetry/: a row a second: loss, rate, throughput, memory, utilisation",
    r"epochs/\d{4,}\.npz": "epochs/: after each epoch, probabilities of the validation slices and saliency maps",
    r"pins\.json": "pins.json: ids of the slices somebody wanted followed",
    r"model\.safetensors": "model.safetensors: the final weights",
    r"predictions\.parquet": "predictions.parquet: a row a test slice, with its three probabilities",
    r"validation\.parquet": "validation.parquet: the same of the slices held out for choices",
    r"report\.json": "report.json: the evaluation of those rows, with 95 % intervals",
    r"log\.txt": "log.txt: what the process printed; it may name folders of that machine",
    r"tensorboard/start_\d+/events\.out\.tfevents\.[\w.-]+": "tensorboard/: the curves for TensorBoard",
    r"checkpoint\.ckpt": "checkpoint.ckpt: weights, optimiser and progress: everything needed to go on",
}
"""Every file a run may hold, as a pattern, and what it is."""
_TEXT: Final = (".json", ".csv", ".txt")
_ANY = re.compile("|".join(f"(?:{pattern})" for pattern in KNOWN))
_RUN_ID = re.compile(r"\w[\w.-]{0,120}")
_BROKEN: Final = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, UnicodeError)


def files(run: Run, *, checkpoint: bool = False) -> list[Path]:
    """What an export holds, in the order it is copied: the checkpoint first, status and settings last."""
    found = [path for path in run.folder.rglob("*") if path.is_file() and not path.is_symlink()]
    known = [path for path in found if _known(path.relative_to(run.folder).as_posix())]
    last = ("status.json", "config.json")
    order = {path: (path.name != CHECKPOINT, last.index(path.name) if path.name in last else -1) for path in known}
    return sorted(
        (path for path in known if checkpoint or path.name != CHECKPOINT), key=lambda path: (order[path], path)
    )


def size(run: Run, *, checkpoint: bool = False) -> int:
    """About how large an export becomes, in bytes; text shrinks further."""
    return _total(files(run, checkpoint=checkpoint))


def size_on_disk(run: Run) -> int:
    """What the run folder takes, in bytes."""
    return _total(path for path in run.folder.rglob("*") if path.is_file())


def export_run(run: Run, file: Path, *, checkpoint: bool = False) -> Path:
    """Write a run as a zip, beside ``file`` and renamed.

    Args:
        run: Any run, live ones too.
        file: The zip; one of that name is replaced.
        checkpoint: Whether the run shall go on elsewhere; two to five times as large.

    Raises:
        RunNotFound: The run was deleted meanwhile.
        DataError: The file cannot be written.
    """
    try:
        with processes.replacing(file) as raw, zipfile.ZipFile(raw, "w") as archive:
            held = [path for path in files(run, checkpoint=checkpoint) if _add(archive, run, path)]
            archive.writestr(_entry(f"{run.id}/{README}"), _readme(run, held))
    except FileNotFoundError as error:
        raise RunNotFound("the run is gone", value=run.id, remedy="It was deleted; choose another.") from error
    except OSError as error:
        raise _refused("the zip cannot be written", file, f"The system says: {error.strerror}.") from error
    return file


def import_run(file: Path, *, run_id: str | None = None) -> Run:
    """Put an exported zip back as a run.

    A run that was live when it was exported comes back as stopped.

    Args:
        file: What :func:`export_run` wrote.
        run_id: Another name for the run; None keeps its own.

    Raises:
        DataError: The file is no such zip, holds something a run does not, or more than :data:`MAX_BYTES`.
        ConfigError: There is a run of that id.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            own, entries = _checked(archive, file)
            run = _place(run_id or own, sum(entry.file_size for entry in entries.values()))
            # Not among the runs, where a reader would take it for one.
            beside = Run(paths.home() / f".importing-{secrets.token_hex(4)}")
            try:
                for relative, entry in entries.items():
                    _unpack(archive, entry, beside.folder / relative)
                _settle(beside, file)
                run.folder.parent.mkdir(parents=True, exist_ok=True)
                beside.folder.rename(run.folder)
            finally:
                shutil.rmtree(beside.folder, ignore_errors=True)
    except FileNotFoundError as error:
        raise DataError("there is no such file", value=str(file), remedy="Check the path.") from error
    except OSError as error:
        raise _refused("the zip cannot be taken in", file, f"The system says: {error.strerror}.") from error
    except _BROKEN as error:
        raise _refused(
            "the file is no zip that can be read", file, "Export the run again; it may be cut off."
        ) from error
    return run


# --- writing ------------------------------------------------------------------------------------------------------


def _add(archive: zipfile.ZipFile, run: Run, path: Path) -> bool:
    """Copy one file as it is now; False where it is gone, which only settings and status may not be."""
    entry = _entry(f"{run.id}/{path.relative_to(run.folder).as_posix()}")
    try:
        if path.suffix == ".csv":
            archive.writestr(entry, _whole_lines(path))
            return True
        with path.open("rb") as source:
            left = entry.file_size = os.fstat(source.fileno()).st_size
            with archive.open(entry, "w") as target:
                # Not to the end of the file: a log may grow faster than it is copied.
                while left and (chunk := source.read(min(left, 1 << 20))):
                    target.write(chunk)
                    left -= len(chunk)
    except FileNotFoundError:
        if path.name in {"config.json", "status.json"}:
            raise
        return False
    return True


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, date_time=time.localtime()[:6])
    entry.compress_type = zipfile.ZIP_DEFLATED if name.endswith(_TEXT) else zipfile.ZIP_STORED
    entry.external_attr = 0o644 << 16
    return entry


def _whole_lines(path: Path) -> bytes:
    """A table that is being written: read until it held still, without a last line that is not finished."""
    raw = b""
    for _ in range(5):
        before = path.stat()
        raw = path.read_bytes()
        after = path.stat()
        if (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns):
            break
    return raw[: raw.rfind(b"\n") + 1]


def _readme(run: Run, held: list[Path]) -> str:
    config, status = run.config, run.status
    names = [path.relative_to(run.folder).as_posix() for path in held]
    lines = [words for pattern, words in KNOWN.items() if any(re.fullmatch(pattern, name) for name in names)]
    dataset = f"dataset {run.dataset_name!r}" if run.dataset_name else "a dataset it does not name"
    go_on = "Without checkpoint.ckpt it cannot go on; export it again with the checkpoint for that."
    if CHECKPOINT in names:
        go_on = f"To go on from the checkpoint (unless finished):\n  python -m tumortrace train --resume {run.id}"
    return "\n".join(
        [
            f"TumorTrace run {run.id}",
            f"{config.model.name}, protocol {config.protocol}, test fold {config.fold}, {dataset}",
            f"state when exported: {status.state}, epoch {status.epoch} of {status.epochs}",
            "",
            "Files",
            *(f"  {line}" for line in lines),
            "",
            "No slices are in here. To put the run back, where TumorTrace is installed:",
            f"  python -m tumortrace runs import {run.id}.zip",
            "To evaluate its test rows (the same dataset must be imported there):",
            f"  python -m tumortrace evaluate {run.id}",
            go_on,
            "",
            NOT_FOR_CLINICAL_USE,
            "",
        ]
    )


# --- reading ------------------------------------------------------------------------------------------------------


def _checked(archive: zipfile.ZipFile, file: Path) -> tuple[str, dict[str, zipfile.ZipInfo]]:
    """The run's id, and its files by their path in the folder; nothing is unpacked yet."""
    held = [entry for entry in archive.infolist() if not entry.is_dir()]
    if len(held) > MAX_FILES or sum(entry.file_size for entry in held) > MAX_BYTES:
        raise _refused(f"the zip holds more than {MAX_BYTES >> 30} GiB or {MAX_FILES:,} files", file)
    tops = set()
    entries: dict[str, zipfile.ZipInfo] = {}
    for entry in held:
        name = entry.filename
        top, _, relative = name.partition("/")
        if name.startswith("/") or "\\" in name or ":" in top or ".." in name.split("/"):
            raise _refused("a name in the zip leads out of its folder", name)
        if relative in entries or not (_RUN_ID.fullmatch(top) and (relative == README or _known(relative))):
            raise _refused("the zip holds a file that no run has", name)
        if relative.endswith(".json") and entry.file_size > MAX_TEXT:
            raise _refused(f"a JSON file in the zip is larger than {MAX_TEXT >> 20} MiB", name)
        tops.add(top)
        if relative != README:
            entries[relative] = entry
    if len(tops) != 1 or not {"config.json", "status.json"} <= entries.keys():
        raise _refused("the zip holds no run, or several", file)
    return tops.pop(), entries


def _place(run_id: str, needed: int) -> Run:
    """Where the run goes: a name that is free, on a disk with room."""
    if not _RUN_ID.fullmatch(run_id):
        raise ConfigError("this cannot name a run", value=run_id, remedy="Use letters, digits, dots and dashes.")
    run = Run(paths.runs() / run_id)
    if run.folder.exists():
        raise ConfigError("there is a run of this name", value=run_id, remedy="Delete it first, or take another name.")
    paths.home().mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(paths.home()).free < needed:
        raise _refused("the disk has no place for it", f"{needed / 1e6:,.0f} MB", "Delete runs you no longer need.")
    return run


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    # Reads no more than the size stated, and checks what it read.
    with archive.open(entry) as source, target.open("wb") as copy:
        shutil.copyfileobj(source, copy, 1 << 20)


def _settle(run: Run, file: Path) -> None:
    """See that what pages read can be read, and that no process is taken for this run's."""
    try:
        read_ref(run.folder)
        status = run.written_status
        _ = run.config, run.predictions, run.metrics, run.telemetry
        if (run.folder / "report.json").exists():
            read_report(run.folder / "report.json")
    except (ValueError, DataError, TrainingError) as error:
        raise _refused("a file of the run cannot be read here", file, "Another version may have written it.") from error
    changes: dict[str, object] = {"pid": None, "pid_started": None, "slots": []}
    if status.state in LIVE or status.state == "queued":
        said = f"It was exported while it was {status.state}."
        changes |= {"state": "stopped", "eta_seconds": None, "total_seconds": None, "advice": None, "error": said}
    run.write_status(status.model_copy(update=changes))


def _known(relative: str) -> bool:
    return _ANY.fullmatch(relative) is not None


def _total(found: Iterable[Path]) -> int:
    total = 0
    for path in found:
        try:
            total += path.stat().st_size
        except OSError:  # gone since it was listed
            continue
    return total


def _refused(what: str, value: object, remedy: str = "Take a zip as `runs export` wrote it.") -> DataError:
    return DataError(what, value=str(value), remedy=remedy)
