from __future__ import annotations

import pytest

from tumortrace.errors import ConfigError
from tumortrace.inference.model_ref import ModelRef


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        ("bundle/resnet18", ModelRef("shipped", "resnet18")),
        ("run/20240101-120000-cnn3d", ModelRef("run", "20240101-120000-cnn3d")),
        ("shipped/ensemble/person", ModelRef("benchmark", "ensemble", "person")),
    ],
)
def test_what_people_have_in_their_addresses_is_written_and_read_the_same(text: str, ref: ModelRef) -> None:
    assert str(ref) == text
    assert ModelRef.parse(text) == ref


@pytest.mark.parametrize(
    "text",
    ["", "resnet18", "bundle", "bundle/", "bundle/a/b", "run/", "run/a/b", "shipped/a", "shipped/a/", "shipped//b",
     "shipped/a/b/c", "benchmark/a/b", "Run/a"],
)  # fmt: skip
def test_what_names_no_model_is_one_error_that_says_how_to_name_one(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        ModelRef.parse(text)
    assert repr(text) in str(caught.value)
    assert "bundle/MODEL, run/ID or shipped/MODEL/PROTOCOL" in str(caught.value)


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        (("benchmark", "resnet18"), "with its protocol"),
        (("run", "a", "person"), "with its protocol"),
        (("run", "a/b"), "no slash"),
        (("shipped", ""), "not empty"),
        (("benchmark", "resnet18", ""), "not empty"),
    ],
)
def test_a_reference_that_could_not_be_read_back_is_not_made(parts: tuple[str, ...], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        ModelRef(*parts)
