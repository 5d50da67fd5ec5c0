"""The table of models, and that nothing else asks for a model by its name."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from tumortrace.config import (
    MODEL_SPECS,
    draws_outlines,
    encoder_names,
    find_spec,
    model_names,
    models,
    parse_config,
    titles,
)
from tumortrace.config.former import upgrade_settings
from tumortrace.errors import ConfigError, UnknownModel

PACKAGE = Path(__file__).resolve().parents[2] / "tumortrace"


def test_an_unknown_model_is_named_and_the_known_ones_offered() -> None:
    with pytest.raises(UnknownModel, match=r"no such model: 'vgg16'. Choose one of tracenet, .*, efficientnet_lite2"):
        find_spec("vgg16")


def test_what_stands_under_another_is_there() -> None:
    for spec in MODEL_SPECS.values():
        for encoder in (spec.encoder, spec.unnamed_encoder):
            assert encoder is None or encoder in encoder_names(), spec.name
    assert all(find_spec(name).stages for name in encoder_names())


def test_one_model_finds_similar_slices_and_it_draws_outlines() -> None:
    assert model_names(lambda spec: spec.finds_similar) == (models.retrieval_model(),)
    assert draws_outlines(models.retrieval_model())


def test_what_is_no_network_draws_nothing_and_has_a_vote() -> None:
    assert not draws_outlines("20240101-120000-abcd")
    assert models.has_vote("tracenet")
    assert not models.has_vote("resnet18_cbam")


def test_the_map_is_laid_out_by_tracenet_and_then_by_resnet18() -> None:
    assert models.map_models() == ["tracenet", "resnet18"]


def test_a_model_sees_as_many_slices_as_its_row_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MODEL_SPECS, "resnet18", dataclasses.replace(find_spec("resnet18"), max_depth=3))
    assert parse_config({"model": {"name": "resnet18", "depth": 3}}).model.depth == 3
    with pytest.raises(ConfigError, match="resnet18 sees 3 slices at most; set depth to 3 or choose cnn3d"):
        parse_config({"model": {"name": "resnet18", "depth": 5}})


def test_a_tracenet_of_before_encoders_were_named_stands_on_resnet18_and_nothing_else_is_changed() -> None:
    assert upgrade_settings({"model": {"name": "tracenet"}}) == {"model": {"name": "tracenet", "encoder": "resnet18"}}
    for model in ({"name": "tracenet", "encoder": None}, {"name": "cnn3d"}, {"name": ["tracenet"]}, {}, None):
        assert upgrade_settings({"model": model}) == {"model": model}


def test_every_title_is_another() -> None:
    assert len(set(titles().values())) == len(titles())
    assert set(MODEL_SPECS) < set(titles())


def asked_by_name(tree: ast.AST) -> Iterator[int]:
    """Lines that compare with a model's name, look one up in a mapping, or match it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            parts: list[ast.AST] = [node.left, *node.comparators]
        elif isinstance(node, ast.Subscript):
            parts = [node.slice]
        elif isinstance(node, ast.match_case):
            parts = [node.pattern]
        else:
            continue
        for part in parts:
            for inner in ast.walk(part):
                if isinstance(inner, ast.Constant) and inner.value in tuple(MODEL_SPECS):
                    yield inner.lineno


def test_nothing_asks_whether_a_model_is_a_certain_one() -> None:
    found = [
        f"{path.relative_to(PACKAGE)}:{line}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for line in asked_by_name(ast.parse(path.read_text()))
    ]
    assert found == []
    assert list(asked_by_name(ast.parse('if name in ("cnn3d", "x") or part == "tracenet": pass'))) == [1, 1]
