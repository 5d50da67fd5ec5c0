"""How every command prints JSON: one document on standard output and nothing else."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


def print_json(document: Any) -> None:
    """Write ``document``; NaN is refused, so that every reader can parse it."""
    sys.stdout.write(json.dumps(document, indent=2, allow_nan=False) + "\n")
