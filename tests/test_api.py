"""``import tumortrace``: it costs nothing, its examples run, and it answers as the page and the command line do."""

from __future__ import annotations

import ast
import doctest
import importlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import tumortrace
from tests.datasets import write_manifest
from tests.processes import PATIENCE_S, ROOT
from tumortrace import api, paths, runs
from tumortrace.cli import main
from tumortrace.data import datasets
from tumortrace.data.phantom import make_phantom
from tumortrace.errors import ConfigError, DatasetMismatch, RunNotFound, SplitError, UnknownModel
from tumortrace.inference import api as inference
from tumortrace.runs.run import Run

ROOMS = sorted(path.parent.name for path in (ROOT / "tumortrace").glob("*/__init__.py"))
NO_LIST = {"cli", "ui"}
"""Rooms that nobody imports from."""
SETTINGS: dict[str, Any] = {
    "dataset": "phantom", "model": {"name": "cnn3d"}, "preprocess.size": 32, "optim.epochs": 1, "device": "cpu",
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Phantom slices in a home of their own; the models are those that ship."""
    made = tmp_path_factory.mktemp("api")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUMORTRACE_HOME", str(made))
        patch.delenv("TUMORTRACE_ARTIFACTS", raising=False)
        make_phantom(persons=15, size=64)
        yield made


@pytest.fixture(scope="module")
def run(home: Path) -> Run:
    return tumortrace.train(SETTINGS)


def printed(*words: str) -> list[dict[str, Any]]:
    """What the command prints with ``--json``, a document a line."""
    done = CliRunner().invoke(main.app, [*words, "--json"], catch_exceptions=False)
    return (
        [json.loads(line) for line in done.stdout.splitlines()] if words[0] == "predict" else [json.loads(done.stdout)]
    )


def test_importing_it_brings_neither_torch_nor_pandas_and_every_name_is_there() -> None:
    code = (
        "import sys, tumortrace\n"
        "heavy = ('torch', 'pandas', 'numpy', 'pydantic')\n"
        "assert set(tumortrace.__all__) <= set(dir(tumortrace))\n"
        "print([name for name in heavy if name in sys.modules])\n"
        "assert callable(tumortrace.open_dataset) and callable(tumortrace.evaluate) and callable(tumortrace.predict)\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=PATIENCE_S
    )
    assert done.stdout.splitlines() == ["[]", "['pandas', 'numpy', 'pydantic']"]


def test_the_examples_of_its_docstrings_run(home: Path) -> None:
    finder, runner = doctest.DocTestFinder(recurse=False), doctest.DocTestRunner()
    offered = [getattr(tumortrace, name) for name in ("load_model", "open_dataset", "predict", "train", "evaluate")]
    found = [test for one in (tumortrace, *offered) for test in finder.find(one, globs={}) if test.examples]
    assert len(found) == 1 + len(offered)
    said: list[str] = []
    for test in found:
        runner.run(test, out=said.append)
    assert not runner.failures, "".join(said)


def test_the_readmes_example_runs(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    block = re.search(r"## From Python\n\n```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert block is not None
    monkeypatch.chdir(tmp_path)
    scan = datasets.open_dataset("phantom").image_path("1")
    (tmp_path / "scan.png").write_bytes(scan.read_bytes())
    before = {one.id for one in runs.list_runs()}
    exec(compile(block[1], "README.md", "exec"), {})  # what stands there is ours
    assert len({one.id for one in runs.list_runs()} - before) == 1


def test_it_answers_with_the_digits_of_the_command_line(home: Path) -> None:
    files = [str(datasets.open_dataset("phantom").image_path(name)) for name in ("1", "2")]
    found = tumortrace.predict(files, ["resnet18", "tracenet"])
    words = printed("predict", *files, "--model", "resnet18", "--model", "tracenet")
    assert [one.record() for one in found] == words
    assert set(words[0]["probabilities"]) == {"resnet18", "tracenet", "ensemble"}


def test_answers_stand_in_the_order_of_the_sources(home: Path) -> None:
    dataset = datasets.open_dataset("phantom")
    first, second = dataset.image_path("1"), dataset.image_path("2")
    found = tumortrace.predict([first, dataset.pixels("3"), "nowhere.png", second], ["resnet18"])
    assert [one.file for one in found] == [str(first), "array", "nowhere.png", str(second)]
    assert [one.error is None for one in found] == [True, True, False, True]
    assert tumortrace.predict(first, "resnet18")[0].record() == found[0].record()


def test_a_run_is_asked_as_a_shipped_model_is(run: Run) -> None:
    pixels = datasets.open_dataset("phantom").pixels("1")
    model = tumortrace.load_model(f"run:{run.id}")
    assert model.name == run.id
    by_name = tumortrace.predict([pixels], [f"run:{run.id}", "resnet18"])[0]
    by_model = tumortrace.predict([pixels], [model, tumortrace.load_model("resnet18")])[0]
    assert set(by_name.probabilities) == {run.id, "resnet18", "ensemble"}
    assert by_name.record() == by_model.record()
    np.testing.assert_allclose(by_name.probabilities[run.id], model.predict([pixels])[0], atol=1e-6)


def test_what_cannot_be_asked_is_said(run: Run) -> None:
    with pytest.raises(UnknownModel, match=r"no such shipped model: 'alexnet'.*resnet18"):
        tumortrace.load_model("alexnet")
    with pytest.raises(RunNotFound, match=r"no such run: 'nowhere'"):
        tumortrace.load_model("run:nowhere")
    with pytest.raises(UnknownModel, match=r"no model to ask"):
        tumortrace.predict([np.zeros((8, 8))], [])


def test_a_predictor_that_is_kept_is_not_loaded_again(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = inference.load_predictor(["resnet18"])
    monkeypatch.setattr(inference, "load_classifier", None)
    assert tumortrace.predict(datasets.open_dataset("phantom").pixels("1"), kept)[0].error is None


def test_training_makes_a_run_and_lets_the_queue_go_on(home: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (run.status.state, run.config.model.name, run.config.optim.epochs) == ("finished", "cnn3d", 1)
    asked: list[str] = []
    monkeypatch.setattr("tumortrace.scheduling.queue.dispatch", lambda: asked.append("queue") or [])
    monkeypatch.setattr("tumortrace.training.trainer.train", lambda made: asked.append(made.id) or True)
    again = tumortrace.train(run.config)
    assert asked == [again.id, "queue"]
    assert again.config == run.config


@pytest.mark.parametrize(
    ("changed", "words"),
    [({"fold": 9}, "fold does not hold: 9"), ({"devices": 2}, "processes of their own"), ({"colour": 1}, "colour")],
)
def test_settings_that_do_not_hold_make_no_run(run: Run, changed: dict[str, Any], words: str) -> None:
    before = runs.folders()
    with pytest.raises(ConfigError, match=words):
        tumortrace.train(SETTINGS | changed)
    assert runs.folders() == before


def test_a_dataset_that_cannot_be_split_makes_no_run(home: Path, run: Run) -> None:
    write_manifest(home, "bare")
    before = runs.folders()
    with pytest.raises(SplitError):
        tumortrace.train(SETTINGS | {"dataset": "bare"})
    assert runs.folders() == before


def test_a_run_is_evaluated_as_the_command_line_does(run: Run) -> None:
    words = printed("evaluate", run.id)[0]["reports"][0]
    for asked in (run, run.id, run.folder):
        found = tumortrace.evaluate(asked).model_dump(mode="json")
        assert found | {"created": ""} == {name: words[name] for name in found} | {"created": ""}
    with pytest.raises(RunNotFound, match="no such run"):
        tumortrace.evaluate("nowhere")


def test_another_dataset_than_the_runs_is_refused(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUMORTRACE_HOME", str(tmp_path))
    make_phantom(persons=15, size=48)
    with pytest.raises(DatasetMismatch, match="rests on another dataset"):
        tumortrace.evaluate(run.folder)


def test_a_run_of_an_earlier_version_is_evaluated_with_a_warning(run: Run, tmp_path: Path) -> None:
    older = tmp_path / "older"
    older.mkdir()
    for name in ("config.json", "predictions.parquet", "report.json", "status.json"):
        (older / name).write_bytes((run.folder / name).read_bytes())
    with pytest.warns(UserWarning, match="older is of an earlier version.*fits phantom"):
        assert tumortrace.evaluate(older).slice == tumortrace.evaluate(run).slice


def test_it_stays_thin() -> None:
    """What is offered is what the page and the command line call: nothing is computed beside them."""
    modules = {
        node.module for node in ast.walk(ast.parse(Path(api.__file__).read_text())) if isinstance(node, ast.ImportFrom)
    }
    assert not {name for name in modules if name and name.startswith(("torch", "numpy", "pandas", "sklearn"))}
    assert paths.artifacts().is_dir()


@pytest.mark.parametrize("room", [name for name in ROOMS if name not in NO_LIST])
def test_every_room_says_what_is_public_and_has_it(room: str) -> None:
    package = importlib.import_module(f"tumortrace.{room}")
    assert package.__all__
    assert len(set(package.__all__)) == len(package.__all__)
    assert set(package.__all__) <= set(dir(package))
    for name in package.__all__:
        assert getattr(package, name) is not None
    with pytest.raises(AttributeError, match="nonsense"):
        _ = package.nonsense


@pytest.mark.parametrize("package", ["tumortrace", *(f"tumortrace.{name}" for name in ROOMS if name not in NO_LIST)])
def test_what_a_type_checker_sees_of_a_package_is_what_it_offers(package: str) -> None:
    offered = importlib.import_module(package)
    tree = ast.parse(Path(str(offered.__file__)).read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            seen = {
                alias.name: one.module for one in node.body if isinstance(one, ast.ImportFrom) for alias in one.names
            }
            for name, module in seen.items():
                assert getattr(offered, name) is getattr(importlib.import_module(str(module)), name)
            eager = {
                alias.asname or alias.name
                for one in tree.body
                if isinstance(one, ast.ImportFrom)
                for alias in one.names
            }
            assert set(offered.__all__) - eager - {"__version__"} == set(seen)
