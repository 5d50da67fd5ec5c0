"""What is asked on the Classify page: a slice, and what this app knows of it beside its file."""

from __future__ import annotations

from dataclasses import dataclass

from tumortrace.inference.request import SliceInput


@dataclass(frozen=True)
class ClassifyRequest(SliceInput):
    """One slice of an upload or an example."""

    truth: int | None = None
    """Its diagnosis, where it is a slice of the dataset."""
    person_id: str | None = None
    synthetic: bool = False


def of(question: SliceInput) -> ClassifyRequest:
    """An upload: nothing is known beside its file."""
    return ClassifyRequest(**vars(question))
