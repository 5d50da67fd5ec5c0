"""What a user takes away."""

from __future__ import annotations

import io
import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pypdf
import pytest

from tumortrace import reporting
from tumortrace.inference.prediction import GateDecision, GateOutcome, Prediction
from tumortrace.reporting import CaseLine, ModelLine, Picture, Report, SliceReport
from tumortrace.reporting.report import IN_FULL
from tumortrace.reporting.wording import LONGEST, clean

HOSTILE = [
    "<script>alert(1)</script>.png",
    "=cmd|' /C calc'!A0",
    "a\u202egnp.exe",
    "x" * 300 + ".png",
    "two\nlines.png",
]


def prediction(name: str = "a.png", verdict: GateOutcome = "in_range", label: int = 1) -> Prediction:
    shares = np.full(3, 0.05)
    shares[label] = 0.9
    gate = GateDecision(verdict, "Because of this.", {"distance": 0.5})
    probabilities = {"tracenet": shares, "resnet18": shares, "ensemble": shares}
    return Prediction(name, gate=gate, probabilities=probabilities, sets={90: (label,), 95: (label, 0)})


def report(*predictions: Prediction, case: bool = False) -> Report:
    picture = np.random.default_rng(0).integers(0, 255, (200, 160), dtype=np.uint8)
    pictures = (Picture("As given", picture), Picture("With outline", np.repeat(picture[..., None], 3, axis=2)))
    return Report(
        slices=tuple(
            SliceReport(one, pictures if one.probabilities else (), {"modality": "MR"}, ("A note.",))
            for one in predictions
        ),
        case=CaseLine("series", np.array([0.1, 0.2, 0.7]), 3, 5) if case else None,
        models=(ModelLine("TraceNet", "all 3,064 slices", "accuracy 0.956"),),
        titles={"tracenet": "TraceNet", "resnet18": "ResNet18", "ensemble": "Ensemble"},
        coverage={90: "held in 91.2% of 3,064 slices"},
        versions={"tumortrace": "0.1"},
        created=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
        dropped={"a.dcm": ("PatientName", "PatientID")},
    )


def text(found: Report) -> str:
    pages = pypdf.PdfReader(io.BytesIO(reporting.pdf(found))).pages
    return re.sub(r"\s+", " ", " ".join(page.extract_text() for page in pages))


class Tags(HTMLParser):
    """What a browser would see."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.words = ""
        self.sources: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.sources += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.words += data


def seen(found: Report) -> Tags:
    tags = Tags()
    tags.feed(reporting.html(found))
    return tags


def test_both_reports_say_gate_answer_sets_models_receipt_and_disclaimer() -> None:
    found = report(prediction(), case=True)
    for words in (text(found), re.sub(r"\s+", " ", seen(found).words)):
        for said in (
            "May be judged", "Because of this.", "glioma, 90%", "2 of 2 models name it first",
            "With 90 % promised coverage: glioma (held in 91.2% of 3,064 slices)",
            "With 95 % promised coverage: glioma or meningioma", "TraceNet", "accuracy 0.956", "PatientName, PatientID",
            "Nothing was written to disk", "Not for clinical use", "3 of 5 slices", "pituitary, 70%", "90.0%",
            "A note.", "2026-01-02 03:04",
        ):  # fmt: skip
            assert said in words, said


@pytest.mark.parametrize("verdict", ["unlike", "not_mr"])
def test_a_closed_gate_headlines_nothing(verdict: GateOutcome) -> None:
    found = report(prediction(verdict=verdict))
    for words in (text(found), re.sub(r"\s+", " ", seen(found).words)):
        assert "glioma, 90%" not in words
        assert "promised coverage" not in words
        assert "not reliable" in words
        assert "90.0%" in words


def test_a_file_that_could_not_be_read_is_a_line_and_spoils_nothing() -> None:
    found = report(prediction(), Prediction("bad.png", error="the file is empty: 'bad.png'. Give a slice."))
    assert "Not judged. the file is empty" in text(found)
    assert "the file is empty" in seen(found).words


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_name_is_harmless_everywhere(name: str) -> None:
    found = report(prediction(name), prediction())
    tags = seen(found)
    assert "script" not in tags.tags
    assert "\u202e" not in reporting.html(found)
    assert len(clean(name)) <= LONGEST
    assert text(found)
    table = pd.read_csv(io.StringIO(reporting.csv([prediction(name)])))
    assert not str(table["file"][0]).startswith(("=", "+", "-", "@"))
    assert len(table) == 1
    assert json.loads(reporting.json_lines([prediction(name)]))["file"] == name


def test_the_html_fetches_and_runs_nothing() -> None:
    found = seen(report(prediction()))
    assert found.tags.count("img") == 2
    assert all(source.startswith("data:image/") for source in found.sources)
    assert not {"script", "iframe", "link", "object"} & set(found.tags)
    assert "default-src 'none'" in reporting.html(report(prediction()))


def test_the_same_report_gives_the_same_bytes_and_names_no_file_in_its_metadata() -> None:
    found = report(prediction("secret.png"))
    first = reporting.pdf(found)
    assert first == reporting.pdf(found)
    about = pypdf.PdfReader(io.BytesIO(first)).metadata
    assert about is not None
    assert (about.title, about.author) == ("TumorTrace report", "TumorTrace")
    assert "secret" not in str(dict(about))


def test_many_slices_are_listed_and_the_first_shown_in_full() -> None:
    found = report(*[prediction(f"{place}.png") for place in range(IN_FULL + 100)])
    pages = pypdf.PdfReader(io.BytesIO(reporting.pdf(found))).pages
    assert len(pages) < IN_FULL + 12
    words = text(found)
    assert f"{IN_FULL + 99}.png" in words
    assert f"The first {IN_FULL} follow in full." in words
    assert seen(found).tags.count("img") == 2 * IN_FULL


def test_tables_come_back_as_they_were_written() -> None:
    every = [prediction(), Prediction("bad.png", error="broken")]
    table = pd.read_csv(io.StringIO(reporting.csv(every)), keep_default_na=False)
    assert table["prediction"].tolist() == ["glioma", ""]
    assert table["set_95"].tolist() == ["glioma or meningioma", ""]
    assert float(table["ensemble_glioma"][0]) == 0.9
    lines = [json.loads(line) for line in reporting.json_lines(every).splitlines()]
    assert [line["error"] for line in lines] == [None, "broken"]
    assert lines[0]["prediction_set"] == ["glioma"]
