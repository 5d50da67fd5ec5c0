"""How long each page takes to open in Chromium, cold and warm: ``python -m benchmarks.pages --home .tumortrace``.

Cold: the first visit of a fresh server, a new one for each page. Warm: another visitor of the same server, the median
of three. Both from the address being entered to the page's script having ended, with everything it shows in place.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

from tests.serving import PAGES, browser, served, settled

WARM_VISITS = 3


def visit(chromium: Any, address: str) -> float:
    """Seconds of one visit by somebody new."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    began = time.perf_counter()
    page.goto(address, timeout=60_000)
    settled(page)
    took = time.perf_counter() - began
    context.close()
    return took


def main() -> None:
    """Visit, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=Path, required=True, help="home folder with the dataset to look at")
    parser.add_argument("--out", type=Path, help="write the figures here as JSON")
    given = parser.parse_args()
    found: dict[str, dict[str, float]] = {}
    with browser() as chromium:
        for name, path in PAGES.items():
            with served(given.home.resolve()) as address:
                cold = visit(chromium, f"{address}/{path}")
                warm = statistics.median(visit(chromium, f"{address}/{path}") for _ in range(WARM_VISITS))
            found[name] = {"cold_s": round(cold, 2), "warm_s": round(warm, 2)}
            print(f"{name:9} cold {cold:5.2f} s   warm {warm:5.2f} s", flush=True)
    if given.out:
        given.out.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
