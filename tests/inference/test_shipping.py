"""From a finished run to what ships, and back to a model that answers the same."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from tests.inference.conftest import SIZES, MakeRun
from tests.shipping import ship_results
from tumortrace import paths
from tumortrace.data import splits
from tumortrace.errors import RunNotResumable, UnknownModel, WeightsMismatch
from tumortrace.evaluation.report import make_report, write_reports
from tumortrace.evaluation.results_document import EnsembleVote, ResultsDocument
from tumortrace.inference.bundle import find_bundle, list_bundles
from tumortrace.inference.classifier import Classifier
from tumortrace.inference.publish import publish


@pytest.mark.parametrize("name", sorted(SIZES))
def test_a_shipped_model_answers_as_its_run_did(name: str, make_run: MakeRun, slice_: np.ndarray) -> None:
    run = make_run(name)
    publish(run)
    before = Classifier.from_run(run).predict([slice_, slice_.T])
    after = Classifier.from_bundle(find_bundle(name)).predict([slice_, slice_.T])
    assert before.shape == (2, 3)
    assert np.allclose(after.sum(axis=1), 1)
    assert np.allclose(before, after, atol=0.01), "float16 weights move a probability by less than a hundredth"


def test_a_card_says_what_it_is_what_it_saw_and_how_good_it_is(make_run: MakeRun) -> None:
    publish(make_run("resnet18"))
    card = json.loads((paths.artifacts() / "models" / "resnet18" / "model.json").read_text())
    assert card["config"]["preprocess"]["size"] == SIZES["resnet18"]
    assert "2,494 slices" in card["trained_on"]
    assert "from scratch" in card["trained_on"]
    assert card["scores"]["n"] == 570
    assert "Not for clinical use" in card["use"]
    assert "CC BY 4.0" in card["data"]
    bundle = find_bundle("resnet18")
    assert bundle.title == "ResNet18"
    assert bundle.metrics["epoch"].tolist() == [1, 2]
    assert not bundle.synthetic


def test_a_model_trained_on_all_slices_has_the_figures_of_its_recipe(make_run: MakeRun) -> None:
    tested = [make_run("cnn3d", fold=fold).predictions for fold in (1, 2)]
    report = make_report(pd.concat(tested), splits.frozen_figshare(), replicates=10)
    folder = paths.artifacts() / "benchmark"
    write_reports([report], folder / "reports.json")
    votes = [
        EnsembleVote(protocol="person", seed=0, fold=fold, temperatures={"cnn3d": one}, weights={"cnn3d": 1.0}, n=20)
        for fold, one in ((1, 2.0), (2, 0.5))
    ]
    ship_results(ResultsDocument(votes=votes))
    publish(make_run("cnn3d", fold=0))
    bundle = find_bundle("cnn3d")
    assert bundle.scores["accuracy"] == report.slice.metrics.accuracy
    assert (bundle.scores["folds"], bundle.scores["n"]) == ([1, 2], 570 + 655)
    assert "out of fold" in bundle.scores["of"]
    assert "no fold held out" in bundle.trained_on
    assert bundle.card["temperature"] == pytest.approx(1)


def test_a_model_that_nothing_has_tested_ships_without_figures(make_run: MakeRun) -> None:
    publish(make_run("cnn3d", fold=0))
    assert find_bundle("cnn3d").scores == {}
    assert find_bundle("cnn3d").card["temperature"] is None


def test_the_best_model_is_listed_first(make_run: MakeRun) -> None:
    publish(make_run("cnn3d", seed=0))
    publish(make_run("resnet18", seed=1))
    scores = [bundle.scores["accuracy"] for bundle in list_bundles()]
    assert scores == sorted(scores, reverse=True)


def test_only_a_finished_run_can_be_published(make_run: MakeRun) -> None:
    run = make_run()
    run.write_status(run.status.model_copy(update={"state": "failed"}))
    with pytest.raises(RunNotResumable, match="failed"):
        publish(run)


def test_weights_that_were_changed_or_lost_are_refused(make_run: MakeRun) -> None:
    publish(make_run())
    path = paths.artifacts() / "models" / "cnn3d" / "weights.safetensors"
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)
    with pytest.raises(WeightsMismatch, match="not the ones"):
        find_bundle("cnn3d").weights()
    path.unlink()
    with pytest.raises(WeightsMismatch, match="missing"):
        find_bundle("cnn3d").weights()


def test_weights_of_another_model_are_refused(make_run: MakeRun) -> None:
    run, other = make_run("cnn3d"), make_run("resnet18")
    (run.folder / "model.safetensors").write_bytes((other.folder / "model.safetensors").read_bytes())
    with pytest.raises(WeightsMismatch, match="do not fit cnn3d"):
        Classifier.from_run(run)


def test_an_unknown_model_names_those_there_are(make_run: MakeRun) -> None:
    publish(make_run())
    with pytest.raises(UnknownModel, match="cnn3d"):
        find_bundle("vgg")


@pytest.mark.parametrize("name", sorted(SIZES))
def test_an_explanation_has_a_map_for_the_class_asked(name: str, make_run: MakeRun, slice_: np.ndarray) -> None:
    classifier = Classifier.from_run(make_run(name))
    side = SIZES[name]
    for target in (None, 0, 2):
        found = classifier.explain(slice_, target)
        assert found.heat.shape == found.image.shape == (side, side)
        assert 0 <= found.heat.min() <= found.heat.max() <= 1
        assert found.target == (int(found.probabilities.argmax()) if target is None else target)
    assert np.allclose(found.probabilities, classifier.predict([slice_])[0], atol=1e-5), "explaining changes no answer"
