"""Reading a file of a run folder: it parses, or the error names the run, the file and what to do.

Half a file is left by a full disk or a copy that was cut off; settings that are unknown here, by another version.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pandas as pd
import pyarrow as pa
from pydantic import ValidationError

from tumortrace import paths, processes
from tumortrace.config import field_errors
from tumortrace.errors import RunNotFound, RunUnreadable

_Read = TypeVar("_Read")


def read_file(path: Path, parse: Callable[[bytes], _Read]) -> _Read:
    """A file of a run folder, parsed.

    Args:
        path: Directly in the run folder.
        parse: Raises what pydantic, pyarrow or the standard library raise of a bad file.

    Raises:
        RunNotFound: The folder has no settings (any more), so it is no run.
        RunUnreadable: The file is missing, damaged, or of another version.
    """
    try:
        return parse(path.read_bytes())
    except FileNotFoundError as error:
        if not (path.parent / "config.json").exists():
            remedy = "It was deleted; choose another."
            raise RunNotFound("the run is gone", value=path.parent.name, remedy=remedy) from error
        raise unreadable(path, "is missing") from error
    except (OSError, ValueError, TypeError, KeyError, pa.ArrowException) as error:
        raise unreadable(path, _why(error)) from error


def logged(folder: Path, order: str) -> pd.DataFrame:
    """Curves of all starts in one table; rows of a later start replace those they repeat.

    Args:
        folder: ``metrics`` or ``telemetry`` of a run.
        order: The column by which rows repeat.

    Raises:
        RunUnreadable: A table is no text.
    """
    frames: list[pd.DataFrame] = []
    files = [file for file in folder.glob("version_*/metrics.csv") if _start(file).isdecimal()]
    for path in sorted(files, key=lambda file: int(_start(file))):
        try:
            frame = pd.read_csv(path)
        except (pd.errors.EmptyDataError, pd.errors.ParserError, FileNotFoundError):  # being written
            continue
        except UnicodeError as error:
            remedy = "Restore it from an export of the run, or remove it: the curve of that start is then missing."
            run = folder.parent.name
            what = f"the run {run} cannot be read: its curves are damaged"
            raise RunUnreadable(what, value=str(path), remedy=remedy, run_id=run) from error
        if len(frame) and order in frame:
            frames = [old[old[order] < frame[order].iloc[0]] for old in frames]
            frames.append(frame)
    frames = [frame for frame in frames if len(frame)]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame({order: pd.Series(dtype="int64")})


def unreadable(path: Path, why: str) -> RunUnreadable:
    """The error of a file in a run folder; ``why`` goes on after the file's name."""
    run = path.parent.name
    away = f"delete the run with `{paths.command(f'runs delete {run}')}`"
    if path.name == "config.json" and not path.exists():
        away = "remove the folder"  # without settings no command knows it
    remedy = f"Restore the file from an export of the run, use the version that wrote it, or {away}."
    what = f"the run {run} cannot be read: {path.name} {why}"
    return RunUnreadable(what, value=str(path), remedy=remedy, run_id=run)


def is_held(folder: Path) -> bool:
    """Whether a process trains the run of this folder, whatever its status says."""
    return processes.is_locked(folder / ".lock")


def _start(file: Path) -> str:
    return file.parent.name.removeprefix("version_")


def _why(error: Exception) -> str:
    if isinstance(error, ValidationError):
        name, message = next(iter(field_errors(error).items()))
        return f"is damaged or of another version ({name}: {message})"
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be opened ({error.strerror})"
    return "is damaged"
