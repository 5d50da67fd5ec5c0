"""A person never stands on two sides, over made-up datasets; frozen files are sealed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.sources import mat_bytes
from tumortrace.data import splits
from tumortrace.data.datasets import open_dataset
from tumortrace.data.ingest.importer import import_dataset
from tumortrace.data.manifest import conform
from tumortrace.errors import SplitError, SplitOverlap, SplitUnavailable


@st.composite
def manifests(draw: st.DrawFn) -> pd.DataFrame:
    """Persons with one to three exams of one to four slices, in any order, with any class."""
    persons = draw(st.integers(15, 40))
    rows = []
    for person in range(persons):
        label = draw(st.integers(0, 2)) if person >= 15 else person % 3
        stem = f"MR{person:06d}" if draw(st.booleans()) else f"{100000 + person}"
        exams = draw(st.integers(1, 3)) if stem.startswith("MR") else 1
        for exam in range(exams):
            for _ in range(draw(st.integers(1, 4))):
                patient = stem + "_BC"[exam] if exam else stem
                fold = draw(st.integers(1, 5))
                rows.append({"label": label, "patient_id": patient, "official_fold": fold})
    frame = pd.DataFrame(rows)
    # One fold a patient, as the author gives them.
    frame["official_fold"] = frame.groupby("patient_id")["official_fold"].transform("first")
    frame = frame.sample(frac=1, random_state=draw(st.integers(0, 99))).reset_index(drop=True)
    return conform(frame.assign(slice_id=[str(row + 1) for row in range(len(frame))]))


@settings(max_examples=40, deadline=None)
@given(manifest=manifests(), fold=st.integers(1, 5), seed=st.integers(0, 3), share=st.sampled_from([0.0, 0.1, 0.2]))
def test_no_person_is_on_two_sides_of_a_split(manifest: pd.DataFrame, fold: int, seed: int, share: float) -> None:
    table = splits.assign(manifest)
    found = splits.split(table, "person", fold, share, seed)
    persons = [set(table["person_id"].iloc[rows]) for rows in (found.train, found.validation, found.test)]
    assert not persons[0] & persons[1]
    assert not persons[0] & persons[2]
    assert not persons[1] & persons[2]
    together = np.concatenate([found.train, found.validation, found.test])
    assert sorted(together) == list(range(len(table)))
    assert (len(found.validation) > 0) == (share > 0)


@settings(max_examples=20, deadline=None)
@given(manifest=manifests(), protocol=st.sampled_from(["person", "slice"]))
def test_every_slice_is_tested_in_exactly_one_fold(manifest: pd.DataFrame, protocol: splits.Protocol) -> None:
    table = splits.assign(manifest)
    tested = np.concatenate([splits.split(table, protocol, fold).test for fold in range(1, 6)])
    assert sorted(tested) == list(range(len(table)))


def test_exams_with_a_trailing_letter_are_one_person() -> None:
    ids = ["MR040240", "MR040240B", "MR040240C", "MR040241", "100360", "100360"]
    table = conform(pd.DataFrame({"slice_id": [str(i) for i in range(6)], "label": 0, "patient_id": ids}))
    assert table["person_id"].tolist() == ["MR040240"] * 3 + ["MR040241", "100360", "100360"]


def overlapping() -> pd.DataFrame:
    table = splits.assign(
        conform(
            pd.DataFrame(
                {
                    "slice_id": [str(row) for row in range(60)],
                    "label": [row % 3 for row in range(60)],
                    "patient_id": [f"{row // 2:06d}" for row in range(60)],
                    "official_fold": [row // 12 + 1 for row in range(60)],
                }
            )
        )
    )
    for protocol in ("person", "official"):
        table.loc[0, protocol], table.loc[1, protocol] = 1, 2
    return table


@pytest.mark.parametrize("protocol", ["person", "official"])
def test_an_overlap_raises_and_names_who(protocol: splits.Protocol) -> None:
    with pytest.raises(SplitOverlap, match="000000"):
        splits.split(overlapping(), protocol, 1)


def test_the_slice_protocol_may_part_a_patient() -> None:
    assert len(splits.split(overlapping(), "slice", 1).test) == 12


def test_a_protocol_without_folds_says_which_have_some(mat_folder: Path) -> None:
    table = splits.assign(
        conform(pd.DataFrame({"slice_id": [str(row) for row in range(30)], "label": [row % 3 for row in range(30)]}))
    )
    with pytest.raises(SplitUnavailable, match="Use slice"):
        splits.split(table, "person", 1)
    with pytest.raises(SplitUnavailable, match="no such fold"):
        splits.split(table, "slice", 6)


def test_the_shipped_folds_are_those_of_the_real_dataset() -> None:
    table = splits.frozen_figshare()
    assert len(table) == 3064
    assert table["label"].value_counts().sort_index().tolist() == [708, 1426, 930]
    assert table["patient_id"].nunique() == 233
    assert table["person_id"].nunique() == 209
    assert table["official"].value_counts().sort_index().tolist() == [570, 655, 562, 613, 664]
    assert (table["slice"] == 1).sum() == 613
    for fold in range(1, 6):
        for protocol in ("official", "person", "slice"):
            found = splits.split(table, protocol, fold, 0.1)
            assert len(found.train) + len(found.validation) + len(found.test) == 3064


def test_a_tampered_shipped_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / "splits.csv"
    copy.write_bytes(splits._FROZEN.read_bytes().replace(b"1,0,", b"1,1,", 1))
    monkeypatch.setattr(splits, "_FROZEN", copy)
    with pytest.raises(SplitError, match="changed"):
        splits.frozen_figshare()


def many(folder: Path) -> None:
    folder.mkdir()
    for number in range(1, 31):
        (folder / f"{number}.mat").write_bytes(mat_bytes(number, number % 3 + 1, f"{100000 + number // 2}"))


def test_folds_of_another_dataset_are_made_once_and_sealed(tmp_path: Path) -> None:
    many(tmp_path / "source")
    import_dataset(tmp_path / "source", "other", workers=1)
    dataset = open_dataset("other")
    first = splits.table_for(dataset)
    assert splits.table_for(dataset).equals(first)
    path = dataset.folder / "splits.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:1], *reversed(lines[1:])]) + "\n")
    with pytest.raises(SplitError, match="changed"):
        splits.table_for(dataset)


def test_the_validation_part_is_the_one_most_like_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    persons = [f"{person:06d}" for person in range(20) for _ in range(3)]
    labels = [person % 3 for person in range(20) for _ in range(3)]
    ids = [str(row) for row in range(60)]
    table = splits.assign(conform(pd.DataFrame({"slice_id": ids, "label": labels, "patient_id": persons})))
    for seed in range(4):
        held = splits.split(table, "slice", 1, 0.2, seed).validation
        assert set(table["label"].iloc[held]) == {0, 1, 2}

    def sorted_by_class(parts: int, seed: int, labels: np.ndarray, groups: np.ndarray) -> list[np.ndarray]:
        mixed = np.isin(groups, ["000000", "000001", "000002"])
        return [np.flatnonzero(part) for part in (labels == 1, mixed, labels == 2)]

    monkeypatch.setattr(splits, "_grouped", sorted_by_class)
    held = splits.split(table, "slice", 1, 0.2).validation
    assert set(table["label"].iloc[held]) == {0, 1, 2}, "of a mixed part and two of one class the mixed one"


def test_a_handful_of_slices_has_no_folds_and_no_crash() -> None:
    ids = [str(row) for row in range(6)]
    table = splits.assign(
        conform(
            pd.DataFrame({"slice_id": ids, "label": [0, 1, 2] * 2, "patient_id": [f"{row:06d}" for row in range(6)]})
        )
    )
    assert table[["person", "slice"]].isna().all(axis=None)


def test_a_share_of_the_training_part_takes_whole_persons_of_every_class() -> None:
    table = splits.frozen_figshare()
    train = splits.split(table, "person", 1).train
    half, quarter = (splits.some_persons(table, train, share, seed=3) for share in (0.5, 0.25))
    assert set(quarter) < set(half) < set(train)
    chosen = set(table["person_id"].iloc[half])
    left = np.setdiff1d(train, half)
    assert not chosen & set(table["person_id"].iloc[left])
    persons = table.iloc[train].groupby("label")["person_id"].nunique()
    kept = table.iloc[half].groupby("label")["person_id"].nunique()
    assert (abs(kept - persons / 2) <= 1).all()


def test_another_seed_holds_out_other_persons() -> None:
    table = splits.frozen_figshare()
    held = [set(splits.split(table, "person", 1, 0.1, seed).validation) for seed in (0, 0, 1)]
    assert held[0] == held[1]
    assert held[0] != held[2]
