"""Who stands where: folds by person, both sides of a split, exams of one head."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tumortrace.constants import CLASSES
from tumortrace.data import split_membership, splits


@pytest.fixture(scope="module")
def published() -> pd.DataFrame:
    table = splits.frozen_figshare()
    return table.assign(class_name=[CLASSES[int(label)] for label in table["label"]])


def made(**columns: object) -> pd.DataFrame:
    rows = pd.DataFrame(columns)
    for name in ("slice", "person", "official"):
        rows[name] = pd.array(rows[name] if name in rows else [pd.NA] * len(rows), "Int8")
    return rows


def test_the_official_folds_tear_fifteen_persons_apart_and_no_patient(published: pd.DataFrame) -> None:
    table = split_membership.on_both_sides(published).set_index("protocol")
    assert table.loc["official", ["patients", "persons"]].tolist() == [0, 15]
    assert table.loc["person", ["patients", "persons", "slices"]].tolist() == [0, 0, 0]
    assert table.loc["slice", "persons"] == 200
    assert table["of_persons"].tolist() == [209] * 3


def test_follow_ups_that_cross_come_first(published: pd.DataFrame) -> None:
    table = split_membership.followed_up(published)
    assert len(table) == 18
    assert table["crosses"].tolist() == [True] * 15 + [False] * 3
    assert table["exams"].sum() == 233 - (209 - 18)


def test_a_person_of_one_fold_has_one_place_and_classes_come_in_their_order(published: pd.DataFrame) -> None:
    table = split_membership.places(published, "person")
    assert len(table) == 209
    assert list(dict.fromkeys(table["class_name"])) == list(CLASSES)
    torn = split_membership.places(published, "official")
    assert torn.loc[torn["folds"] > 1, "person_id"].nunique() == 15
    assert torn["slices"].sum() == 3064


def test_folds_are_counted_by_class_in_slices_patients_and_persons(published: pd.DataFrame) -> None:
    table = split_membership.make_up(published, "official")
    assert table["slices"].sum() == 3064
    assert table["patients"].sum() == 233
    assert table["persons"].sum() > 209, "those that cross count in each of their folds"


def test_what_is_unknown_stays_unknown() -> None:
    rows = made(
        slice_id=["1", "2"], patient_id=pd.array([None, None], "string"), person_id=pd.array([None, None], "string"),
        class_name=["glioma", "glioma"], slice=[1, 2],
    )  # fmt: skip
    assert split_membership.places(rows, "slice").empty
    table = split_membership.make_up(rows, "slice")
    assert table["slices"].tolist() == [1, 1]
    assert table["persons"].isna().all()
    both = split_membership.on_both_sides(rows).set_index("protocol")
    assert both.loc["slice", "folds"] == 2
    assert pd.isna(both.loc["slice", "persons"])
    assert both.loc["official", "folds"] == 0
    assert split_membership.followed_up(rows).empty


def test_slices_of_the_same_place_find_each_other_and_each_is_taken_once() -> None:
    rng = np.random.default_rng(0)
    places = rng.normal(size=(4, 16, 16)).astype(np.float32)

    def exam(order: list[int]) -> tuple[list[str], np.ndarray]:
        noise = rng.normal(scale=0.1, size=(len(order), 16, 16))
        return [f"{len(order)}-{place}" for place in order], (places[order] * 3 + noise).astype(np.float32)

    found = split_membership.matched({"A": exam([0, 1]), "B": exam([3, 2, 1, 0]), "C": exam([1])}, columns=2)
    assert found == [{"A": "2-0", "B": "4-0"}, {"A": "2-1", "B": "4-1", "C": "1-1"}]
    assert split_membership.matched({}) == []
