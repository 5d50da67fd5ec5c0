"""What is odd about a dataset: a list of checks, each with the slices it finds. Nothing is mended or left out.

Most checks need the manifest alone; :mod:`tumortrace.data.pixel_facts` is needed for those of the pixels, and for the
rest what is said in :func:`quality_checks`. A check whose input is not there says so, and is never counted as passed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

import pandas as pd

from tumortrace.data import polygons
from tumortrace.data.datasets import Dataset

AGREEMENT: Final = 0.9
"""An outline should cover its mask at least so much (intersection over union)."""
AREA: Final = (0.0005, 0.2)
"""Share of the slice a tumour may cover: half the smallest and twice the largest of the published set."""
CLIPPED: Final = 0.01
"""Share of pixels that may have the brightest value; in the published set none has more than 0.00005."""
EMPTY: Final = 0.9
"""Share of pixels that may have the darkest value; in the published set none has more than 0.36."""
COLUMNS: Final = ("slice_id", "check", "detail")

Status = Literal["fine", "found", "unknown"]
Finding = tuple[str, str]
"""Slice id (empty where the slice was never imported), and what is wrong with it."""


@dataclass(frozen=True)
class QualityCheck:
    """One check and what it found."""

    key: str
    title: str
    what: str
    """What it looks for, and where its limit comes from."""
    findings: Sequence[Finding] = ()
    unknown: str = ""
    """Why it could not be made; empty where it was."""

    @property
    def status(self) -> Status:
        """``fine``: made, nothing found; ``found``; ``unknown``: not made."""
        if self.findings:
            return "found"
        return "unknown" if self.unknown else "fine"


class DoubtedLabel(Protocol):
    """A slice whose label is doubted."""

    @property
    def slice_id(self) -> str:
        """Of the slice."""

    @property
    def label(self) -> str:
        """Its class as labelled."""

    @property
    def suggested(self) -> str:
        """The class it may be rather."""


def quality_checks(
    dataset: Dataset,
    facts: pd.DataFrame | None = None,
    twins: pd.DataFrame | None = None,
    suspects: Mapping[str, Iterable[DoubtedLabel]] | None = None,
) -> list[QualityCheck]:
    """Run every quality check.

    Args:
        dataset: What is checked.
        facts: From :func:`tumortrace.data.pixel_facts.load_pixel_facts`; None: nobody has opened the slices yet.
        twins: Near-duplicates by their pixels, from :func:`tumortrace.data.duplicates.with_descriptions`; None: not
            looked for.
        suspects: Protocol to the slices whose labels the benchmark doubts, from
            :func:`tumortrace.evaluation.published.suspects_of`; None: it has no predictions for this dataset.
    """
    rows, report = dataset.manifest, dataset.info.get("report") or {}
    return [
        _unreadable(report, facts),
        _exact(rows, report),
        _conflicts(rows, report),
        _near(rows, twins),
        _disagreeing(rows),
        _broken_outlines(rows),
        _areas(rows),
        _sizes(rows),
        _flat(facts),
        _clipped(facts),
        _missing(rows),
        _two_labels(rows),
        _doubted(suspects),
    ]


def table(checks: Iterable[QualityCheck]) -> pd.DataFrame:
    """Every finding: ``slice_id, check, detail``, strings; a slice may stand in several rows."""
    lines = [(slice_id, one.key, detail) for one in checks for slice_id, detail in one.findings]
    return pd.DataFrame(lines, columns=list(COLUMNS), dtype="string")


def _unreadable(report: Mapping[str, Any], facts: pd.DataFrame | None) -> QualityCheck:
    found = [("", f"{item['source']}: {item['reason']}") for item in report.get("unreadable") or []]
    if facts is not None:
        bad = facts[facts["problem"] != ""]
        found += [(str(line.slice_id), str(line.problem)) for line in bad.itertuples()]
    return QualityCheck(
        "unreadable", "Unreadable slices",
        "Left out when the dataset was imported; or whose file is missing, damaged or changed now.",
        found, "" if facts is not None else "The slices have not been opened yet.",
    )  # fmt: skip


def _exact(rows: pd.DataFrame, report: Mapping[str, Any]) -> QualityCheck:
    found = [("", f"{item['source']}: {item['reason']} as {item['of']}") for item in report.get("duplicates") or []]
    known = rows[rows["sha256"].notna()]
    for _, same in known[known["sha256"].duplicated(keep=False)].groupby("sha256", sort=False):
        first = str(same["slice_id"].iloc[0])
        found += [(str(slice_id), f"the same pixels as slice {first}") for slice_id in same["slice_id"].iloc[1:]]
    return QualityCheck(
        "duplicate", "Exact duplicates",
        "The same pixels twice (SHA-256). An import keeps the first and leaves out the others; they are listed here.",
        found, "" if len(known) or found else "The manifest has no checksums.",
    )  # fmt: skip


def _conflicts(rows: pd.DataFrame, report: Mapping[str, Any]) -> QualityCheck:
    found = [("", f"{item['source']}: {item['reason']}") for item in report.get("conflicts") or []]
    looked = "conflicts" in report and rows["sha256"].notna().any()
    return QualityCheck(
        "conflict", "One picture, several labels",
        "The same pixels (SHA-256) under several labels: an import leaves out every copy, for nobody knows which is "
        "right.",
        found, "" if looked else "This dataset was imported before such pictures were looked for.",
    )  # fmt: skip


def _near(rows: pd.DataFrame, twins: pd.DataFrame | None) -> QualityCheck:
    what = (
        "Almost the same pixels (perceptual hash) under two persons, or under two labels. Within one person they are "
        "neighbouring slices, and are not listed. The limit lets one in 100,000 pairs of different persons through: a "
        "large dataset always has some that are alike by chance."
    )
    if twins is None:
        return QualityCheck("near_duplicate", "Near-duplicates of different persons", what,
                     unknown="The slices have not been compared yet.")  # fmt: skip
    odd = twins[~twins["same_person"].fillna(False) | ~twins["same_label"].fillna(True)]
    found = []
    for line in odd.to_dict("records"):
        person = line["same_person"]
        whose = "of an unknown person" if pd.isna(person) else "of the same person" if person else "of another person"
        label = "" if line["same_label"] else ", with another label"
        found.append(
            (str(line["first"]), f"nearly slice {line['second']}, {whose}{label}; {line['distance']:.0f} bits differ")
        )
    return QualityCheck("near_duplicate", "Near-duplicates of different persons", what, found)


def _disagreeing(rows: pd.DataFrame) -> QualityCheck:
    known = rows[rows["outline_iou"].notna()]
    low = known[known["outline_iou"] < AGREEMENT]
    found = [(str(line.slice_id), f"outline and mask overlap by {line.outline_iou:.2f}") for line in low.itertuples()]
    unknown = "" if len(known) else "The source gives an outline or a mask, never both: nothing can be compared."
    return QualityCheck(
        "outline_mask", "Outline and mask disagree",
        f"The filled outline and the published mask overlap (intersection over union) by less than {AGREEMENT}.",
        found, unknown,
    )  # fmt: skip


def _broken_outlines(rows: pd.DataFrame) -> QualityCheck:
    title = "Outline missing, empty or outside"
    what = "No outline, one of fewer than three points or without area, or points outside the slice."
    if rows["outline"].isna().all():
        return QualityCheck("outline", title, what, unknown="This dataset has no outlines.")
    found = []
    for line in rows[["slice_id", "outline", "height", "width", "area_px"]].itertuples():
        problem = polygons.problem(line.outline, line.height, line.width, line.area_px)
        if problem:
            found.append((str(line.slice_id), problem))
    return QualityCheck("outline", title, what, found)


def _areas(rows: pd.DataFrame) -> QualityCheck:
    known = rows[rows[["area_px", "height", "width"]].notna().all(axis=1)]
    share = known["area_px"].astype("float64") / (known["height"].astype("float64") * known["width"].astype("float64"))
    odd = known[(share < AREA[0]) | (share > AREA[1])]
    found = [
        (str(slice_id), f"the tumour covers {part:.2%} of the slice ({area:,} px)")
        for slice_id, part, area in zip(odd["slice_id"], share[odd.index], odd["area_px"], strict=True)
    ]
    return QualityCheck(
        "area", "Implausible tumour area",
        f"Less than {AREA[0]:.2%} or more than {AREA[1]:.0%} of the slice: half the smallest and twice the largest "
        "tumour of the published set.",
        found, "" if len(known) else "This dataset has no tumour areas.",
    )  # fmt: skip


def _sizes(rows: pd.DataFrame) -> QualityCheck:
    known = rows[rows[["height", "width"]].notna().all(axis=1)]
    title, what = "Odd size", "Not as many pixels as most slices of the dataset have."
    if known.empty:
        return QualityCheck("size", title, what, unknown="The manifest has no sizes.")
    sizes = known["width"].astype(str) + " × " + known["height"].astype(str)
    common = str(sizes.value_counts().index[0])
    odd = sizes != common
    found = [(str(slice_id), f"{size} px") for slice_id, size in zip(known["slice_id"][odd], sizes[odd], strict=True)]
    return QualityCheck("size", title, f"{what} Most have {common}.", found)


def _flat(facts: pd.DataFrame | None) -> QualityCheck:
    title = "Constant or empty pictures"
    what = f"One grey value throughout, or the darkest one in more than {EMPTY:.0%} of the pixels."
    if facts is None:
        return QualityCheck("flat", title, what, unknown="The slices have not been opened yet.")
    read = facts[facts["high"] + facts["at_high"] > 0]
    odd = read[(read["low"] == read["high"]) | (read["at_low"] > EMPTY)]
    found = [
        (
            str(line["slice_id"]),
            f"every pixel is {line['low']:.0f}"
            if line["low"] == line["high"]
            else f"{line['at_low']:.0%} of the pixels are dark",
        )
        for line in odd.to_dict("records")
    ]
    return QualityCheck("flat", title, what, found)


def _clipped(facts: pd.DataFrame | None) -> QualityCheck:
    title = "Clipped pictures"
    what = (
        f"More than {CLIPPED:.0%} of the pixels have the brightest value: what was brighter has been cut off. In the "
        "published set no slice has more than 0.005 %."
    )
    if facts is None:
        return QualityCheck("clipped", title, what, unknown="The slices have not been opened yet.")
    odd = facts[(facts["at_high"] > CLIPPED) & (facts["low"] < facts["high"])]
    found = [(str(line.slice_id), f"{line.at_high:.1%} of the pixels are {line.high:.0f}") for line in odd.itertuples()]
    return QualityCheck("clipped", title, what, found)


def _missing(rows: pd.DataFrame) -> QualityCheck:
    names = {"patient_id": "patient", "series_id": "series", "official_fold": "official fold"}
    said = pd.Series("", index=rows.index)
    for key, name in names.items():
        said = said.where(rows[key].notna(), said + f", no {name}")
    gaps = said != ""
    found = list(zip(rows["slice_id"][gaps].astype(str), said[gaps].str.removeprefix(", "), strict=True))
    return QualityCheck(
        "unknown", "Patient, series or fold unknown",
        "Without a patient nobody can tell whether a slice stands on both sides of a split; the official folds are "
        "needed for the protocol of that name alone.",
        found,
    )  # fmt: skip


def _two_labels(rows: pd.DataFrame) -> QualityCheck:
    known = rows[rows["person_id"].notna()]
    title, what = "One person, several labels", "Slices of one person are labelled as different tumours."
    if known.empty:
        return QualityCheck("labels", title, what, unknown="This dataset does not say whose slices these are.")
    most = known.groupby("person_id")["label"].agg(lambda labels: labels.mode().iloc[0])
    usual = known["person_id"].map(most)
    odd = known[known["label"].to_numpy() != usual.to_numpy()]
    found = [
        (str(line.slice_id), f"labelled unlike most slices of person {line.person_id}") for line in odd.itertuples()
    ]
    return QualityCheck("labels", title, what, found)


def _doubted(suspects: Mapping[str, Iterable[DoubtedLabel]] | None) -> QualityCheck:
    title = "Label suspects"
    what = (
        "Confident learning (cleanlab) doubts the label, by probabilities of models that had not seen the slice. A "
        "hint for a reader to look, no finding: a hard slice looks just like a mislabelled one."
    )
    if suspects is None:
        return QualityCheck("suspect", title, what, unknown="The benchmark has not judged the labels of this dataset.")
    found = [
        (line.slice_id, f"labelled {line.label}, rather {line.suggested} (protocol {protocol})")
        for protocol, lines in suspects.items()
        for line in lines
    ]
    return QualityCheck("suspect", title, what, found)
