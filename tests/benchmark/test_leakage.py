from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tumortrace.benchmark.leakage import by_protocol, follow_ups, seen_heads
from tumortrace.evaluation.predictions import COLUMNS, PROBABILITIES

GLIOMA = 1


def heads(persons: int = 90, slices: int = 4) -> pd.DataFrame:
    """Folds of as many persons, a third a class; every other glioma came again, and its exams lie in two folds."""
    rows = []
    for person in range(persons):
        label = person % 3
        returns = label == GLIOMA and person % 2 == 0
        for place in range(slices):
            exam = "AB"[place % 2] if returns else ""
            fold = person % 5 + 1
            rows.append(
                {
                    "slice_id": f"{person}-{place}",
                    "label": label,
                    "patient_id": f"P{person}{exam}",
                    "person_id": f"P{person}",
                    "official": fold % 5 + 1 if exam == "B" else fold,
                    "person": fold,
                }
            )
    kinds = {"slice_id": "string", "label": "Int8", "patient_id": "string", "person_id": "string"}
    return pd.DataFrame(rows).astype(kinds | {"official": "Int8", "person": "Int8"})


HEADS = heads()
SEEN = follow_ups(HEADS).to_numpy()


def answers(chance: Any, protocol: str, *, seed: int = 0, truth: pd.DataFrame = HEADS, **more: object) -> pd.DataFrame:
    """Rows that are right with these chances; luck differs with protocol and seed."""
    luck = np.random.default_rng([seed, *protocol.encode()]).random(len(truth))
    labels = truth["label"].to_numpy(dtype=np.int64)
    shares = np.full((len(truth), 3), 0.1)
    shares[np.arange(len(truth)), np.where(luck < chance, labels, (labels + 1) % 3)] = 0.8
    rows = pd.DataFrame(shares, columns=list(PROBABILITIES)).assign(
        **{"model": "resnet18", "protocol": protocol, "seed": seed, "fold": 1, **more}
    )
    rows["slice_id"] = truth["slice_id"].array
    return rows[list(COLUMNS)]


def pick(lines: list[dict[str, Any]], **wanted: object) -> Mapping[str, Any]:
    (found,) = [line for line in lines if all(line[key] == value for key, value in wanted.items())]
    return found


def test_a_leak_that_lifts_the_score_is_found() -> None:
    rows = pd.concat([answers(0.9, "slice"), answers(0.6, "person")])
    lines = by_protocol(rows, HEADS)
    found = pick(lines, metric="accuracy")
    assert (found["model"], found["protocol"], found["n"]) == ("resnet18", "slice", len(HEADS))
    assert found["gain"] == pytest.approx(found["leaky"] - found["honest"])
    assert 0.2 < found["gain"] < 0.4
    assert 0 < found["low"] < found["gain"] < found["high"]
    assert {line["class"] for line in lines} == {None, "meningioma", "glioma", "pituitary"}


def test_a_leak_in_one_class_shows_in_that_class() -> None:
    is_glioma = HEADS["label"].to_numpy() == GLIOMA
    rows = pd.concat([answers(np.where(is_glioma, 0.95, 0.6), "official"), answers(0.6, "person")])
    lines = by_protocol(rows, HEADS)
    assert pick(lines, metric="recall", **{"class": "glioma"})["low"] > 0.1
    assert pick(lines, metric="recall", **{"class": "pituitary"})["low"] < 0


def test_without_a_leak_the_interval_holds_zero() -> None:
    rows = pd.concat([answers(0.7, "slice"), answers(0.7, "official"), answers(0.7, "person")])
    for protocol in ("slice", "official"):
        found = pick(by_protocol(rows, HEADS), protocol=protocol, metric="accuracy")
        assert found["low"] < 0 < found["high"]


def test_slices_and_seeds_that_one_side_lacks_do_not_count() -> None:
    honest, leaky = answers(0.6, "person"), answers(0.9, "slice")
    half = leaky.iloc[: len(leaky) // 2]
    found = pick(by_protocol(pd.concat([half, honest]), HEADS), metric="accuracy")
    assert found["n"] == len(half)
    alone = pick(by_protocol(pd.concat([half, honest.iloc[: len(half)]]), HEADS), metric="accuracy")
    assert found == alone
    another_seed = answers(0.0, "slice", seed=1)
    assert pick(by_protocol(pd.concat([half, honest, another_seed]), HEADS), metric="accuracy") == alone


def test_every_model_is_compared_with_itself() -> None:
    parts = [answers(0.9, "slice", model="b"), answers(0.5, "person", model="b")]
    parts += [answers(0.7, "slice", model="a"), answers(0.7, "person", model="a")]
    lines = by_protocol(pd.concat(parts), HEADS)
    assert [pick(lines, model=name, metric="accuracy")["low"] > 0 for name in "ab"] == [False, True]


def test_a_protocol_alone_says_nothing_of_leaks() -> None:
    assert by_protocol(answers(0.9, "slice"), HEADS) == []
    assert by_protocol(answers(0.9, "person"), HEADS) == []


def test_a_follow_up_in_another_fold_is_seen_in_training_one_in_the_same_is_not() -> None:
    folds = pd.DataFrame(
        {
            "slice_id": list("abcdef"),
            "person_id": ["one", "one", "two", "two", "three", "three"],
            "patient_id": ["oneA", "oneB", "twoA", "twoB", "three", "three"],
            "official": [1, 2, 3, 3, 4, 4],
        },
        index=range(10, 16),
    )
    found = follow_ups(folds)
    assert found.tolist() == [True, True, False, False, False, False]
    assert found.index.equals(folds.index)


def test_what_a_follow_up_is_worth_is_found() -> None:
    official = answers(np.where(SEEN, 0.95, 0.6), "official")
    lines = seen_heads(pd.concat([official, answers(0.6, "person")]), HEADS)
    assert pick(lines, protocol="official", group="difference")["low"] > 0.1
    honest = pick(lines, protocol="person", group="difference")
    assert honest["low"] < 0 < honest["high"]
    worth = pick(lines, protocol="official - person")
    assert worth["group"] == "difference of differences"
    assert 0 < worth["low"] < worth["value"] < worth["high"]
    gaps = [pick(lines, protocol=name, group="difference")["value"] for name in ("official", "person")]
    assert worth["value"] == pytest.approx(gaps[0] - gaps[1])


def test_gliomas_that_are_merely_easier_are_not_taken_for_a_leak() -> None:
    easier = np.where(SEEN, 0.95, 0.6)
    lines = seen_heads(pd.concat([answers(easier, "official"), answers(easier, "person")]), HEADS)
    assert pick(lines, protocol="official", group="difference")["low"] > 0.1
    worth = pick(lines, protocol="official - person")
    assert worth["low"] < 0 < worth["high"]


def test_the_groups_are_counted_by_slices_and_persons() -> None:
    lines = seen_heads(pd.concat([answers(1.0, "official"), answers(0.0, "official", seed=1)]), HEADS)
    seen, unseen = (pick(lines, group=name) for name in ("follow-up", "none"))
    gliomas = HEADS[HEADS["label"] == GLIOMA]
    assert seen["n"] + unseen["n"] == 2 * len(gliomas)
    assert seen["persons"] + unseen["persons"] == gliomas["person_id"].nunique()
    assert (seen["right"], seen["value"]) == (seen["n"] / 2, 0.5)
    assert [line["group"] for line in lines] == ["follow-up", "none", "difference"]


def test_only_gliomas_that_both_protocols_tested_are_compared() -> None:
    official, honest = answers(0.9, "official"), answers(0.7, "person")
    half = honest.iloc[: len(honest) // 2]
    lines = seen_heads(pd.concat([official, half, answers(0.0, "official", seed=1)]), HEADS)
    assert lines == seen_heads(pd.concat([official.iloc[: len(half)], half]), HEADS)
    assert seen_heads(pd.concat([official.iloc[len(half) :], half]), HEADS) == []


def test_without_any_follow_up_there_is_no_difference_and_no_nan() -> None:
    once = HEADS[~SEEN].reset_index(drop=True)
    rows = pd.concat([answers(0.8, "official", truth=once), answers(0.7, "person", truth=once)])
    lines = seen_heads(rows, once)
    empty = pick(lines, protocol="official", group="follow-up")
    assert (empty["n"], empty["persons"], empty["value"], empty["low"]) == (0, 0, None, None)
    assert pick(lines, protocol="official", group="none")["value"] == pytest.approx(0.8, abs=0.1)
    assert pick(lines, protocol="official", group="difference")["value"] is None
    assert pick(lines, protocol="official - person")["value"] is None


def test_heads_are_looked_at_under_official_only_where_it_was_tested() -> None:
    assert seen_heads(pd.concat([answers(0.8, "person"), answers(0.8, "slice")]), HEADS) == []
    others = HEADS["label"].to_numpy() != GLIOMA
    assert seen_heads(answers(0.8, "official")[others], HEADS) == []
