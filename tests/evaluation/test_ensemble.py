from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from tumortrace.errors import DataError
from tumortrace.evaluation import ensemble
from tumortrace.evaluation.calibration import apply_temperature
from tumortrace.evaluation.ensemble import fit_ensemble, fit_weights
from tumortrace.evaluation.predictions import COLUMNS, PROBABILITIES, empty_rows, join_truth

N = 90
TRUTH = pd.DataFrame(
    {"slice_id": pd.Series([str(place) for place in range(2 * N)], dtype="string"), "label": np.arange(2 * N) % 3}
)
HELD, TESTED = range(N), range(N, 2 * N)


def answers(
    model: str, slices: range, right: float, *, sure: float = 0.8, luck: int = 0, **more: object
) -> pd.DataFrame:
    """Rows of a model that names the true class this often, and gives what it names the share ``sure``."""
    labels = TRUTH["label"].to_numpy()[list(slices)]
    wrong = np.random.default_rng([luck, *model.encode()]).permutation(len(labels)) >= round(right * len(labels))
    shares = np.full((len(labels), 3), (1 - sure) / 2)
    shares[np.arange(len(labels)), (labels + wrong) % 3] = sure
    rows = pd.DataFrame(shares, columns=list(PROBABILITIES)).assign(
        **{"model": model, "protocol": "person", "seed": 0, "fold": 1, **more}
    )
    rows["slice_id"] = TRUTH["slice_id"].iloc[list(slices)].array
    return rows[list(COLUMNS)]


def two_models(slices: range, good: float = 0.9, poor: float = 0.5, **more: object) -> pd.DataFrame:
    return pd.concat([answers("good", slices, good, **more), answers("poor", slices, poor, **more)], ignore_index=True)


def of_truth(rows: pd.DataFrame, model: str) -> np.ndarray:
    part = rows[rows["model"] == model]
    labels = TRUTH["label"].to_numpy()[part["slice_id"].astype(int)]
    return part[list(PROBABILITIES)].to_numpy()[np.arange(len(part)), labels]


def test_a_model_that_knows_gets_more_weight() -> None:
    _, (found,) = fit_ensemble(two_models(TESTED), two_models(HELD), TRUTH)
    assert found.weights["good"] > 0.6 > 0.4 > found.weights["poor"] > 0
    assert sum(found.weights.values()) == pytest.approx(1)
    assert (found.protocol, found.seed, found.fold, found.n) == ("person", 0, 1, N)


def test_resnet18_s_variant_is_calibrated_but_has_no_vote() -> None:
    def three(slices: range) -> pd.DataFrame:
        return pd.concat([two_models(slices), answers("resnet18_cbam", slices, 0.99)], ignore_index=True)

    rows, (found,) = fit_ensemble(three(TESTED), three(HELD), TRUTH)
    assert set(found.temperatures) == {"good", "poor", "resnet18_cbam"}
    assert set(found.weights) == {"good", "poor"}
    without, _ = fit_ensemble(two_models(TESTED), two_models(HELD), TRUTH)
    assert np.allclose(rows[list(PROBABILITIES)], without[list(PROBABILITIES)])


def test_models_that_answer_alike_share_the_weight() -> None:
    same = np.random.default_rng(0).uniform(0.1, 0.9, 40)
    assert fit_weights(np.stack([same, same, same])) == pytest.approx(np.full(3, 1 / 3))


def test_without_a_prior_the_weights_are_the_likeliest() -> None:
    random = np.random.default_rng(1)
    likelihood = np.stack([random.beta(4, 2, 60), random.beta(3, 2, 60)])
    tried = np.linspace(0, 1, 2001)
    losses = [-np.log(one * likelihood[0] + (1 - one) * likelihood[1]).mean() for one in tried]
    assert fit_weights(likelihood, prior=0)[0] == pytest.approx(tried[int(np.argmin(losses))], abs=1e-3)


def test_a_stronger_prior_pulls_to_equal_weights() -> None:
    likelihood = np.stack([np.full(50, 0.9), np.full(50, 0.3)])
    weights = [fit_weights(likelihood, prior)[0] for prior in (0.0, 0.5, 5.0, 1e6)]
    assert weights == sorted(weights, reverse=True)
    assert weights[0] > 0.99
    assert weights[-1] == pytest.approx(0.5, abs=1e-3)


def test_a_model_that_excludes_the_truth_keeps_the_weights_finite() -> None:
    found = fit_weights(np.stack([np.zeros(20), np.full(20, 0.5)]))
    assert np.isfinite(found).all()
    assert found.sum() == pytest.approx(1)


def test_an_overconfident_model_is_calmed_and_a_timid_one_emboldened() -> None:
    held = pd.concat([answers("rash", HELD, 0.7, sure=0.98), answers("timid", HELD, 0.9, sure=0.4)])
    test = pd.concat([answers("rash", TESTED, 0.7, sure=0.98), answers("timid", TESTED, 0.9, sure=0.4)])
    _, votes = fit_ensemble(test, held, TRUTH)
    assert votes[0].temperatures["rash"] > 1.5
    assert votes[0].temperatures["timid"] < 0.8
    calm = ensemble.calibrated(test, votes)
    assert np.log(of_truth(calm, "rash")).mean() > np.log(of_truth(test, "rash")).mean()
    both = [rows.sort_values(["model", "slice_id"])[list(PROBABILITIES)].to_numpy() for rows in (test, calm)]
    assert (both[0].argmax(axis=1) == both[1].argmax(axis=1)).all()


def test_the_ensemble_is_the_weighted_mean_of_the_calmed_members() -> None:
    test = two_models(TESTED)
    rows, (found,) = fit_ensemble(test, two_models(HELD), TRUTH)
    expected = sum(
        found.weights[name] * apply_temperature(part[list(PROBABILITIES)], found.temperatures[name])
        for name, part in test.groupby("model")
    )
    assert rows[list(PROBABILITIES)].to_numpy() == pytest.approx(expected)
    assert tuple(rows.columns) == COLUMNS
    assert set(rows["model"]) == {ensemble.NAME}
    assert len(join_truth(rows, TRUTH)) == N


def test_the_order_of_the_rows_does_not_matter() -> None:
    test, held = two_models(TESTED), two_models(HELD)
    rows, votes = fit_ensemble(test, held, TRUTH)
    others, other_votes = fit_ensemble(test.sample(frac=1, random_state=1), held.sample(frac=1, random_state=2), TRUTH)
    pd.testing.assert_frame_equal(
        rows.sort_values("slice_id", ignore_index=True), others.sort_values("slice_id", ignore_index=True)
    )
    assert other_votes[0].weights == pytest.approx(votes[0].weights)


def test_what_the_test_part_holds_never_moves_a_weight() -> None:
    held = two_models(HELD)
    _, votes = fit_ensemble(two_models(TESTED), held, TRUTH)
    _, others = fit_ensemble(two_models(TESTED, good=0.0, poor=1.0), held, TRUTH)
    assert votes == others


def test_a_fold_that_a_member_lacks_is_left_out() -> None:
    test = pd.concat([two_models(TESTED, fold=1), two_models(TESTED, fold=2), answers("good", TESTED, 0.9, fold=3)])
    held = pd.concat([two_models(HELD, fold=1), answers("good", HELD, 0.9, fold=2), two_models(HELD, fold=3)])
    rows, votes = fit_ensemble(test, held, TRUTH)
    assert [one.fold for one in votes] == [1]
    assert set(rows["fold"]) == {1}
    assert set(ensemble.calibrated(test, votes)["fold"]) == {1}


def test_each_protocol_seed_and_fold_is_fitted_by_itself() -> None:
    test = pd.concat([two_models(TESTED), two_models(TESTED, seed=1), two_models(TESTED, protocol="official")])
    held = pd.concat(
        [two_models(HELD), two_models(HELD, good=0.5, poor=0.9, seed=1), two_models(HELD, protocol="official")]
    )
    rows, votes = fit_ensemble(test, held, TRUTH)
    assert [(one.protocol, one.seed) for one in votes] == [("official", 0), ("person", 0), ("person", 1)]
    assert votes[1].weights["good"] > 0.5 > votes[2].weights["good"]
    assert len(rows) == 3 * N


@pytest.mark.parametrize("side", ["test", "validation"])
def test_members_of_different_slices_are_refused(side: str) -> None:
    sides = {"test": two_models(TESTED), "validation": two_models(HELD)}
    sides[side] = sides[side].iloc[1:]
    with pytest.raises(DataError, match="same slices"):
        fit_ensemble(sides["test"], sides["validation"], TRUTH)


def test_without_validation_rows_there_is_no_ensemble() -> None:
    rows, votes = fit_ensemble(two_models(TESTED), empty_rows(), TRUTH)
    assert votes == []
    assert rows.empty
    assert tuple(rows.columns) == COLUMNS
    assert ensemble.calibrated(two_models(TESTED), votes).empty


def test_what_was_fitted_can_be_written_as_json() -> None:
    _, (found,) = fit_ensemble(two_models(TESTED), two_models(HELD), TRUTH)
    assert ensemble.EnsembleFit(**json.loads(json.dumps(found.record()))) == found
