"""The Train form, made from the configuration model: a setting exists there or nowhere.

Fields have no limits of their own. What does not hold is said under the field, in the words of the model, and never
changed behind the reader's back.
"""

from __future__ import annotations

import types
from pathlib import Path
from typing import Any, Final, Union, get_args, get_origin

import streamlit as st
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from tumortrace.config import MODEL_SPECS, RunConfig, field_errors, presets
from tumortrace.config.fields import Setting, flatten, nest, settings
from tumortrace.constants import PROTOCOLS
from tumortrace.training import warm_start
from tumortrace.ui.shell import cache, state, style

ESSENTIALS: Final = (
    "dataset", "protocol", "fold", "model.name", "model.init", "model.freeze_until",
    "preprocess.size", "optim.epochs", "optim.batch_size", "optim.lr",
)  # fmt: skip
GROUPS: Final = {
    "": ("Run", "validation, early stopping, seed, devices, what is kept"),
    "model": ("Model", "dropout and depth"),
    "preprocess": ("Preprocessing", "how a slice is prepared; kept with the model"),
    "augment": ("Augmentation", "what happens to a training batch, anew each time; 0 switches a part off"),
    "optim": ("Optimisation", "schedule, regularisation, averaging"),
}
LABELS: Final = {
    "name": "Model", "init": "Starting weights", "freeze_until": "Freeze up to", "size": "Image size",
    "lr": "Peak learning rate",
    "ema": "EMA decay", "low": "Black at percentile", "high": "White at percentile", "grad_clip": "Gradient clipping",
    "hflip": "Horizontal flip", "hflip_tta": "TTA (horizontal flip)",
}  # fmt: skip


def label(setting: Setting) -> str:
    """What stands over the field, with the unit."""
    text = LABELS.get(setting.leaf, setting.leaf.replace("_", " ").capitalize())
    return f"{text} ({setting.unit})" if setting.unit else text


def help_text(setting: Setting) -> str:
    """The description, with the range it must be in."""
    return f"{setting.info.description}.{_range(setting.info)}"


def kind_of(setting: Setting) -> Any:
    """The type without ``None``."""
    given = setting.info.annotation
    if get_origin(given) in (Union, types.UnionType):
        given = next(part for part in get_args(given) if part is not type(None))
    return given


def defaults(dataset: str | None) -> dict[str, Any]:
    """Dotted name to default value; the dataset is the one on show, the protocol one that it has folds for."""
    return _fitting(flatten(RunConfig().model_dump()), dataset) | {"dataset": dataset}


def _fitting(values: dict[str, Any], dataset: str | None) -> dict[str, Any]:
    """``values`` with a protocol that the dataset has folds for, where it has any."""
    usable = [] if dataset is None else _protocols(dataset)
    return values if not usable or values.get("protocol") in usable else values | {"protocol": usable[0]}


def _protocols(dataset: str) -> list[str]:
    table = cache.folds(cache.dataset(dataset))
    return [name for name in PROTOCOLS if table[name].notna().all()]


def fill(values: dict[str, Any]) -> None:
    """Put ``values`` into the form; called before its widgets are drawn (a callback, or the first visit)."""
    for name, value in values.items():
        st.session_state[state.FORM + name] = value


def preset(key: str, dataset: str | None) -> None:
    """Everything as by default, except what the preset names (a callback)."""
    fill(_fitting(defaults(dataset) | presets.find_preset(key).values, dataset))
    st.session_state[state.PRESET] = key


def choose_preset(dataset: str | None) -> None:
    """The presets as buttons; under them, what was measured of the one taken last."""
    with st.container(horizontal=True, gap="small"):
        for name, item in presets.PRESETS.items():
            st.button(item.title, key=f"preset_{name}", help=item.text, on_click=preset, args=(name, dataset))
    taken = presets.PRESETS.get(st.session_state.get(state.PRESET, ""))
    if taken is None:
        st.caption("Point at a preset to read what it is for; take one to see what was measured of it.")
    else:
        st.caption(f"**{taken.title}.** {taken.text} {taken.measured}")


def render(datasets: list[str], chosen: str | None) -> RunConfig | None:
    """Draw the form.

    Args:
        datasets: Names of the imported datasets.
        chosen: The one on show, the default.

    Returns:
        The configuration, or None while a setting does not hold (it is then said under its field).
    """
    start = defaults(chosen)
    missing = {name: value for name, value in start.items() if state.FORM + name not in st.session_state}
    fill(missing)
    every = {setting.name: setting for setting in settings()}
    slots: dict[str, Any] = {}
    values: dict[str, Any] = {}
    columns = st.columns(2)
    for index, name in enumerate(ESSENTIALS):
        with columns[index % 2]:
            values[name], slots[name] = _field(every[name], datasets)
    for group, (title, text) in GROUPS.items():
        rest = [item for item in every.values() if item.group == group and item.name not in ESSENTIALS]
        with st.expander(f"**{title}** · {text}"):
            columns = st.columns(2)
            for index, setting in enumerate(rest):
                with columns[index % 2]:
                    values[setting.name], slots[setting.name] = _field(setting, datasets)
    config, messages = validate(values)
    if config is not None and (dataset := config.dataset or chosen):
        messages = _unsplittable(dataset, config)
        config = None if messages else config
    for name, message in messages.items():
        slots[name].html(style.field_error(message))
    if messages:
        named = ", ".join(label(every[name]) for name in messages)
        st.html(style.note(f"See the message beside: {named}.", "error", "Some settings do not hold."))
    return config


def _unsplittable(dataset: str, config: RunConfig) -> dict[str, str]:
    """What the run's split would fail on, beside its field; empty where it can be made."""
    shown = cache.dataset(dataset)
    asked = (config.protocol, config.fold, config.validation, config.seed)
    return _problem(str(shown.folder), shown.fingerprint, asked, config)


@st.cache_data(max_entries=64, show_spinner=False)
def _problem(folder: str, fingerprint: str, asked: tuple[object, ...], _config: RunConfig) -> dict[str, str]:
    found = warm_start.unsplittable(cache.folds(cache.dataset(Path(folder).name)), _config)
    return {} if found is None else {found[0]: f"{found[1].what}. {found[1].remedy.removesuffix('.')}"}


def validate(values: dict[str, Any]) -> tuple[RunConfig | None, dict[str, str]]:
    """Validate dotted values.

    Returns:
        The configuration and no messages, or None and a message for each field it concerns.
    """
    try:
        return RunConfig.model_validate(nest(values)), {}
    except ValidationError as error:
        return None, {_place(name, text): text for name, text in field_errors(error).items()}


def _place(name: str, message: str) -> str:
    """The field a message belongs to: its own, or, where two contradict, the one the message names."""
    known = {setting.name: setting.leaf for setting in settings()}
    if name in known:
        return name
    words = set(message.replace(",", " ").replace(";", " ").split())
    group = "" if name == "run" else f"{name}."
    inside = [full for full in known if full.startswith(group)]
    named = [full for full in inside if known[full] in words]
    return (named or inside)[0]


def _field(setting: Setting, datasets: list[str]) -> tuple[Any, Any]:
    key = state.FORM + setting.name
    shared: dict[str, Any] = {"key": key, "help": help_text(setting), "persist_state": "session"}
    value: Any
    if setting.name == "dataset":
        value = _choice(label(setting), datasets, shared)
    elif setting.name == "model.encoder":
        usual = MODEL_SPECS[st.session_state[state.FORM + "model.name"]].encoder
        if usual is None:
            st.session_state[key] = None
        value = st.selectbox(label(setting), list(setting.choices), index=None, placeholder=usual or "none",
                             disabled=usual is None, **shared)  # fmt: skip
    elif setting.name == "model.freeze_until":
        spec = MODEL_SPECS[st.session_state[state.FORM + "model.name"]]
        encoder = spec.encoder and (st.session_state.get(state.FORM + "model.encoder") or spec.encoder)
        stages = MODEL_SPECS[encoder or spec.name].stages
        if st.session_state[key] not in stages:
            st.session_state[key] = None
        value = st.selectbox(label(setting), stages, index=None, placeholder="nothing", **shared)
    elif setting.name == "model.init":
        known = ["scratch", "imagenet"]
        own = st.session_state[key]
        options = known if own in known or own is None else [*known, own]
        value = st.selectbox(label(setting), options, accept_new_options=True, **shared) or ""
    elif setting.choices:
        value = _choice(label(setting), list(setting.choices), shared)
    elif kind_of(setting) is bool:
        value = st.toggle(label(setting), **shared)
    elif kind_of(setting) is int:
        value = st.number_input(label(setting), value=None, step=1, **shared)
    elif kind_of(setting) is float:
        value = st.number_input(label(setting), value=None, step=_step(setting.info), format="%g", **shared)
    else:
        value = st.text_input(label(setting), **shared)
    return value, st.empty()


def _choice(label: str, options: list[Any], shared: dict[str, Any], **more: Any) -> Any:
    if st.session_state[shared["key"]] not in options:
        st.session_state[shared["key"]] = options[0] if options else None
    return st.selectbox(label, options, **shared, **more)


def _step(info: FieldInfo) -> float:
    """A step that suits the default: 0.002 moves by 0.001, 15.0 by 1."""
    size = abs(float(info.default or 0.1))
    return 1.0 if size >= 10 else 0.1 if size >= 1 else 0.001 if size < 0.01 else 0.01


def _range(info: FieldInfo) -> str:
    limits = {"ge": "from {}", "gt": "above {}", "le": "up to {}", "lt": "below {}"}
    parts = [
        text.format(f"{getattr(item, name):g}")
        for item in info.metadata
        for name, text in limits.items()
        if getattr(item, name, None) is not None
    ]
    return f" Allowed: {', '.join(parts)}." if parts else ""
