"""What README, docs/ and the program's own sentences name exists: commands, options, files, models, presets, marks."""

from __future__ import annotations

import importlib
import pkgutil
import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer.main

from scripts import docs_tables
from tumortrace.benchmark import plan
from tumortrace.cli import main
from tumortrace.config import presets, titles
from tumortrace.errors import ConfigError
from tumortrace.imaging.formats import limits
from tumortrace.scheduling import sweep

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted(
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]
)
SOURCES = sorted(
    path for folder in ("tumortrace", "pages", "docs", "scripts") for path in (ROOT / folder).rglob("*.py")
)
TUMORTRACE = typer.main.get_command(main.app)

NOT_HERE = re.compile(
    r"TUMORTRACE_HOME/.*|\.tumortrace/|\.venv/.*"  # made by whoever uses it
    r"|images/|series/|slices\.csv|cvind\.mat|N\.mat|suspects\.csv|quality\.csv|report\.pdf|out\.pdf|scan\.dcm|series\.zip"
    r"|status\.json|config\.json|model\.json|report\.json|/_stcore/stream"  # of a run or a model, and of streamlit
)
"""Names of files that look like the repository's and are the reader's, a run's or the server's."""
OTHERS_OPTIONS = {"--server.address", "--pages", "--schemes", "--widths", "--check"}
"""Options of streamlit, and of what lies in ``scripts/``."""
FILE = re.compile(r"[\w.*/-]+\.(?:py|md|toml|csv|json|parquet|npz|png|txt|mat|yml)|[\w.-]+/[\w./*-]*")
PICTURES = "screenshots/"
"""Pictures of the gallery are taken by ``make screenshots``; not all are kept."""


def fences(text: str) -> Iterator[str]:
    """Lines of the blocks of code that are for a shell, continued ones joined."""
    for block in re.findall(r"^```(?:sh|bash)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        yield from block.replace("\\\n", " ").splitlines()


def spans(text: str) -> list[str]:
    """What stands in backticks, outside blocks of code and outside generated tables."""
    without = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    without = re.sub(r"<!-- table.*?<!-- end -->", "", without, flags=re.DOTALL)
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", without)]


def of_documents() -> list[tuple[str, str]]:
    return [
        (str(path.relative_to(ROOT)), words)
        for path in DOCUMENTS
        for words in (*fences(path.read_text()), *spans(path.read_text()))
    ]


def of_sources() -> list[tuple[str, str]]:
    """Commands that the program tells its readers, and those of docstrings."""
    found = []
    for path in SOURCES:
        text = path.read_text()
        # In f-strings a value stands for itself.
        told = re.findall(r"paths\.command\(\s*f?(?:\"([^\"]+)\"|'([^']+)')", text)
        words = [f"tumortrace {double or single}" for double, single in told]
        words += re.findall(r"`((?:python -m )?tumortrace [^`]+)`", text)
        words += re.findall(r"\"\s*(python -m tumortrace [^\"]+)\"", text)
        found += [(str(path.relative_to(ROOT)), re.sub(r"\{[^}]*\}", "X", one)) for one in words]
    return found


def called(words: str) -> list[str] | None:
    """What follows ``tumortrace`` in a command line; None where it is another's."""
    try:
        tokens = shlex.split(words, comments=True)
    except ValueError:
        return None
    while tokens and re.fullmatch(r"[A-Z_]+=.*", tokens[0]):
        tokens = tokens[1:]
    if tokens[:3] == ["python", "-m", "tumortrace"]:
        tokens = tokens[2:]
    if tokens[:1] != ["tumortrace"]:
        return None
    ends = [place for place, token in enumerate(tokens) if token in ("|", "&&", ";", ">")]
    return tokens[1 : ends[0]] if ends else tokens[1:]


@cache
def all_options() -> frozenset[str]:
    def walk(command: Any) -> Iterator[str]:
        for parameter in command.params:
            yield from (*parameter.opts, *parameter.secondary_opts)
        for one in getattr(command, "commands", {}).values():
            yield from walk(one)

    return frozenset(walk(TUMORTRACE)) | {"--help"}


def wrong_in(tokens: list[str]) -> str | None:
    """What is wrong with a command line of ours; None where nothing is."""
    command: Any = TUMORTRACE
    while tokens and hasattr(command, "commands") and not tokens[0].startswith("-"):
        if tokens[0] not in command.commands:
            return f"no command {tokens[0]}"
        command, tokens = command.commands[tokens[0]], tokens[1:]
    options = {name: one for one in command.params for name in (*one.opts, *one.secondary_opts)} | {"--help": None}
    for place, token in enumerate(tokens):
        name, equals, value = token.partition("=")
        if not name.startswith("--"):
            continue
        if name not in options:
            return f"{command.name} has no option {name}"
        value = value if equals else "".join(tokens[place + 1 : place + 2])
        if (why := wrong_value(name, value, command.name)) is not None:
            return why
    return None


def wrong_value(option: str, value: str, command: str) -> str | None:
    """What is wrong with the value of an option whose values are known."""
    if value.isupper() or not value:
        return None  # stands for any
    if option == "--model" and value not in titles():
        return f"no model {value}"
    if option == "--preset" and value not in (plan.PRESETS if command == "benchmark" else presets.PRESETS):
        return f"no preset {value}"
    if option in ("--set", "--vary") and "=" in value:
        try:
            sweep.resolve(value.partition("=")[0])
        except ConfigError as error:
            return str(error)
    return None


@pytest.mark.parametrize("source", [of_documents, of_sources])
def test_every_command_and_option_that_is_named_exists(source: Any) -> None:
    lines = [(where, words, tokens) for where, words in source() if (tokens := called(words)) is not None]
    assert len(lines) > 10
    assert [f"{where}: `{words}`: {why}" for where, words, tokens in lines if (why := wrong_in(tokens))] == []


def test_the_readmes_commands_print_json_as_it_says() -> None:
    block = re.search(
        r"\(all of these but `([\w-]+)` take `--json`.*?```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL
    )
    assert block is not None
    without = set()
    for line in block[2].splitlines():
        command: Any = TUMORTRACE
        for token in called(line) or []:
            if not hasattr(command, "commands"):
                break
            command = command.commands[token]
        if not any("--json" in parameter.opts for parameter in command.params):
            without.add(command.name)
    assert without == {block[1]}


def test_every_option_that_stands_alone_is_one_of_some_command() -> None:
    named = {token.partition("=")[0] for _, words in of_documents() for token in words.split() if words[:2] == "--"}
    assert {name for name in named if name[:2] == "--"} - all_options() - OTHERS_OPTIONS == set()


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        word
        for _, words in of_documents()
        if words.startswith("make ")
        for word in words.partition("#")[0].split()[1:]
        if "=" not in word
    }
    assert named
    assert named - targets == set()
    declared = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert declared is not None
    assert set(declared[1].split()) == targets


def test_every_module_that_is_to_be_run_exists() -> None:
    lines = [words for _, words in (*of_documents(), *of_sources())]
    modules = {name for words in lines for name in re.findall(r"python -m ([\w.]+)", words)} - {"tumortrace"}
    files = {name for words in lines for name in re.findall(r"python ([\w/]+\.py)", words)}
    assert modules
    assert {name for name in modules if not (ROOT / f"{name.replace('.', '/')}.py").exists()} == set()
    assert {name for name in files if not (ROOT / name).exists()} == set()


def test_every_import_of_the_examples_in_python_can_be_made() -> None:
    blocks = [
        block for path in DOCUMENTS for block in re.findall(r"^```python\n(.*?)^```", path.read_text(), re.M | re.S)
    ]
    imports = [found for block in blocks for found in re.findall(r"^from ([\w.]+) import ([\w, ]+)$", block, re.M)]
    # What is taken from the package itself: ``tumortrace.predict(...)``.
    imports += [("tumortrace", name) for block in blocks for name in re.findall(r"\btumortrace\.(\w+)\(", block)]
    assert len(imports) > 3
    for module, names in imports:
        for name in names.split(", "):
            assert hasattr(importlib.import_module(module), name), f"{module} has no {name}"


@cache
def kept() -> tuple[str, ...]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        listed = [str(path.relative_to(ROOT)) for path in ROOT.rglob("*")]
    return tuple(listed)


def there(name: str) -> bool:
    """Whether the repository holds a file or folder: by its whole path, or by its last parts."""
    pattern = re.escape(name.rstrip("/")).replace(r"\*", "[^/]*")
    return any(re.search(rf"(^|/){pattern}(/|$)", file) for file in kept())


def test_every_file_that_is_named_in_backticks_exists() -> None:
    named = {(where, words) for where, words in of_documents() if FILE.fullmatch(words)}
    assert len(named) > 10
    assert {one for one in named if not NOT_HERE.fullmatch(one[1]) and not there(one[1])} == set()


def test_the_code_map_names_what_is_there() -> None:
    block = re.search(r"## Code map\n\n```\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert block is not None
    named = {name.strip(", ") for line in block[1].splitlines() for name in line[:24].split()}
    assert {name for name in named if not there(name)} == set()
    folders = {path.name for path in (ROOT / "tumortrace").iterdir() if (path / "__init__.py").exists()}
    assert {f"tumortrace/{name}/" for name in folders} <= named


def test_every_link_to_a_file_leads_to_one() -> None:
    for path in DOCUMENTS:
        for link in re.findall(r"\]\(([^)#\s]+)", path.read_text()):
            if "://" not in link and not (path.name == "gallery.md" and link.startswith(PICTURES)):
                assert (path.parent / link).exists(), f"{path.relative_to(ROOT)}: {link}"


def test_every_network_and_every_preset_that_is_named_is_known() -> None:
    network = re.compile(r"(?:resnet|inception|efficientnet|cnn|tracenet|vgg|densenet|convnext)\w*")
    assert {words for _, words in of_documents() if network.fullmatch(words)} - set(titles()) == set()
    both = {*plan.PRESETS, *presets.PRESETS}
    for path in DOCUMENTS:
        text = re.sub(r"<!-- table.*?<!-- end -->", "", path.read_text(), flags=re.DOTALL)
        named = set(re.findall(r"[Pp]reset `?(\w+)", text)) | set(re.findall(r"the (\w+) preset\b", text))
        assert named - {"are", "and", "of", "on"} <= both, path
    first = next(line for line in fences((ROOT / "README.md").read_text()) if "train --preset" in line)
    assert set(re.findall(r"\w+", first.partition("# or ")[2])) <= set(presets.PRESETS)


def test_every_mark_is_declared_and_borne_and_every_one_named_is_declared() -> None:
    options = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    declared = {mark.partition(":")[0] for mark in options["markers"]}
    held = [*(ROOT / "tests").rglob("test_*.py"), ROOT / "tests" / "browser" / "conftest.py"]
    tests = "".join(path.read_text() for path in held)
    assert {mark for mark in declared if f"pytest.mark.{mark}" not in tests} == set()
    named = {mark for path in DOCUMENTS for mark in re.findall(r"mark(?:ed|s)? `(\w+)`", path.read_text())}
    named |= set(re.findall(r"-m \"?(?:not )?(\w+)\"?$", (ROOT / "Makefile").read_text(), re.MULTILINE)) - {"pytest"}
    assert named
    assert named - declared == set()


def test_every_variable_of_the_environment_that_is_named_is_read() -> None:
    named = {name for path in DOCUMENTS for name in re.findall(r"\bTUMORTRACE_[A-Z_]+", path.read_text())}
    python = [*(ROOT / "tumortrace").rglob("*.py"), *(path for path in (ROOT / "tests").rglob("*.py"))]
    text = "".join(path.read_text() for path in python if path != Path(__file__))
    assert {name for name in named if f'"{name}"' not in text} == set()


def test_the_app_takes_a_file_as_large_as_the_readers_do() -> None:
    server = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["server"]
    assert server["maxUploadSize"] * 2**20 == limits.FILE_BYTES
    assert f"client_max_body_size {server['maxUploadSize']}m;" in (ROOT / "docs" / "serving.md").read_text()


def test_every_name_of_the_package_that_is_referred_to_exists() -> None:
    references = [
        (path, name) for path in SOURCES for name in re.findall(r":\w+:`~?(tumortrace\.[\w.]+)`", path.read_text())
    ]
    references += [
        (path, name)
        for path in DOCUMENTS
        for span in spans(path.read_text())
        for name in re.findall(r"^(tumortrace(?:\.\w+)+)", span)
    ]
    assert len(references) > 20
    for path, name in references:
        owner, _, last = name.rpartition(".")
        try:
            pkgutil.resolve_name(name)
        except AttributeError:  # a field has no value in its class
            assert last in pkgutil.resolve_name(owner).__annotations__, f"{path.relative_to(ROOT)}: {name}"


def test_a_table_of_the_documentation_names_a_maker() -> None:
    kinds = {kind for path in DOCUMENTS for kind in re.findall(r"<!-- table ([\w-]+)", path.read_text())}
    assert kinds <= set(docs_tables.TABLES)


def test_every_name_that_a_docstring_refers_to_beside_itself_exists() -> None:
    missing = []
    for path in (ROOT / "tumortrace").rglob("*.py"):
        text = path.read_text()
        for module, name in re.findall(r":(?:mod|func|class|data|meth|attr):`~?\.(\w+)(?:\.(\w+))?", text):
            beside = path.parent / f"{module}.py"
            known = beside.read_text() if beside.exists() else ""
            if not (beside.exists() or (path.parent / module).is_dir()) or not re.search(rf"\b{name}\b", known):
                missing.append((path.name, module, name))
        for name in re.findall(r":(?:func|class|data):`~?(\w+)`", text):
            if not re.search(rf"(def|class) {name}\b|^{name}\b|import .*\b{name}\b|^\s+{name},", text, re.MULTILINE):
                missing.append((path.name, "", name))
    assert missing == []
