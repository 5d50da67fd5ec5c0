"""Every page is looked at by axe in Chromium, light and dark: WCAG 2.2 level A and AA."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.serving import served, still
from tumortrace.data.phantom import make_phantom

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
PATIENCE_MS = 120_000
TIMEOUT_S = 900
RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]},
    "resultTypes": ["violations"],  # what passes is counted, and not described
}
ADDRESSES = (
    "", "Train", "Classify",
    *(f"Dataset?view={name}" for name in ("Gallery", "Distributions", "Map", "Near-duplicates", "Splits", "Quality")),
    "Dataset?slice=1",
    *(f"Errors?view={name}" for name in ("mistakes", "patterns", "compare", "notes")),
    *(f"Results?show={name}" for name in (
        "leaderboard", "confusions", "model", "pairs", "leakage", "ablations", "failures", "localisation", "literature",
    )),
    *(f"Present?present={step}" for step in range(1, 7)),
)  # fmt: skip
GROUND = "getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor"
ALLOWED: tuple[tuple[str, str, str], ...] = ()
"""Rule, part of the selector, and why it is Streamlit's own markup and no fault of these pages. None is needed."""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with phantoms, and with all that ships."""
    home: Path = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUMORTRACE_HOME", str(home))
        make_phantom(size=128)
        with served(home) as found:
            yield found


@pytest.fixture(scope="module")
def reader(chromium: Any) -> Iterator[Any]:
    """One page for every address: its browser reads Streamlit's own files once."""
    context = chromium.new_context(reduced_motion="reduce", viewport={"width": 1440, "height": 1000})
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("where", ADDRESSES)
def test_axe_finds_nothing(where: str, address: str, reader: Any) -> None:
    reader.emulate_media(color_scheme="light")
    reader.goto(f"{address}/{where}")
    still(reader)
    light = reader.evaluate(GROUND)
    told = [f"light: {line}" for line in violations(reader)]
    # The page follows the system without being loaded again.
    reader.emulate_media(color_scheme="dark")
    reader.wait_for_function(f"was => {GROUND} !== was", arg=light)
    still(reader)
    told += [f"dark: {line}" for line in violations(reader)]
    assert not told, "\n".join(told)


def violations(page: Any) -> list[str]:
    """What axe finds, less what is allowed."""
    found = axe.Axe().run(page, options=RULES).response["violations"]
    return [
        f"{one['id']} at {node['target'][0]}: {node['html'][:160]} {node.get('failureSummary', '')[:200]}"
        for one in found
        for node in one["nodes"]
        if not any(one["id"] == rule and part in str(node["target"][0]) for rule, part, _ in ALLOWED)
    ]
