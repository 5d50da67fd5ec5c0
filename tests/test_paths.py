from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tumortrace import paths


def test_home_and_artifacts_follow_their_variables_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TUMORTRACE_HOME", raising=False)
    monkeypatch.delenv("TUMORTRACE_ARTIFACTS", raising=False)
    assert not paths.installed()
    assert (paths.root() / "app.py").is_file()
    assert paths.home() == paths.root() / ".tumortrace"
    assert paths.artifacts() == paths.root() / "artifacts"
    monkeypatch.setenv("TUMORTRACE_HOME", str(tmp_path))
    monkeypatch.setenv("TUMORTRACE_ARTIFACTS", str(tmp_path / "other"))
    assert (paths.data(), paths.runs(), paths.cache()) == (tmp_path / "data", tmp_path / "runs", tmp_path / "cache")
    assert paths.artifacts() == tmp_path / "other"


def test_what_a_wheel_brought_is_found_and_nothing_is_written_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TUMORTRACE_HOME", "TUMORTRACE_ARTIFACTS"):
        monkeypatch.delenv(name, raising=False)
    here = tmp_path / "site-packages" / "tumortrace"
    (here / "_app").mkdir(parents=True)
    (here.parent / "app.py").write_text("somebody else's")
    monkeypatch.setattr(paths, "__file__", str(here / "paths.py"))
    monkeypatch.setenv("HOME", str(tmp_path / "reader"))
    monkeypatch.chdir(tmp_path)
    assert paths.installed()
    assert paths.root() == here / "_app"
    assert paths.artifacts() == here / "_app" / "artifacts"
    assert paths.home() == tmp_path / "reader" / ".tumortrace"


def test_a_process_in_another_folder_is_told_whole_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TUMORTRACE_HOME", "mine")
    monkeypatch.delenv("TUMORTRACE_ARTIFACTS", raising=False)
    assert paths.variables() == {"TUMORTRACE_HOME": str(tmp_path / "mine")}
    monkeypatch.setenv("TUMORTRACE_ARTIFACTS", "figures")
    assert paths.variables()["TUMORTRACE_ARTIFACTS"] == str(tmp_path / "figures")


def test_the_command_names_the_python_of_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(paths.root() / ".venv" / "bin" / "python"))
    assert paths.command("data download") == ".venv/bin/python -m tumortrace data download"
    monkeypatch.setattr(sys, "executable", "/usr/bin/python3")
    assert paths.command("train") == "python -m tumortrace train"
