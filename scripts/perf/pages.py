"""How fast and how heavy each page is in Chromium, cold and warm: ``python -m scripts.perf.pages --home .tumortrace``.

Cold: the first visit of a fresh server, a new one for each page. Warm: other visitors of the same server, the median of
some. Everything is read from what the browser itself receives (its DevTools protocol), so the app needs no hook:

* first paint: first contentful paint, from the address being entered;
* title: until the page's own heading stands there;
* settled: until the script has ended and everything it shows is in place;
* script: on the server, from its message that a run begins to its message that it has ended;
* sent: bytes over HTTP as encoded, and over the websocket before its compression;
* largest figure and image: of a Plotly figure the message that carries it.

What is aimed at: first paint under 4 s cold, script under 0.5 s warm, figures under 1 MB. The exit status is 1 where a
page misses one of them and ``--check`` is given.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import platform
import statistics
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import streamlit
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from scripts.serving import PAGES, browser, served, settled

SECTIONS: Final = ("confusions", "model", "pairs", "leakage", "ablations", "failures", "localisation", "literature")
ADDRESSES: Final = {
    **{name: path for name, path in PAGES.items() if name != "present"},
    **{f"results, {name}": f"Results?show={name}" for name in SECTIONS},
    **{f"present, step {step}": f"Present?present={step}" for step in range(1, 7)},
}
PAINT_S: Final = 4.0
SCRIPT_S: Final = 0.5
FIGURE_BYTES: Final = 1_000_000
SUCCESS: Final = 0
"""Of ``script_finished``: the run ended by itself."""


@dataclass(frozen=True)
class Visit:
    """One visit of one page by somebody new."""

    paint_s: float
    title_s: float
    settled_s: float
    script_s: float
    sent_bytes: int
    largest_figure_bytes: int
    largest_image_bytes: int


class Listener:
    """What arrives in a tab."""

    def __init__(self, session: Any) -> None:
        self.messages: list[tuple[float, bytes]] = []
        self.kinds: dict[str, str] = {}
        self.sizes: dict[str, float] = {}
        session.send("Network.enable")
        session.on("Network.webSocketFrameReceived", self._message)
        session.on("Network.responseReceived", lambda one: self.kinds.update({one["requestId"]: one["type"]}))
        session.on(
            "Network.loadingFinished", lambda one: self.sizes.update({one["requestId"]: one["encodedDataLength"]})
        )

    def _message(self, one: dict[str, Any]) -> None:
        raw = one["response"]["payloadData"]
        binary = one["response"]["opcode"] == 2
        self.messages.append((one["timestamp"], base64.b64decode(raw) if binary else raw.encode()))

    def script_s(self) -> float:
        """From the first message that a run begins to the first that it ended by itself; NaN where one is missing."""
        began = None
        for when, raw in self.messages:
            kind, message = _parsed(raw)
            if kind == "new_session" and began is None:
                began = when
            elif kind == "script_finished" and began is not None and message.script_finished == SUCCESS:
                return when - began
        return float("nan")

    def largest_figure(self) -> int:
        """Bytes of the largest Plotly figure."""
        sizes = [0]
        for _, raw in self.messages:
            kind, message = _parsed(raw)
            if kind == "delta" and message.delta.WhichOneof("type") == "new_element":
                element = message.delta.new_element
                if element.WhichOneof("type") == "plotly_chart":
                    sizes.append(element.plotly_chart.ByteSize())
        return max(sizes)

    def largest_image(self) -> int:
        """Bytes of the largest picture."""
        return max((int(size) for key, size in self.sizes.items() if self.kinds.get(key) == "Image"), default=0)

    def sent(self) -> int:
        """All bytes that arrived."""
        return int(sum(self.sizes.values())) + sum(len(raw) for _, raw in self.messages)


def _parsed(raw: bytes) -> tuple[str | None, Any]:
    message = ForwardMsg()
    message.ParseFromString(raw)
    return message.WhichOneof("type"), message


def visit(chromium: Any, address: str) -> Visit:
    """A visit by somebody whose browser has nothing cached."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    heard = Listener(context.new_cdp_session(page))
    began = time.perf_counter()
    page.goto(address, timeout=120_000)
    page.wait_for_selector("h1", timeout=120_000)
    title = time.perf_counter() - began
    settled(page)
    took = time.perf_counter() - began
    page.wait_for_timeout(400)  # pictures that are still on their way
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN")
    context.close()
    return Visit(
        paint / 1000, title, took, heard.script_s(), heard.sent(), heard.largest_figure(), heard.largest_image()
    )


def median(visits: list[Visit]) -> Visit:
    """The median of each figure."""
    return Visit(*(statistics.median(values) for values in zip(*(asdict(one).values() for one in visits), strict=True)))


def misses(cold: Visit, warm: Visit) -> list[str]:
    """What a page misses of what is aimed at."""
    out = []
    if not cold.paint_s < PAINT_S:
        out.append(f"first paint cold {cold.paint_s:.1f} s")
    if not warm.script_s < SCRIPT_S:
        out.append(f"script warm {warm.script_s:.2f} s")
    largest = max(cold.largest_figure_bytes, warm.largest_figure_bytes)
    if largest >= FIGURE_BYTES:
        out.append(f"figure of {largest / 1e6:.1f} MB")
    return out


HEAD: Final = (
    f"{'page':22} {'cold: paint':>11} {'title':>6} {'settled':>8} {'script':>7}   {'warm: paint':>11} {'title':>6} "
    f"{'settled':>8} {'script':>7}   {'sent':>8} {'figure':>8} {'image':>8}"
)


def line(name: str, cold: Visit, warm: Visit) -> str:
    """One line of the table; seconds, and kilobytes of the warm visit."""
    return (
        f"{name:22} {cold.paint_s:11.2f} {cold.title_s:6.2f} {cold.settled_s:8.2f} {cold.script_s:7.2f}   "
        f"{warm.paint_s:11.2f} {warm.title_s:6.2f} {warm.settled_s:8.2f} {warm.script_s:7.2f}   "
        f"{warm.sent_bytes / 1e3:6.0f}kB {warm.largest_figure_bytes / 1e3:6.0f}kB "
        f"{warm.largest_image_bytes / 1e3:6.0f}kB"
    )


def main() -> int:
    """Visit, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=Path, required=True, help="home folder with the dataset to look at")
    parser.add_argument("--out", type=Path, help="write the figures here as JSON")
    parser.add_argument("--pages", nargs="+", default=list(ADDRESSES), choices=ADDRESSES, metavar="PAGE")
    parser.add_argument("--visits", type=int, default=3, help="warm visits of each page (default 3)")
    parser.add_argument("--check", action="store_true", help="exit with 1 where a page misses what is aimed at")
    given = parser.parse_args()
    found: dict[str, Any] = {}
    print(HEAD)
    with browser() as chromium:
        for name in given.pages:
            with served(given.home.resolve()) as address:
                where = f"{address}/{ADDRESSES[name]}"
                cold = visit(chromium, where)
                warm = median([visit(chromium, where) for _ in range(given.visits)])
            missed = misses(cold, warm)
            found[name] = {"cold": asdict(cold), "warm": asdict(warm), "misses": missed}
            print(line(name, cold, warm) + (f"   misses: {', '.join(missed)}" if missed else ""), flush=True)
    if given.out:
        machine = {
            "cpus": os.cpu_count(), "load": os.getloadavg()[0], "python": platform.python_version(),
            "streamlit": streamlit.__version__,
        }  # fmt: skip
        given.out.write_text(json.dumps({"machine": machine, "pages": found}, indent=2) + "\n")
    return int(given.check and any(one["misses"] for one in found.values()))


if __name__ == "__main__":
    sys.exit(main())
