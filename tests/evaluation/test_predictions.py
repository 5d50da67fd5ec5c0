"""Rows and their truth."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from tumortrace.errors import DataError
from tumortrace.evaluation.predictions import COLUMNS, by_patient, empty_rows, join_truth

Make = Callable[..., pd.DataFrame]
SHARES = [(0.8, 0.1, 0.1), (0.2, 0.5, 0.3), (0.1, 0.2, 0.7), (0.4, 0.35, 0.25)]


def test_truth_is_joined_by_slice_whatever_its_order(make_rows: Make, make_truth: Make) -> None:
    truth = make_truth([0, 1, 2, 1], ["A", "B", "C", "B"])
    joined = join_truth(make_rows(SHARES), truth.iloc[::-1])
    assert joined["slice_id"].tolist() == ["1", "2", "3", "4"]
    assert joined["label"].tolist() == [0, 1, 2, 1]
    assert joined["predicted"].tolist() == [0, 1, 2, 0]
    assert joined["correct"].tolist() == [True, True, True, False]
    assert joined["confidence"].tolist() == [0.8, 0.5, 0.7, 0.4]
    assert joined["true_class"].tolist() == ["meningioma", "glioma", "pituitary", "glioma"]
    assert joined["predicted_class"].tolist() == ["meningioma", "glioma", "pituitary", "meningioma"]
    assert joined["person_id"].tolist() == ["A", "B", "C", "B"]


def test_the_rows_given_are_left_as_they_are(make_rows: Make, make_truth: Make) -> None:
    rows = make_rows(SHARES)
    before = rows.copy()
    join_truth(rows, make_truth([0, 1, 2, 1]))
    pd.testing.assert_frame_equal(rows, before)


def test_no_rows_join_to_no_rows(make_truth: Make) -> None:
    joined = join_truth(empty_rows(), make_truth([0]))
    assert joined.empty
    assert by_patient(joined) is None
    assert tuple(empty_rows().columns) == COLUMNS


def test_a_truth_without_patients_leaves_them_unknown(make_rows: Make, make_truth: Make) -> None:
    joined = join_truth(make_rows(SHARES), make_truth([0, 1, 2, 1])[["slice_id", "label"]])
    assert joined["patient_id"].isna().all()
    assert joined["person_id"].isna().all()


@pytest.mark.parametrize("wrong", [(np.nan, 0.5, 0.5), (0.5, 0.2, 0.2), (1.2, -0.2, 0.0), (np.inf, 0, 0)])
def test_rows_that_are_no_probabilities_are_refused(
    make_rows: Make, make_truth: Make, wrong: tuple[float, ...]
) -> None:
    with pytest.raises(DataError, match=r"1 prediction rows are no probabilities.*softmax"):
        join_truth(make_rows([*SHARES[:3], wrong]), make_truth([0, 1, 2, 1]))


def test_missing_columns_are_named(make_rows: Make, make_truth: Make) -> None:
    with pytest.raises(DataError, match="p_glioma"):
        join_truth(make_rows(SHARES).drop(columns="p_glioma"), make_truth([0, 1, 2, 1]))
    with pytest.raises(DataError, match=r"the truth lack columns.*label"):
        join_truth(make_rows(SHARES), make_truth([0, 1, 2, 1]).drop(columns="label"))


def test_a_slice_that_is_not_in_the_dataset_is_refused(make_rows: Make, make_truth: Make) -> None:
    with pytest.raises(DataError, match=r"not in the dataset: \['4'\]"):
        join_truth(make_rows(SHARES), make_truth([0, 1, 2]))


def test_a_slice_predicted_twice_is_refused_even_from_two_folds(make_rows: Make, make_truth: Make) -> None:
    twice = pd.concat([make_rows(SHARES), make_rows(SHARES[:1], fold=2)])
    with pytest.raises(DataError, match="more than once"):
        join_truth(twice, make_truth([0, 1, 2, 1]))


def test_a_second_seed_is_no_repetition(make_rows: Make, make_truth: Make) -> None:
    both = pd.concat([make_rows(SHARES), make_rows(SHARES, seed=1)])
    assert len(join_truth(both, make_truth([0, 1, 2, 1]))) == 8


def test_a_truth_with_a_slice_twice_is_refused(make_rows: Make, make_truth: Make) -> None:
    truth = make_truth([0, 1, 2, 1])
    with pytest.raises(DataError, match="repeated in the truth"):
        join_truth(make_rows(SHARES), pd.concat([truth, truth.iloc[:1]]))


def test_a_patient_is_the_mean_of_the_slices(make_rows: Make, make_truth: Make) -> None:
    patients = by_patient(join_truth(make_rows(SHARES), make_truth([0, 1, 2, 1], ["A", "B", "C", "B"])))
    assert patients is not None
    assert patients["patient_id"].tolist() == ["A", "B", "C"]
    assert patients["slices"].tolist() == [1, 2, 1]
    # B: ((.2+.4)/2, (.5+.35)/2, (.3+.25)/2): glioma, though one of its slices says meningioma
    mean = patients.loc[1, ["p_meningioma", "p_glioma", "p_pituitary"]].astype(float).tolist()
    assert mean == pytest.approx([0.3, 0.425, 0.275])
    assert patients["correct"].tolist() == [True, True, True]


def test_seeds_of_one_patient_are_not_averaged_together(make_rows: Make, make_truth: Make) -> None:
    both = pd.concat([make_rows(SHARES), make_rows(SHARES, seed=1)])
    patients = by_patient(join_truth(both, make_truth([0, 1, 2, 1], ["A", "B", "C", "B"])))
    assert patients is not None
    assert len(patients) == 6


def test_patients_are_undefined_as_soon_as_one_is_unknown(make_rows: Make, make_truth: Make) -> None:
    assert by_patient(join_truth(make_rows(SHARES), make_truth([0, 1, 2, 1], ["A", None, "C", "B"]))) is None


def test_a_patient_of_two_diagnoses_is_refused(make_rows: Make, make_truth: Make) -> None:
    joined = join_truth(make_rows(SHARES), make_truth([0, 1, 2, 1], ["A", "A", "C", "B"]))
    with pytest.raises(DataError, match=r"more than one label: \['A'\]"):
        by_patient(joined)
