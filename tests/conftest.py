"""Order of the tests: those that start processes or browsers come last, so that a stuck one delays no other."""

from __future__ import annotations

import os

import pytest

pytest_plugins = ("tests.tiny", "tests.command_line")

_PROCESS_TIMEOUT_S = 600
_LAST = ("process", "browser")

# A file that is read slowly because the machine is busy is not a file that hangs.
os.environ.setdefault("TUMORTRACE_READER_SECONDS", "60")

if "PYTEST_XDIST_WORKER" in os.environ:
    # Before torch is imported: one core a worker, or they slow each other down.
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_itemcollected(item: pytest.Item) -> None:
    if item.get_closest_marker("process") and not item.get_closest_marker("timeout"):
        item.add_marker(pytest.mark.timeout(_PROCESS_TIMEOUT_S))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: any(item.get_closest_marker(name) for name in _LAST))
