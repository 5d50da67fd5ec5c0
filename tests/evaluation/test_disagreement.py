"""Disagreement between models, and what one makes of another's mistakes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import jensenshannon

from tumortrace.constants import CLASSES
from tumortrace.evaluation import disagreement as found
from tumortrace.evaluation.metrics import confusion_counts
from tumortrace.evaluation.predictions import join_truth

TRUTH = pd.DataFrame(
    {
        "slice_id": [str(number) for number in range(40)],
        "label": np.arange(40) % 3,
        "patient_id": [f"P{number // 4}" for number in range(40)],
        "person_id": [f"P{number // 8}" for number in range(40)],
    }
)


def rows(model: str, wrong: set[int], sure: float = 0.8, seeds: tuple[int, ...] = (0,)) -> pd.DataFrame:
    labels = TRUTH["label"].to_numpy()
    said = np.where([place in wrong for place in range(40)], (labels + 1) % 3, labels)
    shares = np.full((40, 3), (1 - sure) / 2)
    shares[np.arange(40), said] = sure
    parts = [
        pd.DataFrame({"model": model, "protocol": "person", "seed": seed, "fold": 1, "slice_id": TRUTH["slice_id"]})
        .assign(**{f"p_{name}": shares[:, place] for place, name in enumerate(CLASSES)})
        for seed in seeds
    ]  # fmt: skip
    return join_truth(pd.concat(parts), TRUTH)


def test_two_models_that_agree_are_at_no_distance_and_opposite_ones_at_one() -> None:
    same = np.array([[[0.7, 0.2, 0.1]], [[0.7, 0.2, 0.1]]])
    opposite = np.array([[[1.0, 0, 0]], [[0, 1.0, 0]]])
    three = np.eye(3)[:, None]
    assert found.jensen_shannon(same) == pytest.approx([0], abs=1e-12)
    assert found.jensen_shannon(opposite) == pytest.approx([1])
    assert found.jensen_shannon(three) == pytest.approx([1])
    assert found.jensen_shannon(np.tile(three, (2, 1, 1))) == pytest.approx([1]), "six voices on three classes"
    assert found.jensen_shannon(same[:1]).tolist() == [0]


def test_the_divergence_of_two_is_scipys() -> None:
    shares = np.random.default_rng(0).dirichlet((1, 1, 1), (2, 50))
    wanted = [jensenshannon(one, other, base=2) ** 2 for one, other in zip(*shares, strict=True)]
    assert found.jensen_shannon(shares) == pytest.approx(wanted)


def test_disagreement_counts_voices_dissent_and_who_is_right() -> None:
    table = found.disagreement(pd.concat([rows("a", {0, 1}), rows("b", {1}), rows("c", set())]))
    by_slice = table.set_index("slice_id")
    assert len(table) == 40
    assert by_slice["right"].iloc[:3].tolist() == [2, 1, 3]
    assert by_slice["voices"].eq(3).all()
    assert by_slice["dissent"].iloc[:3].tolist() == pytest.approx([1 / 3, 1 / 3, 0])
    assert by_slice["disagreement"].iloc[0] == pytest.approx(by_slice["disagreement"].iloc[1])
    assert by_slice["disagreement"].iloc[2] == pytest.approx(0, abs=1e-12)


def test_slices_that_not_every_model_judged_are_measured_by_those_that_did() -> None:
    part = rows("b", {0}).iloc[:10]
    table = found.disagreement(pd.concat([rows("a", {1}), part, rows("c", set()).iloc[5:]])).set_index("slice_id")
    assert table.loc["0", "voices"] == 2
    assert table.loc["0", "disagreement"] > 0
    assert table.loc["20", "voices"] == 2
    assert table.loc["7", "voices"] == 3
    assert found.disagreement(rows("a", {1}))["disagreement"].eq(0).all()
    assert found.disagreement(rows("a", {1}).iloc[:0]).empty


def test_seeds_are_measured_apart() -> None:
    table = found.disagreement(pd.concat([rows("a", {0}, seeds=(0, 1)), rows("b", set(), seeds=(0, 1))]))
    assert len(table) == 80
    assert set(table["seed"]) == {0, 1}
    assert table.loc[table["slice_id"] == "0", "disagreement"].nunique() == 1


def test_the_margin_of_a_right_answer_is_nought() -> None:
    gaps = found.margins(rows("a", {3}, sure=0.8))
    assert gaps[3] == pytest.approx(0.7)
    assert np.delete(gaps, 3).tolist() == [0] * 39
    assert found.margins(rows("a", set()).iloc[:0]).tolist() == []


def test_two_models_are_set_side_by_side() -> None:
    both = found.side_by_side(rows("a", {0, 1, 2}), rows("b", {2, 3}))
    assert both["outcome"].value_counts().to_dict() == {
        "both right": 36, "only first": 1, "only second": 2, "both wrong": 1,
    }  # fmt: skip
    assert both.loc[both["outcome"] == "only first", "slice_id"].tolist() == ["3"]
    assert found.side_by_side(rows("a", {0}), rows("b", {0}).iloc[:0]).empty


def test_the_difference_of_confusion_matrices_is_that_of_their_counts() -> None:
    first, second = rows("a", {0, 1, 2}), rows("b", {2, 3, 30, 33})
    table = found.confusion_difference(found.side_by_side(first, second))
    counts = [confusion_counts(one["label"].to_numpy(), one["predicted"].to_numpy()) for one in (first, second)]
    assert table["difference"].tolist() == (counts[0] - counts[1]).ravel().tolist()
    assert table["first"].tolist() == counts[0].ravel().tolist()
    assert table.groupby("true")["difference"].sum().eq(0).all(), "a class has as many slices in both"
    assert table["support"].tolist()[::3] == [14, 13, 13]


def test_a_vote_mends_and_ruins() -> None:
    table = pd.concat([rows("vote", {0, 9}), rows("a", {0, 1, 2, 30}), rows("b", {9}), rows("c", {1}).iloc[:0]])
    lines = {line["model"]: line for line in found.rescues(table, "vote", ["a", "b", "c"])}
    assert set(lines) == {"a", "b"}
    assert {key: lines["a"][key] for key in ("n", "wrong", "mended", "ruined", "kept", "persons")} == {
        "n": 40, "wrong": 4, "mended": 3, "ruined": 1, "kept": 1, "persons": 2,
    }  # fmt: skip
    assert lines["a"]["p_value"] == pytest.approx(0.625)
    assert (lines["b"]["mended"], lines["b"]["ruined"]) == (0, 1)
