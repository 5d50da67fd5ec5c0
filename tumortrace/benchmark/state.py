"""The benchmark's state as one file, so that several machines can share a plan: ``benchmark export`` and ``import``.

::

    <file>.zip
        state.json            schema, and how many records it holds
        runs/<run_id>/...     the records of finished runs (see tumortrace.benchmark.records), without weights

What comes in is checked whole before anything is written: every record must be a run of this version's plan, made on
the dataset that the records here were made on. A record that is here already stays as it is. No torch.
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from tumortrace import paths, processes
from tumortrace.benchmark import plan
from tumortrace.benchmark.records import LOCALISATION, MAPS, PREDICTIONS, SHIFTED, VALIDATION, Records
from tumortrace.config import RunConfig, read_config
from tumortrace.errors import DataError
from tumortrace.runs import dataset
from tumortrace.runs.dataset import DatasetRef

SCHEMA: Final = 1
STATE: Final = "state.json"
MOST_BYTES: Final = 2 * 2**30
_CONFIG: Final = "config.json"
_FILES: Final = (
    _CONFIG, "status.json", dataset.FILE, PREDICTIONS, VALIDATION, LOCALISATION, MAPS, SHIFTED,
)  # fmt: skip
_NEEDED: Final = (_CONFIG, "status.json", dataset.FILE)
_NAME: Final = re.compile(r"runs/(?P<run>\w[\w.-]{0,120})/(?P<file>[\w.]+)")
_BROKEN: Final = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, UnicodeError)


@dataclass(frozen=True)
class ImportedState:
    """What an import brought: ids of runs that are new here, and of those that were here already."""

    new: list[str]
    known: list[str]


def export_state(records: Records, file: Path) -> int:
    """Write every record into a zip, beside ``file`` and renamed.

    Args:
        records: Where they are.
        file: The zip; one of that name is replaced.

    Returns:
        How many records it holds.

    Raises:
        DataError: There is none, or the file cannot be written.
    """
    folders = sorted(path for path in records.folder.glob("*") if (path / _CONFIG).is_file())
    folders = [path for path in folders if not path.name.startswith(".")]
    if not folders:
        remedy = f"Train some first: {paths.command('benchmark')}."
        raise DataError("there is no finished run to export", value=str(records.folder), remedy=remedy)
    try:
        with processes.replacing(file) as raw, zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(STATE, json.dumps({"schema": SCHEMA, "records": len(folders)}))
            for folder in folders:
                for name in _FILES:
                    if (folder / name).is_file():
                        archive.write(folder / name, f"runs/{folder.name}/{name}")
    except OSError as error:
        remedy = f"The system says: {error.strerror}."
        raise DataError("the state cannot be written", value=str(file), remedy=remedy) from error
    return len(folders)


def import_state(records: Records, file: Path) -> ImportedState:
    """Add the records of an exported state to those that are here.

    Args:
        records: Where they go.
        file: What :func:`export_state` wrote.

    Raises:
        DataError: The file is no such state, is cut off, or holds a record of another plan or dataset; nothing was
            changed.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            if (bad := archive.testzip()) is not None:
                raise _refused("a file in the state is damaged", bad)
            held = _checked(archive, file)
            here = _dataset_here(records)
            for run_id, files in held.items():
                _fits(run_id, {name: archive.read(entry) for name, entry in files.items() if name in _NEEDED}, here)
            known = [run_id for run_id in held if (records.folder / run_id / _CONFIG).is_file()]
            new = [run_id for run_id in held if run_id not in known]
            beside = records.folder / f".importing-{secrets.token_hex(4)}"
            try:
                for run_id in new:
                    for name, entry in held[run_id].items():
                        processes.write_bytes(beside / run_id / name, archive.read(entry))
                for run_id in new:
                    shutil.rmtree(records.folder / run_id, ignore_errors=True)  # half a record is none
                    (beside / run_id).rename(records.folder / run_id)
            finally:
                shutil.rmtree(beside, ignore_errors=True)
    except _BROKEN as error:
        raise _refused("the file is no state that can be read; it may be cut off", file) from error
    except OSError as error:
        raise _refused("the state cannot be taken in", file, f"The system says: {error.strerror}.") from error
    return ImportedState(new, known)


def _checked(archive: zipfile.ZipFile, file: Path) -> dict[str, dict[str, zipfile.ZipInfo]]:
    """Run id to the files of its record; refuses whatever a state does not hold."""
    held: dict[str, dict[str, zipfile.ZipInfo]] = {}
    if sum(entry.file_size for entry in archive.infolist()) > MOST_BYTES:
        raise _refused(f"the zip holds more than {MOST_BYTES >> 30} GiB", file)
    for entry in archive.infolist():
        if entry.filename == STATE:
            continue
        match = _NAME.fullmatch(entry.filename)
        if match is None or match["file"] not in _FILES:
            raise _refused("the zip holds a file that no state has", entry.filename)
        held.setdefault(match["run"], {})[match["file"]] = entry
    try:
        state = json.loads(archive.read(STATE))
    except (KeyError, ValueError) as error:
        raise _refused("the zip is no state of the benchmark", file) from error
    if not isinstance(state, dict) or state.get("schema") != SCHEMA:
        raise _refused(
            "the state was written by another version", state.get("schema") if isinstance(state, dict) else 0
        )
    if state.get("records") != len(held):
        raise _refused("the state lacks records that it names", f"{len(held)} of {state.get('records')}")
    for run_id, files in held.items():
        if missing := [name for name in _NEEDED if name not in files]:
            raise _refused("a record lacks a file", f"{run_id}: {', '.join(missing)}")
    return held


def _fits(run_id: str, files: dict[str, bytes], here: DatasetRef | None) -> None:
    """Refuse a record of another plan, or of another dataset than the records here."""
    try:
        config = read_config(files[_CONFIG])
        ref = DatasetRef.model_validate_json(files[dataset.FILE])
    except (ValidationError, ValueError) as error:
        raise _refused("a record cannot be read", run_id, "Another version may have written it.") from error
    planned = _planned().get(run_id)
    if planned is None or planned != config:
        remedy = "Export the state again with the same version of TumorTrace on both machines."
        raise _refused("a record is of another plan than this version's", run_id, remedy)
    if here is not None and ref.fingerprint != here.fingerprint:
        raise _refused(
            "a record was made on another dataset than the records here",
            f"{run_id}: {ref.name}, fingerprint {ref.fingerprint[:12]}; here {here.name}, {here.fingerprint[:12]}",
            "Only runs on the very same slices can be compared.",
        )


def _planned() -> dict[str, RunConfig]:
    every = [entry for preset in plan.PRESETS.values() for entry in plan.planned_runs(preset)]
    return {entry.task.run_id: entry.task.config for entry in every}


def _dataset_here(records: Records) -> DatasetRef | None:
    """What the records here were made on; None where none says so."""
    for folder in sorted(records.folder.glob("*")):
        if (found := dataset.read_ref(folder)) is not None:
            return found
    return None


def _refused(what: str, value: Any, remedy: str = "Take a file as `benchmark export` wrote it.") -> DataError:
    return DataError(what, value=str(value), remedy=remedy)
