from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from tests.data.sources import mat_bytes, save_image
from tumortrace.constants import ATTRIBUTION
from tumortrace.data import datasets, splits
from tumortrace.data.ingest import importer
from tumortrace.data.ingest.importer import import_dataset
from tumortrace.errors import DatasetNotFound, ImportFailed

ROOT = Path(__file__).resolve().parents[3]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_duplicates_are_listed_and_left_out(mat_folder: Path) -> None:
    (mat_folder / "7.mat").write_bytes(mat_bytes(3, 2, "MR040240"))
    (mat_folder / "more").mkdir()
    (mat_folder / "more" / "1.mat").write_bytes(mat_bytes(42, 1, "100360"))
    report = import_dataset(mat_folder, workers=1).to_json()
    assert report["slices"] == 6
    reasons = {item["source"]: item["reason"] for item in report["duplicates"]}
    assert reasons["7.mat"] == "the same pixels"
    assert reasons["more/1.mat"] == "the same id 1"
    images = datasets.open_dataset().folder / "images"
    assert sorted(path.stem for path in images.iterdir()) == ["1", "2", "3", "4", "5", "6"]


def test_every_copy_of_a_picture_under_two_labels_is_left_out_and_named(mat_folder: Path) -> None:
    (mat_folder / "7.mat").write_bytes(mat_bytes(3, 1, "100361"))
    report = import_dataset(mat_folder, workers=1).to_json()
    assert report["slices"] == 5
    assert report["duplicates"] == []
    assert [(item["source"], item["label"]) for item in report["conflicts"]] == [
        ("3.mat", "glioma"),
        ("7.mat", "meningioma"),
    ]
    assert "meningioma and glioma" in report["conflicts"][0]["reason"]
    dataset = datasets.open_dataset()
    assert sorted(path.stem for path in (dataset.folder / "images").iterdir()) == ["1", "2", "4", "5", "6"]
    assert dataset.info["report"]["conflicts"] == report["conflicts"], "it is kept beside the manifest"


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs Linux")
def test_an_import_starts_no_more_processes_than_cores_it_may_use(
    mat_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def spy(tasks: object, folder: object, workers: int, progress: object) -> None:
        asked.append(workers)
        raise KeyboardInterrupt

    monkeypatch.setattr(importer, "_write_slices", spy)
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        with pytest.raises(KeyboardInterrupt):
            import_dataset(mat_folder)
    finally:
        os.sched_setaffinity(0, allowed)
    assert asked == [1]


def test_several_processes_give_the_same_dataset(mat_folder: Path) -> None:
    import_dataset(mat_folder, "one", workers=1)
    for number in range(7, 40):
        (mat_folder / f"{number}.mat").write_bytes(mat_bytes(number))
    seen: list[tuple[int, int]] = []
    first = import_dataset(mat_folder, "two", workers=1, progress=lambda done, total: seen.append((done, total)))
    second = import_dataset(mat_folder, "three", workers=2)
    assert seen[-1] == (39, 39)
    assert first.slices == second.slices == 39
    assert datasets.open_dataset("two").fingerprint == datasets.open_dataset("three").fingerprint
    assert datasets.open_dataset("one").fingerprint != datasets.open_dataset("two").fingerprint


def test_a_taken_name_is_refused_and_replace_swaps(mat_folder: Path) -> None:
    import_dataset(mat_folder, workers=1)
    with pytest.raises(ImportFailed, match="--replace"):
        import_dataset(mat_folder, workers=1)
    (mat_folder / "6.mat").unlink()
    assert import_dataset(mat_folder, workers=1, replace=True).slices == 5
    assert len(datasets.open_dataset().manifest) == 5
    assert names(datasets.open_dataset().folder.parent) == ["published"]


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden"])
def test_a_name_that_is_a_path_is_refused(mat_folder: Path, name: str) -> None:
    with pytest.raises(ImportFailed, match="name"):
        import_dataset(mat_folder, name or "../x", workers=1)


def test_nothing_readable_is_an_error_with_the_reasons(mat_folder: Path, home: Path) -> None:
    for path in mat_folder.glob("[0-9].mat"):
        path.write_bytes(b"junk")
    with pytest.raises(ImportFailed, match="published format"):
        import_dataset(mat_folder, workers=1)
    assert names(home / "data") == []


def test_an_interrupted_import_leaves_nothing(mat_folder: Path, home: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_dataset(mat_folder, workers=1, progress=interrupt)
    assert names(home / "data") == []
    with pytest.raises(DatasetNotFound):
        datasets.open_dataset()


def test_a_killed_import_leaves_nothing_that_shows_and_the_next_cleans_up(mat_folder: Path, home: Path) -> None:
    kill = (
        "import os, signal, sys; from pathlib import Path; from tumortrace.data.ingest.importer import import_dataset\n"
        "import_dataset(Path(sys.argv[1]), workers=1, progress=lambda *_: os.kill(os.getpid(), signal.SIGKILL))"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", kill, str(mat_folder)], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    assert datasets.available() == []
    import_dataset(mat_folder, workers=1)
    assert names(home / "data") == ["published"]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tumortrace", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def test_the_command_prints_one_json_document_and_nothing_else(mat_folder: Path) -> None:
    done = run("data", "import", str(mat_folder), "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 0
    assert {"slices", "patients", "persons", "classes", "folds", "unreadable", "duplicates"} <= set(report)
    again = run("data", "import", str(mat_folder), "--json")
    assert again.returncode == 1
    assert "--replace" in json.loads(again.stdout)["error"]
    about = json.loads(run("data", "info", "--json").stdout)
    assert about["slices"] == 6


def test_the_command_says_what_it_found_and_an_error_is_one_line(mat_folder: Path) -> None:
    done = run("data", "import", str(mat_folder))
    assert "6 slices" in done.stdout
    assert "persons: 4" in done.stdout
    failed = run("data", "import", str(mat_folder / "missing"))
    assert failed.returncode == 1
    assert failed.stderr.count("\n") == 1
    assert "Traceback" not in failed.stderr


def published_source(folder: Path, slices: int = 3) -> Path:
    """A folder of pictures with the ids, labels and patients of published slices."""
    truth = splits.frozen_figshare().iloc[:slices]
    for number in truth["slice_id"]:
        save_image(folder / "images" / f"{number}.png", int(number))
    table = truth[["slice_id", "label", "patient_id"]].assign(label=truth["label"] + 1)
    table.to_csv(folder / "slices.csv", index=False)
    return folder


def test_only_the_published_slices_get_their_name_and_their_author(home: Path, tmp_path: Path) -> None:
    report = import_dataset(published_source(tmp_path / "mine"), workers=1)
    assert report.name == "figshare"
    assert datasets.open_dataset("figshare").info["attribution"] == ATTRIBUTION


def test_other_slices_in_the_same_layout_are_called_as_their_folder(home: Path, tmp_path: Path) -> None:
    source = published_source(tmp_path / "my scans")
    table = pd.read_csv(source / "slices.csv", dtype=str)
    table.assign(patient_id="somebody").to_csv(source / "slices.csv", index=False)
    report = import_dataset(source, workers=1)
    assert (report.name, Path(report.path).name) == ("my-scans", "my-scans")
    assert "Cheng" not in datasets.open_dataset("my-scans").info["attribution"]
    with pytest.raises(ImportFailed, match=r"not the published slices.*--name"):
        import_dataset(source, "figshare", workers=1)
    assert datasets.available() == ["my-scans"]


def test_a_datasets_fingerprint_follows_from_ids_labels_and_pixels(mat_folder: Path) -> None:
    def fingerprint(name: str) -> str:
        import_dataset(mat_folder, name, workers=1)
        return str(datasets.open_dataset(name).info["fingerprint"])

    found = [fingerprint("first"), fingerprint("again")]
    assert found[0] == found[1]
    for number, label in ((6, 1), (7, 3)):  # another label; other pixels under the same id
        (mat_folder / "6.mat").write_bytes(mat_bytes(number, label, "107007"))
        found.append(fingerprint(f"changed-{number}-{label}"))
    assert len(set(found)) == 3
