"""The shifted test: which slices it takes, what it keeps, and what it says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

from tests.tiny import write_tiny
from tumortrace import runs
from tumortrace.benchmark import robustness, shifted
from tumortrace.config import parse_config
from tumortrace.data.datasets import open_dataset
from tumortrace.errors import RunNotFound
from tumortrace.evaluation.predictions import PROBABILITIES
from tumortrace.imaging.shifted_test import LEVELS, SUITE
from tumortrace.models.registry import build
from tumortrace.runs.run import Run


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A finished run of a network that has learnt nothing, tested on fold 1."""
    monkeypatch.setenv("TUMORTRACE_HOME", str(tmp_path))
    write_tiny(tmp_path)
    model = {"name": "cnn3d"}
    made = runs.create(parse_config({"dataset": "tiny", "preprocess": {"size": 32}, "model": model}), "one")
    torch.manual_seed(0)
    save_file(build(made.config.model).state_dict(), made.folder / "model.safetensors")
    manifest = open_dataset().manifest
    rows = pd.DataFrame({"slice_id": manifest.loc[manifest["official_fold"] == 1, "slice_id"]})
    rows.to_parquet(made.folder / "predictions.parquet")
    return made


def test_every_shift_is_predicted_once_and_read_from_then_on(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    found = shifted.predict_shifted(run)
    held = set(found["slice_id"])
    assert 0 < len(held) < 18, "some of the test part"
    assert len(found) == len(held) * (1 + len(SUITE) * len(LEVELS))
    assert found[list(PROBABILITIES)].sum(axis=1).to_numpy() == pytest.approx(np.ones(len(found)), abs=1e-5)
    assert set(found["kind"]) == {robustness.NONE, *SUITE}
    plain = found[found["kind"] == robustness.NONE].set_index("slice_id")["p_glioma"]
    noisy = found[(found["kind"] == "noise") & (found["level"] == 3)].set_index("slice_id")["p_glioma"]
    assert not np.allclose(plain, noisy), "the network saw another picture"
    monkeypatch.setattr(shifted, "blank", None)
    assert shifted.predict_shifted(run).equals(pd.read_parquet(run.folder / "shifted.parquet"))


def test_the_same_slices_are_shifted_whatever_else_is_tested() -> None:
    names = np.array([str(number) for number in range(1, 3065)], dtype=object)
    every = set(shifted.chosen(names))
    assert 500 < len(every) < 720, "about a fifth"
    assert set(shifted.chosen(names[::2])) == every & set(names[::2])


def test_a_run_without_weights_is_named(run: Run) -> None:
    (run.folder / "model.safetensors").unlink()
    with pytest.raises(RunNotFound, match="no weights and test rows"):
        shifted.predict_shifted(run)


def test_what_is_lost_is_counted_against_the_same_slices_as_they_are() -> None:
    truth = pd.DataFrame(
        {"slice_id": ["1", "2"], "label": [0, 1], "patient_id": ["a", "b"], "person_id": ["a", "b"]}
    ).astype({"slice_id": "string"})
    lines = [("1", "none", 0, 0), ("2", "none", 0, 1), ("1", "blur", 1, 0), ("2", "blur", 1, 0), ("1", "blur", 2, 2),
             ("2", "blur", 2, 0)]  # fmt: skip
    rows = pd.DataFrame(lines, columns=["slice_id", "kind", "level", "said"]).astype({"slice_id": "string"})
    shares = np.full((len(rows), 3), 0.1)
    shares[np.arange(len(rows)), rows.pop("said")] = 0.8
    rows = rows.assign(model="tracenet", protocol="official", seed=0, fold=1)
    rows = rows.assign(**dict(zip(PROBABILITIES, shares.T, strict=True)))
    found = {(line["kind"], line["level"]): line for line in robustness.summarise(rows, truth)}
    assert {place: (line["accuracy"], line["lost"]) for place, line in found.items()} == {
        ("all", 0): (0.25, 0.75), ("blur", 1): (0.5, 0.5), ("blur", 2): (0.0, 1.0),
    }  # fmt: skip
    assert found["all", 0]["n"] == found["all", 0]["persons"] == 2
    assert robustness.summarise(rows.iloc[:0], truth) == []
