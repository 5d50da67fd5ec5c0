"""The report as one HTML file: nothing is fetched, nothing runs."""

from __future__ import annotations

import base64
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from tumortrace.charts.theme import CLASS_COLOURS
from tumortrace.constants import CLASSES
from tumortrace.inference.prediction import DISCLAIMER
from tumortrace.reporting import wording
from tumortrace.reporting.pictures import encode
from tumortrace.reporting.report import IN_FULL, Picture, Report, SliceReport


def html(report: Report) -> str:
    """The report as one HTML text, images inside it."""
    return _template().render(
        created=report.created.strftime("%Y-%m-%d %H:%M UTC"),
        iso=report.created.isoformat(timespec="seconds"),
        case=_case(report),
        slices=[_slice(one, report) for one in report.slices[:IN_FULL]],
        lines=[(wording.title(one.prediction), *wording.summary(one.prediction)) for one in report.slices],
        in_full=IN_FULL,
        models=report.models,
        versions=report.versions,
        receipt=wording.receipt(report),
        disclaimer=DISCLAIMER,
        classes=list(CLASSES),
        colours=CLASS_COLOURS,
    )


@cache
def _template() -> Template:
    loader = PackageLoader("tumortrace.reporting", ".")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined).get_template("report.html.j2")


def _slice(one: SliceReport, report: Report) -> dict[str, Any]:
    prediction = one.prediction
    return {
        "title": wording.title(prediction),
        "error": prediction.error,
        "gate": prediction.gate,
        "verdict": wording.VERDICTS[prediction.gate.verdict] if prediction.gate else "No gate shipped",
        "open": wording.is_open(prediction),
        "label": CLASSES[prediction.label] if prediction.label is not None else "",
        "share": wording.headline(prediction).rpartition(", ")[2],
        "agreement": wording.agreement(prediction),
        "sets": wording.set_lines(prediction, report),
        "rows": wording.rows(prediction, report),
        "anyway": wording.ANYWAY,
        "pictures": [_picture(picture) for picture in one.pictures],
        "facts": {wording.clean(name): wording.clean(fact, 200) for name, fact in one.facts.items()},
        "notes": one.notes,
    }


def _picture(picture: Picture) -> dict[str, str]:
    data, kind, _ = encode(picture.image)
    return {"caption": picture.caption, "source": f"data:image/{kind};base64,{base64.b64encode(data).decode()}"}


def _case(report: Report) -> dict[str, Any] | None:
    if report.case is None:
        return None
    case = report.case
    best = int(case.probabilities.argmax())
    return {
        "title": wording.clean(case.title), "label": CLASSES[best], "share": f"{float(case.probabilities[best]):.0%}",
        "shares": [float(share) for share in case.probabilities], "used": case.used, "of": case.of,
    }  # fmt: skip
