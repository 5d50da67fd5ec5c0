"""Plain sentences about a leaderboard, and nothing that the intervals do not bear."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from tumortrace.constants import CLASSES
from tumortrace.evaluation.findings import findings
from tumortrace.evaluation.report import Report, make_report
from tumortrace.evaluation.results_records import LeakageGain, PairedComparison

Make = Callable[..., Report]


@pytest.fixture
def make(make_rows: Callable[..., pd.DataFrame], make_truth: Callable[..., pd.DataFrame]) -> Make:
    """A model that errs in every slice whose place is a multiple of ``every``, meningiomas first."""

    def one(model: str, every: int, protocol: str = "official", patients: bool = True) -> Report:
        labels = np.arange(120) % 3
        said = labels.copy()
        said[::every] = (said[::every] + 1) % 3
        shares = np.full((120, 3), 0.1)
        shares[np.arange(120), said] = 0.8
        owners = [f"P{place // 3 % 20}-{place % 3}" for place in range(120)] if patients else None
        rows = make_rows(shares, model=model, protocol=protocol)
        return make_report(rows, make_truth(labels, owners), replicates=80)

    return one


def pair(first: str, second: str, low: float, high: float, protocol: str = "official") -> PairedComparison:
    return PairedComparison(
        protocol=protocol, first=first, second=second, metric="macro_f1", difference=(low + high) / 2, low=low,
        high=high, n=120, persons=20, both_right=100, only_first=8, only_second=7, both_wrong=5, p_mcnemar=1.0,
    )  # fmt: skip


def gain(low: float, high: float, model: str = "tracenet") -> LeakageGain:
    return LeakageGain(
        model=model, protocol="official", metric="macro_f1", class_name=None, n=120, leaky=0.95, honest=0.9,
        gain=(low + high) / 2, low=low, high=high,
    )  # fmt: skip


def test_the_best_model_is_named_with_protocol_n_and_interval(make: Make) -> None:
    said = findings([make("resnet18", 6), make("tracenet", 12)], [], [])
    assert said[0].startswith(
        "Under official (fold 1, 120 slices of 60 persons) TraceNet has the highest macro F1 of 2"
    )
    assert "95 % interval" in said[0]


def test_only_paired_intervals_decide_who_is_better(make: Make) -> None:
    reports = [make("tracenet", 12), make("resnet18", 6), make("cnn3d", 9), make("inception_v3", 5)]
    pairs = [pair("resnet18", "tracenet", -0.05, -0.01), pair("tracenet", "cnn3d", -0.01, 0.04)]
    text = " ".join(findings(reports, pairs, []))
    assert "It is better than ResNet18: the paired 95 % intervals of macro F1 leave out zero." in text
    assert "From 3D CNN it cannot be told apart" in text
    assert "Inception" not in text, "never compared, so nothing is claimed"


def test_who_did_better_on_common_slices_is_said_even_if_its_figure_is_lower(make: Make) -> None:
    said = findings([make("tracenet", 12), make("resnet18", 6)], [pair("tracenet", "resnet18", -0.05, -0.01)], [])
    assert any(one.startswith("On the slices that both tested, ResNet18 did better") for one in said)


def test_the_weakest_class_is_named_and_overlap_admitted(make: Make) -> None:
    text = " ".join(findings([make("tracenet", 12)], [], []))
    assert any(f"Its weakest class is {name}" in text for name in CLASSES)
    assert "overlap, so their order is not certain" in text or "overlap" not in text


@pytest.mark.parametrize(
    ("ends", "verdict"),
    [((0.01, 0.05), "that split flatters"), ((-0.05, -0.01), "that split is harder"), ((-0.01, 0.02), "no difference")],
)
def test_what_the_split_is_worth_follows_its_interval(make: Make, ends: tuple[float, float], verdict: str) -> None:
    said = findings([make("tracenet", 12)], [], [gain(*ends)])
    assert verdict in said[-1]
    assert "official less person" in said[-1]


def test_without_person_nothing_is_claimed_of_the_split(make: Make) -> None:
    assert "once person has been tested too" in findings([make("tracenet", 12)], [], [])[-1]
    assert "once person" not in " ".join(findings([make("tracenet", 12, "person")], [], []))


def test_baselines_are_not_ranked_and_without_a_network_there_is_nothing_to_say(make: Make) -> None:
    assert findings([make("majority", 2)], [], [], baselines=("majority",)) == []
    said = findings([make("tracenet", 6), make("majority", 12)], [], [], baselines=("majority",))
    assert said[0].startswith("Under official (fold 1, 120 slices of 60 persons) TraceNet reaches a macro F1 of")


def test_patients_are_not_judged_by_the_pairs_of_slices(make: Make) -> None:
    reports = [make("tracenet", 12), make("resnet18", 6)]
    text = " ".join(findings(reports, [pair("tracenet", "resnet18", 0.01, 0.05)], [gain(0.01, 0.02)], unit="patient"))
    assert "patients" in text
    assert "better than" not in text
    assert "flatters" not in text
    nameless = make("cnn3d", 12, patients=False)
    assert findings([nameless], [], [], unit="patient") == []
