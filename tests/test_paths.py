from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tumortrace import paths


def test_home_and_artifacts_follow_their_variables_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TUMORTRACE_HOME", raising=False)
    monkeypatch.delenv("TUMORTRACE_ARTIFACTS", raising=False)
    assert paths.home() == paths.root() / ".tumortrace"
    assert paths.artifacts() == paths.root() / "artifacts"
    monkeypatch.setenv("TUMORTRACE_HOME", str(tmp_path))
    monkeypatch.setenv("TUMORTRACE_ARTIFACTS", str(tmp_path / "other"))
    assert (paths.data(), paths.runs(), paths.cache()) == (tmp_path / "data", tmp_path / "runs", tmp_path / "cache")
    assert paths.artifacts() == tmp_path / "other"


def test_the_command_names_the_python_of_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(paths.root() / ".venv" / "bin" / "python"))
    assert paths.command("data download") == ".venv/bin/python -m tumortrace data download"
    monkeypatch.setattr(sys, "executable", "/usr/bin/python3")
    assert paths.command("train") == "python -m tumortrace train"
