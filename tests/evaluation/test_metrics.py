"""Every figure by hand, then against scikit-learn, then where it is undefined."""

from __future__ import annotations

from math import log

import numpy as np
import pytest

from tumortrace.errors import DataError
from tumortrace.evaluation.metrics import Metrics, classification_metrics

#  slice   true   meningioma  glioma  pituitary   predicted
#    a      0        .8         .1       .1           0        right
#    b      0        .3         .6       .1           1
#    c      1        .1         .7       .2           1        right
#    d      1        .2         .5       .3           1        right
#    e      1        .2         .3       .5           2
#    f      2        .1         .5       .4           1
LABELS = [0, 0, 1, 1, 1, 2]
SHARES = [(0.8, 0.1, 0.1), (0.3, 0.6, 0.1), (0.1, 0.7, 0.2), (0.2, 0.5, 0.3), (0.2, 0.3, 0.5), (0.1, 0.5, 0.4)]


@pytest.fixture(scope="module")
def metrics() -> Metrics:
    return classification_metrics(LABELS, SHARES)


def test_the_confusion_matrix_has_true_classes_as_rows(metrics: Metrics) -> None:
    assert metrics.confusion == [[1, 1, 0], [0, 2, 1], [0, 1, 0]]
    assert metrics.n == 6


def test_precision_recall_and_f1_of_each_class(metrics: Metrics) -> None:
    meningioma, glioma, pituitary = metrics.classes.values()
    # precision: 1 of 1 predicted, 2 of 4, 0 of 1; recall: 1 of 2, 2 of 3, 0 of 1
    assert (meningioma.precision, glioma.precision, pituitary.precision) == (1, 0.5, 0)
    assert (meningioma.recall, glioma.recall, pituitary.recall) == (0.5, pytest.approx(2 / 3), 0)
    # F1 = 2 hits / (support + predicted): 2/(2+1), 4/(3+4), 0/(1+1)
    assert meningioma.f1 == pytest.approx(2 / 3)
    assert glioma.f1 == pytest.approx(4 / 7)
    assert pituitary.f1 == 0
    assert [one.support for one in metrics.classes.values()] == [2, 3, 1]


def test_accuracy_and_averages(metrics: Metrics) -> None:
    assert metrics.accuracy == 3 / 6
    assert metrics.macro_precision == pytest.approx((1 + 1 / 2 + 0) / 3)
    assert metrics.macro_recall == pytest.approx((1 / 2 + 2 / 3 + 0) / 3)
    assert metrics.macro_f1 == pytest.approx((2 / 3 + 4 / 7 + 0) / 3)  # = 26/63
    assert metrics.weighted_precision == pytest.approx((2 * 1 + 3 * 1 / 2 + 1 * 0) / 6)
    assert metrics.weighted_recall == pytest.approx(metrics.accuracy)
    assert metrics.weighted_f1 == pytest.approx((2 * 2 / 3 + 3 * 4 / 7 + 0) / 6)  # = 32/63


def test_areas_under_the_curves(metrics: Metrics) -> None:
    meningioma, glioma, pituitary = metrics.classes.values()
    # meningioma: .8 and .3 are above every other (.1 .2 .2 .1): 8 of 8 pairs
    assert meningioma.auc == 1
    assert meningioma.average_precision == 1
    # glioma: .7 beats .1 .6 .5 (3); .5 beats .1 and ties .5 (1.5); .3 beats .1 (1): 5.5 of 9 pairs
    assert glioma.auc == pytest.approx(5.5 / 9)
    # thresholds .7 (1 of 1), .5 with its tie (2 of 4), .3 (3 of 5), a third of the recall each
    assert glioma.average_precision == pytest.approx((1 + 2 / 4 + 3 / 5) / 3)
    # pituitary: .4 beats .1 .1 .2 .3, loses to .5; second in rank
    assert pituitary.auc == pytest.approx(4 / 5)
    assert pituitary.average_precision == pytest.approx(1 / 2)
    assert metrics.macro_auc == pytest.approx((1 + 5.5 / 9 + 4 / 5) / 3)


def test_brier_log_loss_and_calibration_error(metrics: Metrics) -> None:
    # a .04+.01+.01, b .49+.36+.01, c .01+.09+.04, d .04+.25+.09, e .04+.49+.25, f .01+.25+.36
    assert metrics.brier == pytest.approx((0.06 + 0.86 + 0.14 + 0.38 + 0.78 + 0.62) / 6)
    assert metrics.log_loss == pytest.approx(-(log(0.8) + log(0.3) + log(0.7) + log(0.5) + log(0.3) + log(0.4)) / 6)
    # bins of a fifteenth: {a} |.8-1|, {b} |.6-0|, {c} |.7-1|, and d e f at .5 with one right: 3 |.5-1/3|
    assert metrics.ece == pytest.approx((0.2 + 0.6 + 0.3 + 3 * (1 / 2 - 1 / 3)) / 6)


def test_the_figures_agree_with_scikit_learn() -> None:
    from sklearn import metrics as theirs

    rng = np.random.default_rng(1)
    labels = rng.integers(0, 3, 500)
    shares = rng.dirichlet((1, 1, 1), 500)
    shares = np.round(0.7 * shares + 0.3 * np.eye(3)[labels], 2)  # rounding makes ties
    shares[:, 2] = np.clip(1 - shares[:, 0] - shares[:, 1], 0, 1)
    ours = classification_metrics(labels, shares)
    predicted = shares.argmax(axis=1)
    for average in ("macro", "weighted"):
        found = theirs.precision_recall_fscore_support(labels, predicted, average=average)[:3]
        mine = [ours.value(f"{average}_{name}") for name in ("precision", "recall", "f1")]
        assert mine == pytest.approx(found)
    each = theirs.precision_recall_fscore_support(labels, predicted)
    assert [[one.precision, one.recall, one.f1] for one in ours.classes.values()] == [
        pytest.approx(line) for line in np.transpose(each[:3]).tolist()
    ]
    assert ours.macro_auc == pytest.approx(theirs.roc_auc_score(labels, shares, multi_class="ovr"))
    assert ours.confusion == theirs.confusion_matrix(labels, predicted).tolist()
    assert ours.log_loss == pytest.approx(theirs.log_loss(labels, shares))


def test_precision_of_a_class_never_predicted_is_undefined_and_so_is_its_average() -> None:
    # glioma has support 1 and is never predicted
    metrics = classification_metrics([0, 1, 2], [(0.9, 0.05, 0.05), (0.9, 0.05, 0.05), (0.1, 0.1, 0.8)])
    assert metrics.classes["glioma"].precision is None
    assert metrics.macro_precision is None
    assert metrics.weighted_precision is None
    assert metrics.classes["glioma"].recall == 0
    assert metrics.classes["glioma"].f1 == 0
    # meningioma 2*1/(1+2), glioma 0, pituitary 1
    assert metrics.macro_f1 == pytest.approx((2 / 3 + 0 + 1) / 3)


def test_a_class_without_support_is_undefined_and_stays_out_of_the_averages() -> None:
    # no pituitary slice; one meningioma is taken for one
    metrics = classification_metrics([0, 0, 1], [(0.8, 0.1, 0.1), (0.2, 0.2, 0.6), (0.1, 0.8, 0.1)])
    absent = metrics.classes["pituitary"]
    assert (absent.support, absent.predicted) == (0, 1)
    assert absent.precision == 0
    assert absent.recall is None
    assert absent.f1 is None
    assert absent.auc is None
    assert absent.average_precision is None
    # meningioma F1 2*1/(2+1), glioma 1
    assert metrics.macro_f1 == pytest.approx((2 / 3 + 1) / 2)
    assert metrics.macro_recall == pytest.approx((1 / 2 + 1) / 2)
    assert metrics.macro_auc == 1


def test_one_class_alone_has_no_ranking() -> None:
    metrics = classification_metrics([1, 1], [(0.1, 0.8, 0.1), (0.5, 0.3, 0.2)])
    assert metrics.macro_auc is None
    assert metrics.classes["glioma"].auc is None
    assert metrics.classes["glioma"].average_precision is None
    assert metrics.accuracy == 0.5


def test_no_rows_have_no_figures_at_all() -> None:
    metrics = classification_metrics([], np.empty((0, 3)))
    assert metrics.n == 0
    plain = metrics.model_dump(exclude={"n", "confusion", "classes"})
    assert set(plain.values()) == {None}


def test_a_sure_mistake_costs_much_but_not_infinitely() -> None:
    metrics = classification_metrics([0], [(0.0, 1.0, 0.0)])
    assert metrics.log_loss == pytest.approx(12 * log(10))
    assert metrics.brier == 2


def test_metrics_survive_json(metrics: Metrics) -> None:
    assert Metrics.model_validate_json(metrics.model_dump_json()) == metrics


@pytest.mark.parametrize(
    ("labels", "shares"), [([0, 1], [(1, 0, 0)]), ([0], [(0.5, 0.5)]), ([3], [(1, 0, 0)]), ([-1], [(1, 0, 0)])]
)
def test_what_does_not_fit_is_refused(labels: list[int], shares: list[tuple[float, ...]]) -> None:
    with pytest.raises(DataError, match=r"Give|Use the order"):
        classification_metrics(labels, shares)
