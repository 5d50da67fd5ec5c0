"""The benchmark's document: what ships is read, what is written comes back, and damage is one clear error."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.ui import benchmark_fixture
from tumortrace import paths
from tumortrace.errors import DataError
from tumortrace.evaluation import published
from tumortrace.evaluation.results_document import ResultsDocument
from tumortrace.evaluation.results_records import LeakageGain, records_frame

Change = Callable[[dict[str, Any]], object]
SHIPPED = Path(__file__).resolve().parents[2] / "artifacts" / "benchmark" / "results.json"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TUMORTRACE_ARTIFACTS", str(tmp_path))
    found = paths.artifacts() / "benchmark"
    found.mkdir()
    return found


def plain(document: ResultsDocument) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(document.model_dump(mode="json", by_alias=True), allow_nan=False))
    return found


def test_the_document_that_ships_is_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TUMORTRACE_ARTIFACTS")
    found = published.results()
    written = json.loads(SHIPPED.read_text())
    assert found.dataset is not None
    assert (found.dataset.slices, found.dataset.patients) == (3064, 233)
    kept = {key: value for key, value in written.items() if key not in ("figures", "own_shares", "recipes")}
    read = plain(found)
    assert {key: read[key] for key in kept} == kept, "no record of it loses or changes a field"
    assert "figures" not in read
    assert "model.hflip_tta" in found.recipes["tracenet"], "settings of before are read by today's names"


def test_a_document_comes_back_as_it_was_written(folder: Path) -> None:
    document = benchmark_fixture.document()
    (folder / "results.json").write_text(json.dumps(plain(document)))
    assert published.results() == document
    assert plain(document)["leakage"][0]["class"] is None, "the file keeps the name it had"
    assert document.leakage[2].class_name == "meningioma"


def test_figures_of_a_document_of_before_are_passed_over(folder: Path) -> None:
    document = benchmark_fixture.document()
    (folder / "results.json").write_text(json.dumps(plain(document) | {"figures": [{"model": "a"}]}))
    assert published.results() == document


def test_a_document_that_is_not_there_is_empty_and_one_that_is_there_is_not(folder: Path) -> None:
    assert not published.results()
    (folder / "results.json").write_text('{"schema_version": 1}')
    assert published.results()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda found: found["comparisons"][3].pop("low"), r"damaged at comparisons\.3\.low \(Field required\)"),
        (lambda found: found["votes"][0].update(n="many"), r"damaged at votes\.0\.n "),
        (lambda found: found["votes"][0].update(n=-1), r"damaged at votes\.0\.n "),
        (lambda found: found["spread"][0].update(by="week"), r"damaged at spread\.0\.by "),
        (lambda found: found["leakage"][0].update(gian=0.1), r"damaged at leakage\.0\.gian "),
        (lambda found: found["failures"]["suspects"]["person"].pop("judge"), r"at failures\.suspects\.person\.judge "),
        (lambda found: found.update(comparisons=None), r"damaged at comparisons "),
        (lambda found: found.update(comparisions=[]), r"damaged at comparisions "),
        (lambda found: found.update(schema_version=2), "of another version"),
        (lambda found: found.pop("schema_version"), "of another version"),
    ],
)
def test_a_damaged_document_is_one_error_that_names_the_field(change: Change, said: str, folder: Path) -> None:
    found = plain(benchmark_fixture.document())
    change(found)
    (folder / "results.json").write_text(json.dumps(found))
    with pytest.raises(DataError, match=said) as raised:
        published.results()
    assert "results.json" in str(raised.value)
    assert "tumortrace benchmark" in raised.value.remedy


@pytest.mark.parametrize("text", ["[]", "3", '"schema_version"'])
def test_json_that_is_no_document_is_foreign(text: str, folder: Path) -> None:
    (folder / "results.json").write_text(text)
    with pytest.raises(DataError, match="of another version"):
        published.results()


def test_records_make_a_frame_with_the_columns_of_the_file() -> None:
    table = records_frame(benchmark_fixture.document().leakage)
    assert list(table) == list(plain(benchmark_fixture.document())["leakage"][0])
    assert table["class"].isna().sum() == 2 * len(benchmark_fixture.MODELS)
    assert records_frame([]).empty


def test_a_record_refuses_a_key_of_another_name() -> None:
    line = plain(benchmark_fixture.document())["leakage"][0]
    assert LeakageGain.model_validate(line).gain == 0.03
    with pytest.raises(ValidationError, match="extra"):
        LeakageGain.model_validate(line | {"protocl": "slice"})
