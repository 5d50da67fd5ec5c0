"""The words of a report, the same in every format. File names are somebody else's text: they are cleaned here."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from tumortrace.constants import CLASSES
from tumortrace.inference.prediction import Prediction
from tumortrace.reporting.report import Report

LONGEST: Final = 80
VERDICTS: Final = {
    "in_range": "May be judged",
    "unlike": "Unlike the training slices: not judged",
    "not_mr": "Not a slice this app knows: not judged",
}
ANYWAY: Final = "What the models would say all the same (not reliable)"
STORED: Final = "Nothing was written to disk or logged; pixels and answers were held in memory for the session."


def clean(text: str, longest: int = LONGEST) -> str:
    """Without control and direction marks, and no longer than that."""
    plain = "".join(
        " " if one in "\t\r\n" else one for one in text if one in "\t\r\n" or unicodedata.category(one)[0] != "C"
    )
    plain = re.sub(r"\s+", " ", plain).strip()
    return plain if len(plain) <= longest else f"{plain[: longest // 2 - 2]} ... {plain[-(longest // 2 - 3) :]}"


def title(prediction: Prediction) -> str:
    """File and slice, for people."""
    return clean(
        f"{clean(prediction.file)} · {prediction.slice}" if prediction.slice else prediction.file, LONGEST + 30
    )


def is_open(prediction: Prediction) -> bool:
    """Whether its probabilities may be headlined."""
    return prediction.gate is None or prediction.gate.open


def headline(prediction: Prediction) -> str:
    """The likeliest class and its probability: ``glioma, 93%``."""
    label = prediction.label
    return "" if label is None else f"{CLASSES[label]}, {float(prediction.probabilities['ensemble'][label]):.0%}"


def agreement(prediction: Prediction) -> str:
    """How many models name the predicted class first, as a sentence; empty where one model was asked."""
    count = len(prediction.single)
    return f"{prediction.agreeing} of {count} models name it first." if count > 1 else ""


def set_lines(prediction: Prediction, report: Report) -> list[str]:
    """The prediction sets in words."""
    lines = []
    for level, labels in sorted(prediction.sets.items()):
        names = " or ".join(CLASSES[label] for label in labels)
        held = report.coverage.get(level, "")
        lines.append(f"With {level} % promised coverage: {names}" + (f" ({held})" if held else "") + ".")
    return lines


def rows(prediction: Prediction, report: Report) -> list[tuple[str, list[float], bool]]:
    """Model, its three probabilities, and whether it is the ensemble; the ensemble first."""
    names = sorted(prediction.probabilities, key=lambda name: name != "ensemble")
    return [
        (report.titles.get(name, name), [float(share) for share in prediction.probabilities[name]], name == "ensemble")
        for name in names
    ]


def summary(prediction: Prediction) -> tuple[str, str, str]:
    """Gate, answer, and the 90 % set, for a table."""
    if prediction.error:
        return "not judged", clean(prediction.error, 160), ""
    gate = {"in_range": "may be judged", "unlike": "unlike", "not_mr": "no MR slice"}
    verdict = gate[prediction.gate.verdict] if prediction.gate else "no gate"
    if not is_open(prediction):
        return verdict, "", ""
    return verdict, headline(prediction), " or ".join(CLASSES[label] for label in prediction.sets.get(90, ()))


def receipt(report: Report) -> list[str]:
    """Which identifying tags were dropped, and what was kept."""
    lines = [
        f"{clean(name)}: found and dropped {', '.join(clean(tag, 60) for tag in tags)}."
        for name, tags in report.dropped.items()
    ]
    return [*(lines or ["No file held an identifying tag that is known here."]), STORED]
