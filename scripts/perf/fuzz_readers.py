"""Fuzz the readers of uploaded files: ``python -m scripts.perf.fuzz_readers --seconds 60 [--format dcm]``.

Each reader runs in a child process, led by coverage where atheris can be imported, else by plain mutation, from the
good files that the tests make. Printed for each: executions, how many of them reached the reader (the others no longer
look like a file of any kind) and how many were opened, seconds, crashes (the process died), escapes (something other
than InputError was raised), the slowest input in seconds and the peak of memory in MB.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from tumortrace.imaging.formats.limits import READER_BYTES

FORMATS = {
    "png": "whole.png", "jpg": "whole.jpg", "tif": "whole.tif", "packed-tif": "packed.tif", "bmp": "whole.bmp",
    "webp": "whole.webp", "dcm": "whole.dcm", "compressed-dcm": "compressed.dcm", "nii": "whole.nii",
    "nii-gz": "whole.nii.gz", "mat": "whole.mat", "old-mat": "old.mat",
}  # fmt: skip
"""Reader to the good file it is fuzzed from."""
INSTRUMENTED = ["tumortrace.imaging.formats", "pydicom", "nibabel", "PIL", "h5py", "scipy.io"]
INTERESTING = (b"\x00", b"\xff", b"\x7f", b"\x80", b"\xff\xff", b"\xff\xff\xff\xff", b"\x00\x00\x00\x80", b"\x01\x00")


def main() -> None:
    """Fuzz the readers one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--format", choices=sorted(FORMATS))
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--plain", action="store_true", help="mutate without coverage")
    chosen = parser.parse_args()
    if chosen.child:
        fuzz(chosen.child[0], Path(chosen.child[1]), chosen.seconds, chosen.plain)
        return
    heads = ("executions", "reached", "opened", "seconds", "crashes", "escapes", "slowest", "MB")
    print(f"{'reader':15}" + "".join(f"{head:>11}" for head in heads) + "  led by")
    bad = 0
    for key in [chosen.format] if chosen.format else sorted(FORMATS):
        bad += watch(key, chosen.seconds, chosen.plain)
    sys.exit(bad > 0)


def watch(key: str, seconds: float, plain: bool) -> int:
    """Run one reader's child, anew after each crash, and print its line; how many inputs were bad."""
    summed = ("runs", "reached", "opened", "spent", "escapes")
    total: dict[str, Any] = dict.fromkeys(summed, 0) | {"escapes": [], "slowest": 0.0, "peak": 0.0, "by": ""}
    crashes, begun = [], time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        while (left := seconds - (time.monotonic() - begun)) > 1:
            command = [
                sys.executable,
                "-m",
                "scripts.perf.fuzz_readers",
                "--child",
                key,
                folder,
                "--seconds",
                str(left),
            ]
            child = subprocess.run(
                command + ["--plain"] * plain, capture_output=True, text=True, errors="replace", check=False
            )
            last = [json.loads(line[6:]) for line in child.stdout.splitlines() if line.startswith("state ")][-1:]
            for state in last:
                for figure in summed:
                    total[figure] += state[figure]
                total["slowest"] = max(total["slowest"], state["slowest"])
                total["peak"], total["by"] = max(total["peak"], state["peak"]), state["by"]
            if child.returncode:
                crashes.append(child.stderr[-1500:])
        figures = (*(f"{total[figure]:,}" for figure in ("runs", "reached", "opened")), f"{total['spent']:.0f}",
                   len(crashes), len(total["escapes"]), f"{total['slowest']:.2f}", f"{total['peak']:.0f}")  # fmt: skip
        print(f"{key:15}" + "".join(f"{figure:>11}" for figure in figures) + f"  {total['by']}", flush=True)
        for what in [*total["escapes"][:3], *crashes[:2]]:
            print("   ", what.replace("\n", "\n    "))
    return len(crashes) + len(total["escapes"])


class Target:
    """Opens an input and reads a slice of each of its stacks; keeps the figures."""

    def __init__(self, kind: str, by: str) -> None:
        self.kind, self.by = kind, by
        self.runs, self.reached, self.opened, self.slowest = 0, 0, 0, 0.0
        self.escapes: list[str] = []
        self._begun = self._told = 0.0

    def __call__(self, data: bytes) -> None:
        """Read one input."""
        from tumortrace.errors import InputError
        from tumortrace.imaging.formats.decode import open_document, read_slice
        from tumortrace.imaging.formats.sniff import sniff

        begun = time.monotonic()
        self._begun = self._begun or begun
        try:
            kind = sniff(data, "file")
            self.reached += kind != "zip"
            document = open_document(data, kind)
            self.opened += 1
            for at, sheaf in enumerate(document.sheaves):
                read_slice(document, at, sheaf.count - 1)
        except InputError:
            pass
        except Exception as error:
            self.escapes.append(repr(error))
        now = time.monotonic()
        self.runs, self.slowest = self.runs + 1, max(self.slowest, now - begun)
        if now - self._told > 0.5:
            self.tell()

    def tell(self) -> None:
        """Print the state, for the parent to keep should this process die."""
        self._told = time.monotonic()
        state = {key: getattr(self, key) for key in ("runs", "reached", "opened", "slowest", "by")}
        state |= {"spent": self._told - self._begun, "escapes": self.escapes[:9], "peak": peak_megabytes()}
        os.write(1, f"state {json.dumps(state)}\n".encode())


def peak_megabytes() -> float:
    """The most memory this process has had; what it has now where the system does not keep count."""
    with contextlib.suppress(ImportError):
        resource = importlib.import_module("resource")
        return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) / (2**10 if sys.platform == "linux" else 2**20)
    return float(psutil.Process().memory_info().rss) / 2**20


def fuzz(key: str, folder: Path, seconds: float, plain: bool) -> None:
    """The child: fuzz one reader."""
    with contextlib.suppress(ImportError):
        resource = importlib.import_module("resource")
        resource.setrlimit(resource.RLIMIT_AS, (READER_BYTES, READER_BYTES))
    try:
        atheris = None if plain else importlib.import_module("atheris")
    except ImportError:
        atheris = None
    # What is imported before it is instrumented gives no coverage: the tests' files come after.
    with atheris.instrument_imports(include=INSTRUMENTED) if atheris else contextlib.nullcontext():
        importlib.import_module("tumortrace.imaging.formats.decode")
    seed = importlib.import_module("tests.imaging.bad_files").whole_files()[FORMATS[key]]
    if atheris is None:
        mutate(Target(key, "mutation"), seed, seconds)
        return
    corpus = folder / "corpus"
    corpus.mkdir(exist_ok=True)
    (corpus / "seed").write_bytes(seed)
    target = Target(key, "coverage")
    options = [f"-max_total_time={int(seconds)}", "-timeout=20", "-rss_limit_mb=4096", f"-max_len={len(seed) * 2}",
               f"-artifact_prefix={folder}/", "-verbosity=0"]  # fmt: skip
    atheris.Setup([sys.argv[0], *options, str(corpus)], target)
    atheris.Fuzz()


def mutate(target: Target, seed: bytes, seconds: float) -> None:
    """Change, cut, double and shorten the seed until the time is up."""
    draw, end = random.Random(), time.monotonic() + seconds
    while time.monotonic() < end:
        data = bytearray(seed)
        for _ in range(draw.choice((1, 1, 2, 4, 8))):
            at = int(len(data) * draw.random() ** draw.choice((1, 4)))  # headers more often than pixels
            what = draw.random()
            if what < 0.6:
                new = draw.choice(INTERESTING) if draw.random() < 0.5 else draw.randbytes(draw.randint(1, 4))
                data[at : at + len(new)] = new
            elif what < 0.75:
                del data[at : at + draw.randint(1, 64)]
            elif what < 0.9:
                data[at:at] = data[at : at + draw.randint(1, 64)]
            else:
                del data[at:]
        target(bytes(data))
    target.tell()


if __name__ == "__main__":
    main()
