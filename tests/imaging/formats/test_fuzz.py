"""Whatever bytes come, a file is opened or refused. ``scripts/perf/fuzz_readers.py`` does the same for longer."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.imaging.bad_files import whole_files
from tumortrace.errors import InputError
from tumortrace.imaging.formats import Refused, open_files

changes = st.lists(
    st.tuples(
        st.floats(0, 1), st.one_of(st.binary(min_size=1, max_size=8), st.sampled_from([b"\xff" * 4, b"\x00" * 4]))
    ),
    min_size=1,
    max_size=6,
)


@pytest.mark.parametrize("name", list(whole_files()))
@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(changes=changes, share=st.floats(0.2, 1), front=st.booleans())
def test_changed_bytes_are_opened_or_refused(
    name: str, changes: list[tuple[float, bytes]], share: float, front: bool
) -> None:
    data = bytearray(whole_files()[name])
    # Headers are short and pixels long: half of the changes are all in the first kilobyte.
    reach = min(len(data), 1024) if front else len(data)
    for place, new in changes:
        at = int(place * (reach - 1))
        data[at : at + len(new)] = new
    for result in open_files([(name, bytes(data[: int(len(data) * share)] if not front else data))]):
        if isinstance(result, Refused):
            assert "\n" not in str(result.error)
            continue
        for stack in result.stacks:
            try:
                stack.pixels(stack.count - 1)
            except InputError:
                continue
