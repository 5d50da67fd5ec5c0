"""Does the suite catch what it names? Each mutation breaks one thing, and the tests named beside it must fail.

``python -m scripts.mutations`` (all, some 10 minutes on one core), ``python -m scripts.mutations splits queue`` (those
whose file or tests hold one of the words), ``--list`` (show, run nothing).

Works in a copy of the checkout in a temporary folder, one mutation and one process at a time. The named tests are run
once as they are first: a test that fails anyway catches nothing. Exits with 1 where a mutation survives, its text is
not found exactly once, or what fails is no test (a syntax error catches nothing either).
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from scripts.mutations_list import MUTATIONS, Mutation

ROOT = Path(__file__).resolve().parents[1]
LEFT_OUT = ("artifacts/benchmark/runs/", "docs/screenshots/")
"""What no named test reads; it would be copied for nothing."""
PYTEST = ("-q", "-x", "-p", "no:randomly", "-p", "no:cacheprovider", "-m", "not gpu and not browser")
LIMIT_S = 600


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the mutations and print a line each; 0 where all were caught."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", help="only mutations whose file or tests hold one of these")
    parser.add_argument("--list", action="store_true", help="show them and run nothing")
    given = parser.parse_args(arguments)
    chosen = [one for one in MUTATIONS if not given.words or any(word in str(one) for word in given.words)]
    if given.list or not chosen:
        print("\n".join(described(one) for one in chosen) or "no such mutation")
        return 0 if chosen else 1
    with tempfile.TemporaryDirectory(prefix="mutations-") as folder:
        copy = Path(folder) / "checkout"
        copy_checkout(copy)
        code, out = run_tests(copy, sorted({test for one in chosen for test in one.tests}))
        if code != 0:
            print(f"the named tests fail without any mutation:\n{out[-3000:]}")
            return 1
        print("| mutation | caught by | seconds |\n| --- | --- | --- |")
        results = [tried(one, copy) for one in chosen]
    print(f"{sum(results)} of {len(results)} caught")
    return 0 if all(results) else 1


def copy_checkout(target: Path) -> None:
    """Copy what git tracks, and new files that it does not ignore, as they are now."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if not name.startswith(LEFT_OUT) and (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, target / name)


def tried(mutation: Mutation, copy: Path) -> bool:
    """Whether the named tests catch a mutation; the file is as before afterwards."""
    path = copy / mutation.file
    before = path.read_text()
    began = time.perf_counter()
    by = None
    if before.count(mutation.old) != 1:
        told = f"TEXT FOUND {before.count(mutation.old)} TIMES"
    else:
        try:
            write(path, before.replace(mutation.old, mutation.new))
            code, out = run_tests(copy, mutation.tests)
        finally:
            write(path, before)
        failed = re.search(r"^FAILED \S+::(\S+)", out, re.MULTILINE)
        by = failed[1] if code == 1 and failed else None
        told = by or ("SURVIVED" if code == 0 else f"NO TEST FAILED, exit {code}")
    print(f"| {described(mutation)} | {told} | {time.perf_counter() - began:.1f} |", flush=True)
    return by is not None


def write(path: Path, text: str) -> None:
    """Write a source file, and drop its bytecode: Python tells a change by size and whole seconds alone."""
    path.write_text(text)
    for stale in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
        stale.unlink()


def run_tests(copy: Path, tests: Sequence[str]) -> tuple[int, str]:
    """Exit status and output of pytest over some tests, in the copy."""
    own = {"PYTHONPATH": str(copy), "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
    ignored = ("TUMORTRACE_HOME", "TUMORTRACE_ARTIFACTS", "PYTEST_ADDOPTS")
    environment = {name: value for name, value in os.environ.items() if name not in ignored} | own
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *PYTEST, *tests],
            cwd=copy, env=environment, capture_output=True, text=True, timeout=LIMIT_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return -1, ""
    return done.returncode, done.stdout + done.stderr


def described(mutation: Mutation) -> str:
    """One line: where, and what becomes what."""
    old, new = (" ".join(text.split()) for text in (mutation.old, mutation.new))
    return f"{mutation.file.removeprefix('tumortrace/')}: `{old}` -> `{new}`"


if __name__ == "__main__":
    sys.exit(main())
