"""How long the gallery takes to answer a filter: ``python -m scripts.perf.gallery --home .tumortrace``.

Two questions, for the real dataset (where it is imported) and for 100,000 synthetic rows:

* the question alone (``tumortrace.data.query.select``) beside a plain loop over the rows, as a ratio from the same run;
* a whole run of the page on the server after a filter changed, widgets and pictures included: the first time, when the
  page's 24 pictures have to be made, and again. CPU time stands beside, for a busy machine disturbs the other. All
  pictures of the synthetic rows are links to one file.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from tumortrace import paths, processes
from tumortrace.constants import CLASSES, FIGSHARE, PROTOCOLS
from tumortrace.data import splits
from tumortrace.data.manifest import conform
from tumortrace.data.query import Query, Table, prepare, select

ROWS = 100_000
A_PATIENT = 13
LIMIT_S = 0.3
QUERY = Query(classes=("glioma",), text="mr0", area=(300, 3000), sort="tumour area", descending=True)


def synthetic(folder: Path, count: int = ROWS) -> None:
    """A dataset of so many rows in ``folder``, all pictures links to one."""
    rng = np.random.default_rng(0)
    (folder / "images").mkdir(parents=True)
    real = folder / "one.png"
    Image.fromarray(rng.integers(0, 200, (512, 512), dtype=np.uint8)).save(real)
    patients = [f"MR{number // A_PATIENT:06d}" for number in range(count)]
    for number in range(1, count + 1):
        (folder / "images" / f"{number}.png").symlink_to(real)
    rows = conform(
        pd.DataFrame(
            {
                "slice_id": [str(number + 1) for number in range(count)],
                "label": [int(name[2:]) % 3 for name in patients], "patient_id": patients,
                "series_id": [f"{name}-{number % 3}" for number, name in enumerate(patients)],
                "position": [number % A_PATIENT // 3 for number in range(count)],
                "official_fold": [int(name[2:]) % 5 + 1 for name in patients], "height": 512, "width": 512,
                "source": [f"part{number % 4}/{number + 1}.mat" for number in range(count)], "sha256": "0" * 64,
                "area_px": rng.integers(100, 20000, count), "outline": "100,100 200,100 200,200 100,200",
            }
        )
    )  # fmt: skip
    rows.to_parquet(folder / "manifest.parquet")
    # Folds are made once, on import; here without the search for even ones, which is not what is measured.
    table = rows[["slice_id", "label", "patient_id", "person_id"]].assign(
        **dict.fromkeys(PROTOCOLS, rows["official_fold"])
    )
    raw = splits.to_csv(table)
    processes.write_bytes(folder / "splits.csv", raw)
    processes.write_text(folder / "splits.sha256", hashlib.sha256(raw).hexdigest() + "\n")
    facts = {"kind": "synthetic", "origin": "benchmark", "attribution": "", "fingerprint": "b" * 64, "report": {}}
    processes.write_json(folder / "dataset.json", facts)


def plainly(rows: list[dict[str, Any]], query: Query) -> list[int]:
    """The same question as one would first write it: a row at a time."""
    kept = []
    for place, row in enumerate(rows):
        said = "\n".join(str(row[name]) for name in ("slice_id", "patient_id", "person_id", "source", "class_name"))
        if row["class_name"] not in query.classes or query.text not in said.lower():
            continue
        if query.area is None or query.area[0] <= row["area"] <= query.area[1]:
            kept.append(place)
    return sorted(kept, key=lambda place: rows[place]["area"], reverse=True)


def timed(action: Callable[[], Any], times: int = 5) -> float:
    """Median seconds."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        action()
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def question(table: Table) -> dict[str, float]:
    """The question alone, vectorised and plain, in one run."""
    rows = table.rows.to_dict("records")
    fast = timed(lambda: select(table, QUERY), 9)
    slow = timed(lambda: plainly(rows, QUERY), 3)
    assert set(select(table, QUERY)) == set(plainly(rows, QUERY))
    return {"select_s": fast, "loop_s": slow, "loop_over_select": slow / fast}


def page(name: str) -> dict[str, float]:
    """A run of the page on the server after a filter changed: with new pictures, and with known ones."""
    from streamlit.testing.v1 import AppTest

    from tumortrace.ui.shell import state

    test = AppTest.from_file(str(paths.root() / "app.py"), default_timeout=600)
    test.session_state[state.DATASET] = name
    test.switch_page("pages/1_Dataset.py")
    began = time.perf_counter()
    test.run()
    opened = time.perf_counter() - began
    assert not test.exception
    walls: dict[str, list[float]] = {"filter": [], "filter_again": []}
    works: dict[str, list[float]] = {"filter": [], "filter_again": []}
    for turn in range(3):
        for which in walls:
            test.session_state[state.GALLERY_CLASSES] = [CLASSES[turn]]
            began, worked = time.perf_counter(), time.process_time()
            test.run()
            walls[which].append(time.perf_counter() - began)
            works[which].append(time.process_time() - worked)
    assert not test.exception
    said = [element.value for element in test.markdown if "slices**" in element.value]
    assert len(said) == 1, "the gallery is not on the page"
    assert len(test.get("image")) >= 24, "its pictures are not on the page"
    return {
        "opened_s": opened,
        **{f"{which}_s": statistics.median(took) for which, took in walls.items()},
        **{f"{which}_cpu_s": statistics.median(took) for which, took in works.items()},
    }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=Path, help="home folder with the real dataset; without it only synthetic rows")
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--out", type=Path, help="write the figures here as JSON")
    given = parser.parse_args()
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        synthetic(Path(folder) / "data" / "synthetic", given.rows)
        homes = [("synthetic", Path(folder))]
        if given.home is not None and (given.home / "data" / FIGSHARE).exists():
            homes.insert(0, (FIGSHARE, given.home.resolve()))
        for name, home in homes:
            os.environ["TUMORTRACE_HOME"] = str(home)
            from tumortrace.ui.gallery import table as gallery_table
            from tumortrace.ui.shell import cache

            table = gallery_table.table_of(cache.dataset(name))
            alone = question(prepare(table.rows, in_mm=name == FIGSHARE))
            found[name] = {"rows": len(table.rows), **alone, **page(name)}
            line = found[name]
            print(
                f"{name:9} {line['rows']:>7,.0f} rows   question {1e3 * line['select_s']:6.1f} ms, a plain loop "
                f"{line['loop_over_select']:5.0f} times that\n"
                f"    page after a filter {line['filter_s']:.3f} s with its pictures made "
                f"({line['filter_cpu_s']:.3f} s of CPU), {line['filter_again_s']:.3f} s with them known "
                f"({line['filter_again_cpu_s']:.3f} s of CPU); "
                f"limit {LIMIT_S} s; first visit {line['opened_s']:.1f} s",
                flush=True,
            )
    if given.out:
        given.out.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
