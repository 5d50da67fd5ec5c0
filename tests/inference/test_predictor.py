"""Several models asked together: gate, calibration, ensemble, prediction sets."""

from __future__ import annotations

import dataclasses
import threading

import numpy as np
import pytest

from tests.inference.conftest import MakeRun
from tests.shipping import ship_results
from tumortrace import paths
from tumortrace.constants import CLASSES
from tumortrace.data import splits
from tumortrace.errors import DataError
from tumortrace.evaluation.calibration import apply_temperature
from tumortrace.evaluation.report import make_report, write_reports
from tumortrace.evaluation.results_document import EnsembleVote, ResultsDocument
from tumortrace.inference.calibration import EnsembleCalibration, shipped_calibration
from tumortrace.inference.classifier import Classifier
from tumortrace.inference.ood import FileMetadata, OODDetector, image_features, load_detector, save_detector
from tumortrace.inference.patient import make_case
from tumortrace.inference.prediction import GateDecision, Prediction
from tumortrace.inference.predictor import Predictor
from tumortrace.inference.request import SliceInput
from tumortrace.inference.retrieval import load_index, save_index

NAMES = ("resnet18", "tracenet")
WEIGHTS = {"resnet18": 0.25, "tracenet": 0.75}
RECIPE = EnsembleCalibration("person", {"resnet18": 2.0}, WEIGHTS, {90: (0.9, 0.9, 0.9), 95: (0.0, 0.0, 0.0)}, 10)


def make_gate(near: float = 1e6, far: float = 2e6, peak: float = 0.0) -> OODDetector:
    count = len(image_features(np.zeros((128, 128), np.uint8)))
    return OODDetector(
        np.zeros(count), np.ones(count), np.zeros(count), np.eye(2, count), near, far, peak, {"slices": 10}
    )


@pytest.fixture
def predictor(make_run: MakeRun) -> Predictor:
    models = [Classifier.from_run(make_run(name, seed=seed)) for seed, name in enumerate(NAMES)]
    for model, name in zip(models, NAMES, strict=True):
        model.name = name
    return Predictor(models, RECIPE, make_gate())


def test_an_answer_holds_models_ensemble_sets_gate_and_outline(predictor: Predictor, slice_: np.ndarray) -> None:
    prediction = predictor.predict_one(slice_, file="a.png")
    assert list(prediction.probabilities) == [*NAMES, "ensemble"]
    assert all(np.isclose(one.sum(), 1) for one in prediction.probabilities.values())
    mixed = sum(share * prediction.probabilities[name] for name, share in WEIGHTS.items())
    assert np.allclose(prediction.probabilities["ensemble"], mixed)
    assert prediction.sets[90][0] == prediction.label
    assert set(prediction.sets[95]) == {0, 1, 2}
    assert prediction.gate is not None
    assert prediction.gate.open
    assert prediction.image is not None
    assert prediction.outline is not None
    assert prediction.outline.shape == prediction.image.shape
    record = prediction.record()
    assert record["gate"]["verdict"] == "in_range"
    assert record["prediction"] is not None
    assert "Not for clinical use" in record["notice"]
    closed = dataclasses.replace(prediction, gate=dataclasses.replace(prediction.gate, verdict="not_mr")).record()
    assert (closed["prediction"], closed["prediction_set"], closed["prediction_sets"]) == (None, [], {})
    assert closed["probabilities"] == record["probabilities"]
    assert sorted(record["probabilities"]["ensemble"]) == ["glioma", "meningioma", "pituitary"]


def test_probabilities_are_those_of_the_classifier_at_its_temperature(predictor: Predictor, slice_: np.ndarray) -> None:
    prediction = predictor.predict_one(slice_)
    alone = predictor.models["resnet18"].predict([slice_])
    assert np.allclose(prediction.probabilities["resnet18"], apply_temperature(alone, 2.0)[0], atol=1e-5)
    assert not np.allclose(prediction.probabilities["resnet18"], alone[0], atol=1e-3)
    traced = predictor.models["tracenet"].predict([slice_])[0]
    assert np.allclose(prediction.probabilities["tracenet"], traced, atol=1e-5), "looking changes no answer"


def test_a_bad_slice_spoils_no_other_and_answers_keep_their_order(predictor: Predictor, slice_: np.ndarray) -> None:
    flat = np.full((50, 50), 7)
    questions = [SliceInput(str(place), flat if place % 3 == 1 else slice_) for place in range(7)]
    predictions = list(predictor.predict(questions, batch_size=3))
    assert [prediction.file for prediction in predictions] == [str(place) for place in range(7)]
    assert [bool(prediction.error) for prediction in predictions] == [place % 3 == 1 for place in range(7)]
    assert "flat colour" in str(predictions[1].error)
    assert predictions[1].record()["prediction"] is None


def test_answers_come_batch_by_batch(predictor: Predictor, slice_: np.ndarray) -> None:
    taken = []

    def questions():
        for place in range(6):
            taken.append(place)
            yield SliceInput(str(place), slice_)

    first = next(predictor.predict(questions(), batch_size=2))
    assert first.file == "0"
    assert taken == [0, 1]


def test_many_at_once_get_the_same_answer(predictor: Predictor, slice_: np.ndarray) -> None:
    expected = predictor.predict_one(slice_).probabilities["ensemble"]
    found: list[np.ndarray] = []
    workers = [
        threading.Thread(target=lambda: found.append(predictor.predict_one(slice_).probabilities["ensemble"]))
        for _ in range(8)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(found) == 8
    assert all(np.allclose(one, expected) for one in found)


def test_sets_are_promised_for_the_models_that_were_fitted_together_only(
    predictor: Predictor, slice_: np.ndarray
) -> None:
    fewer = Predictor([predictor.models["tracenet"]], RECIPE, None).predict_one(slice_)
    assert fewer.sets == {}
    assert fewer.gate is None
    assert np.allclose(fewer.probabilities["ensemble"], fewer.probabilities["tracenet"])


def test_models_are_weighed_as_fitted_and_all_the_same_where_one_of_them_is_missing() -> None:
    one, other = np.array([[0.8, 0.1, 0.1]]), np.array([[0.2, 0.4, 0.4]])
    both = RECIPE.vote({"resnet18": one, "tracenet": other, "more": np.eye(3)[:1]})
    assert both[0] == pytest.approx([0.35, 0.325, 0.325]), "one that was not fitted with them has no say"
    assert RECIPE.vote({"resnet18": one, "more": other})[0] == pytest.approx([0.5, 0.25, 0.25])


def test_the_recipe_is_read_from_the_benchmark_that_ships() -> None:
    assert shipped_calibration() == EnsembleCalibration()
    votes = [
        EnsembleVote(protocol=protocol, seed=0, fold=fold, temperatures=temperatures, weights=weights, n=20)
        for protocol, fold, temperatures, weights in (
            ("official", 1, {"a": 9.0}, {"a": 1.0}),
            ("person", 1, {"a": 2.0, "b": 1.0}, {"a": 0.2, "b": 0.8}),
            ("person", 2, {"a": 0.5, "b": 1.0}, {"a": 0.4, "b": 0.6}),
        )
    ]
    shares = {"ensemble_exam": {"person/0/1": 0.25, "person/0/2": 0.5, "official/0/1": 0.0}}
    document = ResultsDocument(votes=votes, limits={"person": {90: [0.1, 0.2, 0.3]}}, context_shares=shares)
    folder = ship_results(document)
    assert shipped_calibration().slices == 0, "no report of the ensemble ships"
    held = splits.frozen_figshare().iloc[:30]
    rows = held[["slice_id"]].assign(model="ensemble", protocol="person", seed=0, fold=1)
    rows = rows.assign(**{f"p_{name}": 1 / 3 for name in CLASSES})
    reports = [make_report(table, held, replicates=5) for table in (rows.assign(model="a").iloc[:7], rows)]
    write_reports(reports, folder / "reports.json")
    found = shipped_calibration()
    assert found.protocol == "person"
    assert found.temperatures == pytest.approx({"a": 1.0, "b": 1.0})
    assert found.weights == pytest.approx({"a": 0.3, "b": 0.7})
    assert (found.limits, found.slices, found.own_share) == ({90: (0.1, 0.2, 0.3)}, 30, 0.375)
    assert found.fits(["b", "a"])
    assert found.fits(["b", "a", "more"]), "one that was not fitted with them has no say"
    assert not found.fits(["a"])


@pytest.mark.parametrize(
    ("claims", "verdict", "words"),
    [
        (FileMetadata(colour=0.2), "not_mr", "in colour"),
        (FileMetadata(modality="CT"), "not_mr", "another modality (CT)"),
        (FileMetadata(modality="MR", body_part="KNEE"), "unlike", "another part of the body (knee)"),
        (FileMetadata(modality="MR", body_part="BRAIN", contrast=False), "unlike", "no contrast agent"),
        (FileMetadata(modality="MR", body_part="HEAD", contrast=True), "in_range", "resembles"),
        (FileMetadata(), "in_range", "A healthy slice can still pass"),
    ],
)
def test_the_gate_hears_what_a_file_says_of_itself(claims: FileMetadata, verdict: str, words: str) -> None:
    found = make_gate().decide(np.zeros((128, 128), np.uint8), claims, 0.9)
    assert found.verdict == verdict
    assert words in found.reason


def test_the_gate_closes_for_distance_and_for_want_of_a_tumour_region() -> None:
    image = np.random.default_rng(0).integers(0, 255, (128, 128)).astype(np.uint8)
    distance = make_gate().distance(image)
    assert make_gate(distance * 0.9).decide(image, FileMetadata(), 0.9).verdict == "unlike"
    found = make_gate(distance * 0.8, distance * 0.9).decide(image, FileMetadata(), 0.9)
    assert found.verdict == "not_mr"
    assert found.measures["distance"] == pytest.approx(1.25)
    closed = make_gate(peak=0.5).decide(image, FileMetadata(), 0.4)
    assert (closed.verdict, closed.measures["no region"]) == ("unlike", pytest.approx(1.25))
    assert "no tumour region" in closed.reason
    assert "not checked" in make_gate().decide(image, FileMetadata(), None).reason


def test_a_gate_comes_back_as_it_was_saved() -> None:
    assert load_detector() is None
    gate = make_gate(3.0, 4.0, 0.5)
    folder = save_detector(gate)
    found = load_detector()
    assert found is not None
    assert (found.near, found.far, found.peak) == (3.0, 4.0, 0.5)
    image = np.random.default_rng(0).integers(0, 255, (128, 128)).astype(np.uint8)
    assert found.distance(image) == pytest.approx(gate.distance(image), rel=1e-4)
    (folder / "gate.npz").write_bytes(b"no zip")
    with pytest.raises(DataError, match="damaged"):
        load_detector()


def test_similar_slices_are_of_different_persons_and_never_of_the_same_one() -> None:
    assert load_index() is None
    seen = np.random.default_rng(0).normal(size=(300, 1156)).astype(np.float32)
    ids = [str(place) for place in range(1, 301)]
    save_index(seen, ids, paths.artifacts() / "models" / "tracenet")
    index = load_index()
    assert index is not None
    assert len(index) == 300
    first = index.find(seen[41], 5)
    assert first[0].slice_id == "42"
    assert first[0].similarity == pytest.approx(1, abs=0.01)
    assert len({one.person_id for one in first}) == 5
    others = index.find(seen[41], 5, but_not=first[0].person_id)
    assert first[0].person_id not in {one.person_id for one in others}
    assert [one.similarity for one in others] == sorted((one.similarity for one in others), reverse=True)


def prediction(label: int, verdict: str = "in_range", name: str = "") -> Prediction:
    shares = np.full(3, 0.1)
    shares[label] = 0.8
    return Prediction("series", name, gate=GateDecision(verdict, "because"), probabilities={"ensemble": shares})  # type: ignore[arg-type]


def test_a_case_is_the_mean_of_the_slices_that_the_gate_let_in() -> None:
    predictions = [
        prediction(1),
        prediction(1),
        prediction(0),
        prediction(2, "unlike"),
        Prediction("series", error="broken"),
    ]
    case = make_case(predictions)
    assert case.label == 1
    assert case.probabilities == pytest.approx([1 / 3, 1.7 / 3, 0.1])
    assert (case.used, case.judged, case.of, case.agreeing) == (3, 4, 5, 2)
    assert [open_ for _, _, open_ in case.curve] == [True, True, True, False]


def test_a_slice_of_a_case_is_answered_with_the_others_and_without_what_the_gate_kept_out() -> None:
    predictions = [prediction(1), prediction(1), prediction(0), prediction(2, "unlike")]
    case = make_case(predictions, own_share=0.3)
    assert [None if one is None else int(one.argmax()) for one in case.context] == [1, 1, 1, None]
    alone = make_case(predictions, own_share=1.0)
    assert all(np.allclose(one, shares) for one, (_, shares, _) in zip(alone.context[:3], alone.curve, strict=False))


def test_a_case_that_the_gate_lets_nothing_of_in_has_no_answer() -> None:
    case = make_case([prediction(2, "unlike"), prediction(2, "not_mr")])
    assert case.label is None
    assert case.used == 0
