"""What pyproject.toml cannot say: how the app and its artifacts come into the wheel.

``app.py``, ``pages/``, ``.streamlit/`` and ``artifacts/`` stand at the top of the repository, where ``streamlit run
app.py`` and readers look for them, and so outside of the package. A wheel installs packages alone (its data files end
in a folder of the interpreter that others share), so they are copied into ``tumortrace/_app/`` of the wheel, where
:func:`tumortrace.paths.root` finds them. An editable installation reads the repository itself and gets no copy.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
TAKEN = ("app.py", "pages", ".streamlit", "artifacts")
LEFT_OUT = ("runs", "__pycache__", ".*.swp", "*.pyc")
"""``runs``: of ``artifacts/benchmark/``, the records from which ``benchmark`` goes on; nothing else reads them."""


class BuildWithApp(build_py):
    """The package as setuptools builds it, and the app beside it."""

    def run(self) -> None:
        """Build; what an earlier build left of the app is replaced whole."""
        super().run()
        if self.editable_mode:
            return
        target = Path(self.build_lib) / "tumortrace" / "_app"
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        for name in TAKEN:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns(*LEFT_OUT))
            else:
                shutil.copy2(ROOT / name, target / name)


setup(cmdclass={"build_py": BuildWithApp})
