"""Order of the tests: those that start processes come last, so that a stuck one delays no other."""

from __future__ import annotations

import pytest

_PROCESS_TIMEOUT_S = 600


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("process"):
            item.add_marker(pytest.mark.timeout(_PROCESS_TIMEOUT_S))
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    return sum(bool(item.get_closest_marker(name)) for name in ("process", "browser"))
