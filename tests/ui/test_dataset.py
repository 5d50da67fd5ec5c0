"""The Dataset page: its sections, and how one hands slices to the gallery."""

from __future__ import annotations

import pytest

from tumortrace.ui.dataset import sections
from tumortrace.ui.gallery import selection
from tumortrace.ui.shell import state


def widget(kind, key):
    return next(found for found in kind if found.key == key)


@pytest.mark.parametrize("view", sections.SECTIONS)
def test_a_link_leads_to_a_section_and_only_that_one_is_drawn(view, phantoms, open_page, words):
    test = open_page("dataset", view=view)
    assert not test.exception
    text = words(test)
    assert "<dt>Slices</dt><dd>30<" in text
    for name, section in sections.SECTIONS.items():
        assert (section.lead in text) is (name == view)


def test_an_unknown_section_in_the_address_is_passed_over(phantoms, open_page, words):
    test = open_page("dataset", view="Nowhere")
    assert not test.exception
    assert sections.SECTIONS[selection.GALLERY].lead in words(test)


def test_picked_slices_are_shown_alone_until_they_are_taken_back(phantoms, open_page, words):
    test = open_page("dataset", view="Distributions")
    test.session_state[state.PICKED] = (phantoms, ("1", "2", "7"), "3 slices from a plot")
    test.session_state[state.NEXT_VIEW] = selection.GALLERY
    test.run()
    assert not test.exception
    assert "3 of 30 slices" in words(test)
    next(button for button in test.button if button.label == "3 slices from a plot").click().run()
    assert "30 of 30 slices" in words(test)


def shown(test):
    """Slice ids of the tiles, in order."""
    return [str(button.key).removeprefix("open_") for button in test.button if str(button.key).startswith("open_")]


def test_filters_sort_and_page_come_from_the_address(phantoms, open_page, words):
    test = open_page(
        "dataset", **{"class": "glioma"}, split="official", fold="1", sort="tumour area", order="descending"
    )
    assert not test.exception
    assert "2 of 30 slices" in words(test)
    assert shown(test) == ["3", "4"]
    assert "fold 1 under official" in words(test)
    test = open_page("dataset", page="2")
    assert shown(test) == [str(n) for n in range(25, 31)]


@pytest.mark.parametrize(
    "query",
    [
        {"fold": "99"}, {"fold": "abc"}, {"page": "-1"}, {"page": "0"}, {"page": "77"}, {"page": "x"}, {"area": "abc"},
        {"area": "5"}, {"area": "900"}, {"place": "-3"}, {"class": "nothing"}, {"class": ""}, {"plane": "oblique"},
        {"patient": "nobody"}, {"person": ""}, {"split": "nowhere"}, {"sort": "nothing"}, {"order": "sideways"},
        {"doubted": "1"}, {"missed": "<b>"}, {"find": ""}, {"find": "x" * 5000}, {"view": ""}, {"slice": ""},
        {"slice": "../../etc"}, {"find": "("}, {"find": "\\"},
    ],
)  # fmt: skip
def test_what_makes_no_sense_in_the_address_is_passed_over(query, phantoms, open_page, words):
    test = open_page("dataset", **query)
    assert not test.exception
    text = words(test)
    assert 'role="alert"' not in text
    assert "of 30 slices" in text


def test_ranges_in_the_address_are_taken_in_any_order_or_passed_over(phantoms, open_page, words):
    for query, many in ((["100", "102"], 6), (["102", "100"], None), (["-5", "101"], None)):
        test = open_page("dataset", area=query)
        assert not test.exception
        if many:
            assert f"{many} of 30 slices" in words(test)


def test_an_empty_result_says_which_filter_to_drop(phantoms, open_page, words):
    test = open_page("dataset", **{"class": "pituitary"}, patient="P01")
    text = words(test)
    assert "No slice fits all of them" in text
    next(button for button in test.button if button.label == "Without class: 2 slices").click().run()
    assert "2 of 30 slices" in words(test)
    next(button for button in test.button if button.label == "Reset 1 filter").click().run()
    assert "30 of 30 slices" in words(test)


def test_text_finds_ids_patients_and_classes(phantoms, open_page, words):
    test = open_page("dataset")
    for text, many in (("p0", 20), ("P01 GLIOMA", 2), ("nothing like it", 0)):
        widget(test.text_input, "find").set_value(text).run()
        assert f"{many} of 30 slices" in words(test)


def test_before_and_after_follow_the_gallery_and_back_finds_its_page(phantoms, open_page, words):
    test = open_page("dataset", slice="26", sort="slice", order="descending")
    assert not test.exception
    assert "5 of 30 that fit" in words(test)
    widget(test.button, "slice_after").click().run()
    assert "Slice 25" in words(test)
    for _ in range(22):
        widget(test.button, "slice_after").click().run()
    assert "28 of 30 that fit" in words(test)
    widget(test.button, "slice_back").click().run()
    assert shown(test) == ["6", "5", "4", "3", "2", "1"]


def test_a_slice_outside_the_filter_is_shown_and_said_to_be(phantoms, open_page, words):
    test = open_page("dataset", **{"class": "glioma"}, slice="1")
    assert "not among the 10 that fit" in words(test)
    assert widget(test.button, "slice_before").disabled


def test_a_slice_shows_what_is_known_and_leaves_the_rest_unknown(phantoms, open_page, words):
    test = open_page("dataset", slice="3")
    facts = dict(test.table[0].value.to_numpy().tolist())
    assert facts["Patient"] == facts["Person"] == "P01"
    assert facts["Place in it"] == "1 of 2 (estimated)"
    assert facts["Plane"] == facts["Outline and mask"] == "unknown"
    assert facts["Tumour area"].startswith("101 px")
    assert "No model has been tested on this slice yet" in words(test)


def test_the_series_is_a_scrubber(phantoms, open_page, words):
    test = open_page("dataset", slice="3")
    widget(test.select_slider, "series_position").set_value("4").run()
    assert "Slice 4" in words(test)
    widget(test.button, "series_before").click().run()
    assert "Slice 3" in words(test)


def test_window_presets_set_the_sliders_and_a_slider_is_by_hand(phantoms, open_page):
    test = open_page("dataset", slice="3")
    widget(test.segmented_control, "view_preset").set_value("Full range").run()
    assert (widget(test.slider, "view_level").value, widget(test.slider, "view_width").value) == (127, 255)
    widget(test.slider, "view_width").set_value(40).run()
    assert widget(test.segmented_control, "view_preset").value == "By hand"
    widget(test.button, "series_after").click().run()
    assert widget(test.slider, "view_width").value == 40
    widget(test.slider, "view_zoom").set_value(4.0).run()
    assert widget(test.slider, "view_x").value == 50
    assert not test.exception


def test_answers_of_models_lead_to_their_mistakes(finished, open_page, words):
    test = open_page("dataset", slice="1")
    text = words(test)
    assert not test.exception
    assert "1 of 1 answers are wrong" in text
    assert f"Errors?model={finished.id}&amp;slice=1" in text
    name = widget(test.selectbox, "missed").options[0]
    test = open_page("dataset", missed=name)
    assert "3 of 30 slices" in words(test)


def test_the_filters_of_one_dataset_are_not_asked_of_another(phantoms, open_page, words):
    test = open_page("dataset", patient="P01")
    test.session_state[state.GALLERY_DATASET] = "another"
    test.run()
    assert not test.exception


def test_after_a_plot_led_to_the_gallery_the_reader_may_go_back(phantoms, open_page, words):
    test = open_page("dataset", view="Distributions")
    for name in ("glioma", "pituitary"):
        test.session_state[state.GALLERY_CLASSES] = [name]
        test.session_state[state.NEXT_VIEW] = selection.GALLERY
        test.run()
        assert "10 of 30 slices" in words(test)
        widget(test.segmented_control, state.VIEW).set_value("Distributions").run()
        assert not test.exception
        assert sections.SECTIONS["Distributions"].lead in words(test)
        assert "tumour covers a place" in words(test)
