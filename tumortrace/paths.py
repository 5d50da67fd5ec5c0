"""Where data, cache, runs and artifacts are.

Nothing is resolved on import: a test or a user may set the variables at any time. Nothing is created here either;
who writes into a folder makes it.

=========================  =====================================================================
``TUMORTRACE_HOME``        data, cache and runs; default ``.tumortrace/`` beside ``app.py``
``TUMORTRACE_ARTIFACTS``   shipped models and results; default ``artifacts/`` beside ``app.py``
=========================  =====================================================================
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def root() -> Path:
    """The folder that holds ``app.py``; the working directory where the package is installed elsewhere."""
    beside = Path(__file__).resolve().parent.parent
    return beside if (beside / "app.py").exists() else Path.cwd()


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
    return Path(given).expanduser().resolve() if given else root() / ".tumortrace"


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
