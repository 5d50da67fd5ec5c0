"""Where data, cache, runs and artifacts are.

Nothing is resolved on import: a test or a user may set the variables at any time. Nothing is created here either;
who writes into a folder makes it.

=========================  =====================================================================
``TUMORTRACE_HOME``        data, cache and runs; default ``.tumortrace/`` beside ``app.py``, or in the user's home
                           folder where TumorTrace was installed without its repository
``TUMORTRACE_ARTIFACTS``   shipped models and results; default ``artifacts/`` beside ``app.py``
=========================  =====================================================================
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def root() -> Path:
    """The folder that holds ``app.py``, ``pages/`` and ``artifacts/``: the repository, or what the wheel brought.

    Only a wheel has ``_app/`` in the package (see setup.py). An ``app.py`` beside an installed package would be
    somebody else's, and the working directory may be anywhere: neither is asked.
    """
    package = Path(__file__).resolve().parent
    brought = package / "_app"
    return brought if brought.is_dir() else package.parent


def installed() -> bool:
    """Whether a wheel brought TumorTrace here: what is in :func:`root` is then the installer's, and not written to."""
    return root().name == "_app"


def command(words: str) -> str:
    """How a reader of the project's folder calls TumorTrace: after ``make app``, with the Python in ``.venv/``.

    Args:
        words: What follows, for instance ``data download``.
    """
    here = Path(sys.executable)
    python = here.relative_to(root()) if here.is_relative_to(root()) else "python"
    return f"{python} -m tumortrace {words}"


def home() -> Path:
    """The folder for everything TumorTrace writes."""
    given = os.environ.get("TUMORTRACE_HOME")
    return Path(given).expanduser().resolve() if given else (Path.home() if installed() else root()) / ".tumortrace"


def data() -> Path:
    """Imported datasets, one folder each."""
    return home() / "data"


def downloads() -> Path:
    """Files as fetched, kept so that a download can be continued."""
    return home() / "downloads"


def cache() -> Path:
    """Preprocessed arrays; safe to delete at any time."""
    return home() / "cache"


def runs() -> Path:
    """Training runs, one folder each."""
    return home() / "runs"


def artifacts() -> Path:
    """The folder of shipped models and benchmark results."""
    given = os.environ.get("TUMORTRACE_ARTIFACTS")
    return Path(given).expanduser().resolve() if given else root() / "artifacts"


def variables() -> dict[str, str]:
    """What a process that starts in another folder must be told, so that relative paths mean the same to it."""
    found = {"TUMORTRACE_HOME": str(home())}
    return found | ({"TUMORTRACE_ARTIFACTS": str(artifacts())} if os.environ.get("TUMORTRACE_ARTIFACTS") else {})
