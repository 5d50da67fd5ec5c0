"""The tables of the documentation are those of artifacts/, and every table can be made."""

from __future__ import annotations

import re
import tomllib

import pytest

from scripts import docs_tables
from tumortrace import __version__
from tumortrace.config import CONTEXT, ModelSettings, model_names, titles
from tumortrace.config.former import FORMER_NAMES
from tumortrace.imaging.formats import limits
from tumortrace.models.base import model_class
from tumortrace.models.registry import blank


def test_the_tables_in_the_documentation_are_in_step_with_the_artifacts(capsys: pytest.CaptureFixture[str]) -> None:
    code = docs_tables.main(["--check"])
    assert code == 0, f"{capsys.readouterr().out}; run `python -m scripts.docs_tables`"


def test_every_network_and_the_ensemble_have_a_model_card() -> None:
    cards = {path.stem for path in (docs_tables.ROOT / "docs" / "models").glob("*.md")}
    assert cards <= {*model_names(), "ensemble"}
    without = {name for name in set(titles()) - cards if not name.endswith(CONTEXT)}
    assert without == {"classical", "majority", "efficientnet_lite1", "efficientnet_lite2"}


@pytest.mark.parametrize("name", model_names())
def test_a_model_has_as_many_weights_as_is_said(name: str) -> None:
    settings = ModelSettings(name=name)
    count = sum(parameter.numel() for parameter in blank(settings).parameters())
    card = docs_tables.ROOT / "docs" / "models" / f"{name}.md"
    for text in (model_class(name).__doc__ or "", card.read_text() if card.exists() else ""):
        for said in re.findall(r"([\d.]+) million\s+weights", text)[:1]:
            assert float(said) == pytest.approx(count / 1e6, abs=0.06)


def test_the_limits_of_what_may_be_given_are_those_of_the_readers() -> None:
    text = (docs_tables.ROOT / "docs" / "input.md").read_text()
    megabytes = [size // 2**20 for size in (limits.FILE_BYTES, limits.ARCHIVE_BYTES)]
    for line in (
        f"| one file, as given and unpacked | {megabytes[0]} MB |",
        f"| one zip, unpacked | {megabytes[1]} MB, {limits.MEMBERS:,} entries |",
        f"{limits.SIDE} rows and columns to {limits.MEGAPIXELS} megapixels; a `.mat` to {limits.MAT_SIDE:,} rows",
        f"of more than {limits.LARGE:,} rows or columns is reduced",
        f"| one stack | {limits.SLICES:,} slices |",
        f"| opening a file, or decoding a slice | {limits.SECONDS:.0f} seconds |",
        f"| memory of a reader | {limits.READER_BYTES // 2**30} GB of address space |",
    ):
        assert line in text


def test_the_citation_names_the_version_the_licence_and_the_dataset_of_the_package() -> None:
    text = (docs_tables.ROOT / "CITATION.cff").read_text()
    project = tomllib.loads((docs_tables.ROOT / "pyproject.toml").read_text())["project"]
    top = dict(re.findall(r"^([a-z-]+): (.+)$", text, re.MULTILINE))
    assert (top["cff-version"], top["type"]) == ("1.2.0", "software")
    assert (top["version"], top["license"]) == (__version__, project["license"])
    doi = re.search(r"^    doi: (\S+)$", text, re.MULTILINE)
    assert doi is not None
    assert doi[1] in (docs_tables.ROOT / "README.md").read_text()


def test_the_former_settings_of_the_changelog_are_those_that_are_read() -> None:
    text = (docs_tables.ROOT / "CHANGELOG.md").read_text()
    named = dict(re.findall(r"^  \| `([\w.]+)` \| `([\w.]+)` \|$", text, re.MULTILINE))
    assert named == FORMER_NAMES


def test_a_table_without_figures_says_how_to_get_them() -> None:
    text = "before\n<!-- table leaderboard person slice -->\nold\n<!-- end -->\nafter\n"
    filled = docs_tables.fill(text, docs_tables.Found())
    assert "old" not in filled
    assert "tumortrace benchmark --resume" in filled
    assert filled.startswith("before\n<!-- table leaderboard person slice -->\n")
    assert filled.endswith("<!-- end -->\nafter\n")


def test_a_leaderboard_has_the_best_model_first_with_its_interval() -> None:
    found = docs_tables.Found(figures=[*figures_of("resnet18", 0.9), *figures_of("tracenet", 0.95)])
    lines = docs_tables.leaderboard(found, "person", "slice").splitlines()
    assert lines[2].startswith("| TraceNet | 3,064 | 0.950 (0.940 to 0.960)")
    assert lines[3].startswith("| ResNet18")


def figures_of(model: str, value: float) -> list[dict[str, object]]:
    keys = [(metric, None) for metric in ("accuracy", "macro_f1", "macro_auc", "ece", "brier")]
    keys += [("recall", name) for name in ("meningioma", "glioma", "pituitary")]
    ends = {"value": value, "low": value - 0.01, "high": value + 0.01, "n": 3064}
    place = {"model": model, "protocol": "person", "unit": "slice"}
    return [{**place, "metric": metric, "class": name, **ends} for metric, name in keys]
