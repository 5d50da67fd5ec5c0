"""Saliency of a finished run against the outlines, with random weights on phantoms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

from tumortrace import runs
from tumortrace.benchmark.records import LOCALISATION, MAPS
from tumortrace.benchmark.saliency_scores import score_saliency
from tumortrace.config import parse_config
from tumortrace.constants import CLASSES
from tumortrace.data import datasets, splits
from tumortrace.data.phantom import make_phantom
from tumortrace.errors import RunNotFound
from tumortrace.models.registry import build
from tumortrace.runs.run import Run

SLICES = 9


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Tested on nine slices, the first three of which it got wrong."""
    monkeypatch.setenv("TUMORTRACE_HOME", str(tmp_path))
    make_phantom(persons=15, size=48)
    config = parse_config({"dataset": "phantom", "model": {"name": "tracenet"}, "preprocess": {"size": 32}})
    made = runs.create(config, "a-run", state="finished")
    torch.manual_seed(0)
    save_file(build(config.model).state_dict(), made.folder / "model.safetensors")
    truth = splits.table_for(datasets.open_dataset("phantom")).head(SLICES)
    labels = truth["label"].to_numpy(dtype=np.int64)
    said = np.where(np.arange(SLICES) < 3, (labels + 1) % 3, labels)
    rows = pd.DataFrame({"slice_id": truth["slice_id"].astype("string")}).assign(
        model="tracenet", protocol="official", seed=0, fold=1, **{f"p_{name}": 0.1 for name in CLASSES}
    )
    for place, name in enumerate(CLASSES):
        rows.loc[said == place, f"p_{name}"] = 0.8
    rows.to_parquet(made.folder / "predictions.parquet", index=False)
    return made


@pytest.mark.slow
def test_every_method_is_scored_and_mistakes_keep_their_maps(run: Run) -> None:
    table = score_saliency(run, sample=4)
    whole = table[~table["sampled"]]
    assert set(whole["method"]) == {
        "gradcam", "gradcam++", "hirescam", "layercam", "eigencam", "outline", "even", "centre",
    }  # fmt: skip
    assert (whole["method"].value_counts() == SLICES).all()
    assert whole.groupby("method")["correct"].sum().eq(SLICES - 3).all()
    one_peak = whole["method"] != "even"
    assert whole.loc[one_peak, "pointing"].isin([0, 1]).all()
    assert whole["energy"].between(0, 1).all()
    sampled = table[table["sampled"]]
    assert set(sampled["method"]) == {"gradcam", "gradcam++", "hirescam", "layercam", "eigencam", "scorecam"}
    assert sampled["road"].notna().sum() == 6 * 4
    one = sampled[sampled["method"] == "gradcam"]
    assert one["weight"].sum() == pytest.approx(SLICES), "the sample stands for all slices"
    drawn = table[table["method"] == "outline"]
    assert drawn["dice"].between(0, 1).all()
    with np.load(run.folder / MAPS, allow_pickle=False) as maps:
        assert maps["predicted"].shape == maps["true"].shape == (3, 32, 32)
        assert maps["predicted"].dtype == np.uint8

    changed = (run.folder / LOCALISATION).stat().st_mtime_ns
    assert score_saliency(run).equals(pd.read_parquet(run.folder / LOCALISATION))
    assert (run.folder / LOCALISATION).stat().st_mtime_ns == changed, "it is not done twice"


def test_a_run_without_weights_says_so(run: Run) -> None:
    (run.folder / "model.safetensors").unlink()
    with pytest.raises(RunNotFound, match="no weights and test rows"):
        score_saliency(run)
