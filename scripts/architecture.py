"""The drawing and the table of rooms in ``docs/architecture.md``, made from what the modules import.

``python -m scripts.architecture`` writes them anew, ``--check`` only compares. Rooms and their layers are those of the
contract in ``pyproject.toml`` that ``lint-imports`` holds the code to.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import grimp

ROOT: Final = Path(__file__).resolve().parents[1]
PACKAGE: Final = "tumortrace"
DOCUMENT: Final = ROOT / "docs" / "architecture.md"
BLOCK: Final = re.compile(r"(<!-- rooms -->\n)(.*?)(<!-- end -->)", re.DOTALL)

Imports = Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Layer:
    """One line of the contract."""

    rooms: tuple[str, ...]
    independent: bool = True
    """Whether its rooms may not import one another (``|`` in the contract; ``:`` allows it)."""


def read_layers(path: Path = ROOT / "pyproject.toml") -> list[Layer]:
    """The layers of the contract over the whole package, from the top."""
    contracts = tomllib.loads(path.read_text())["tool"]["importlinter"]["contracts"]
    whole = next(one for one in contracts if one["type"] == "layers" and one["containers"] == [PACKAGE])
    return [Layer(tuple(re.split(r"\s*[:|]\s*", line)), ":" not in line) for line in whole["layers"]]


def read_imports(rooms: Iterable[str]) -> dict[str, frozenset[str]]:
    """Room to the rooms that its modules import, itself left out; imports inside functions count."""
    graph = grimp.build_graph(PACKAGE, cache_dir=None)
    known = set(rooms)
    found: dict[str, set[str]] = {room: set() for room in known}
    for module in graph.modules:
        for imported in graph.find_modules_directly_imported_by(module):
            ends = [name.split(".")[1] if "." in name else "" for name in (module, imported)]
            # The package itself (its version) and __main__ are no rooms.
            if ends[0] != ends[1] and known.issuperset(ends):
                found[ends[0]].add(ends[1])
    return {room: frozenset(names) for room, names in found.items()}


def violations(layers: Sequence[Layer], imports: Imports) -> list[str]:
    """Imports that the layers do not allow, as ``room -> room``."""
    found = []
    above: set[str] = set()
    for layer in layers:
        for room in layer.rooms:
            beside = set(layer.rooms) - {room} if layer.independent else set()
            found += [f"{room} -> {name}" for name in sorted(imports[room] & (above | beside))]
        above.update(layer.rooms)
    return found


def reduced(imports: Imports) -> list[tuple[str, str]]:
    """The arrows of the drawing: imports that no longer way over other rooms makes up for.

    Args:
        imports: Without circles.
    """

    def reached(room: str) -> set[str]:
        return {name for other in imports[room] for name in (other, *reached(other))}

    return [
        (room, name)
        for room, names in imports.items()
        for name in sorted(names)
        if not any(name in reached(other) for other in names - {name})
    ]


def purpose(room: str) -> str:
    """The first sentence of a room's docstring."""
    folder = ROOT / PACKAGE / room
    path = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
    said = ast.get_docstring(ast.parse(path.read_text())) or ""
    return said.partition("\n\n")[0].replace("\n", " ").replace("``", "`")


def render(layers: Sequence[Layer], imports: Imports) -> str:
    """A mermaid drawing, and a table with a line a room, from the top layer down."""
    order = [room for layer in layers for room in layer.rooms]
    arrows = sorted(reduced(imports), key=lambda arrow: (order.index(arrow[0]), order.index(arrow[1])))
    drawing = ["```mermaid", "flowchart TB", *(f"    {room}[{room}]" for room in order)]
    drawing += [f"    {room} --> {name}" for room, name in arrows]
    table = ["| layer | room | what it is for | imports |", "| --- | --- | --- | --- |"]
    for number, layer in enumerate(layers, 1):
        for room in layer.rooms:
            names = ", ".join(sorted(imports[room], key=order.index))
            table.append(f"| {number} | {room} | {purpose(room)} | {names} |")
    return "\n".join([*drawing, "```", "", *table]) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the document's block; 1 where ``--check`` finds it out of step, or an import that leads upwards."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail where the document is out of step")
    only_look = parser.parse_args(arguments).check
    layers = read_layers()
    imports = read_imports(room for layer in layers for room in layer.rooms)
    if upwards := violations(layers, imports):
        print(f"imports against the layers of pyproject.toml: {', '.join(upwards)}; `lint-imports` names the lines")
        return 1
    before = DOCUMENT.read_text()
    if not BLOCK.search(before):
        print(f"{DOCUMENT.name} has no block <!-- rooms --> ... <!-- end -->; put one where the drawing is to stand")
        return 1
    block = render(layers, imports)
    after = BLOCK.sub(lambda found: found[1] + block + found[3], before)
    if after != before:
        print(f"{DOCUMENT.name} is out of step with the imports; run `python -m scripts.architecture`")
        if only_look:
            return 1
        DOCUMENT.write_text(after)
    return 0


if __name__ == "__main__":
    sys.exit(main())
