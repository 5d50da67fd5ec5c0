"""A shipped model: a folder with weights and everything needed to use them.

::

    artifacts/models/<name>/
        model.json            settings, preprocessing, training, figures, checksum
        weights.safetensors   float16
        metrics.csv           its training, a row an epoch

No torch here: pages list models without loading any.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from tumortrace import paths
from tumortrace.config import RunConfig, model_title
from tumortrace.config.former import upgrade_settings
from tumortrace.errors import UnknownModel, WeightsMismatch


@dataclass(frozen=True)
class Bundle:
    """A shipped model, as its ``model.json`` describes it."""

    folder: Path
    card: dict[str, Any]

    @property
    def name(self) -> str:
        """The folder's name, and the model's in every table."""
        return self.folder.name

    @property
    def title(self) -> str:
        """The name for people."""
        return model_title(self.name)

    @property
    def config(self) -> RunConfig:
        """How it was trained; its preprocessing is what an upload must go through."""
        return RunConfig.model_validate(upgrade_settings(self.card["config"]))

    @property
    def trained_on(self) -> str:
        """A sentence about its training."""
        return str(self.card["trained_on"])

    @property
    def synthetic(self) -> bool:
        """Whether it has seen only made-up slices."""
        return bool(self.card["synthetic"])

    @property
    def scores(self) -> dict[str, Any]:
        """``accuracy``, ``macro_f1`` (slice level), ``n``, ``protocol``, ``fold``; empty where it was never tested."""
        return dict(self.card["scores"])

    @property
    def created(self) -> str:
        """When it was published, ISO 8601."""
        return str(self.card["created"])

    @property
    def metrics(self) -> pd.DataFrame:
        """Metrics by epoch, as :attr:`tumortrace.runs.run.Run.metrics` gives it; empty where it is not known."""
        path = self.folder / "metrics.csv"
        return pd.read_csv(path) if path.is_file() else pd.DataFrame()

    def weights(self) -> bytes:
        """The weights file.

        Raises:
            WeightsMismatch: It is missing, or not the file that was published.
        """
        path = self.folder / "weights.safetensors"
        if not path.is_file():
            raise WeightsMismatch(
                "the weights are missing", value=str(path), remedy="Restore artifacts/ from the repository."
            )
        raw = path.read_bytes()
        if hashlib.sha256(raw).hexdigest() != self.card["weights_sha256"]:
            raise WeightsMismatch(
                "the weights are not the ones that were published", value=str(path), remedy="Restore the file."
            )
        return raw


def list_bundles() -> list[Bundle]:
    """Every shipped model, best accuracy first."""
    folder = paths.artifacts() / "models"
    if not folder.is_dir():
        return []
    found = [
        Bundle(entry, json.loads((entry / "model.json").read_text()))
        for entry in sorted(folder.iterdir())
        if (entry / "model.json").is_file()
    ]
    return sorted(found, key=lambda bundle: -float(bundle.scores.get("accuracy") or 0))


def find_bundle(name: str) -> Bundle:
    """The shipped model of that name.

    Raises:
        UnknownModel: There is none.
    """
    bundles = list_bundles()
    for bundle in bundles:
        if bundle.name == name:
            return bundle
    known = ", ".join(bundle.name for bundle in bundles) or "none"
    raise UnknownModel("no such shipped model", value=name, remedy=f"Shipped models: {known}.")
