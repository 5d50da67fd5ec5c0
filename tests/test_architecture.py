"""The drawing of the rooms is that of the imports, and imports that lead upwards are named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scripts import architecture
from scripts.architecture import Layer

LAYERS = [Layer(("cli", "ui"), independent=False), Layer(("charts", "notes")), Layer(("errors",))]


def test_the_document_is_in_step_with_the_imports(capsys: pytest.CaptureFixture[str]) -> None:
    assert architecture.main(["--check"]) == 0, capsys.readouterr().out


def test_an_import_of_a_higher_layer_and_one_of_an_independent_room_beside_are_violations() -> None:
    allowed = {"cli": {"ui", "errors"}, "ui": {"charts"}, "charts": {"errors"}, "notes": set(), "errors": set()}
    assert architecture.violations(LAYERS, _frozen(allowed)) == []
    wrong = _frozen(allowed | {"charts": {"notes", "ui"}, "errors": {"charts"}})
    assert architecture.violations(LAYERS, wrong) == ["charts -> notes", "charts -> ui", "errors -> charts"]


def test_an_arrow_is_left_out_where_the_way_leads_over_another_room() -> None:
    imports = _frozen({"ui": {"charts", "errors"}, "charts": {"errors"}, "errors": set()})
    assert architecture.reduced(imports) == [("ui", "charts"), ("charts", "errors")]


def test_layers_are_read_with_whether_their_rooms_may_import_one_another(tmp_path: Path) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_text(
        '[[tool.importlinter.contracts]]\ntype = "layers"\ncontainers = ["tumortrace"]\n'
        'layers = ["cli : ui", "charts | notes", "errors"]\n'
    )
    assert architecture.read_layers(path) == LAYERS


def test_imports_are_those_between_rooms() -> None:
    imports = architecture.read_imports(["ui", "charts", "constants"])
    assert imports["charts"] == {"constants"}
    assert "charts" in imports["ui"]


def test_a_document_without_the_block_or_out_of_step_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(architecture, "DOCUMENT", tmp_path / "architecture.md")
    architecture.DOCUMENT.write_text("no block\n")
    assert architecture.main([]) == 1
    architecture.DOCUMENT.write_text("before\n<!-- rooms -->\nold\n<!-- end -->\nafter\n")
    assert architecture.main(["--check"]) == 1
    assert "old" in architecture.DOCUMENT.read_text()
    assert architecture.main([]) == 0
    assert architecture.main(["--check"]) == 0
    written = architecture.DOCUMENT.read_text()
    assert written.startswith("before\n<!-- rooms -->\n```mermaid\n")
    assert "python -m scripts.architecture" in capsys.readouterr().out


def test_functions_and_classes_are_where_the_document_says() -> None:
    text = architecture.DOCUMENT.read_text()
    named = re.findall(r"`([\w.]+)`(?: in |, | \()`((?:\w+/)+\w+\.py)`", text)
    assert len(named) > 30
    for name, place in named:
        path = architecture.ROOT / architecture.PACKAGE / place.removeprefix(f"{architecture.PACKAGE}/")
        names = name.split(".")
        held = path.read_text() if path.exists() else ""
        missing = [one for one in names if not re.search(rf"^\s*(?:def|class) {one}\b", held, re.MULTILINE)]
        assert missing == [], f"{place} has no {name}"


def _frozen(imports: dict[str, set[str]]) -> dict[str, frozenset[str]]:
    return {room: frozenset(names) for room, names in imports.items()}
