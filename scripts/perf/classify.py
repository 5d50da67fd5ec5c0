"""Classifying beside its ceiling and beside other runtimes.

``python -m scripts.perf.classify [--threads 2] [--rounds 9] [--json FILE]``

With the models that ship, on slices it draws (the figures do not depend on what is on them), 512 px each, in one run:

* ``one slice``: seconds from pixels to an answer, warm: the whole panel with gate, and one saliency map; ResNet18 with
  Grad-CAM alone; the reader before it;
* ``batch``: slices a second of 100 through the predictor, beside the models' bare forward passes on prepared tensors in
  batches of 16, taking turns; the ratio is the median of the rounds;
* ``runtimes``: each model's forward pass eager, under ``torch.compile``, channels_last, bfloat16 and ONNX Runtime;
* ``ten at once``: ten threads, a slice each, at the same time: how long the last one waits;
* ``memory``: this process with all models loaded, after all of it.
"""

from __future__ import annotations

import argparse
import io
import json
import platform
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from PIL import Image

from tumortrace.inference.classifier import Classifier
from tumortrace.inference.predictor import BATCH, Predictor
from tumortrace.inference.request import SliceInput

SLICES = 100


def drawn(count: int, size: int = 512) -> list[np.ndarray]:
    """Heads that never were."""
    y, x = np.mgrid[:size, :size] / size * 2 - 1
    random = np.random.default_rng(0)
    found = []
    for _ in range(count):
        head = ((x / 0.7) ** 2 + (y / 0.85) ** 2 < 1) * 90.0
        spot = ((x - random.uniform(-0.4, 0.4)) ** 2 + (y - random.uniform(-0.4, 0.4)) ** 2 < 0.02) * 90.0
        found.append(np.clip(head + spot + random.normal(0, 6, head.shape) * (head > 0), 0, 255).astype(np.uint8))
    return found


def seconds(work: Callable[[], Any], rounds: int) -> list[float]:
    """Of each round, after two that do not count."""
    for _ in range(2):
        work()
    found = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return found


def one_slice(predictor: Predictor, slices: list[np.ndarray], rounds: int) -> dict[str, list[float]]:
    raw = io.BytesIO()
    Image.fromarray(slices[0]).save(raw, "PNG")
    turn = iter(range(10**9))

    def next_slice() -> np.ndarray:
        return slices[next(turn) % len(slices)]

    from tumortrace.imaging.formats import open_files

    explaining = predictor.models.get("tracenet") or next(iter(predictor.models.values()))
    resnet = predictor.models.get("resnet18", explaining)
    alone = Predictor([resnet], predictor.calibration, predictor.detector)

    def whole() -> None:
        pixels = next_slice()
        predictor.predict_one(pixels)
        explaining.explain(pixels)

    def single() -> None:
        pixels = next_slice()
        alone.predict_one(pixels)
        resnet.explain(pixels)

    return {
        "read a PNG": seconds(lambda: open_files([("a.png", raw.getvalue())])[0], rounds),
        "panel, gate and one saliency map": seconds(whole, rounds),
        "resnet18, gate and Grad-CAM": seconds(single, rounds),
        "resnet18 and Grad-CAM": seconds(lambda: resnet.explain(next_slice()), rounds),
    }


def batch(predictor: Predictor, slices: list[np.ndarray], rounds: int) -> dict[str, Any]:
    tensors = {
        name: torch.from_numpy(np.stack([model.prepare(one) for one in slices])).float().div_(255)[:, None]
        .repeat(1, model.config.model.depth, 1, 1)
        for name, model in predictor.models.items()
    }  # fmt: skip

    @torch.inference_mode()
    def bare() -> None:
        for name, model in predictor.models.items():
            for start in range(0, len(slices), BATCH):
                model.network.predict(tensors[name][start : start + BATCH])

    def ours() -> None:
        assert len(list(predictor.predict(SliceInput(str(place), one) for place, one in enumerate(slices)))) == len(
            slices
        )

    bare()
    ours()
    pairs = []
    for _ in range(rounds):
        took = []
        for work in (ours, bare):
            start = time.perf_counter()
            work()
            took.append(time.perf_counter() - start)
        pairs.append(took)
    return {
        "slices_per_second": statistics.median(len(slices) / one for one, _ in pairs),
        "bare_slices_per_second": statistics.median(len(slices) / other for _, other in pairs),
        "ratio": statistics.median(other / one for one, other in pairs),
        "rounds": [[round(value, 3) for value in pair] for pair in pairs],
    }


def runtimes(models: dict[str, Classifier], rounds: int) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for name, model in models.items():
        net = model.network
        side = model.config.preprocess.size
        images = torch.rand(BATCH, model.config.model.depth, side, side)
        ways: dict[str, Callable[[], Any]] = {"eager": lambda net=net, images=images: net(images)}
        for way, make in (
            ("channels_last", _last),
            ("bfloat16", _bf16),
            ("torch.compile", _compiled),
            ("onnxruntime", _onnx),
        ):
            try:
                ways[way] = make(model, images)
            except Exception as error:
                found.setdefault(name, {})[way] = f"not possible: {type(error).__name__}"
        with torch.inference_mode():
            took = {way: [] for way in ways}
            for _ in range(rounds + 2):
                for way, work in ways.items():
                    start = time.perf_counter()
                    work()
                    took[way].append(time.perf_counter() - start)
        eager = took["eager"][2:]
        for way, values in took.items():
            ratio = statistics.median(one / other for one, other in zip(eager, values[2:], strict=True))
            found.setdefault(name, {})[way] = {
                "ms": round(1e3 * statistics.median(values[2:]), 1),
                "speedup": round(ratio, 2),
            }
    return found


def _last(model: Classifier, images: torch.Tensor) -> Callable[[], Any]:
    import copy

    net = copy.deepcopy(model.network).to(memory_format=model.network.memory_format)
    return lambda: net(images)


def _bf16(model: Classifier, images: torch.Tensor) -> Callable[[], Any]:
    def work() -> Any:
        with torch.autocast("cpu", torch.bfloat16):
            return model.network(images)

    return work


def _compiled(model: Classifier, images: torch.Tensor) -> Callable[[], Any]:
    net = torch.compile(model.network)
    with torch.inference_mode():
        net(images)
    return lambda: net(images)


def _onnx(model: Classifier, images: torch.Tensor) -> Callable[[], Any]:
    import onnxruntime

    raw = io.BytesIO()
    torch.onnx.export(model.network, (images,), raw, input_names=["images"], output_names=["logits"], dynamo=False)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(raw.getvalue(), options, providers=["CPUExecutionProvider"])
    array = images.numpy()
    return lambda: session.run(None, {"images": array})


def at_once(predictor: Predictor, slices: list[np.ndarray], users: int = 10) -> dict[str, float]:
    took: list[float] = []

    def user(pixels: np.ndarray) -> None:
        start = time.perf_counter()
        predictor.predict_one(pixels)
        took.append(time.perf_counter() - start)

    threads = [threading.Thread(target=user, args=(slices[place],)) for place in range(users)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"users": users, "answered": len(took), "first": round(min(took), 3), "last": round(max(took), 3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    empty = psutil.Process().memory_info().rss
    start = time.perf_counter()
    predictor = Predictor.shipped()
    loaded = time.perf_counter() - start
    slices = drawn(SLICES)
    singles = one_slice(predictor, slices, chosen.rounds)
    found: dict[str, Any] = {
        "machine": f"{psutil.cpu_count()} cores, {chosen.threads} threads, torch {torch.__version__.split('+')[0]}, "
        f"Python {platform.python_version()}",
        "models": {name: model.config.preprocess.size for name, model in predictor.models.items()},
        "load_seconds": round(loaded, 2),
        "one_slice": {
            name: {"median": round(statistics.median(values), 3), "worst": round(max(values), 3)}
            for name, values in singles.items()
        },
        "batch": batch(predictor, slices, max(3, chosen.rounds // 3)),
        "ten_at_once": at_once(predictor, slices),
        "memory_mb": {"before": round(empty / 2**20), "after": round(psutil.Process().memory_info().rss / 2**20)},
    }
    found["runtimes"] = runtimes(predictor.models, chosen.rounds)
    text = json.dumps(found, indent=1)
    print(text)
    if chosen.json:
        chosen.json.write_text(text)


if __name__ == "__main__":
    main()
