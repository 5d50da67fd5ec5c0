"""Two models on the same slices."""

from __future__ import annotations

from collections.abc import Callable
from math import comb

import numpy as np
import pandas as pd
import pytest

from tumortrace.errors import DataError
from tumortrace.evaluation.predictions import join_truth
from tumortrace.evaluation.significance import Comparison, compare, mcnemar_exact, paired_differences

Make = Callable[..., pd.DataFrame]
RIGHT, WRONG = (0.8, 0.1, 0.1), (0.1, 0.8, 0.1)


def test_mcnemar_by_hand() -> None:
    # 8 tosses, at most 1 on one side: 2 (C(8,0) + C(8,1)) / 2^8 = 18/256
    assert mcnemar_exact(1, 7) == 18 / 256
    assert mcnemar_exact(7, 1) == 18 / 256
    # 5 tosses, none on one side: 2/32
    assert mcnemar_exact(0, 5) == 2 / 32
    assert mcnemar_exact(0, 0) == 1
    assert mcnemar_exact(3, 3) == 1


@pytest.mark.parametrize(("fewer", "more"), [(130, 190), (900, 1400), (0, 300)])
def test_mcnemar_of_many_slices_agrees_with_counting_in_integers(fewer: int, more: int) -> None:
    tail = sum(comb(fewer + more, k) for k in range(fewer + 1))
    assert mcnemar_exact(fewer, more) == pytest.approx(2 * tail / 2 ** (fewer + more), rel=1e-12)
    assert mcnemar_exact(more, fewer) == mcnemar_exact(fewer, more)


def test_counts_and_difference(make_rows: Make, make_truth: Make) -> None:
    # slices 1..10: both right 5, only the first 3, only the second 1, neither 1
    first = [RIGHT] * 8 + [WRONG] * 2
    second = [RIGHT] * 5 + [WRONG] * 3 + [RIGHT, WRONG]
    truth = make_truth([0] * 10, [f"P{k}" for k in range(10)])
    found = compare(join_truth(make_rows(first), truth), join_truth(make_rows(second, model="cnn3d"), truth))
    assert (found.first, found.second, found.n) == ("resnet18", "cnn3d", 10)
    assert (found.both_right, found.only_first, found.only_second, found.both_wrong) == (5, 3, 1, 1)
    assert found.p_value == 2 * (1 + 4) / 16
    assert found.difference.value == pytest.approx(0.8 - 0.6)
    assert found.difference.low < 0.2 < found.difference.high
    assert found.difference.unit == "person"
    assert Comparison.model_validate_json(found.model_dump_json()) == found


def test_the_order_of_the_rows_does_not_matter(make_rows: Make, make_truth: Make) -> None:
    rng = np.random.default_rng(0)
    truth = make_truth([0] * 40, [f"P{k // 4}" for k in range(40)])
    one = join_truth(make_rows([RIGHT if right else WRONG for right in rng.random(40) < 0.8]), truth)
    other = join_truth(make_rows([RIGHT if right else WRONG for right in rng.random(40) < 0.6], model="b"), truth)
    assert compare(one, other) == compare(one, other.sample(frac=1, random_state=1))


def test_a_model_does_not_differ_from_itself(clustered: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    joined = join_truth(*clustered)
    found = compare(joined, joined, replicates=50)
    assert found.p_value == 1
    assert (found.difference.low, found.difference.value, found.difference.high) == (0, 0, 0)


def test_pairing_is_narrower_than_two_intervals_side_by_side(clustered: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    rows, truth = clustered
    joined = join_truth(rows, truth)
    # the other model repeats the first but for 20 slices
    changed = rows.copy()
    changed.loc[:19, ["p_meningioma", "p_glioma", "p_pituitary"]] = (0.4, 0.3, 0.3)
    difference = compare(joined, join_truth(changed, truth)).difference
    from tumortrace.evaluation.bootstrap import bootstrap

    alone = bootstrap(joined)["accuracy"]
    assert difference.high - difference.low < alone.high - alone.low


def test_other_slices_and_several_seeds_are_refused(make_rows: Make, make_truth: Make) -> None:
    truth = make_truth([0, 0])
    both = join_truth(make_rows([RIGHT, RIGHT]), truth)
    with pytest.raises(DataError, match="same slices"):
        compare(both, both.iloc[:1])
    seeds = join_truth(pd.concat([make_rows([RIGHT, RIGHT]), make_rows([RIGHT, RIGHT], seed=1)]), truth)
    with pytest.raises(DataError, match="several models, protocols or seeds"):
        compare(seeds, both)


def test_differences_agree_with_the_comparison_of_two_models(make_rows: Make, make_truth: Make) -> None:
    rng = np.random.default_rng(0)
    truth = make_truth([place // 4 % 3 for place in range(60)], [f"P{place // 4}" for place in range(60)])
    shares = [rng.dirichlet((2, 1, 1), 60) for _ in range(2)]
    one, other = (join_truth(make_rows(part), truth) for part in shares)
    found = paired_differences(one, other, replicates=200, seed=3)
    expected = compare(one, other, replicates=200, seed=3).difference
    assert found["accuracy"].model_dump() == pytest.approx(expected.model_dump())
    gliomas = [join_truth(make_rows(part), truth).query("label == 1")["correct"].mean() for part in shares]
    assert found["recall/glioma"].value == pytest.approx(gliomas[0] - gliomas[1])
    back = paired_differences(other, one, replicates=200, seed=3)
    assert back["log_loss"].value == pytest.approx(-found["log_loss"].value)
    assert back["log_loss"].low == pytest.approx(-found["log_loss"].high)


def test_no_figure_of_a_model_differs_from_itself(clustered: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    joined = join_truth(*clustered)
    for interval in paired_differences(joined, joined.sample(frac=1, random_state=1), replicates=50).values():
        assert (interval.low, interval.value, interval.high) == pytest.approx((0, 0, 0))


def test_differences_pool_seeds_and_keep_a_persons_rows_together(make_rows: Make, make_truth: Make) -> None:
    truth = make_truth([0, 0, 1, 1, 2, 2], ["P0", "P0", "P1", "P1", "P2", "P2"])
    right, wrong = np.eye(3)[[0, 0, 1, 1, 2, 2]], np.eye(3)[[1, 1, 2, 2, 0, 0]]
    one = join_truth(pd.concat([make_rows(right), make_rows(right, seed=1)]), truth)
    other = join_truth(pd.concat([make_rows(wrong, seed=1), make_rows(right)]), truth)  # the seeds in another order
    found = paired_differences(one, other, replicates=50)["accuracy"]
    assert found.value == 0.5
    assert (found.n, found.clusters, found.unit) == (12, 3, "person")
    assert (found.low, found.high) == (0.5, 0.5)  # every person gains alike


def test_the_protocol_of_the_two_sides_may_differ(make_rows: Make, make_truth: Make) -> None:
    truth = make_truth([0, 0], ["P0", "P1"])
    one = join_truth(make_rows([RIGHT, RIGHT], protocol="slice"), truth)
    other = join_truth(make_rows([RIGHT, WRONG], protocol="person"), truth)
    assert paired_differences(one, other, replicates=50)["accuracy"].value == 0.5


def test_figures_that_one_side_leaves_undefined_have_no_difference(make_rows: Make, make_truth: Make) -> None:
    truth = make_truth([0, 0, 1, 1], ["P0", "P1", "P2", "P3"])
    one = join_truth(make_rows([RIGHT, RIGHT, WRONG, WRONG]), truth)
    other = join_truth(make_rows([RIGHT] * 4), truth)  # never says glioma
    found = paired_differences(one, other, replicates=50)
    assert "recall/glioma" in found
    assert "precision/glioma" not in found
    assert "recall/pituitary" not in found


def test_sides_of_other_slices_or_seeds_have_no_differences(make_rows: Make, make_truth: Make) -> None:
    truth = make_truth([0, 0])
    both = join_truth(make_rows([RIGHT, RIGHT]), truth)
    for other in (both.iloc[:1], both.assign(seed=1), both.iloc[:0]):
        with pytest.raises(DataError, match="slices and seeds"):
            paired_differences(both, other)
    with pytest.raises(DataError, match="slices and seeds"):
        paired_differences(both.iloc[:0], both.iloc[:0])
