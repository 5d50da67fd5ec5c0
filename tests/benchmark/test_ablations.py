from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tumortrace.benchmark.ablations import METRICS, effects
from tumortrace.evaluation.predictions import COLUMNS, PROBABILITIES, empty_rows

N = 120
TRUTH = pd.DataFrame(
    {
        "slice_id": pd.Series([str(place) for place in range(N)], dtype="string"),
        "label": np.arange(N) // 4 % 3,
        "patient_id": pd.Series([f"P{place // 4}" for place in range(N)], dtype="string"),
        "person_id": pd.Series([f"P{place // 4}" for place in range(N)], dtype="string"),
    }
)
FOLD = np.arange(N) // 4 % 2 + 1


def answers(
    variant: str, right: float, *, base: str = "tracenet", sure: float = 0.8, luck: int = 0, fold: int = 0
) -> pd.DataFrame:
    """Rows of a variant that is right this often; of one fold, or of both."""
    labels = TRUTH["label"].to_numpy()
    wrong = np.random.default_rng(luck).permutation(N) >= round(right * N)
    shares = np.full((N, 3), (1 - sure) / 2)
    shares[np.arange(N), (labels + wrong) % 3] = sure
    rows = pd.DataFrame(shares, columns=list(PROBABILITIES))
    rows = rows.assign(model=base, protocol="official", seed=0, fold=FOLD, slice_id=TRUTH["slice_id"].array)
    return rows[list(COLUMNS)].assign(base=base, variant=variant)[np.isin(FOLD, fold or (1, 2))]


def pick(lines: list[dict[str, Any]], **wanted: object) -> Mapping[str, Any]:
    (found,) = [line for line in lines if all(line[key] == value for key, value in wanted.items())]
    return found


def test_a_choice_that_matters_is_found() -> None:
    lines = effects(pd.concat([answers("base", 0.9), answers("crop: none", 0.6, luck=1)]), TRUTH)
    found = pick(lines, factor="crop", metric="accuracy")
    assert (found["base"], found["level"], found["n"], found["folds"]) == ("tracenet", "none", N, [1, 2])
    assert found["value"] == pytest.approx(0.6)
    assert found["difference"] == pytest.approx(-0.3)
    assert found["low"] < -0.3 < found["high"] < 0


def test_a_choice_without_effect_has_an_interval_that_holds_zero() -> None:
    lines = effects(pd.concat([answers("base", 0.8), answers("crop: none", 0.8, luck=1)]), TRUTH)
    found = pick(lines, factor="crop", metric="accuracy")
    assert found["low"] < 0 < found["high"]
    twin = effects(pd.concat([answers("base", 0.8), answers("crop: none", 0.8)]), TRUTH)
    found = pick(twin, factor="crop", metric="accuracy")
    assert (found["difference"], found["low"], found["high"]) == (0, 0, 0)


def test_sureness_moves_the_log_loss_alone() -> None:
    lines = effects(pd.concat([answers("base", 0.9), answers("dropout: 0.3", 0.9, sure=0.5)]), TRUTH)
    assert pick(lines, factor="dropout", metric="macro_f1")["difference"] == 0
    assert pick(lines, factor="dropout", metric="log_loss")["low"] > 0


def test_the_base_has_values_and_no_difference() -> None:
    lines = effects(answers("base", 0.9), TRUTH)
    assert [line["metric"] for line in lines] == list(METRICS)
    assert {(line["factor"], line["level"], line["difference"], line["low"]) for line in lines} == {(None,) * 4}
    assert pick(lines, metric="accuracy")["value"] == pytest.approx(0.9)


def test_folds_that_one_side_lacks_are_left_out() -> None:
    base, variant = answers("base", 0.9), answers("crop: none", 0.6, luck=1, fold=2)
    found = pick(effects(pd.concat([base, variant]), TRUTH), factor="crop", metric="accuracy")
    alone = effects(pd.concat([answers("base", 0.9, fold=2), variant]), TRUTH)
    assert found == pick(alone, factor="crop", metric="accuracy")
    assert (found["folds"], found["n"]) == ([2], N // 2)
    assert pick(effects(pd.concat([base, variant]), TRUTH), factor=None, metric="accuracy")["folds"] == [1, 2]
    apart = effects(pd.concat([answers("base", 0.9, fold=1), variant]), TRUTH)
    assert {line["factor"] for line in apart} == {None}


def test_each_variant_is_compared_with_the_base_of_its_own_model() -> None:
    parts = [answers("base", 0.9), answers("crop: none", 0.7, luck=1)]
    parts += [answers("base", 0.5, base="cnn3d", luck=2), answers("crop: none", 0.7, base="cnn3d", luck=3)]
    lines = effects(pd.concat(parts), TRUTH)
    gaps = [pick(lines, base=base, factor="crop", metric="accuracy")["difference"] for base in ("tracenet", "cnn3d")]
    assert gaps == pytest.approx([-0.2, 0.2])


def test_without_the_base_nothing_is_said() -> None:
    assert effects(answers("crop: none", 0.7), TRUTH) == []
    assert effects(empty_rows().assign(base="", variant=""), TRUTH) == []
