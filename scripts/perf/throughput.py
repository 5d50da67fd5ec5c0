"""Training throughput beside its ceiling and beside the loop a user would write.

``python -m scripts.perf.throughput [--dataset NAME] [--json FILE]``

For each model, in one run, images per second of

* ``ours``: the training loop as it is (augmentation, clipping, moving average, status and all);
* ``ceiling``: the bare step of the same network on one fixed batch that is already on the device: forward, loss,
  backward, optimiser, in the same arithmetic and memory layout;
* ``user``: torchvision's ``ImageFolder``, PIL transforms, a ``DataLoader`` with a worker a core, the usual loop;
* ``user, tuned``: the same with autocast, channels_last and persistent workers.

Each is a process of its own, warmed up, and they take turns, the others suspended with their workers; a ratio is the
median of the ratios of each round. Beside it the peak memory: of the device, and of the host over the side's processes
together (PSS, sampled). Then

* ``frozen``: early layers frozen, no augmentation: features kept, and computed anew at every step;
* ``linear``: seconds an epoch with the slices repeated 1, 4 and 16 times.

Without ``--dataset`` it draws synthetic slices of its own; the figures do not depend on what is on them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import psutil

MODELS = {"resnet18": 128, "cnn3d": 128, "inception_v3": 144}
SIDES = ("ours", "ceiling", "user", "user, tuned")
WARM_UP = 4


# --- sides: each makes a function that trains on so many batches and returns the seconds it took ----------------------


def config_of(model: str, size: int, batch: int, dataset: str, **values: Any) -> Any:
    from tumortrace.config import parse_config
    from tumortrace.config.fields import nest

    settings = {
        "dataset": dataset, "model.name": model, "preprocess.size": size, "optim.batch_size": batch,
        "validation_tiles": 0, "optim.epochs": 500, "validation": 0.0,
    }  # fmt: skip
    return parse_config(nest(settings | values))


def trainer_of(config: Any, repeat: int = 1) -> Any:
    """Our trainer, ready for its first epoch, on the training part repeated so many times."""
    import numpy as np
    import torch

    from tumortrace import runs
    from tumortrace.training.session import prepare
    from tumortrace.training.status_writer import StatusWriter
    from tumortrace.training.trainer import Trainer

    run = runs.create(config)
    session, progress = prepare(run, StatusWriter(run))
    if repeat > 1:
        data, count = session.data, len(session.data.labels)
        part = np.concatenate([data.split.train + place * count for place in range(repeat)])
        more = replace(
            data,
            slices=data.slices.repeat(repeat, 1, 1),
            stacks=torch.arange(count * repeat, device=data.stacks.device)[:, None],
            labels=data.labels.repeat(repeat),
            split=replace(data.split, train=part),
        )
        session = replace(session, data=more)
    return Trainer(session, progress)


def epochs_of(trainer: Any) -> Callable[[int], float]:
    def go(steps: int) -> float:
        import torch

        session = trainer.session
        count = min(steps, len(session.data.split.train) // session.config.optim.batch_size)
        trainer.session = trainer.objective.session = replace(session, steps=count)
        seconds, done = 0.0, 0
        while done < steps:
            progress = trainer.progress
            progress.batch, progress.losses, progress.correct = 0, [], 0
            began = time.perf_counter()
            trainer.epoch()
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            seconds += time.perf_counter() - began
            done += trainer.session.steps
            progress.epoch += 1
        return seconds * steps / done

    return go


def ours(model: str, size: int, batch: int, dataset: str, **values: Any) -> Callable[[int], float]:
    return epochs_of(trainer_of(config_of(model, size, batch, dataset, **values)))


def ceiling(model: str, size: int, batch: int, dataset: str) -> Callable[[int], float]:
    import torch
    import torch.nn.functional as F

    session = trainer_of(config_of(model, size, batch, dataset)).session
    rows = torch.from_numpy(session.data.split.train[:batch]).to(session.fabric.device)
    images, labels = session.data.batch(rows), session.data.labels[rows]
    session.model.train()

    def step() -> None:
        out = session.forward(images)
        logits, aux = out if isinstance(out, tuple) else (out, None)
        loss = F.cross_entropy(logits.float(), labels)
        if aux is not None:
            loss = loss + 0.4 * F.cross_entropy(aux.float(), labels)
        session.fabric.backward(loss)
        session.optimiser.step()
        session.optimiser.zero_grad(set_to_none=True)

    return timed(step)


def user(model: str, size: int, batch: int, dataset: str, *, tuned: bool = False) -> Callable[[int], float]:
    """As in the tutorials."""
    import torch
    from torch import nn
    from torch.utils.data import DataLoader
    from torchvision import datasets, transforms

    from tumortrace.config import ModelSettings
    from tumortrace.models.registry import build

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    transform = transforms.Compose(
        [
            transforms.Grayscale(),
            transforms.Resize((size, size)),
            transforms.RandomAffine(15, translate=(0.06, 0.06), scale=(0.88, 1.12)),
            transforms.RandomHorizontalFlip(),
            transforms.ColorJitter(brightness=0.1, contrast=0.2),
            transforms.ToTensor(),
        ]
    )
    folder = datasets.ImageFolder(class_folders(dataset), transform)
    loader = DataLoader(
        folder, batch_size=batch, shuffle=True, drop_last=True, num_workers=os.cpu_count() or 1,
        pin_memory=device.type == "cuda", persistent_workers=tuned,
    )  # fmt: skip
    # The 3D CNN is the project's own; the other two are torchvision's under the same wrapper a user would write.
    net: Any = build(ModelSettings(name=model)).to(device)
    if tuned:
        net = net.to(memory_format=net.memory_format)
    loss_of = nn.CrossEntropyLoss()
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3)
    bf16 = tuned and (device.type == "cuda" or torch.cpu._is_avx512_bf16_supported())

    def batches() -> Any:
        while True:
            yield from loader

    stream = batches()
    net.train()

    def step() -> None:
        images, labels = next(stream)
        images, labels = images.to(device), labels.to(device)
        optimiser.zero_grad()
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            out = net(images)
            logits, aux = out if isinstance(out, tuple) else (out, None)
            loss = loss_of(logits, labels)
            if aux is not None:
                loss = loss + 0.4 * loss_of(aux, labels)
        loss.backward()
        optimiser.step()
        loss.item()

    return timed(step)


def tuned(model: str, size: int, batch: int, dataset: str) -> Callable[[int], float]:
    return user(model, size, batch, dataset, tuned=True)


def kept(model: str, size: int, batch: int, dataset: str) -> Callable[[int], float]:
    return ours(model, size, batch, dataset, **still(model))


def computed(model: str, size: int, batch: int, dataset: str) -> Callable[[int], float]:
    trainer = trainer_of(config_of(model, size, batch, dataset, **still(model)))
    trainer.session = trainer.objective.session = replace(trainer.session, frozen=None)
    return epochs_of(trainer)


def still(model: str) -> dict[str, Any]:
    from tumortrace.config import MODEL_SPECS, AugmentSettings
    from tumortrace.training.frozen_features import still as without

    stage = MODEL_SPECS[model].stages[-2]
    quiet = without(AugmentSettings()).model_dump()
    return {"model.freeze_until": stage, **{f"augment.{name}": value for name, value in quiet.items()}}


def timed(step: Callable[[], None]) -> Callable[[int], float]:
    def go(steps: int) -> float:
        import torch

        began = time.perf_counter()
        for _ in range(steps):
            step()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        return time.perf_counter() - began

    return go


MAKE = {
    "ours": ours, "ceiling": ceiling, "user": user, "user, tuned": tuned, "kept": kept, "computed": computed,
}  # fmt: skip


# --- taking turns -----------------------------------------------------------------------------------------------------


def serve(pipe: Any, side: str, model: str, size: int, batch: int, dataset: str) -> None:
    import logging
    import warnings

    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    warnings.simplefilter("ignore")
    go = MAKE[side](model, size, batch, dataset)
    go(WARM_UP)
    pipe.send("ready")
    while (steps := pipe.recv()) is not None:
        pipe.send((go(steps), device_memory()))
    os._exit(0)


def device_memory() -> int | None:
    import torch

    return torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None


class Side:
    """A contender's process, and the most memory it and its children held together."""

    def __init__(self, *given: Any) -> None:
        context = get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs, *given))
        self.process.start()
        self.memory, self.device_memory = 0, None
        self._over, self._on_turn = threading.Event(), threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()
        assert self.pipe.recv() == "ready"
        self._each("suspend")

    def _each(self, what: str) -> None:
        """``suspend`` or ``resume`` it and its workers, which would otherwise fetch ahead in another side's turn."""
        root = psutil.Process(self.process.pid)
        for member in (root, *root.children(recursive=True)):
            getattr(member, what)()

    def _watch(self) -> None:
        while not self._over.wait(0.5):
            self._on_turn.wait()  # reading it costs time that is another side's outside its turn
            try:
                root = psutil.Process(self.process.pid)
                family = [root, *root.children(recursive=True)]
                self.memory = max(self.memory, sum(member.memory_full_info().pss for member in family))
            except (psutil.Error, AttributeError):
                continue

    def turn(self, steps: int) -> float:
        """Seconds for so many steps."""
        self._each("resume")
        self._on_turn.set()
        self.pipe.send(steps)
        seconds, self.device_memory = self.pipe.recv()
        self._on_turn.clear()
        self._each("suspend")
        return float(seconds)

    def end(self) -> None:
        """Let it go."""
        self._over.set()
        self._each("resume")
        self.pipe.send(None)
        self.process.join(20)
        self.process.kill()


def contest(sides: tuple[str, ...], model: str, size: int, batch: int, steps: int, rounds: int, dataset: str) -> Any:
    there = {side: Side(side, model, size, batch, dataset) for side in sides}
    rates: dict[str, list[float]] = {side: [] for side in sides}
    for number in range(rounds):
        for side in sides[number % len(sides) :] + sides[: number % len(sides)]:
            rates[side].append(steps * batch / there[side].turn(steps))
    for held in there.values():
        held.end()
    first = sides[0]
    return {
        side: {
            "images_per_second": statistics.median(rates[side]),
            "ratio": statistics.median(mine / other for mine, other in zip(rates[first], rates[side], strict=True)),
            "rounds": [round(rate, 1) for rate in rates[side]],
            "host_memory_mb": there[side].memory / 2**20,
            "device_memory_mb": None if there[side].device_memory is None else there[side].device_memory / 2**20,
        }
        for side in sides
    }


def linearity(size: int, batch: int, dataset: str) -> list[dict[str, float]]:
    rows = []
    for times in (1, 4, 16):
        trainer = trainer_of(config_of("resnet18", size, batch, dataset), times)
        go = epochs_of(trainer)
        steps = len(trainer.session.data.split.train) // batch
        go(2)
        seconds = go(steps)
        trainer.session.writer.stopped()
        rows.append({"times": times, "slices": steps * batch, "seconds": seconds})
    for row in rows:
        row["per_slice_ratio"] = row["seconds"] / row["slices"] / (rows[0]["seconds"] / rows[0]["slices"])
    return rows


# --- data, report -----------------------------------------------------------------------------------------------------


def class_folders(dataset: str) -> Path:
    """The slices as class folders of links: what ``ImageFolder`` wants."""
    from tumortrace.constants import CLASSES
    from tumortrace.data import datasets as store

    held = store.open_dataset(dataset)
    folder = Path(os.environ["TUMORTRACE_HOME"]) / "class_folders"
    for slice_id, label in zip(held.manifest["slice_id"], held.manifest["label"], strict=True):
        link = folder / CLASSES[int(label)] / held.image_path(str(slice_id)).name
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.exists():
            link.symlink_to(held.image_path(str(slice_id)))
    return folder


def prepare(home: Path, dataset: str | None) -> str:
    from tumortrace import paths
    from tumortrace.data.phantom import make_phantom

    source = paths.data()
    os.environ["TUMORTRACE_HOME"] = str(home)
    os.environ["PYTHONWARNINGS"] = "ignore"  # of the sides: they are ended without ceremony
    if dataset is None:
        return make_phantom(persons=96, size=512).name
    paths.data().mkdir()
    (paths.data() / dataset).symlink_to(source / dataset)
    return dataset


def table(title: str, found: dict[str, Any]) -> None:
    print(f"\n{title}\n{'':14}{'images/s':>10}{'ratio':>8}{'host MiB':>10}{'device MiB':>12}")
    for side, row in found.items():
        device = "-" if row["device_memory_mb"] is None else f"{row['device_memory_mb']:.0f}"
        print(f"{side:14}{row['images_per_second']:10.1f}{row['ratio']:8.2f}{row['host_memory_mb']:10.0f}{device:>12}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="*", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--dataset", help="an imported dataset; default: synthetic slices of 512 px")
    parser.add_argument("--size", type=int, help="image size; default: 128, Inception 144")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=12, help="steps of a turn")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--skip", nargs="*", default=[], choices=["frozen", "linear"])
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        dataset = prepare(Path(folder), given.dataset)
        import torch

        gpu = torch.cuda.is_available()
        result: dict[str, Any] = {
            "device": torch.cuda.get_device_name() if gpu else f"CPU, {torch.get_num_threads()} threads",
            "cpus": os.cpu_count(), "torch": torch.__version__, "python": platform.python_version(),
            "batch": given.batch, "steps": given.steps, "rounds": given.rounds,
            "dataset": given.dataset or "synthetic, 512 px", "load_before": os.getloadavg()[0], "models": {},
        }  # fmt: skip
        print(f"{result['device']}, torch {result['torch']}, batch {given.batch}; ratio: ours over the side's")
        for model in given.models:
            size = given.size or MODELS[model]
            found = contest(SIDES, model, size, given.batch, given.steps, given.rounds, dataset)
            result["models"][model] = {"size": size, "sides": found}
            table(f"{model}, {size} px", found)
        if "frozen" not in given.skip:
            size = given.size or MODELS["resnet18"]
            found = contest(("kept", "computed"), "resnet18", size, given.batch, 4 * given.steps, 3, dataset)
            result["frozen"] = {"size": size, "until": "layer3", "sides": found}
            table(f"resnet18, {size} px, frozen up to layer3, no augmentation; ratio: kept over the side's", found)
        if "linear" not in given.skip:
            result["linear"] = linearity(64, given.batch, dataset)
            print("\nresnet18, 64 px, seconds an epoch with the slices repeated")
            for row in result["linear"]:
                per = f"per slice x{row['per_slice_ratio']:.2f}"
                print(f"x{row['times']:<4}{row['slices']:8.0f} slices{row['seconds']:9.2f} s   {per}")
    if given.json:
        given.json.write_text(json.dumps(result, indent=2) + "\n")
        print(f"\nwritten: {given.json}", file=sys.stderr)


if __name__ == "__main__":
    main()
