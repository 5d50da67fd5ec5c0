"""The Classify page with small random models: uploads, examples, gate, what stands behind an answer."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from tests.shipping import gate, ship_all
from tumortrace.inference.classifier import Classifier, Explanation
from tumortrace.ui.shell import state

Open = Callable[..., AppTest]
Words = Callable[[AppTest], str]
File = tuple[str, bytes, str]


@pytest.fixture
def shipped(home: Path) -> None:
    """Two models, what was fitted for them, an open gate, and an index of similar slices."""
    ship_all()


def png(seed: int = 0) -> bytes:
    raw = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (90, 80), dtype=np.uint8)).save(raw, "PNG")
    return raw.getvalue()


def volume() -> bytes:
    grey = np.random.default_rng(0).integers(1, 200, (40, 44, 33)).astype(np.int16)
    image = nibabel.Nifti1Image(grey, np.eye(4))
    return bytes(image.to_bytes())


def upload(test: AppTest, *files: File) -> AppTest:
    test.segmented_control(key=state.CLASSIFY_SOURCE).set_value("Upload").run()
    test.file_uploader(key=state.CLASSIFY_FILES).set_value(list(files)).run()
    return test


@pytest.mark.usefixtures("shipped")
def test_an_upload_is_judged_with_gate_sets_and_what_they_hold(open_page: Open, words: Words) -> None:
    test = upload(open_page("classify"), ("a.png", png(), "image/png"))
    said = words(test)
    assert not test.exception
    for wanted in ("May be judged.", "2 models", "With 90 % promised coverage", "held in 91.0% (89.0% to 93.0%)",
                   "nothing can be ruled out", "TraceNet", "a.png"):  # fmt: skip
        assert wanted in said, wanted
    assert len(test.image) >= 3, "the slice, and two models' saliency"
    assert "Its strongest point lay inside the radiologist's outline in 91%" in said
    assert "has not been measured" in said, "nothing is known of ResNet18's maps here"


@pytest.mark.usefixtures("shipped")
def test_of_many_uploads_only_the_one_shown_is_explained_and_once(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    explained = []
    plain = Classifier.explain

    def counted(self: Classifier, *given: Any, **named: Any) -> Explanation:
        explained.append(self.name)
        return plain(self, *given, **named)

    test = open_page("classify")  # on an example, which is explained too
    monkeypatch.setattr(Classifier, "explain", counted)
    upload(test, *((f"{n}.png", png(n), "image/png") for n in range(33)))
    assert sorted(explained) == ["resnet18", "tracenet"]
    test.slider(key=state.CLASSIFY_OPACITY).set_value(0.6).run()
    assert not test.exception
    assert len(explained) == 2, "moving the slider only blends"


@pytest.mark.usefixtures("shipped")
def test_a_closed_gate_shows_no_probability_until_one_looks_anyway(open_page: Open, words: Words) -> None:
    gate(1e-6)
    test = upload(open_page("classify"), ("a.png", png(), "image/png"))
    said = words(test)
    assert "Not a slice this app knows." in said
    assert 'class="tt-bars"' not in said
    assert 'class="tt-answer"' not in said
    test.toggle(key=state.CLASSIFY_ANYWAY).set_value(True).run()
    said = words(test)
    assert "Not reliable." in said
    assert 'class="tt-bars"' in said
    assert 'class="tt-answer"' not in said, "shown, but never headlined"


@pytest.mark.usefixtures("shipped")
def test_a_broken_file_is_a_sentence_and_the_others_are_judged(open_page: Open, words: Words) -> None:
    files = [("a.png", png(0), ""), ("b.png", b"<html></html>", ""), ("c.png", png(1), ""), ("d.png", b"", "")]
    test = upload(open_page("classify"), *files)
    said = words(test)
    assert not test.exception
    assert "b.png:" in said
    assert "d.png:" in said
    assert "empty" in said
    assert "Answers of all files" in said
    assert test.selectbox(key=state.CLASSIFY_SHOWN).options == ["1. a.png", "2. c.png"]
    test.selectbox(key=state.CLASSIFY_SHOWN).set_value("2. c.png").run()
    assert "c.png" in [element.value for element in test.subheader]


@pytest.mark.usefixtures("shipped")
def test_a_volume_has_planes_slices_and_an_answer_as_one_case(open_page: Open, words: Words) -> None:
    test = upload(open_page("classify"), ("brain.nii", volume(), ""))
    assert not test.exception
    slider = test.slider(key=f"{state.CLASSIFY_INDEX}brain.nii_0")
    assert slider.max == 33
    slider.set_value(2).run()
    assert "brain.nii · axial 2 of 33" in [element.value for element in test.subheader]
    test.segmented_control(key=f"{state.CLASSIFY_PLANE}brain.nii").set_value(1).run()
    assert test.slider(key=f"{state.CLASSIFY_INDEX}brain.nii_1").max == 44
    test.segmented_control(key=f"{state.CLASSIFY_PLANE}brain.nii").set_value(0).run()
    test.toggle(key=f"{state.CLASSIFY_CASE}brain.nii").set_value(True).run()
    assert not test.exception
    assert "Mean of the ensemble over the **33 of 33** slices" in words(test)


@pytest.mark.usefixtures("shipped", "phantoms")
@pytest.mark.parametrize(
    ("part", "wanted"),
    [
        ("alike", "one slice a person at most"),
        ("whatif", "Largest move"),
        ("stable", "small change"),
        ("take", "Privacy receipt"),
    ],
)
def test_each_part_behind_an_answer_can_be_opened(part: str, wanted: str, open_page: Open, words: Words) -> None:
    test = open_page("classify")
    assert not test.exception
    assert "Diagnosis in the dataset" in words(test)
    test.segmented_control(key=state.CLASSIFY_PART).set_value(part).run()
    assert not test.exception
    assert wanted in words(test)


@pytest.mark.usefixtures("shipped", "phantoms")
def test_a_change_changes_the_answer_and_can_be_undone(open_page: Open, words: Words) -> None:
    test = open_page("classify")
    test.segmented_control(key=state.CLASSIFY_PART).set_value("whatif").run()
    before = words(test)
    test.slider(key=f"{state.CLASSIFY_CHANGE}rotate").set_value(30.0).run()
    assert words(test) != before
    next(button for button in test.button if button.label == "Undo all").click().run()
    assert not test.exception
    assert test.slider(key=f"{state.CLASSIFY_CHANGE}rotate").value == 0
    assert words(test) == before


@pytest.mark.usefixtures("shipped")
def test_without_a_dataset_there_are_drawn_examples(open_page: Open, words: Words) -> None:
    test = open_page("classify")
    said = words(test)
    assert not test.exception
    assert "No dataset is imported" in said
    test.button(key="example_A landscape").click().run()
    assert "in colour" in words(test)


@pytest.mark.usefixtures("shipped")
def test_fewer_models_give_an_answer_but_no_set(open_page: Open, words: Words) -> None:
    test = upload(open_page("classify"), ("a.png", png(), "image/png"))
    test.multiselect(key=state.CLASSIFY_MODELS).set_value(["bundle/resnet18"]).run()
    assert not test.exception
    assert "No prediction set" in words(test)
    test.multiselect(key=state.CLASSIFY_MODELS).set_value([]).run()
    assert "No model is chosen." in words(test) or "May be judged" in words(test)


@pytest.mark.usefixtures("shipped")
def test_answers_are_kept_so_that_nothing_is_asked_twice(open_page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    from tumortrace.inference.predictor import Predictor

    asked: list[int] = []
    batch = Predictor._batch
    monkeypatch.setattr(Predictor, "_batch", lambda self, part: (asked.append(len(part)), batch(self, part))[1])
    test = upload(open_page("classify"), ("a.png", png(), "image/png"))
    count = sum(asked)
    test.toggle(key=state.CLASSIFY_OUTLINE).set_value(False).run()
    assert sum(asked) == count


@pytest.mark.usefixtures("shipped", "phantoms")
def test_uploads_are_still_there_after_another_page_and_can_be_forgotten(open_page: Open, words: Words) -> None:
    test = upload(open_page("classify"), ("a.png", png(0), "image/png"), ("b.png", b"<html></html>", ""))
    test.switch_page("pages/3_Results.py").run()
    test.switch_page("pages/5_Classify.py").run()
    assert "a.png" in [element.value for element in test.subheader]
    assert "From before in this session: a.png, b.png" in words(test)
    test.segmented_control(key=state.CLASSIFY_SOURCE).set_value("Examples").run()
    test.segmented_control(key=state.CLASSIFY_SOURCE).set_value("Upload").run()
    assert "a.png" in [element.value for element in test.subheader]
    test.button(key="classify_forget").click().run()
    assert not test.exception
    assert "a.png" not in words(test)


@pytest.mark.usefixtures("shipped")
def test_a_map_without_a_raised_point_is_called_so(
    open_page: Open, words: Words, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tumortrace.inference.classifier import Classifier

    explain = Classifier.explain

    def nothing(self: Classifier, *given: object, **named: object) -> object:
        found = explain(self, *given, **named)  # type: ignore[arg-type]
        return dataclasses.replace(found, heat=np.zeros_like(found.heat))

    monkeypatch.setattr(Classifier, "explain", nothing)
    test = upload(open_page("classify"), ("a.png", png(), "image/png"))
    assert not test.exception
    assert "there is no map to show" in words(test)
    assert "strongest point lay" not in words(test)
