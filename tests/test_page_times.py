"""What the page benchmark reads from the browser: script time, figures, pictures and bytes."""

from __future__ import annotations

import base64
import math
from typing import Any

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

pages = pytest.importorskip("scripts.perf.pages")


class Session:
    """A DevTools session that is told what to say."""

    def __init__(self) -> None:
        self.told: dict[str, Any] = {}

    def send(self, method: str) -> None:
        assert method == "Network.enable"

    def on(self, event: str, heard: Any) -> None:
        self.told[event] = heard

    def say(self, when: float, message: ForwardMsg) -> int:
        raw = message.SerializeToString()
        payload = {"opcode": 2, "payloadData": base64.b64encode(raw).decode()}
        self.told["Network.webSocketFrameReceived"]({"timestamp": when, "response": payload})
        return len(raw)


def began() -> ForwardMsg:
    message = ForwardMsg()
    message.new_session.SetInParent()
    return message


def ended(status: int = 0) -> ForwardMsg:
    message = ForwardMsg()
    message.script_finished = status
    return message


def figure(size: int) -> ForwardMsg:
    message = ForwardMsg()
    message.delta.new_element.plotly_chart.spec = "x" * size
    return message


def test_the_script_runs_from_its_first_message_to_the_one_that_it_ended_by_itself() -> None:
    session = Session()
    heard = pages.Listener(session)
    session.say(10.0, began())
    session.say(10.1, ended(2))  # ended early, for a rerun
    session.say(10.1, began())
    session.say(10.4, ended())
    session.say(12.0, ended())
    assert heard.script_s() == pytest.approx(0.4)
    assert math.isnan(pages.Listener(Session()).script_s())


def test_figures_pictures_and_bytes_are_counted() -> None:
    session = Session()
    heard = pages.Listener(session)
    sizes = [session.say(1.0, figure(size)) for size in (100, 5000)]
    for key, kind, size in (("a", "Image", 700), ("b", "Script", 90_000), ("c", "Image", 900)):
        session.told["Network.responseReceived"]({"requestId": key, "type": kind})
        session.told["Network.loadingFinished"]({"requestId": key, "encodedDataLength": size})
    assert 5000 < heard.largest_figure() < 5100
    assert heard.largest_image() == 900
    assert heard.sent() == sum(sizes) + 91_600


def test_what_a_page_misses_is_named() -> None:
    good = pages.Visit(1.0, 1.5, 2.0, 0.3, 10, 10, 10)
    slow = pages.Visit(4.5, 5.0, 6.0, 0.7, 10, 2_000_000, 10)
    assert pages.misses(good, good) == []
    assert pages.misses(slow, slow) == ["first paint cold 4.5 s", "script warm 0.70 s", "figure of 2.0 MB"]
    assert pages.median([good, slow, good]) == good
