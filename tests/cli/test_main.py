"""The command line, in this process: what it prints, and that an error is one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.datasets import write_manifest
from tumortrace import runs
from tumortrace.config import parse_config
from tumortrace.data.phantom import make_phantom

Run = Callable[..., tuple[int, str, str]]
SMALL = ["--model", "cnn3d", "--size", "32", "--epochs", "2", "--batch-size", "16", "--precision", "32-true"]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TUMORTRACE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TUMORTRACE_ARTIFACTS", str(tmp_path / "artifacts"))
    monkeypatch.setenv("COLUMNS", "120")
    return tmp_path


@pytest.fixture
def run(call: Run) -> Run:
    return call


@pytest.fixture
def phantom() -> None:
    make_phantom(persons=15, size=48)


def test_help_names_every_command(run: Run) -> None:
    status, out, _ = run("--help")
    assert status == 0
    for command in ("data", "train", "evaluate", "predict", "runs", "publish", "app"):
        assert command in out


def test_version(run: Run) -> None:
    assert run("--version")[1].startswith("tumortrace ")


def test_phantoms_are_reported_and_told_from_real_ones(run: Run) -> None:
    status, out, _ = run("data", "phantom", "--persons", "15", "--json")
    assert status == 0
    assert json.loads(out)["persons"] == 15
    assert "synthetic" in run("data", "info")[1]


def test_train_evaluate_and_list_print_one_json_document_each(run: Run, phantom: None) -> None:
    status, out, _ = run("train", *SMALL, "--protocol", "person", "--fold", "2", "--json")
    done = json.loads(out)
    assert status == 0
    assert done["state"] == "finished"
    assert done["report"]["protocol"] == "person"
    assert done["report"]["synthetic"]
    assert Path(done["folder"]).is_dir()

    report = json.loads(run("evaluate", done["run"], "--json")[1])["reports"][0]
    assert report["folds"] == [2]
    assert report["slice"]["metrics"]["n"] == done["report"]["slice"]["metrics"]["n"]

    listed = json.loads(run("runs", "--json")[1])["runs"]
    assert [(entry["id"], entry["state"]) for entry in listed] == [(done["run"], "finished")]

    again = run("train", "--resume", done["run"], "--json")
    assert again[0] == 0
    assert json.loads(again[1])["state"] == "finished"


def test_a_resume_by_hand_is_not_ended_by_a_stop_of_before(run: Run, phantom: None) -> None:
    done = json.loads(run("train", *SMALL, "--json")[1])
    held = runs.find_run(done["run"])
    held.write_status(held.status.model_copy(update={"state": "crashed"}))
    (held.folder / "stop").touch()
    again = run("train", "--resume", done["run"], "--json")
    assert (again[0], json.loads(again[1])["state"]) == (0, "finished")


def test_a_trained_run_is_shown_to_people_with_its_protocol_and_n(run: Run, phantom: None) -> None:
    _, out, err = run("train", *SMALL, "--depth", "3")
    assert "protocol official, test fold 1" in out
    assert "95 % intervals" in out
    assert "Run folder:" in out
    shown = run("evaluate", runs.list_runs()[0].id)[1]
    for word in ("precision", "recall", "F1", "support", "macro avg", "weighted avg", "By patient"):
        assert word in shown
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "--epochs", "0"], "optim.epochs does not hold"),
        (["train", "--model", "inception_v3", "--size", "64"], "inception_v3 needs 96 px or more"),
        (["train", "--resume", "nowhere"], "nowhere"),
        (["evaluate", "nowhere"], "nowhere"),
        (["predict", "slice.png"], "no model is shipped"),
        (["predict", "slice.png", "--model", "vgg"], "no such shipped model"),
        (["data", "import", "/nowhere"], "there is nothing to import"),
        (["data", "info", "nothing"], "nothing"),
    ],
)
def test_an_error_is_one_line_with_a_remedy(run: Run, arguments: list[str], words: str) -> None:
    status, out, err = run(*arguments)
    assert status == 1
    assert out == ""
    assert words in err
    assert err.startswith("tumortrace: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("file", "arguments"), [("config.json", ["train", "--resume"]), ("predictions.parquet", ["evaluate"])]
)
def test_a_damaged_run_is_one_line_and_an_error_under_json(
    run: Run, home: Path, file: str, arguments: list[str]
) -> None:
    write_manifest(home / "home", "tiny")
    folder = runs.create(parse_config({"model": {"name": "cnn3d"}}), "damaged", "stopped").folder
    (folder / file).write_bytes(b"{")
    status, out, err = run(*arguments, "damaged")
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert err.startswith(f"tumortrace: the run damaged cannot be read: {file} is damaged")
    status, out, err = run(*arguments, "damaged", "--json")
    assert (status, err) == (1, "")
    assert "the run damaged cannot be read" in json.loads(out)["error"]


@pytest.mark.parametrize("command", [["train"], ["queue", "add"], ["speedrun"], ["sweep", "folds"]])
def test_what_the_dataset_cannot_be_split_for_is_refused_before_a_run_is_made(
    run: Run, home: Path, command: list[str]
) -> None:
    write_manifest(home / "home", "folders")  # as of class folders: no author's folds
    status, _, err = run(*command)
    assert status == 1
    assert "no folds under the protocol; it needs the author's folds" in err
    assert not list((home / "home" / "runs").glob("*"))


def test_an_unknown_choice_names_the_choices(run: Run) -> None:
    status, _, err = run("train", "--model", "vgg")
    assert status == 2
    assert "cnn3d" in err


def test_an_error_under_json_is_json(run: Run) -> None:
    status, out, _ = run("train", "--epochs", "0", "--json")
    assert status == 1
    assert "optim.epochs" in json.loads(out)["error"]


def test_predict_prints_a_json_object_a_slice_and_a_bad_file_spoils_no_other(run: Run, home: Path) -> None:
    make_shipped(home / "artifacts" / "models" / "cnn3d")
    files = pictures(home)
    status, out, _ = run("predict", *files, "--json")
    good, bad, missing = sorted((json.loads(line) for line in out.splitlines()), key=lambda one: one["error"] or "")
    assert status == 0
    assert set(good) >= {"file", "slice", "error", "gate", "probabilities", "prediction", "prediction_set"}
    assert set(good["probabilities"]) == {"cnn3d", "ensemble"}
    assert sum(good["probabilities"]["ensemble"].values()) == pytest.approx(1, abs=1e-4)
    assert good["prediction"] == max(good["probabilities"]["cnn3d"], key=good["probabilities"]["cnn3d"].get)
    assert good["error"] is None
    assert "this is text" in missing["error"] or "Check the path" in missing["error"]
    assert bad["prediction"] is None


def test_predict_speaks_to_people_and_fails_where_nothing_could_be_judged(run: Run, home: Path) -> None:
    make_shipped(home / "artifacts" / "models" / "cnn3d")
    good, bad, _ = pictures(home)
    status, out, err = run("predict", good)
    assert status == 0
    assert "1 of 1 agree" in out
    assert "Not for clinical use" in err
    assert run("predict", bad)[0] == 1


@pytest.mark.parametrize("suffix", ["pdf", "html", "csv", "jsonl"])
def test_predict_writes_a_report(run: Run, home: Path, suffix: str) -> None:
    make_shipped(home / "artifacts" / "models" / "cnn3d")
    path = home / f"report.{suffix}"
    status, _, err = run("predict", pictures(home)[0], "--report", str(path), "--case")
    assert (status, f"{path} is written" in err) == (0, True)
    assert path.read_bytes()[:5] == {"pdf": b"%PDF-", "html": b"<!doc", "csv": b"file,", "jsonl": b'{"fil'}[suffix]


def test_a_report_of_no_known_kind_is_refused_before_anything_is_judged(run: Run, home: Path) -> None:
    status, out, err = run("predict", "a.png", "--report", "a.docx")
    assert (status, out) == (1, "")
    assert "no such kind of report" in err


def pictures(home: Path) -> list[str]:
    """A slice, something broken, and a path to nothing."""
    pixels = np.random.default_rng(0).integers(0, 255, (60, 50)).astype(np.uint8)
    Image.fromarray(pixels).save(home / "good.png")
    (home / "bad.png").write_bytes(b"not a picture")
    return [str(home / "good.png"), str(home / "bad.png"), str(home / "missing.png")]


def make_shipped(folder: Path) -> None:
    """A shipped model with random weights."""
    import hashlib

    from safetensors.torch import save

    from tumortrace.config import parse_config
    from tumortrace.models.registry import build
    from tumortrace.processes import write_json

    config = parse_config({"model": {"name": "cnn3d"}, "preprocess": {"size": 32}})
    raw = save({name: value.clone() for name, value in build(config.model).state_dict().items()})
    folder.mkdir(parents=True)
    (folder / "weights.safetensors").write_bytes(raw)
    card = {"config": config.model_dump(mode="json"), "weights_sha256": hashlib.sha256(raw).hexdigest(), "scores": {}}
    card |= {"trained_on": "nothing"}
    write_json(folder / "model.json", card)
