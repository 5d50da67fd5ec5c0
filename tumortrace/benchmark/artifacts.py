"""What the benchmark ships: its document and rows, written whole into a folder.

``artifacts/benchmark/`` holds::

    results.json           what is computed from several models, and what all rests on; see
                           :class:`tumortrace.evaluation.results_document.ResultsDocument`
    reports.json           a report a model and protocol, with every figure of it
    predictions.parquet    model, protocol, seed, fold, slice_id, p_meningioma, p_glioma, p_pituitary
    validation.parquet     the same for the validation parts, from which the vote was fitted
    ablations.parquet      the same for the ablations, with base and variant
    localisation.parquet   a row a model, slice and saliency method
    saliency.npz           Grad-CAM of misclassified slices, 32 x 32, uint8
    literature.csv         published figures; not written here
    runs/                  what each finished run left; see :mod:`tumortrace.benchmark.records`
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tumortrace import paths, processes
from tumortrace.benchmark.compute import Benchmark, ordered
from tumortrace.evaluation.predictions import KEYS
from tumortrace.evaluation.report import write_reports


def write_benchmark(found: Benchmark, folder: Path | None = None) -> Path:
    """Write everything into ``artifacts/benchmark/`` (or ``folder``), each file atomically; returns the folder."""
    folder = folder or paths.artifacts() / "benchmark"
    folder.mkdir(parents=True, exist_ok=True)
    tables = {
        "predictions": ordered(found.rows.test, list(KEYS)),
        "validation": ordered(found.rows.validation, list(KEYS)),
        "ablations": ordered(found.rows.ablations, ["base", "variant", *KEYS]),
        "localisation": found.localised,
        "shifted": found.shifted,
    }
    for name, table in tables.items():
        processes.write_parquet(folder / f"{name}.parquet", table, compression="zstd")
    processes.write_npz(folder / "saliency.npz", found.maps)
    write_reports(found.reports, folder / "reports.json")
    # Last: who reads it finds the rest of the same making.
    processes.write_text(folder / "results.json", _lines(found.document.model_dump(mode="json", by_alias=True)))
    return folder


def _lines(document: dict[str, Any]) -> str:
    """JSON with a line a record: small, and a changed figure is one changed line."""
    parts = []
    for key, value in document.items():
        if isinstance(value, list) and value:
            body = ",\n".join("  " + json.dumps(line, allow_nan=False) for line in value)
            parts.append(f"{json.dumps(key)}: [\n{body}\n ]")
        else:
            parts.append(f"{json.dumps(key)}: {json.dumps(value, allow_nan=False)}")
    return "{\n " + ",\n ".join(parts) + "\n}\n"
