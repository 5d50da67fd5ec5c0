"""Take the screenshots of docs/screenshots/ anew: ``python -m scripts.screenshots``, or ``make screenshots``.

Starts the app on a home folder of its own with phantom slices and photographs every page with Chromium, at 1440 and 800
pixels, light and dark; for the Train page and the guided tour a small demo model is trained on them first. Only
synthetic slices are ever shown. All pictures together stay under 4 MB.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from itertools import product
from pathlib import Path
from typing import Any

from PIL import Image

from scripts.serving import PAGES, ROOT, browser, served, settled

LARGEST = 135_000
"""Bytes of one picture: 28 of them are under 4 MB."""
COLOURS = (256, 128, 64)
LAST = ("train", "present")
"""Photographed after a model was trained; the other pages show shipped models and results alone."""
SHOWN = PAGES | {"present": "Present?present=3"}
DEMO = [
    "--model", "cnn3d", "--dataset", "phantom", "--validation", "0.2", "--size", "64", "--epochs", "8",
    "--batch-size", "8", "--lr", "5e-4",
]  # fmt: skip


def photograph(page: Any, path: Path, width: int, limit: int) -> None:
    """The whole page at this width; the window grows to the page's height, for the page scrolls inside itself."""
    page.set_viewport_size({"width": width, "height": 900})
    settled(page)
    page.wait_for_timeout(1200)  # figures are drawn after the script has ended
    height = page.evaluate("document.querySelector('[data-testid=\"stMain\"]').scrollHeight")
    page.set_viewport_size({"width": width, "height": min(limit, max(900, int(height)))})
    page.wait_for_timeout(900)
    page.screenshot(path=path)


def squeeze(path: Path) -> None:
    """Below the size a repository should carry: fewer colours, and at last fewer pixels."""
    picture = Image.open(path).convert("RGB")
    picture.save(path, optimize=True)
    for colours in COLOURS:
        if path.stat().st_size > LARGEST:
            picture.quantize(colours, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(path, optimize=True)
    while path.stat().st_size > LARGEST:
        picture = picture.resize((picture.width * 5 // 6, picture.height * 5 // 6), Image.Resampling.LANCZOS)
        picture.quantize(COLOURS[1], Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(path, optimize=True)


def prepare(home: Path, *words: str) -> None:
    """Run a command of TumorTrace on this home folder."""
    environment = os.environ | {"TUMORTRACE_HOME": str(home)}
    subprocess.run([sys.executable, "-m", "tumortrace", *words], cwd=ROOT, env=environment, check=True)


def main() -> None:
    """Photograph the pages asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=Path, help="home folder; default: a new one with phantoms")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "screenshots")
    parser.add_argument("--pages", nargs="+", default=list(SHOWN), choices=SHOWN)
    parser.add_argument("--widths", nargs="+", type=int, default=[1440, 800])
    parser.add_argument("--schemes", nargs="+", default=["light", "dark"], choices=["light", "dark"])
    parser.add_argument("--limit", type=int, default=1500, help="greatest height in pixels")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        home = given.home or Path(folder)
        if given.home is None:
            prepare(home, "data", "phantom")
        with served(home) as address, browser() as chromium:
            for name in sorted(given.pages, key=lambda one: one in LAST):
                if name in LAST and not (home / "runs").exists():
                    prepare(home, "train", *DEMO)
                for scheme, width in product(given.schemes, given.widths):
                    context = chromium.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
                    page = context.new_page()
                    suffix = "" if (scheme, width) == ("light", 1440) else f"-{scheme}-{width}"
                    path = given.out / f"{name}{suffix}.png"
                    page.goto(f"{address}/{SHOWN[name]}", timeout=120_000)
                    photograph(page, path, width, given.limit)
                    squeeze(path)
                    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB", flush=True)
                    context.close()
    total = sum(path.stat().st_size for path in given.out.glob("*.png"))
    print(f"{total / 1e6:.1f} MB in {given.out}")


if __name__ == "__main__":
    main()
