"""All or nothing: a dataset is made in a hidden folder beside its place and appears whole, in one step.

Whatever ends an import, an error, Ctrl-C or a kill, leaves at most a hidden folder ``.importing-*``; the next import
removes those whose process is gone.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tumortrace import paths
from tumortrace.errors import ImportFailed
from tumortrace.processes import ProcessId

_HIDDEN: Final = ".importing-"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_AT_FDCWD: Final = -100
_RENAME_EXCHANGE: Final = 2


def target_for(name: str, replace: bool = False) -> Path:
    """Where a new dataset of that name will lie.

    Args:
        name: Letters, digits, dot, dash and underscore; no path.
        replace: Whether a dataset that is already there may be swapped.

    Raises:
        ImportFailed: Not a name, or taken.
    """
    if not _NAME.fullmatch(name):
        raise ImportFailed("this cannot be the name of a dataset", value=name, remedy="Use letters, digits and dashes.")
    target = paths.data() / name
    if target.exists() and not replace:
        raise ImportFailed(
            "a dataset of that name is imported already", value=name, remedy="Give another --name, or --replace it."
        )
    return target


@contextlib.contextmanager
def hidden_folder(purpose: str) -> Iterator[Path]:
    """A new hidden folder among the datasets, gone afterwards unless :func:`put_in_place` moved it.

    Args:
        purpose: Part of its name, for whoever finds one.
    """
    parent = paths.data()
    parent.mkdir(parents=True, exist_ok=True)
    _remove_stale(parent)
    # Random, not only the pid: two visitors of one server may each make phantoms.
    folder = Path(tempfile.mkdtemp(dir=parent, prefix=f"{_HIDDEN}{purpose}-", suffix=f"-{os.getpid()}"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def put_in_place(folder: Path, target: Path, replace: bool) -> None:
    """Rename ``folder`` to ``target``, or exchange the two; what was there is removed by whoever owns ``folder``.

    Raises:
        ImportFailed: Another import put a dataset of that name there meanwhile.
    """
    if replace and target.exists():
        _exchange(folder, target)
        return
    try:
        folder.rename(target)
    except OSError as error:
        if not target.exists():
            raise
        raise ImportFailed(
            "another import has just made a dataset of that name", value=target.name, remedy="Use that one."
        ) from error


def _exchange(folder: Path, target: Path) -> None:
    with contextlib.suppress(OSError, AttributeError):
        # Linux swaps two folders in one step: a page that reads at this moment finds the old or the new one.
        rename = ctypes.CDLL(None, use_errno=True).renameat2
        if rename(_AT_FDCWD, os.fsencode(folder), _AT_FDCWD, os.fsencode(target), _RENAME_EXCHANGE) == 0:
            return
    old = folder.with_name(f"{folder.name}.old")
    target.rename(old)
    folder.rename(target)
    old.rename(folder)


def _remove_stale(parent: Path) -> None:
    for folder in parent.glob(f"{_HIDDEN}*"):
        pid = folder.name.removesuffix(".old").rsplit("-", 1)[-1]
        if not (pid.isdigit() and _alive_since(int(pid), folder)):
            shutil.rmtree(folder, ignore_errors=True)


def _alive_since(pid: int, folder: Path) -> bool:
    who = ProcessId.of(pid)
    try:
        # A process younger than the folder only inherited the number.
        return who.alive() and who.started is not None and who.started <= folder.stat().st_ctime + 1
    except OSError:
        return False
