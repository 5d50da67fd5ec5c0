"""The leaves of the run configuration, by dotted name: what the command line and the Train form are made from."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from tumortrace.config.schema import OneOf, RunConfig
from tumortrace.paths import command


@dataclass(frozen=True)
class Setting:
    """One leaf of :class:`tumortrace.config.RunConfig`."""

    name: str  # dotted: ``optim.lr``
    info: FieldInfo

    @property
    def leaf(self) -> str:
        """The setting's name without its group: ``lr`` of ``optim.lr``."""
        return self.name.rpartition(".")[2]

    @property
    def group(self) -> str:
        """The group it stands in; empty for the run's own settings."""
        return self.name.rpartition(".")[0]

    @property
    def flag(self) -> str:
        """The setting's option on the command line: ``--lr``."""
        return "--model" if self.name == "model.name" else "--" + self.leaf.replace("_", "-")

    @property
    def choices(self) -> tuple[Any, ...]:
        """What it may be, apart from nothing, where the values are listed; empty where they are not."""
        for mark in self.info.metadata:
            if isinstance(mark, OneOf):
                return mark.names()
        return get_args(self.info.annotation) if get_origin(self.info.annotation) is Literal else ()

    @property
    def unit(self) -> str:
        """``px``, ``degrees``, ...; empty where it has none."""
        extra = self.info.json_schema_extra
        return str(extra.get("unit", "")) if isinstance(extra, dict) else ""

    @property
    def help(self) -> str:
        """The setting's description, with its unit."""
        return (self.info.description or "") + (f" [{self.unit}]" if self.unit else "")


def settings(model: type[BaseModel] = RunConfig, prefix: str = "") -> list[Setting]:
    """Every leaf, the run's own first, in the order of the model."""
    own, nested = [], []
    for name, info in model.model_fields.items():
        kind = info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            nested += settings(kind, f"{prefix}{name}.")
        else:
            own.append(Setting(prefix + name, info))
    return own + nested


def as_type(name: str, value: Any) -> Any:
    """Text from a command line as its setting's type; as it is where it does not fit, for the validation to refuse."""
    info = next((setting.info for setting in settings() if setting.name == name), None)
    if info is None:
        return value
    try:
        return TypeAdapter(cast(Any, info.annotation)).validate_python(value)
    except ValidationError:
        return value


def flatten(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings to dotted names."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= flatten(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return flat


def nest(flat: dict[str, Any]) -> dict[str, Any]:
    """Dotted names back to nested settings."""
    nested: dict[str, Any] = {}
    for name, value in flat.items():
        *groups, leaf = name.split(".")
        place = nested
        for group in groups:
            place = place.setdefault(group, {})
        place[leaf] = value
    return nested


def command_line(config: RunConfig) -> str:
    """The command that starts the same run; only what differs from the defaults is named."""
    plain, own = flatten(RunConfig().model_dump()), flatten(config.model_dump())
    words = [command("train")]
    for setting in settings():
        value = own[setting.name]
        if value != plain[setting.name] or setting.name in {"model.name", "protocol", "fold"}:
            words.append(_option(setting.flag, value))
    return " \\\n  ".join(words)


def _option(flag: str, value: Any) -> str:
    if isinstance(value, bool):
        return flag if value else f"--no-{flag.removeprefix('--')}"
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return f"{flag} {shlex.quote(text)}"
