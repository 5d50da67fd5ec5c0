"""An empty home, and the published layout in small."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.data.sources import FOLDS, LABELS, PATIENTS, cvind_bytes, mat_bytes


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TUMORTRACE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def mat_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "published"
    folder.mkdir()
    for number, (label, patient) in enumerate(zip(LABELS, PATIENTS, strict=True), start=1):
        (folder / f"{number}.mat").write_bytes(mat_bytes(number, label, patient))
    (folder / "cvind.mat").write_bytes(cvind_bytes(FOLDS))
    (folder / "README.txt").write_text("about")
    return folder
