"""Import of the published layout at its real size, beside the loop a user would write.

``python scripts/perf/import_data.py``

Generates as many ``.mat`` files as the dataset has (v7.3, int16, 512 x 512, with outline and mask; about 2.5 GB, in a
temporary folder), then measures in one run, each in a process of its own:

* ``import``: ``tumortrace data import``: checked, deduplicated, series found, lossless PNG, manifest;
* ``convert``: the loop that converts the files one by one to PNG, as most notebooks on this dataset begin;
* ``loop``: h5py file by file into one list of arrays; nothing is written.

Prints slices a second, peak memory (all processes of the side together, sampled) and their ratios, and writes JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import psutil
from joblib import Parallel, delayed

ROOT = Path(__file__).resolve().parents[2]
LOOP = """
import sys, h5py, numpy as np
from pathlib import Path
images, masks, labels, patients = [], [], [], []
for path in sorted(Path(sys.argv[1]).glob("[0-9]*.mat"), key=lambda path: int(path.stem)):
    with h5py.File(path) as file:
        data = file["cjdata"]
        images.append(np.array(data["image"]).T)
        masks.append(np.array(data["tumorMask"]).T)
        labels.append(int(data["label"][0, 0]))
        patients.append("".join(chr(c) for c in np.array(data["PID"]).ravel()))
images, masks = np.stack(images), np.stack(masks)
print(images.shape)
"""

CONVERT = """
import sys, h5py, numpy as np
from pathlib import Path
from PIL import Image
out = Path(sys.argv[1]).parent / "png"
for path in sorted(Path(sys.argv[1]).glob("[0-9]*.mat"), key=lambda path: int(path.stem)):
    with h5py.File(path) as file:
        data = file["cjdata"]
        folder = out / str(int(data["label"][0, 0]))
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.array(data["image"]).T.astype(np.uint16)).save(folder / f"{path.stem}.png")
        Image.fromarray(np.array(data["tumorMask"]).T * 255).save(folder / f"{path.stem}_mask.png")
"""


def write_mat(folder: Path, number: int, side: int) -> None:
    """One slice: a smooth head with noise, so that it packs about as well as a real one."""
    random = np.random.default_rng(number)
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    head = np.clip(1.2 - np.hypot(x / 0.7, y / 0.85), 0, 1) * 3000
    image = (head + (head > 0) * random.normal(0, 60, head.shape)).clip(0).astype(np.int16)
    cx, cy = random.uniform(0.35, 0.65, 2) * side
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    border = np.stack([cx + side * 0.08 * np.cos(turn), cy + side * 0.06 * np.sin(turn)], axis=1)
    rows, columns = np.mgrid[:side, :side]
    mask = (((columns - cx) / (side * 0.08)) ** 2 + ((rows - cy) / (side * 0.06)) ** 2 <= 1).astype(np.uint8)
    patient = f"{100000 + number // 13}"
    with h5py.File(folder / f"{number}.mat", "w", userblock_size=512) as file:
        group = file.create_group("cjdata")
        group["label"] = np.array([[float(number % 3 + 1)]])
        group["PID"] = np.array([[ord(letter)] for letter in patient], dtype=np.uint16)
        group.create_dataset("image", data=image.T, compression="gzip", compression_opts=3)
        group["tumorBorder"] = border.reshape(1, -1)
        group.create_dataset("tumorMask", data=mask.T, compression="gzip", compression_opts=3)


def measure(command: list[str], environment: dict[str, str]) -> dict[str, float]:
    """Seconds and peak memory of a command with all its children, in MiB: resident, shared pages counted once (PSS)."""
    began = time.perf_counter()
    process = psutil.Popen(command, env=os.environ | environment, stdout=subprocess.DEVNULL)
    peak = 0
    while process.poll() is None:
        total = 0
        for one in [process, *_children(process)]:
            try:
                total += one.memory_full_info().pss
            except (psutil.Error, OSError):
                continue
        peak = max(peak, total)
        time.sleep(0.1)
    if process.returncode:
        raise SystemExit(f"{command[:4]} ended with {process.returncode}")
    return {"seconds": round(time.perf_counter() - began, 2), "peak_mib": round(peak / 2**20)}


def _children(process: psutil.Popen) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slices", type=int, default=3064)
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--out", type=Path, help="write the figures here as JSON")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "published"
        folder.mkdir()
        Parallel(n_jobs=-1)(delayed(write_mat)(folder, number, given.side) for number in range(1, given.slices + 1))
        folds = np.array([[float(number // 13 % 5 + 1) for number in range(1, given.slices + 1)]])
        with h5py.File(folder / "cvind.mat", "w", userblock_size=512) as file:
            file["cvind"] = folds
        environment = {"TUMORTRACE_HOME": str(Path(scratch) / "home"), "PYTHONPATH": str(ROOT)}
        sides: dict[str, dict[str, Any]] = {
            "convert": measure([sys.executable, "-c", CONVERT, str(folder)], environment),
            "loop": measure([sys.executable, "-c", LOOP, str(folder)], environment),
            "import": measure(
                [sys.executable, "-m", "tumortrace", "data", "import", str(folder), "--json"], environment
            ),
        }
    for side in sides.values():
        side["slices_per_second"] = round(given.slices / side["seconds"], 1)
    ratios = {
        name: {
            "throughput": round(sides["import"]["slices_per_second"] / sides[name]["slices_per_second"], 2),
            "peak_memory": round(sides["import"]["peak_mib"] / sides[name]["peak_mib"], 2),
        }
        for name in ("convert", "loop")
    }
    found = {
        "slices": given.slices, "side": given.side, "cpus": os.cpu_count(), "python": platform.python_version(),
        **sides, "import_over": ratios,
    }  # fmt: skip
    for name, side in sides.items():
        print(
            f"{name:7} {side['slices_per_second']:7.1f} slices/s {side['seconds']:7.1f} s {side['peak_mib']:6} MiB peak"
        )
    for name, ratio in ratios.items():
        print(f"import over {name}: throughput x{ratio['throughput']}, peak memory x{ratio['peak_memory']}")
    if given.out:
        given.out.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
