"""The wheel alone, without the repository: it answers, serves the app, and keeps what it writes out of the package."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from PIL import Image

from tests.processes import PATIENCE_S, PYTHON, ROOT, eventually, free_port, python, spawned
from tumortrace.data.phantom import render_phantom

pytestmark = pytest.mark.process

# As a reader of the page would: the script runs, and what it drew is printed.
DRAW = """
from streamlit.testing.v1 import AppTest
from tumortrace import paths
drawn = AppTest.from_file(str(paths.root() / "app.py"), default_timeout=240).run()
print("exceptions", len(drawn.exception))
print("headings", [one.value for one in drawn.subheader])
print("without models", any("No trained models are shipped" in str(one.proto) for one in drawn.get("html")))
"""


class Installed(NamedTuple):
    """A wheel that was built and installed."""

    wheel: Path
    site: Path
    empty: Path
    """Where commands are called: nothing is there."""
    variables: dict[str, str]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("wheel")
    site, empty, reader = (folder / name for name in ("site", "empty", "reader"))
    for made in (empty, reader, folder / "build"):
        made.mkdir()
    # The checkout stays as it is: what setuptools makes on the way goes elsewhere.
    extra = folder / "extra.cfg"
    extra.write_text(f"[build]\nbuild_base = {folder / 'build'}\n[egg_info]\negg_base = {folder / 'build'}\n")
    pip = [PYTHON, "-m", "pip", "--quiet", "--no-cache-dir", "--disable-pip-version-check"]
    offline = ["--no-index", "--no-deps"]
    build = [*pip, "wheel", *offline, "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT)]
    finish(build, folder / "build.log", cwd=empty, DIST_EXTRA_CONFIG=str(extra))
    [wheel] = folder.glob("*.whl")
    finish(
        [*pip, "install", *offline, "--no-compile", "--target", str(site), str(wheel)], folder / "pip.log", cwd=empty
    )
    variables = {"PYTHONPATH": str(site), "HOME": str(reader), "TUMORTRACE_HOME": "", "TUMORTRACE_ARTIFACTS": ""}
    return Installed(wheel, site, empty, variables | {"OMP_NUM_THREADS": "1"})


def finish(command: list[str], log: Path, *, cwd: Path, **variables: str) -> str:
    """What a command printed that ended well."""
    with spawned(command, log, cwd=cwd, **variables) as process:
        assert process.wait(PATIENCE_S) == 0
    return log.read_text()


def answer(url: str) -> str | None:
    """What is served there; None where nobody answers yet."""
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE_S) as said:
            return str(said.read().decode())
    except (urllib.error.URLError, ConnectionError):
        return None


def brought(folder: str) -> set[str]:
    """Where the wheel has the files of a folder of the repository."""
    files = [path.relative_to(ROOT) for path in (ROOT / folder).rglob("*") if path.is_file()]
    return {f"tumortrace/_app/{path.as_posix()}" for path in files if "__pycache__" not in path.parts}


def test_the_wheel_holds_the_app_and_what_ships_and_nothing_of_the_workshop(installed: Installed) -> None:
    names = set(zipfile.ZipFile(installed.wheel).namelist())
    wanted = {"tumortrace/_app/app.py"} | brought("pages") | brought(".streamlit") | brought("artifacts")
    assert {name for name in names if "/_app/" in name} == {name for name in wanted if "/benchmark/runs/" not in name}
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"tumortrace"}
    assert {"tumortrace/py.typed", "tumortrace/data/splits_figshare.csv"} <= names


def test_an_editable_installation_reads_the_repository_itself(tmp_path: Path) -> None:
    extra = tmp_path / "extra.cfg"
    extra.write_text(f"[build]\nbuild_base = {tmp_path / 'build'}\n[egg_info]\negg_base = {tmp_path}\n")
    code = "import sys; from setuptools import build_meta; build_meta.build_editable(sys.argv[1])"
    finish(python(code, str(tmp_path)), tmp_path / "log", cwd=ROOT, DIST_EXTRA_CONFIG=str(extra))
    [wheel] = tmp_path.glob("*.whl")
    assert not [name for name in zipfile.ZipFile(wheel).namelist() if "_app" in name]
    assert not (ROOT / "tumortrace" / "_app").exists()


def test_it_finds_its_own_app_and_writes_into_the_readers_home(installed: Installed, tmp_path: Path) -> None:
    code = (
        "import importlib.util, tumortrace; from tumortrace import paths\n"
        "print(tumortrace.__file__, paths.root(), paths.home(), importlib.util.find_spec('scripts'))"
    )
    said = finish(python(code), tmp_path / "log", cwd=installed.empty, **installed.variables)
    package = installed.site / "tumortrace"
    home = Path(installed.variables["HOME"]) / ".tumortrace"
    assert said.split() == [str(package / "__init__.py"), str(package / "_app"), str(home), "None"]


def test_a_slice_is_judged_by_every_model_that_ships(installed: Installed, tmp_path: Path) -> None:
    pixels, _ = render_phantom(0, "axial", 0.0, (1, 2, 3))
    Image.fromarray(pixels).save(installed.empty / "slice.png")
    command = [PYTHON, "-m", "tumortrace", "predict", "slice.png", "--json"]
    try:
        said = finish(command, tmp_path / "log", cwd=installed.empty, **installed.variables)
    finally:
        (installed.empty / "slice.png").unlink()
    found: dict[str, Any] = json.loads(next(line for line in said.splitlines() if line.startswith("{")))
    assert found["file"] == "slice.png"
    assert found["error"] is None
    assert found["gate"]["verdict"] in ("in_range", "unlike", "not_mr")
    assert set(found["probabilities"]) == {path.name for path in (ROOT / "artifacts" / "models").iterdir()} | {
        "ensemble"
    }


def test_the_app_is_served_and_its_first_page_is_drawn(installed: Installed, tmp_path: Path) -> None:
    port = free_port()
    command = [PYTHON, "-m", "tumortrace", "app", "--port", str(port), "--headless"]
    before = sorted(os.walk(installed.site / "tumortrace" / "_app" / "artifacts"))
    with spawned(command, tmp_path / "log", cwd=installed.empty, **installed.variables) as process:
        address = f"http://127.0.0.1:{port}"
        assert eventually(lambda: answer(f"{address}/_stcore/health"), "the app is up", process) == "ok"
        assert "<title>Streamlit</title>" in str(answer(address))
    said = finish(python(DRAW), tmp_path / "drawn", cwd=installed.empty, **installed.variables)
    assert "exceptions 0" in said
    assert "'Headline results'" in said
    assert "without models False" in said
    # The synthetic slices of the first look are the reader's; the package and the folder stay as they were.
    assert (Path(installed.variables["HOME"]) / ".tumortrace" / "data" / "phantom" / "dataset.json").is_file()
    assert sorted(os.walk(installed.site / "tumortrace" / "_app" / "artifacts")) == before
    assert list(installed.empty.iterdir()) == []
