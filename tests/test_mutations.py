"""The list of mutations fits the code and the suite; `python -m scripts.mutations` runs it."""

from __future__ import annotations

from scripts.mutations import MUTATIONS, ROOT


def test_every_mutation_is_of_text_that_stands_once_and_names_tests_that_exist() -> None:
    for mutation in MUTATIONS:
        assert (ROOT / mutation.file).read_text().count(mutation.old) == 1, mutation
        assert mutation.new != mutation.old
        for test in mutation.tests:
            file, name = test.split("::")
            assert f"def {name}(" in (ROOT / file).read_text(), test
