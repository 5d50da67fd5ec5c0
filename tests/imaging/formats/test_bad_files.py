from __future__ import annotations

import re
import time

import numpy as np
import pytest

from tests.imaging.bad_files import BadFile, bad_files, whole_files
from tumortrace.imaging.formats import Opened, Refused, open_files
from tumortrace.imaging.formats.limits import seconds

TABLE = bad_files()


@pytest.mark.parametrize("file", TABLE, ids=[file.name for file in TABLE])
def test_a_bad_file_gets_one_sentence_and_an_odd_one_is_read(file: BadFile) -> None:
    open_files([("warm.png", whole_files()["whole.png"])])  # a reader that the last file ended starts anew
    begun = time.monotonic()
    results = open_files([(file.name, file.data)])
    assert time.monotonic() - begun < seconds() + 3
    assert results
    if file.odd:
        for result in results:
            assert isinstance(result, Opened), result
            for stack in result.stacks:
                pixels = stack.pixels(stack.count // 2)
                assert pixels.ndim == 2
                assert np.isfinite(pixels).all()
        return
    (result,) = results
    assert isinstance(result, Refused), result
    said = str(result.error)
    assert re.search(file.says, said), said
    assert result.name.startswith(file.name)
    assert repr(result.name) in said or result.name in said
    assert result.error.remedy.endswith(".")
    assert "\n" not in said
    assert len(said) < 500


def test_the_table_has_at_least_sixty_files_of_names_that_differ() -> None:
    assert len(TABLE) >= 60
    assert len({file.name for file in TABLE}) == len(TABLE)


def test_a_bad_file_spoils_no_other() -> None:
    good = whole_files()["whole.png"]
    steps: list[tuple[int, int]] = []
    results = open_files([("a.png", good), ("b.png", b""), ("c.png", good)], lambda *step: steps.append(step))
    assert [type(result) for result in results] == [Opened, Refused, Opened]
    assert steps == [(1, 3), (2, 3), (3, 3)]
