from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tumortrace.benchmark import case_context
from tumortrace.evaluation.predictions import COLUMNS, PROBABILITIES

EXAMS, SLICES = 6, 5
N = EXAMS * SLICES
TRUTH = pd.DataFrame(
    {
        "slice_id": pd.Series([str(place) for place in range(2 * N)], dtype="string"),
        "label": np.arange(2 * N) // SLICES % 3,
        "patient_id": pd.Series([f"P{place // SLICES}" for place in range(2 * N)], dtype="string"),
    }
)


def rows(places: range, wrong: int, model: str = "tracenet", **more: object) -> pd.DataFrame:
    """In each exam the first ``wrong`` slices are taken for the next class, surely; the others are right."""
    labels = TRUTH["label"].to_numpy()[list(places)]
    said = (labels + (np.arange(len(labels)) % SLICES < wrong)) % 3
    shares = np.full((len(labels), 3), 0.1)
    shares[np.arange(len(labels)), said] = 0.8
    table = pd.DataFrame(shares, columns=list(PROBABILITIES)).assign(
        **{"model": model, "protocol": "person", "seed": 0, "fold": 1, **more}
    )
    table["slice_id"] = TRUTH["slice_id"].iloc[list(places)].array
    return table[list(COLUMNS)]


def right(table: pd.DataFrame) -> float:
    labels = TRUTH.set_index("slice_id")["label"].reindex(table["slice_id"]).to_numpy()
    return float((table[list(PROBABILITIES)].to_numpy().argmax(axis=1) == labels).mean())


HELD, TESTED = range(N), range(N, 2 * N)


def test_the_others_of_an_exam_mend_a_slice_that_was_wrong() -> None:
    test = rows(TESTED, wrong=1)
    found, shares = case_context.with_case_context(test, rows(HELD, wrong=1), TRUTH)
    assert right(test) == pytest.approx(0.8)
    assert right(found) == 1
    assert set(found["model"]) == {"tracenet_exam"}
    assert shares["tracenet_exam"]["person/0/1"] < 1
    assert tuple(found.columns) == COLUMNS
    assert found[list(PROBABILITIES)].sum(axis=1).to_numpy() == pytest.approx(np.ones(N))


def test_where_the_others_mislead_on_validation_a_slice_answers_for_itself() -> None:
    test = rows(TESTED, wrong=1)
    # Validation exams of one slice each of five classes: the others say nothing of it.
    shuffled = TRUTH.assign(patient_id=[*[f"V{place % EXAMS}" for place in range(N)], *TRUTH["patient_id"].iloc[N:]])
    found, shares = case_context.with_case_context(test, rows(HELD, wrong=0), shuffled)
    assert shares["tracenet_exam"]["person/0/1"] == 1
    assert np.allclose(found[list(PROBABILITIES)], test[list(PROBABILITIES)])


def test_the_share_is_chosen_on_validation_alone() -> None:
    _, first = case_context.with_case_context(rows(TESTED, wrong=1), rows(HELD, wrong=1), TRUTH)
    _, second = case_context.with_case_context(rows(TESTED, wrong=4), rows(HELD, wrong=1), TRUTH)
    assert first == second
    # Exams of several classes in the test part: chosen there, a slice would answer for itself.
    mixed = TRUTH.assign(patient_id=[*TRUTH["patient_id"].iloc[:N], *[f"T{place % EXAMS}" for place in range(N)]])
    _, third = case_context.with_case_context(rows(TESTED, wrong=0), rows(HELD, wrong=1), mixed)
    assert third == first


def test_a_slice_of_an_unknown_patient_stands_alone() -> None:
    unknown = TRUTH.assign(patient_id=TRUTH["patient_id"].mask(TRUTH.index >= N))
    test = rows(TESTED, wrong=1)
    found, _ = case_context.with_case_context(test, rows(HELD, wrong=1), unknown)
    assert np.allclose(found[list(PROBABILITIES)], test[list(PROBABILITIES)])


def test_other_models_and_folds_without_validation_rows_are_left_out() -> None:
    found, shares = case_context.with_case_context(
        pd.concat([rows(TESTED, 1, "cnn3d"), rows(TESTED, 1, fold=2)]), rows(HELD, wrong=1), TRUTH
    )
    assert found.empty
    assert tuple(found.columns) == COLUMNS
    assert shares == {}


def test_a_slices_own_answer_has_the_share_that_was_chosen() -> None:
    test = rows(TESTED, wrong=1)
    found, shares = case_context.with_case_context(test, rows(HELD, wrong=1), TRUTH)
    own = shares["tracenet_exam"]["person/0/1"]
    logs = np.log(test[list(PROBABILITIES)].to_numpy()[:SLICES])
    powers = np.exp(own * logs[0] + (1 - own) * logs[1:].mean(axis=0))
    assert found[list(PROBABILITIES)].to_numpy()[0] == pytest.approx(powers / powers.sum())
