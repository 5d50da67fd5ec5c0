"""Pages open at once: nothing heavy is imported to draw one."""

from __future__ import annotations

import ast
import subprocess
import sys

from tests.processes import PATIENCE_S, ROOT

PAGES = [ROOT / "app.py", *sorted((ROOT / "pages").glob("*.py"))]


def imported(source: str) -> set[str]:
    """The modules that a page names."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module))
    return found


def test_no_page_and_no_module_of_the_app_imports_torch_or_sklearn():
    modules = {f"tumortrace.ui.{path.stem}" for path in (ROOT / "tumortrace" / "ui").glob("[!_]*.py")}
    modules = sorted(modules.union(*(imported(page.read_text()) for page in PAGES)))
    assert "streamlit" in modules
    code = (
        f"import sys, importlib\nfor name in {modules!r}: importlib.import_module(name)\n"
        "print([name for name in ('torch', 'sklearn', 'torchvision', 'ray') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=PATIENCE_S
    )
    assert done.stdout.strip().endswith("[]"), done.stdout
