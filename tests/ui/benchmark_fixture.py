"""A small benchmark, made up: every part of ``artifacts/benchmark/`` that the Results page reads."""

from __future__ import annotations

import shutil
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from tumortrace import paths, processes
from tumortrace.constants import CLASSES
from tumortrace.data import splits
from tumortrace.data.manifest import conform
from tumortrace.evaluation.predictions import join_truth
from tumortrace.evaluation.report import make_reports, write_reports
from tumortrace.evaluation.results_document import ResultsDocument

MODELS = {"tracenet": 9, "resnet18": 6, "ensemble": 12, "majority": 0}
"""Of each model: it errs in every slice whose place is a multiple of this; the majority says the same of all."""
PROTOCOLS = ("official", "person")
SLICES = 90
LITERATURE = """source,year,model,protocol,kind,unit,accuracy,macro_f1,other,checked,where
Milestone,2025,3D CNN,slice 80/20,slice,slice,0.87,0.86,two names are swapped,yes,the paper
Someone et al.,2019,VGG19,patient 5-fold,official,slice,0.948,,,no,
Other repository,2026,ResNet34,person groups,person,slice,0.952,0.938,,yes,arXiv 2411.12874
Far away,,YOLO,another set,other,image,0.99,,,yes,
"""


def rows() -> pd.DataFrame:
    """Prediction rows of every model and protocol, on the same slices."""
    truth = splits.frozen_figshare()
    held = truth.groupby("label", group_keys=False).head(SLICES // 3)
    parts = []
    for protocol in PROTOCOLS:
        for model, every in MODELS.items():
            labels = held["label"].to_numpy(dtype=int)
            said = np.full(len(held), 1) if every == 0 else labels.copy()
            if every:
                said[::every] = (said[::every] + 1) % 3
            shares = np.full((len(held), 3), 0.1)
            shares[np.arange(len(held)), said] = 0.8
            frame = pd.DataFrame(
                {"model": model, "protocol": protocol, "seed": 0, "fold": held[protocol].astype(int).to_numpy(),
                 "slice_id": held["slice_id"].astype(str).to_numpy()}
            )  # fmt: skip
            parts.append(frame.assign(**{f"p_{name}": shares[:, place] for place, name in enumerate(CLASSES)}))
    return pd.concat(parts, ignore_index=True)


def document() -> ResultsDocument:
    """``results.json`` with every list filled; the figures are invented."""
    ends = {"low": 0.01, "high": 0.05}
    pairs = [
        {"protocol": protocol, "first": first, "second": second, "metric": metric, "difference": gap, **end, "n": 90,
         "persons": 30, "both_right": 70, "only_first": 12, "only_second": 5, "both_wrong": 3, "p_mcnemar": 0.143}
        for protocol in PROTOCOLS for metric in ("accuracy", "macro_f1")
        for (first, second), (gap, end) in zip(
            combinations(sorted(MODELS), 2), [(0.03, ends), (-0.01, {"low": -0.03, "high": 0.02})] * 3, strict=True
        )
    ]  # fmt: skip
    models = list(MODELS)
    return ResultsDocument.model_validate({
        "created": "2026-01-02T03:04:05+00:00", "preset": "quick", "note": "64 px, one seed.",
        "synthetic": False, "dataset": {"name": "figshare", "slices": 3064, "patients": 233, "persons": 209},
        "comparisons": pairs,
        "shifted": [
            {"model": model, "protocol": protocol, "kind": kind, "level": level, "accuracy": 0.71, "accuracy_low": 0.66,
             "accuracy_high": 0.75, "lost": 0.123, "lost_low": 0.1, "lost_high": 0.15, "n": 613, "persons": 100}
            for model in models for protocol in PROTOCOLS
            for kind, level in (("all", 0), ("blur", 1), ("blur", 2), ("blur", 3))
        ],
        "spread": [
            {"model": model, "protocol": protocol, "by": by, "metric": "accuracy", "values": values, "mean": 0.9,
             "sd": 0.02 if len(values) > 1 else None}
            for model in models for protocol in PROTOCOLS
            for by, values in (("fold", {"1": 0.88, "2": 0.92}), ("seed", {"0": 0.9}))
        ],
        "calibration": [
            {"model": "resnet18", "protocol": "person", "tempered": tempered, "metric": metric, "value": 0.05, **ends,
             "n": 90}
            for tempered in (False, True) for metric in ("ece", "brier", "log_loss")
        ],
        "leakage": [
            {"model": model, "protocol": "official", "metric": metric, "class": name, "n": 90, "leaky": 0.95,
             "honest": 0.92, "gain": 0.03, **ends}
            for model in models
            for metric, name in (("accuracy", None), ("macro_f1", None), *(("recall", name) for name in CLASSES))
        ],
        "follow_ups": [
            {"model": model, "protocol": protocol, "group": group, "value": 0.02, **ends, "right": None, "n": 40,
             "persons": 12}
            for model in models for protocol, group in (
                *((protocol, group) for protocol in PROTOCOLS for group in ("follow-up", "none", "difference")),
                ("official - person", "difference of differences"),
            )
        ],
        "ablations": [
            {"base": "tracenet", "factor": factor, "level": level, "metric": metric, "value": 0.9, "n": 90,
             "folds": [1, 2], **({"difference": None, "low": None, "high": None} if factor is None else {
                 "difference": 0.03, **ends})}
            for factor, level in ((None, None), ("crop", "none"), ("dropout", "0.3"))
            for metric in ("accuracy", "macro_f1", "log_loss")
        ],
        "localisation": [
            {"model": model, "method": method, "group": group, "metric": metric, "value": 0.4, "low": 0.3, "high": 0.5,
             "n": 90, "persons": 30, "sampled": metric == "road"}
            for model, method, metric in (
                ("tracenet", "gradcam", "pointing"), ("tracenet", "even", "pointing"), ("tracenet", "gradcam", "road"),
                ("resnet18", "gradcam", "pointing"), ("tracenet", "outline", "dice"), ("tracenet", "outline", "iou"),
            )
            for group in ("all", "right", "wrong")
        ],
        "thresholds": {},
        "failures": {
            "error_rates": [
                {"model": model, "protocol": protocol, "by": by, "group": group, "value": 0.1, "low": 0.05,
                 "high": 0.2, "n": 30, "persons": 10}
                for model in models for protocol in PROTOCOLS
                for by, group in (*(("class", name) for name in CLASSES), ("plane", "axial"))
            ],
            "persons": [
                {"model": model, "protocol": "person", "person_id": "MR1", "class": "glioma", "errors": 4, "n": 9,
                 "share": 0.5}
                for model in models
            ],
            "suspects": {"person": {"judge": "ensemble", "suspects": [
                {"slice_id": "7", "patient_id": "100360", "label": "meningioma", "suggested": "glioma", "quality": 0.02}
            ]}},
        },
        "votes": [
            {"protocol": "person", "seed": 0, "fold": 1, "temperatures": {"tracenet": 1.2, "resnet18": 0.9},
             "weights": {"tracenet": 0.6, "resnet18": 0.4}, "n": 20}
        ],
        "recipes": {"resnet18": {"preprocess.size": 64, "model.hflip_tta": True}},
        "compute": [
            {"part": "person", "model": "resnet18", "size": "64 px", "device": "CPU, 1 thread", "runs": 5,
             "hours": 1.25}
        ],
        "missing": [{"part": "slice", "run": "benchmark-quick-x", "variant": None}],
    })  # fmt: skip


def judged(folder: Path) -> Path:
    """Write rows and reports into a folder, to be copied by :func:`write`: judging takes longer than a page."""
    table = rows()
    table.to_parquet(folder / "predictions.parquet", index=False)
    write_reports(make_reports(table, splits.frozen_figshare(), replicates=5), folder / "reports.json")
    return folder


def write(found: ResultsDocument | None, reports: Path | None) -> Path:
    """Put a benchmark where the pages look for it; None leaves a part out."""
    folder = paths.artifacts() / "benchmark"
    folder.mkdir(parents=True, exist_ok=True)
    if found is not None:
        processes.write_json(folder / "results.json", found.model_dump(mode="json", by_alias=True))
    for path in () if reports is None else reports.iterdir():
        shutil.copy(path, folder)
    (folder / "literature.csv").write_text(LITERATURE)
    return folder


def wrong(model: str = "ensemble", protocol: str = "person") -> dict[str, tuple[str, str]]:
    """The mistakes of a model: slice id to true and predicted class."""
    table = rows()
    held = table[(table["model"] == model) & (table["protocol"] == protocol)]
    joined = join_truth(held, splits.frozen_figshare())
    bad = joined[~joined["correct"]]
    return dict(zip(bad["slice_id"], zip(bad["true_class"], bad["predicted_class"], strict=True), strict=True))


def import_slices(home: Path) -> Path:
    """Put a dataset of the benchmark's slices, drawn as noise, where the pages look for the real one."""
    truth = splits.frozen_figshare()
    held = truth[truth["slice_id"].isin(rows()["slice_id"])]
    folder = home / "data" / "figshare"
    (folder / "images").mkdir(parents=True)
    table = held[["slice_id", "label", "patient_id", "person_id"]].assign(
        official_fold=held["official"], source="made up", sha256="0", height=64, width=64, series_id="s", position=0,
        outline="10,10 20,10 20,20 10,20", box_x0=10, box_x1=20, box_y0=10, box_y1=20,
        area_px=range(50, 50 + len(held)),
    )  # fmt: skip
    conform(table).to_parquet(folder / "manifest.parquet")
    facts = {"kind": "real", "origin": "made up", "attribution": "", "fingerprint": "f" * 64, "report": {}}
    processes.write_json(folder / "dataset.json", facts)
    rng = np.random.default_rng(0)
    for slice_id in held["slice_id"]:
        pixels = rng.integers(0, 255, (64, 64), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "images" / f"{slice_id}.png")
    return folder
