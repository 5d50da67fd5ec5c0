"""What ``import tumortrace`` offers: thin over the functions that the pages and the command line use.

The examples run on ``python -m tumortrace data phantom``, the synthetic slices. No torch until it is needed.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tumortrace.config import RunConfig, parse_config
from tumortrace.config.fields import flatten, nest
from tumortrace.errors import ConfigError
from tumortrace.runs.run import Run, create, find_run

if TYPE_CHECKING:
    from tumortrace.evaluation.report import Report
    from tumortrace.inference.api import Source
    from tumortrace.inference.classifier import Classifier
    from tumortrace.inference.prediction import Prediction
    from tumortrace.inference.predictor import Predictor


def load_model(name: str) -> Classifier:
    """One model on the CPU: a shipped one, or one that was trained here.

    Args:
        name: A shipped model, for instance ``"resnet18"``; or ``"run:ID"``, the final weights of the run ID (or of the
            run folder of that path).

    Returns:
        Its ``predict`` takes slices, each ``[H, W]`` of any real dtype, and gives probabilities ``[N, 3]`` in the order
        of ``CLASSES``: of this model alone and not calibrated, which :func:`predict` sees to. ``explain`` gives
        saliency, ``network`` the torch module, ``config`` how it was trained.

    Raises:
        UnknownModel: None of that name ships.
        RunNotFound: There is no such run, or it has no weights yet.
        WeightsMismatch: The weights are missing, changed, or do not fit.

    Example:
        >>> import tumortrace
        >>> dataset = tumortrace.open_dataset("phantom")
        >>> model = tumortrace.load_model("resnet18")
        >>> model.predict([dataset.pixels("1"), dataset.pixels("2")]).shape
        (2, 3)
    """
    from tumortrace.inference.api import load_classifier

    return load_classifier(name)


def predict(
    sources: Source | Sequence[Source],
    models: Sequence[str | Classifier] | Predictor | None = None,
    *,
    plane: str = "axial",
) -> list[Prediction]:
    """Whether slices may be judged, which tumour, how sure: what the Classify page and ``tumortrace predict`` say.

    Args:
        sources: One or several of: paths (a folder stands for its files), whole files as bytes, slices ``[H, W]`` of
            any real dtype. Pictures, DICOM, NIfTI, figshare's ``.mat``, and zips of them; see docs/input.md.
        models: Who is asked together, each as :func:`load_model` names it, or loaded by it; None asks every shipped
            one. They are loaded at each call: for many calls keep :func:`tumortrace.inference.load_predictor`'s.
        plane: Which slices of a volume: ``axial``, ``coronal`` or ``sagittal``.

    Returns:
        One a slice, in the order of the sources. ``gate`` says whether the slice may be judged, ``probabilities`` maps
        each model and ``"ensemble"`` to calibrated ``[3]`` in the order of ``CLASSES``, ``sets`` a coverage in percent
        to the classes that cannot be ruled out. A file that cannot be read, or a slice that cannot be judged, has
        ``error`` instead and spoils no other. ``record()`` is what ``tumortrace predict --json`` prints.

    Raises:
        UnknownModel: None of that name ships, or none at all.
        RunNotFound: There is no such run, or it has no weights yet.
        WeightsMismatch: The weights are missing, changed, or do not fit.
        InputError: There is no such plane.

    Example:
        >>> import tumortrace
        >>> dataset = tumortrace.open_dataset("phantom")
        >>> by_path, by_array = tumortrace.predict([dataset.image_path("1"), dataset.pixels("1")], ["resnet18"])
        >>> by_path.gate.verdict in ("in_range", "unlike", "not_mr")
        True
        >>> bool((by_path.probabilities["ensemble"] == by_array.probabilities["ensemble"]).all())
        True
        >>> tumortrace.predict("nowhere.png", ["resnet18"])[0].error
        'cannot be read: No such file or directory. Check the path.'
    """
    from tumortrace.inference.api import classify, load_predictor

    return classify(sources, load_predictor(models), plane)


def train(config: RunConfig | Mapping[str, Any]) -> Run:
    """Make a run and train it in this process: one fold, tested once at the end, everything kept in its folder.

    As ``tumortrace train``: when it has ended, runs that wait in the queue are started. Ctrl-C stops it after the
    current step with a checkpoint, and the run's ``status.state`` is then ``stopped``.

    Args:
        config: The settings, as :class:`tumortrace.config.RunConfig` has them; what is left out takes its default.
            Nested, or by dotted names: ``{"optim": {"epochs": 3}}`` or ``{"optim.epochs": 3}``.

    Returns:
        The run, ``finished`` or ``stopped``. ``report`` is its evaluation, ``metrics`` a row an epoch.

    Raises:
        ConfigError: A setting does not hold, or asks for several devices, which have processes of their own.
        DatasetNotFound: The dataset is not imported.
        SplitError: The dataset cannot be split like that.
        RunNotFound: The run to start from is not there.
        PretrainedUnavailable: Starting weights cannot be had.
        TrainingDiverged: The loss became NaN or infinite.

    Example:
        >>> import tumortrace
        >>> settings = {"dataset": "phantom", "fold": 1, "model.name": "cnn3d", "preprocess.size": 32,
        ...             "optim.epochs": 1, "device": "cpu"}
        >>> run = tumortrace.train(settings)
        >>> run.status.state, len(run.metrics)
        ('finished', 1)
    """
    from tumortrace.hardware import see_all
    from tumortrace.scheduling import queue
    from tumortrace.training import trainer, warm_start

    asked = config if isinstance(config, RunConfig) else parse_config(nest(flatten(dict(config))))
    if asked.devices * asked.nodes > 1:
        raise ConfigError(
            "several devices are trained on by processes of their own, and this is one process",
            value=f"{asked.devices} devices, {asked.nodes} machines",
            remedy="Set devices and nodes to 1, or train from the command line.",
        )
    warm_start.check_start(asked)
    run = create(asked)
    try:
        trainer.train(run)
    finally:
        # Whoever waited for this device is next; there is no daemon to see to it.
        see_all()
        queue.dispatch()
    return run


def evaluate(run: Run | str | Path) -> Report:
    """A finished run's figures with 95 % intervals, from its test rows, as ``tumortrace evaluate`` computes them.

    The model is not run again.

    Args:
        run: A run, its id, or its folder.

    Returns:
        By slice and, where patients are known, by patient: metrics, bootstrap intervals over persons (over slices where
        they are unknown), ROC curves and reliability. Metrics are shares, 0 to 1.

    Raises:
        RunNotFound: There is no such run, or it has no test rows.
        RunUnreadable: A file of the run is damaged.
        DatasetMismatch: What is imported under its dataset's name is another dataset.
        DatasetNotFound: Its dataset is not imported.

    Warns:
        UserWarning: A run of an earlier version keeps no fingerprint of its dataset: one that fits was taken.

    Example:
        >>> import tumortrace
        >>> from tumortrace.runs import list_runs
        >>> report = tumortrace.evaluate(list_runs()[0])
        >>> report.model, report.folds, report.synthetic
        ('cnn3d', [1], True)
        >>> figure = report.slice.interval("accuracy")
        >>> bool(figure.low <= figure.value <= figure.high)
        True
    """
    from tumortrace.runs.evaluate import assumption, evaluate_runs

    [found] = evaluate_runs([run if isinstance(run, Run) else find_run(str(run))])
    for run_id in found.assumed:
        warnings.warn(assumption(run_id, found.dataset), stacklevel=2)
    return found.report
