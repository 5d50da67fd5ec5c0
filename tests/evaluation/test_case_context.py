from __future__ import annotations

import numpy as np
import pytest

from tumortrace.evaluation.case_context import FLOOR, with_context

SHARES = np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.1, 0.6, 0.3], [0.0, 0.0, 1.0]])


def test_log_probabilities_are_averaged_with_the_mean_of_the_others() -> None:
    exams = np.array([0, 0, 0, 1])
    found = with_context(SHARES, exams, 0.5)
    logs = np.log(SHARES[:3])
    expected = np.exp(0.5 * logs[0] + 0.5 * (logs[1] + logs[2]) / 2)
    assert found[0] == pytest.approx(expected / expected.sum())
    assert found.sum(axis=1) == pytest.approx(np.ones(4))


def test_a_slice_alone_keeps_its_own_answer_down_to_the_floor() -> None:
    found = with_context(SHARES, np.array([0, 1, 2, 3]), 0.2)
    assert found[:3] == pytest.approx(SHARES[:3])
    assert found[3] == pytest.approx(np.array([FLOOR, FLOOR, 1]) / (1 + 2 * FLOOR))


def test_one_slice_that_is_sure_and_wrong_does_not_outvote_an_exam() -> None:
    many = np.vstack([np.tile([0.1, 0.8, 0.1], (9, 1)), [[1.0, 0.0, 0.0]]])
    found = with_context(many, np.zeros(10, dtype=np.int64), 0.5)
    assert (found[:9].argmax(axis=1) == 1).all()


def test_the_whole_share_leaves_every_slice_to_itself() -> None:
    assert with_context(SHARES[:3], np.zeros(3, dtype=np.int64), 1.0) == pytest.approx(SHARES[:3])
