"""Pages open at once: nothing heavy is imported to draw one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(f"tumortrace.ui.{path.stem}" for path in (ROOT / "tumortrace" / "ui").glob("[!_]*.py"))


def test_no_module_of_the_app_imports_torch_or_sklearn():
    code = (
        f"import sys, importlib\nfor name in {MODULES!r}: importlib.import_module(name)\n"
        "print([name for name in ('torch', 'sklearn', 'torchvision', 'ray') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]"), done.stdout


@pytest.mark.parametrize("page", ["app.py", *sorted(f"pages/{path.name}" for path in (ROOT / "pages").glob("*.py"))])
def test_a_page_imports_only_the_app_and_light_modules(page):
    text = (ROOT / page).read_text()
    for name in ("import torch", "import sklearn", "from torch", "from sklearn", "inference.classifier"):
        assert name not in text
