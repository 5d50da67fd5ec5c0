"""Which model is meant, as pages, their addresses and their caches name it. No torch.

::

    bundle/<model>               the weights that ship
    run/<id>                     the weights of a run
    shipped/<model>/<protocol>   the model of the benchmark, of which rows ship and, for each fold, no weights

These words stand in addresses that people keep: they are never changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from tumortrace.errors import ConfigError

Kind = Literal["shipped", "run", "benchmark"]
_WRITTEN: Final[dict[Kind, str]] = {"shipped": "bundle", "run": "run", "benchmark": "shipped"}


@dataclass(frozen=True)
class ModelRef:
    """One model: its shipped weights, a run, or what the benchmark measured of it under a protocol."""

    kind: Kind
    id: str  # name of the model, or id of the run
    protocol: str | None = None  # of the benchmark's alone

    def __post_init__(self) -> None:
        if (self.protocol is not None) is not (self.kind == "benchmark"):
            raise ConfigError(
                "a model of the benchmark is named with its protocol, and no other is",
                value=f"{self.kind} {self.id}, protocol {self.protocol}",
                remedy="Give the protocol with kind benchmark, and leave it out otherwise.",
            )
        if any(not part or "/" in part for part in self._parts):
            raise ConfigError(
                "a model's name, a run's id and a protocol are not empty and hold no slash",
                value="/".join(self._parts),
                remedy="Give the name itself.",
            )

    def __str__(self) -> str:
        return "/".join((_WRITTEN[self.kind], *self._parts))

    @property
    def _parts(self) -> tuple[str, ...]:
        return (self.id,) if self.protocol is None else (self.id, self.protocol)

    @classmethod
    def parse(cls, text: str) -> ModelRef:
        """Read what ``str`` wrote.

        Raises:
            ConfigError: The text names no model in one of the three ways.
        """
        word, *parts = text.split("/")
        kinds = [kind for kind, written in _WRITTEN.items() if written == word]
        if not kinds or not all(parts) or len(parts) != (2 if kinds[0] == "benchmark" else 1):
            raise ConfigError(
                "this names no model", value=text, remedy="Write bundle/MODEL, run/ID or shipped/MODEL/PROTOCOL."
            )
        return cls(kinds[0], *parts)
