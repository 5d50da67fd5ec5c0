"""The quality report: every planted fault is found by its check, and a clean dataset has none."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tumortrace.data import datasets, duplicates, pixel_facts, quality, splits
from tumortrace.data.phantom import make_phantom
from tumortrace.evaluation import published
from tumortrace.evaluation.results_document import DatasetFacts, ResultsDocument
from tumortrace.evaluation.results_records import DoubtedLabels, Failures, LabelSuspect


@pytest.fixture
def dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> datasets.Dataset:
    monkeypatch.setenv("TUMORTRACE_HOME", str(tmp_path / "home"))
    make_phantom(persons=15, size=64)
    return datasets.open_dataset("phantom")


def changed(dataset: datasets.Dataset, report: dict | None = None, **columns: object) -> datasets.Dataset:
    """The dataset with some cells of its manifest set: column to {row: value}."""
    rows = dataset.manifest.copy()
    for name, cells in columns.items():
        for row, value in cells.items():
            rows.loc[row, name] = value
    info = dataset.info if report is None else dataset.info | {"report": report}
    other = datasets.Dataset(dataset.folder, info)
    other.__dict__["manifest"] = rows
    return other


def found(checks: list[quality.QualityCheck], key: str) -> quality.QualityCheck:
    return next(one for one in checks if one.key == key)


def ids(checks: list[quality.QualityCheck], key: str) -> list[str]:
    return [slice_id for slice_id, _ in found(checks, key).findings]


def test_a_clean_dataset_passes_every_check_that_can_be_made(dataset: datasets.Dataset) -> None:
    checks = quality.quality_checks(dataset, pixel_facts.load_pixel_facts(dataset), None, {"person": []})
    states = {one.key: one.status for one in checks}
    assert states.pop("near_duplicate") == "unknown", "nobody has looked"
    assert set(states.values()) == {"fine"}, states
    table = quality.table(checks)
    assert list(table.columns) == list(quality.COLUMNS)
    assert table.empty


def test_what_could_not_be_looked_at_is_unknown_and_never_passed(dataset: datasets.Dataset) -> None:
    bare = changed(dataset)
    for name in ("outline", "outline_iou", "area_px", "person_id", "height", "sha256"):
        bare.manifest[name] = pd.NA
    states = {one.key: one.status for one in quality.quality_checks(bare)}
    assert {key for key, state in states.items() if state == "unknown"} == set(states) - {"unknown"}


@pytest.mark.parametrize(
    ("column", "value", "key", "detail"),
    [
        ("outline_iou", 0.41, "outline_mask", "0.41"),
        ("outline", "1,1 90,5 5,9", "outline", "1 of 3 points lie outside"),
        ("outline", "1,1 5,9", "outline", "2 points"),
        ("outline", "scribble", "outline", "no list of points"),
        ("outline", pd.NA, "outline", "no outline"),
        ("area_px", 0, "outline", "without area"),
        ("area_px", 1, "area", "0.02%"),
        ("area_px", 3000, "area", "73"),
        ("height", 32, "size", "64 × 32"),
        ("patient_id", pd.NA, "unknown", "no patient"),
        ("series_id", pd.NA, "unknown", "no series"),
        ("official_fold", pd.NA, "unknown", "no official fold"),
        ("label", 2, "labels", "unlike most slices"),
    ],
)
def test_a_planted_fault_is_found_by_its_check(
    column: str, value: object, key: str, detail: str, dataset: datasets.Dataset
) -> None:
    broken = changed(dataset, **{column: {4: value}})
    checks = quality.quality_checks(broken)
    assert ids(checks, key) == [dataset.manifest["slice_id"][4]]
    assert detail in found(checks, key).findings[0][1]


def test_the_same_pixels_twice_are_found_in_the_manifest_and_in_the_report_of_the_import(
    dataset: datasets.Dataset,
) -> None:
    report = {
        "duplicates": [{"source": "copy.png", "of": "1.png", "reason": "the same pixels"}],
        "conflicts": [{"source": "b.png", "label": "glioma", "reason": "conflicting labels"}],
        "unreadable": [{"source": "torn.png", "reason": "not a PNG"}],
    }
    digest = dataset.manifest["sha256"][0]
    checks = quality.quality_checks(changed(dataset, report, sha256={9: digest}))
    assert ids(checks, "duplicate") == ["", dataset.manifest["slice_id"][9]]
    assert found(checks, "conflict").findings == [("", "b.png: conflicting labels")]
    assert found(checks, "unreadable").findings == [("", "torn.png: not a PNG")]


def test_files_that_are_missing_damaged_changed_flat_or_clipped_are_found(dataset: datasets.Dataset) -> None:
    names = dataset.manifest["slice_id"].tolist()
    dataset.image_path(names[0]).unlink()
    dataset.image_path(names[1]).write_bytes(b"not a picture")
    Image.fromarray(np.full((64, 64), 80, np.uint8)).save(dataset.image_path(names[2]))
    bright = np.minimum(dataset.pixels(names[3]).astype(int) * 4, 255).astype(np.uint8)
    Image.fromarray(bright).save(dataset.image_path(names[3]))
    dark = np.zeros((64, 64), np.uint8)
    dark[0, :5] = 200
    Image.fromarray(dark).save(dataset.image_path(names[4]))
    checks = quality.quality_checks(dataset, pixel_facts.load_pixel_facts(dataset))
    unreadable = dict(found(checks, "unreadable").findings)
    assert set(unreadable) == set(names[:5])
    assert "missing" in unreadable[names[0]]
    assert "cannot be read" in unreadable[names[1]]
    assert "not the imported ones" in unreadable[names[3]]
    assert ids(checks, "flat") == [names[2], names[4]]
    assert ids(checks, "clipped") == [names[3]]


def test_near_duplicates_count_between_persons_or_labels_alone(dataset: datasets.Dataset) -> None:
    rows = splits.table_for(dataset)
    other = int(np.flatnonzero((rows["person_id"] != rows["person_id"][0]).to_numpy())[0])
    assert rows["person_id"][1] == rows["person_id"][0]
    near = duplicates.NearDuplicates(np.array([0, 0]), np.array([1, other]), np.array([4, 8], np.float32), 42, 0, 0)
    checks = quality.quality_checks(dataset, twins=duplicates.with_descriptions(near, rows))
    (finding,) = found(checks, "near_duplicate").findings
    assert finding[0] == rows["slice_id"][0]
    assert "of another person" in finding[1]
    assert "8 bits" in finding[1]


def test_suspect_labels_are_those_of_the_benchmark_of_this_very_dataset(dataset: datasets.Dataset) -> None:
    line = LabelSuspect(slice_id="3", patient_id=None, label="glioma", suggested="meningioma", quality=0.1)
    failures = Failures(suspects={"person": DoubtedLabels(judge="ensemble", suspects=[line])})

    def results(name: str, fingerprint: str | None = None) -> ResultsDocument:
        facts = DatasetFacts(name=name, fingerprint=fingerprint, slices=9, patients=3, persons=3)
        return ResultsDocument(dataset=facts, failures=failures)

    assert published.suspects_of(results("figshare"), dataset) is None
    assert published.suspects_of(results("phantom", "of others"), dataset) is None
    assert published.suspects_of(ResultsDocument(), dataset) is None
    assert published.suspects_of(ResultsDocument(failures=failures), dataset) is None
    checks = quality.quality_checks(dataset, suspects=published.suspects_of(results("phantom"), dataset))
    assert ids(checks, "suspect") == ["3"]
    assert "rather meningioma (protocol person)" in found(checks, "suspect").findings[0][1]


def test_a_check_with_findings_and_a_gap_counts_as_found() -> None:
    one = quality.QualityCheck("a", "A", "what", [("1", "odd")], "not all of it")
    assert one.status == "found"
    assert dataclasses.replace(one, findings=()).status == "unknown"
