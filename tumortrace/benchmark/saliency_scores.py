"""Out-of-fold saliency of a finished run, scored against the outlines; and the outlines that TraceNet draws itself.

Everything is kept in the run's folder: ``localisation.parquet`` (a row a slice and method) and ``saliency.npz`` (small
maps of what was misclassified). A run whose files are there is not looked at again.
"""

from __future__ import annotations

import warnings
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
import torch.nn.functional as F
from safetensors.torch import load as from_safetensors
from torch import Tensor

from tumortrace import processes
from tumortrace.benchmark.records import LOCALISATION, MAPS
from tumortrace.data import cache
from tumortrace.errors import RunNotFound
from tumortrace.evaluation.localisation import intersection_over_union, score_maps
from tumortrace.evaluation.predictions import PROBABILITIES
from tumortrace.explain.gradcam import saliency_by
from tumortrace.explain.methods import METHODS, SLOW_METHODS
from tumortrace.models.base import SliceNet
from tumortrace.models.registry import blank
from tumortrace.runs.run import Run
from tumortrace.training.data import stack_neighbours

MAP_SIDE: Final = 32
OUTLINE: Final = "outline"
EVEN: Final = "even"
CENTRE: Final = "centre"
"""Two maps that look at nothing: the same everywhere, and a bell around the middle of the slice."""
ROAD_PERCENTILES: Final = (20, 40, 60, 80)
_BATCH: Final = 16


def score_saliency(run: Run, *, sample: int = 20, device: str = "cpu", again: bool = False) -> pd.DataFrame:
    """Score every saliency method of a run on its test part.

    Args:
        run: Finished, with a test part.
        sample: Slices for what is slow (Score-CAM, and ROAD of every method): half of them wrong, half right, drawn at
            random, fewer where there are fewer. Their ``weight`` says how many slices each stands for.
        device: Where the network runs.
        again: Even where the files are there already.

    Returns:
        ``slice_id, method, target`` (the predicted class), ``correct``, ``weight``, ``sampled``; the scores of
        :func:`tumortrace.evaluation.localisation.score_maps`; ``road`` (Rong et al., 2022, arXiv 2202.00449; above 0:
        what the map points at matters more than what it does not) of sampled rows; ``iou`` and ``dice`` of TraceNet's
        drawn outlines (method ``outline``). Methods ``even`` and ``centre`` are what blind maps score.

    Raises:
        RunNotFound: The run has no weights or no test rows.
    """
    path = run.folder / LOCALISATION
    if path.is_file() and (run.folder / MAPS).is_file() and not again:
        return pd.read_parquet(path)
    rows = run.predictions
    if rows is None or not (run.folder / "model.safetensors").is_file():
        raise RunNotFound("the run has no weights and test rows", value=run.id, remedy="Let it finish first.")
    test = _Test(run, rows, device)
    table = pd.concat([test.by_gradient(), test.outlined(), test.blind(), *test.slowly(sample)], ignore_index=True)
    processes.write_npz(run.folder / MAPS, test.of_mistakes())
    processes.write_parquet(path, table)
    return table


class _Test:
    """The test part of a run, and its network."""

    def __init__(self, run: Run, rows: pd.DataFrame, device: str) -> None:
        config = run.config
        dataset = run.dataset.dataset
        cached = cache.load_cache(dataset, config.preprocess)
        place = {str(name): row for row, name in enumerate(dataset.manifest["slice_id"])}
        self.places = np.array([place[str(name)] for name in rows["slice_id"]])
        self.slice_ids = rows["slice_id"].to_numpy(dtype=object)
        self.images, self.stacks = cached.images, stack_neighbours(dataset.manifest, config.model.depth)
        self.masks = np.asarray(cached.masks[self.places]) > 0
        labels = dataset.manifest["label"].to_numpy(dtype=np.int64)[self.places]
        self.targets = rows[list(PROBABILITIES)].to_numpy().argmax(axis=1)
        self.correct = self.targets == labels
        self.labels = labels
        self.seed = config.seed
        self.device = torch.device(device)
        self.net: SliceNet = blank(config.model)
        self.net.load_state_dict(from_safetensors((run.folder / "model.safetensors").read_bytes()), assign=True)
        self.net.to(self.device).eval()

    def by_gradient(self) -> pd.DataFrame:
        """Every fast method on every slice."""
        return self._methods(np.arange(len(self.places)), METHODS)

    def outlined(self) -> pd.DataFrame:
        """TraceNet's own outlines; no rows for another network."""
        if not self.net.spec.draws_outlines:
            return pd.DataFrame()
        drawn = np.concatenate([self._drawn(part) for part in self._batches(np.arange(len(self.places)))])
        table = self._named(np.arange(len(self.places)), OUTLINE, score_maps(drawn, self.masks))
        return table.join(intersection_over_union(drawn, self.masks))

    def blind(self) -> pd.DataFrame:
        """What maps that look at nothing score."""
        count, side = len(self.places), self.masks.shape[-1]
        at = np.linspace(-1, 1, side)
        bell = np.exp(-(at[:, None] ** 2 + at[None] ** 2) / (2 * 0.25**2)).astype(np.float32)
        every = np.arange(count)
        scored = [
            (EVEN, np.ones((side, side), np.float32)),
            (CENTRE, bell),
        ]
        return pd.concat(
            [
                self._named(every, name, score_maps(np.broadcast_to(one, (count, side, side)), self.masks))
                for name, one in scored
            ],
            ignore_index=True,
        )

    def slowly(self, sample: int) -> list[pd.DataFrame]:
        """Score-CAM, and ROAD of all methods, on a sample."""
        chosen, weights = self._sampled(sample)
        found = self._maps(chosen, (*METHODS, *SLOW_METHODS))
        tables = [self._named(chosen, method, score_maps(found[method], self.masks[chosen])) for method in SLOW_METHODS]
        for method, maps in found.items():
            table = pd.DataFrame({"road": self._road(chosen, maps)})
            tables.append(self._named(chosen, method, table))
        for table in tables:
            table["sampled"], table["weight"] = True, weights
        return tables

    def of_mistakes(self) -> dict[str, npt.NDArray[Any]]:
        """Grad-CAM of misclassified slices for the class they were taken for, and for the true one."""
        wrong = np.flatnonzero(~self.correct)
        maps = {}
        for name, targets in (("predicted", self.targets), ("true", self.labels)):
            parts = [
                saliency_by(self.net, self._input(part), targets[part].tolist(), ("gradcam",))["gradcam"]
                for part in self._batches(wrong)
            ]
            side = self.masks.shape[-1]
            heat = torch.from_numpy(np.concatenate(parts) if parts else np.zeros((0, side, side), np.float32))
            small = F.adaptive_avg_pool2d(heat[:, None], MAP_SIDE)[:, 0]
            maps[name] = (small * 255).round().to(torch.uint8).numpy()
        return {"slice_id": self.slice_ids[wrong].astype(str), **maps}

    def _methods(self, chosen: npt.NDArray[np.int64], methods: tuple[str, ...]) -> pd.DataFrame:
        tables = []
        for part in self._batches(chosen):
            found = self._maps(part, methods)
            tables += [self._named(part, method, score_maps(found[method], self.masks[part])) for method in methods]
        return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()

    def _maps(self, chosen: npt.NDArray[np.int64], methods: tuple[str, ...]) -> dict[str, npt.NDArray[np.float32]]:
        parts = [
            saliency_by(self.net, self._input(part), self.targets[part].tolist(), methods)
            for part in self._batches(chosen)
        ]
        side = self.masks.shape[-1]
        none = [np.zeros((0, side, side), np.float32)]
        return {method: np.concatenate([part[method] for part in parts] or none) for method in methods}

    def _road(self, chosen: npt.NDArray[np.int64], maps: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        from pytorch_grad_cam.metrics.road import ROADCombined
        from pytorch_grad_cam.utils.model_targets import ClassifierOutputSoftmaxTarget

        torch.manual_seed(self.seed)  # it imputes with noise
        # Ties are broken at random: of a map that is 0 over half of the slice it would otherwise remove everything.
        maps = maps + np.random.default_rng(self.seed).uniform(0, 1e-4, maps.shape).astype(np.float32)
        found = [np.empty(0)]
        for at, part in zip(np.array_split(np.arange(len(chosen)), -(-len(chosen) // _BATCH) or 1),
                            self._batches(chosen), strict=False):  # fmt: skip
            targets = [ClassifierOutputSoftmaxTarget(int(self.targets[row])) for row in part]
            judge = ROADCombined(percentiles=list(ROAD_PERCENTILES))
            with warnings.catch_warnings():
                # It hands tensors to NumPy functions.
                warnings.filterwarnings("ignore", category=DeprecationWarning)
                # It reads slices one by one, on the CPU.
                found.append(judge(self._input(part).cpu(), maps[at], targets, _OnDevice(self.net, self.device)))
        return np.concatenate(found).astype(np.float64)

    def _sampled(self, sample: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        random = np.random.default_rng(self.seed)
        chosen, weights = [], []
        for right in (False, True):
            group = np.flatnonzero((self.correct == right) & self.masks.any((1, 2)))
            some = np.sort(random.permutation(group)[: sample // 2])
            chosen.append(some)
            weights.append(np.full(len(some), len(group) / max(1, len(some))))
        return np.concatenate(chosen), np.concatenate(weights)

    def _named(self, chosen: npt.NDArray[np.int64], method: str, table: pd.DataFrame) -> pd.DataFrame:
        keys = {
            "slice_id": pd.array(self.slice_ids[chosen], dtype="string"),
            "method": method,
            "target": self.targets[chosen],
            "correct": self.correct[chosen],
            "weight": 1.0,
            "sampled": False,
        }
        return pd.DataFrame(keys).join(table)

    @torch.inference_mode()
    def _drawn(self, part: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        drawn: Tensor = self.net.outline(self._input(part))  # type: ignore[operator]
        return drawn[:, 0].float().cpu().numpy()

    def _input(self, part: npt.NDArray[np.int64]) -> Tensor:
        stacks = np.asarray(self.images)[self.stacks[self.places[part]]]
        return torch.from_numpy(stacks).to(self.device).float().div_(255)

    @staticmethod
    def _batches(chosen: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
        return np.array_split(chosen, -(-len(chosen) // _BATCH)) if len(chosen) else []


class _OnDevice(torch.nn.Module):
    """A network that takes inputs from the CPU."""

    def __init__(self, net: SliceNet, device: torch.device) -> None:
        super().__init__()
        self.net, self.device = net, device

    def forward(self, images: Tensor) -> Tensor:
        """``[B, D, S, S]`` to logits ``[B, 3]``."""
        logits: Tensor = self.net(images.to(self.device))
        return logits
