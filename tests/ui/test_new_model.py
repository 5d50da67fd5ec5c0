"""A network is added by one module and one row: everything else finds it by itself."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from scripts import docs_tables
from tests.processes import PATIENCE_S
from tests.ui.conftest import Open
from tests.ui.test_form import errors, field, start_button
from tumortrace import runs
from tumortrace.benchmark import plan
from tumortrace.cli import main
from tumortrace.config import MODEL_SPECS, ModelSpec, model_title, parse_config
from tumortrace.evaluation.results_document import ResultsDocument
from tumortrace.models.base import SliceNet
from tumortrace.training.trainer import train
from tumortrace.ui.shell import benchmark_document

ROOT = Path(__file__).resolve().parents[2]
ROW = {"name": "mini", "title": "Mini Net", "stages": ("early", "late"), "min_size": 40}


class Mini(SliceNet):
    """Two convolutions and a mean."""

    saliency_grid = (0, 4)

    def __init__(self, settings):
        super().__init__(settings)
        self.blocks = nn.ModuleDict(
            {
                "early": nn.Conv2d(1, 4, 3, stride=2, padding=1),
                "late": nn.Conv2d(4, 8, 3, stride=2, padding=1),
            }
        )
        self.head = nn.Linear(8, 3)

    def enter(self, images: Tensor) -> Tensor:
        return images - 0.5

    def run_stage(self, name: str, features: Tensor) -> Tensor:
        return self.blocks[name](features).relu()

    def leave(self, features: Tensor) -> Tensor:
        return self.head(features.mean((2, 3)))

    def stage(self, name: str) -> list[nn.Module]:
        return [self.blocks[name]]

    @property
    def saliency_layer(self) -> nn.Module:
        return self.blocks["late"]


@pytest.fixture(autouse=True)
def added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MODEL_SPECS, "mini", ModelSpec(**ROW, network=f"{__name__}:Mini"))


def test_it_is_trained_and_tested_like_any_other(phantoms: str) -> None:
    config = parse_config(
        {
            "dataset": phantoms, "device": "cpu", "precision": "32-true", "threads": 1, "validation": 0.2,
            "validation_tiles": 1, "preprocess": {"size": 40}, "model": {"name": "mini", "freeze_until": "early"},
            "optim": {"epochs": 1, "batch_size": 8, "start_size": 0.25},
        }
    )  # fmt: skip
    torch.manual_seed(0)
    run = runs.create(config)
    assert train(run)
    assert run.report is not None
    assert run.report.model == "mini"


def test_the_train_form_offers_it_with_its_stages(phantoms: str, open_page: Open) -> None:
    test = open_page("train")
    assert field(test, "model.name").options == list(MODEL_SPECS)
    field(test, "model.name").set_value("mini").run()
    assert field(test, "model.freeze_until").options == ["early", "late"]
    assert field(test, "model.encoder").disabled
    assert not errors(test)
    assert not start_button(test).disabled
    field(test, "preprocess.size").set_value(32).run()
    assert "needs 40 px or more; got size 32" in errors(test)[0]


def test_the_command_line_offers_it() -> None:
    # The row is there before the command line is made of the table, as it is for a row that was written into it.
    program = (
        "import sys; from tumortrace.config.models import MODEL_SPECS, ModelSpec;"
        f"MODEL_SPECS['mini'] = ModelSpec(**{ROW!r}, network='nowhere:Mini');"
        "from tumortrace.cli.main import main; main()"
    )
    refused = subprocess.run(
        [sys.executable, "-c", program, "train", "--model", "mini", "--size", "32"],
        cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert refused.returncode == 1
    assert "mini needs 40 px or more; got size 32" in refused.stderr


def test_a_benchmark_can_be_planned_with_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cpu = plan.find_benchmark_preset("cpu")
    changed = {"model.name": "mini", "model.init": "scratch"}
    assert {one.task.config.model.name for one in plan.planned_runs(cpu, ("official",), changed)} == {"mini"}
    recipes = {**cpu.recipes, "mini": cpu.recipes["cnn3d"] | {"model.name": "mini"}}
    monkeypatch.setitem(plan.PRESETS, "cpu", dataclasses.replace(cpu, recipes=recipes))
    words = "benchmark --dry-run --json --model mini --set start_size=1"
    monkeypatch.setattr("sys.argv", ["tumortrace", *words.split()])
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert not ended.value.code
    planned = json.loads(capsys.readouterr().out)["runs"]
    assert {one["part"] for one in planned} == {"official", "shipped"}
    assert all("-mini-" in one["run"] for one in planned)


def test_pages_call_it_by_its_title_and_show_it_in_its_place() -> None:
    assert model_title("mini") == "Mini Net"
    assert model_title("mini_exam") == "Mini Net, with case context"
    assert "mini_exam" in benchmark_document.case_context()
    shown = benchmark_document.in_order(["majority", "mini", "cnn3d", "ensemble", "zebra", "mini_exam"])
    assert shown == ["ensemble", "cnn3d", "mini", "mini_exam", "zebra", "majority"]


def test_the_tables_of_the_documentation_show_it() -> None:
    one = {"value": 0.9, "low": 0.8, "high": 0.95, "n": 100}
    line = {"model": "mini", "protocol": "person", **one}
    classes = ("meningioma", "glioma", "pituitary")
    keys = [(metric, None) for metric in ("accuracy", "macro_f1", "macro_auc", "ece", "brier")]
    keys += [(metric, name) for metric in ("precision", "recall", "f1", "auc") for name in classes]
    pointing = {"model": "mini", "method": "gradcam", "metric": "pointing", "group": "all", **one}
    vote = {"protocol": "person", "seed": 0, "fold": 1, "temperatures": {"mini": 1.0}, "weights": {"mini": 1.0}}
    results = ResultsDocument.model_validate({
        "calibration": [{**line, "tempered": False, "metric": metric} for metric in ("ece", "brier", "log_loss")],
        "localisation": [{**pointing, "persons": 10, "sampled": False}],
        "votes": [{**vote, "n": 10}],
        "recipes": {"mini": {"optim.epochs": 3}},
    })  # fmt: skip
    figures = [{**line, "unit": "slice", "metric": metric, "class": name} for metric, name in keys]
    found = docs_tables.Found(results, figures)
    cards = "".join(f"<!-- table {words} -->\n<!-- end -->\n" for words in ("card mini", "recipe mini"))
    filled = docs_tables.fill(cards, found)
    assert "| person | slice | accuracy | all | 0.900 (0.800 to 0.950) | 100 |" in filled
    assert "| `optim.epochs` | `3` |" in filled
    assert "| Mini Net | 100 | 0.900" in docs_tables.headline(found)
    assert "| Mini Net | 0.900" in docs_tables.calibration(found, "person")
    assert "Mini Net" in docs_tables.localisation(found, "pointing")
    assert "Mini Net" in docs_tables.votes(found, "person")
