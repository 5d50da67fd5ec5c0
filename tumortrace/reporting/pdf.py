"""The report as PDF (reportlab), with text that can be searched."""

from __future__ import annotations

import io
from functools import cache
from typing import Any, Final
from xml.sax.saxutils import escape

import reportlab
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Image, KeepTogether, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from tumortrace.charts.theme import CLASS_COLOURS
from tumortrace.constants import CLASSES
from tumortrace.inference.prediction import DISCLAIMER
from tumortrace.reporting import wording
from tumortrace.reporting.pictures import encode
from tumortrace.reporting.report import IN_FULL, Report, SliceReport

_INK, _SOFT, _LINE, _PANEL = HexColor("#16212b"), HexColor("#4c5a66"), HexColor("#d4dce2"), HexColor("#f3f6f8")
_EDGE: Final = {"in_range": HexColor("#1d7a44"), "unlike": HexColor("#a86400"), "not_mr": HexColor("#b83248")}
_MARGIN: Final = 18 * mm
_PADDING: Final = 6
"""Points that reportlab leaves inside its frames."""
_WIDTH: Final = A4[0] - 2 * _MARGIN - 2 * _PADDING
_PICTURE: Final = 52 * mm


def pdf(report: Report) -> bytes:
    """The report as PDF, A4; the same report gives the same bytes."""
    _fonts()
    story: list[Flowable] = [_text("TumorTrace report", "title")]
    story.append(_text(f"{report.created:%Y-%m-%d %H:%M} UTC", "soft"))
    story += _case(report) + _overview(report)
    for one in report.slices[:IN_FULL]:
        story += _slice(one, report)
    story += _ending(report)
    raw = io.BytesIO()
    document = SimpleDocTemplate(
        raw, pagesize=A4, leftMargin=_MARGIN, rightMargin=_MARGIN, topMargin=16 * mm, bottomMargin=24 * mm,
        title="TumorTrace report", author="TumorTrace", subject="Research and education. Not for clinical use.",
        invariant=1,
    )  # fmt: skip
    document.build(story, canvasmaker=_Numbered)
    return raw.getvalue()


class _Numbered(Canvas):  # type: ignore[misc]
    """Pages with their number, how many there are, and the disclaimer."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._pages: list[dict[str, Any]] = []

    def showPage(self) -> None:  # noqa: N802
        """Kept until the number of pages is known."""
        self._pages.append(dict(self.__dict__))
        self._startPage()

    def save(self) -> None:
        """Write every page with its foot."""
        for number, page in enumerate(self._pages, start=1):
            self.__dict__.update(page)
            self.setStrokeColor(_LINE)
            left, right = _MARGIN + _PADDING, A4[0] - _MARGIN - _PADDING
            self.line(left, 19 * mm, right, 19 * mm)
            self.setFillColor(_SOFT)
            self.setFont("Vera", 7)
            first, _, second = DISCLAIMER.partition(": ")
            self.drawString(left, 15 * mm, f"{first}:")
            self.drawString(left, 11.8 * mm, second)
            self.drawRightString(right, 15 * mm, f"{number} of {len(self._pages)}")
            super().showPage()
        super().save()


def _slice(one: SliceReport, report: Report) -> list[Flowable]:
    prediction = one.prediction
    head: list[Flowable] = [_rule(), _text(wording.title(prediction), "head")]
    if prediction.error:
        return [
            KeepTogether(
                [*head, _framed(f"<b>Not judged.</b> {escape(wording.clean(prediction.error, 300))}", "not_mr")]
            )
        ]
    verdict = prediction.gate.verdict if prediction.gate else "unlike"
    said = wording.VERDICTS[verdict] if prediction.gate else "No gate shipped"
    head.append(_framed(f"<b>{escape(said)}.</b> {escape(prediction.gate.reason if prediction.gate else '')}", verdict))
    open_ = wording.is_open(prediction)
    if open_:
        assert prediction.label is not None
        colour = CLASS_COLOURS[CLASSES[prediction.label]]
        head.append(_text(f'<font color="{colour}">{escape(wording.headline(prediction))}</font>', "said", raw=True))
        lines = [wording.agreement(prediction), *wording.set_lines(prediction, report)]
        head += [_text(line, "body") for line in lines if line]
    else:
        head.append(_text(wording.ANYWAY, "label"))
    head += [Spacer(1, 2 * mm), _shares(wording.rows(prediction, report), faint=not open_)]
    rest: list[Flowable] = [_pictures(one)] if one.pictures else []
    rest += [_text(note, "soft") for note in one.notes]
    if one.facts:
        facts = "; ".join(f"{wording.clean(name)}: {wording.clean(fact, 200)}" for name, fact in one.facts.items())
        rest.append(_text(f"What the file says. {facts}.", "soft"))
    return [KeepTogether([*head, *rest[:1]]), *rest[1:]]


def _shares(rows: list[tuple[str, list[float], bool]], faint: bool) -> Table:
    cells = [["", *CLASSES]]
    looks = [
        ("FONT", (0, 0), (-1, -1), "Vera", 8.5),
        ("TEXTCOLOR", (0, 0), (-1, -1), _SOFT if faint else _INK),
        ("TEXTCOLOR", (0, 0), (-1, 0), _SOFT),
        ("LINEBELOW", (0, 0), (-1, -1), 0.4, _LINE),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 3), ("TOPPADDING", (0, 0), (-1, -1), 3),
        ("LEFTPADDING", (0, 0), (0, -1), 0), ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
    ]  # fmt: skip
    for place, (name, shares, strong) in enumerate(rows, start=1):
        bars = [
            share if faint else _Bar(share, CLASS_COLOURS[label]) for share, label in zip(shares, CLASSES, strict=True)
        ]
        cells.append([name, *[f"{one:.1%}" if isinstance(one, float) else one for one in bars]])
        if strong and not faint:
            looks.append(("FONT", (0, place), (-1, place), "VeraBd", 8.5))
    table = Table(cells, colWidths=[_WIDTH * 0.28, *[_WIDTH * 0.24] * 3], hAlign="LEFT")
    table.setStyle(TableStyle(looks))
    return table


class _Bar(Flowable):  # type: ignore[misc]
    """A probability as a number with a bar after it."""

    def __init__(self, share: float, colour: str) -> None:
        super().__init__()
        self.share, self.colour = share, colour
        self.width, self.height = _WIDTH * 0.22, 3.2 * mm

    def draw(self) -> None:
        """On the canvas that reportlab gives."""
        self.canv.setFont("Vera", 8.5)
        self.canv.setFillColor(_INK)
        self.canv.drawRightString(13 * mm, 0.7 * mm, f"{self.share:.1%}")
        self.canv.setFillColor(HexColor(self.colour))
        self.canv.rect(15 * mm, 0.5 * mm, max(0.4, self.share * (self.width - 15 * mm)), 2.4 * mm, stroke=0, fill=1)


def _pictures(one: SliceReport) -> Table:
    cells: list[list[Any]] = [[], []]
    for picture in one.pictures[:3]:
        data, _, (width, height) = encode(picture.image)
        scale = _PICTURE / max(width, height)
        cells[0].append(Image(io.BytesIO(data), width * scale, height * scale))
        cells[1].append(_text(picture.caption, "caption"))
    table = Table(cells, colWidths=[_WIDTH / 3] * len(cells[0]), hAlign="LEFT")
    table.setStyle(TableStyle([("VALIGN", (0, 0), (-1, 0), "MIDDLE"), ("VALIGN", (0, 1), (-1, 1), "TOP"),
                               ("LEFTPADDING", (0, 0), (-1, -1), 0), ("TOPPADDING", (0, 0), (-1, 0), 8)]))  # fmt: skip
    return table


def _case(report: Report) -> list[Flowable]:
    if report.case is None:
        return []
    case = report.case
    best = CLASSES[int(case.probabilities.argmax())]
    said = f'<font color="{CLASS_COLOURS[best]}">{best}, {float(case.probabilities.max()):.0%}</font>'
    counted = f"Mean of the ensemble over the {case.used} of {case.of} slices that the gate let in."
    rows = [("mean of the series", [float(share) for share in case.probabilities], True)]
    parts = [_rule(), _text(f"The whole series: {wording.clean(case.title)}", "head"), _text(said, "said", raw=True)]
    return [KeepTogether([*parts, _text(counted, "body"), Spacer(1, 2 * mm), _shares(rows, faint=False)])]


def _overview(report: Report) -> list[Flowable]:
    if len(report.slices) < 2:
        return []
    head = [_text(name, "caption") for name in ("file", "gate", "answer", "with 90 % coverage")]
    cells = [head] + [
        [_text(text, "cell") for text in (wording.title(one.prediction), *wording.summary(one.prediction))]
        for one in report.slices
    ]
    table = Table(cells, colWidths=[_WIDTH * share for share in (0.38, 0.16, 0.26, 0.2)], repeatRows=1, hAlign="LEFT")
    table.setStyle(TableStyle([("LINEBELOW", (0, 0), (-1, -1), 0.4, _LINE), ("VALIGN", (0, 0), (-1, -1), "TOP"),
                               ("LEFTPADDING", (0, 0), (-1, -1), 0), ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
                               ("TOPPADDING", (0, 0), (-1, -1), 2)]))  # fmt: skip
    found: list[Flowable] = [_rule(), _text("All slices", "head"), table]
    if len(report.slices) > IN_FULL:
        found.append(_text(f"The first {IN_FULL} follow in full.", "soft"))
    return found


def _ending(report: Report) -> list[Flowable]:
    models = [
        _text(
            f"<b>{escape(one.title)}.</b> Trained on {escape(one.trained_on)}; {escape(one.figures)}.", "body", raw=True
        )
        for one in report.models
    ]
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    return [
        _rule(), KeepTogether([_text("The models", "head"), *models[:1]]), *models[1:],
        KeepTogether([_text("Privacy receipt", "head"), *[_text(line, "body") for line in wording.receipt(report)]]),
        KeepTogether([_text("Versions", "head"), _text(versions, "soft")]),
    ]  # fmt: skip


def _framed(said: str, verdict: str) -> Table:
    table = Table([[Paragraph(said, _styles()["body"])]], colWidths=[_WIDTH], hAlign="LEFT")
    table.setStyle(TableStyle([("BACKGROUND", (0, 0), (-1, -1), _PANEL),
                               ("LINEBEFORE", (0, 0), (0, -1), 3, _EDGE[verdict]),
                               ("LEFTPADDING", (0, 0), (-1, -1), 8), ("TOPPADDING", (0, 0), (-1, -1), 5),
                               ("BOTTOMPADDING", (0, 0), (-1, -1), 6)]))  # fmt: skip
    return table


def _rule() -> Table:
    table = Table([[""]], colWidths=[_WIDTH], rowHeights=[3 * mm], hAlign="LEFT")
    table.setStyle(TableStyle([("LINEBELOW", (0, 0), (-1, -1), 0.6, _LINE)]))
    return table


def _text(said: str, style: str, raw: bool = False) -> Paragraph:
    return Paragraph(said if raw else escape(said), _styles()[style])


@cache
def _styles() -> dict[str, ParagraphStyle]:
    body = ParagraphStyle("body", fontName="Vera", fontSize=9, leading=12.5, textColor=_INK, splitLongWords=True)
    made = {"body": body}
    for name, changes in {
        "title": {"fontName": "VeraBd", "fontSize": 17, "leading": 22},
        "head": {"fontName": "VeraBd", "fontSize": 11.5, "leading": 15, "spaceBefore": 6, "spaceAfter": 4,
                 "keepWithNext": 1},
        "said": {"fontName": "VeraBd", "fontSize": 18, "leading": 24, "spaceBefore": 5, "spaceAfter": 1},
        "label": {"fontSize": 8.5, "textColor": _SOFT, "spaceBefore": 7},
        "soft": {"fontSize": 8, "leading": 11, "textColor": _SOFT, "spaceBefore": 2},
        "caption": {"fontSize": 7.5, "leading": 9.5, "textColor": _SOFT},
        "cell": {"fontSize": 8, "leading": 10},
    }.items():  # fmt: skip
        made[name] = ParagraphStyle(name, parent=body, **changes)
    return made


@cache
def _fonts() -> None:
    # They come with reportlab, are free, and hold Latin letters with accents.
    folder = reportlab.__path__[0]
    for name, file in (
        ("Vera", "Vera.ttf"),
        ("VeraBd", "VeraBd.ttf"),
        ("VeraIt", "VeraIt.ttf"),
        ("VeraBI", "VeraBI.ttf"),
    ):
        pdfmetrics.registerFont(TTFont(name, f"{folder}/fonts/{file}"))
    pdfmetrics.registerFontFamily("Vera", normal="Vera", bold="VeraBd", italic="VeraIt", boldItalic="VeraBI")
