"""What the gate lets in and turns away.

``python -m scripts.perf.ood [--add NAME=FOLDER]... [--json FILE]``

Fits nothing. Counted are verdicts of the gate and the TraceNet that ship, on

* held-out real slices: from the gate's own card, cross-fitted over persons (the shipped gate has seen all of them);
* what this program makes: phantoms, noise, a chart, text, and the pictures that scikit-learn and scikit-image bring;
* real slices (where the dataset is imported), changed: turned upside down, inverted, cut to a quarter, and with the
  tumour painted over from its surroundings, the nearest there is here to a healthy slice;
* folders named with ``--add``: each file in them.

Every share has its n; there is no interval where the pictures are a handful.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tumortrace.constants import FIGSHARE
from tumortrace.data import datasets
from tumortrace.data.phantom import make_phantom
from tumortrace.errors import TumorTraceError
from tumortrace.inference.api import predict_all, read_inputs
from tumortrace.inference.ood import FileMetadata
from tumortrace.inference.predictor import Predictor
from tumortrace.inference.request import SliceInput

EVERY = 24
"""One real slice in so many is changed."""


def coloured(name: str, picture: np.ndarray) -> SliceInput:
    """As an upload would be read."""
    if picture.ndim == 2:
        return SliceInput(name, picture)
    rgb = picture[..., :3]
    chroma = float((rgb.max(2).astype(int) - rgb.min(2)).mean() / 255)
    return SliceInput(name, np.asarray(Image.fromarray(rgb).convert("L")), claims=FileMetadata(colour=chroma))


def brought() -> Iterator[tuple[str, SliceInput]]:
    import skimage.data
    from sklearn.datasets import load_digits, load_sample_images

    folder = Path(skimage.data.__file__).parent
    for path in sorted(folder.iterdir()):
        if path.suffix in (".png", ".jpg"):
            with Image.open(path) as image:
                picture = np.asarray(image.convert("RGB" if image.mode not in ("L", "1") else "L"))
            yield "scikit-image pictures", coloured(path.name, picture)
            if picture.ndim == 3:
                yield (
                    "the same, without colour",
                    SliceInput(path.name, np.asarray(Image.fromarray(picture).convert("L"))),
                )
    for place, picture in enumerate(load_sample_images().images):
        yield "scikit-learn pictures", coloured(str(place), picture)
    for place, digit in enumerate(load_digits().images[:20]):
        yield "scikit-learn digits", SliceInput(str(place), digit)


def made() -> Iterator[tuple[str, SliceInput]]:
    from scipy.ndimage import gaussian_filter

    random = np.random.default_rng(0)
    for place in range(20):
        yield "noise", SliceInput(str(place), random.integers(0, 256, (256, 256)).astype(np.uint8))
        yield "smooth noise", SliceInput(str(place), gaussian_filter(random.normal(size=(256, 256)), 4 + place))
        page = Image.new("L", (400, 400), 255)
        words = " ".join("".join(chr(97 + one) for one in random.integers(0, 26, 6)) for _ in range(120))
        lines = [words[start : start + 44] for start in range(0, len(words), 44)]
        ImageDraw.Draw(page).multiline_text((10, 10), "\n".join(lines), fill=0, font=ImageFont.load_default(16))
        yield "text", SliceInput(str(place), np.asarray(page))
        chart = Image.new("L", (320, 320), 255)
        for bar in range(6):
            top = 300 - int(random.integers(30, 280))
            ImageDraw.Draw(chart).rectangle((20 + 48 * bar, top, 52 + 48 * bar, 300), fill=int(random.integers(0, 200)))
        yield "charts", SliceInput(str(place), np.asarray(chart))


def phantoms() -> Iterator[tuple[str, SliceInput]]:
    if "gate-phantom" not in datasets.available():
        make_phantom("gate-phantom", persons=15, seed=5)
    dataset = datasets.open_dataset("gate-phantom")
    for slice_id in dataset.manifest["slice_id"].astype(str):
        yield "phantoms", SliceInput(slice_id, dataset.pixels(slice_id))


def changed() -> Iterator[tuple[str, SliceInput]]:
    from scipy.ndimage import binary_dilation
    from skimage.restoration import inpaint_biharmonic

    dataset = datasets.open_dataset(FIGSHARE)
    for slice_id in dataset.manifest["slice_id"].astype(str)[::EVERY]:
        pixels = dataset.pixels(slice_id)
        side = pixels.shape[0]
        yield "real slices, seen in training", SliceInput(slice_id, pixels)
        yield "real, upside down", SliceInput(slice_id, np.flipud(pixels))
        yield "real, inverted", SliceInput(slice_id, int(pixels.max()) - pixels.astype(np.int32))
        yield "real, the middle quarter", SliceInput(slice_id, pixels[side // 4 : -side // 4, side // 4 : -side // 4])
        mask = dataset.mask(slice_id)
        if mask is None:
            continue
        small = np.asarray(Image.fromarray(pixels.astype(np.float32)).resize((256, 256)))
        hole = np.asarray(Image.fromarray(mask.astype(np.uint8) * 255).resize((256, 256))) > 0
        hole = binary_dilation(hole, iterations=4)
        if hole.sum() < 2500:
            yield "real, tumour painted over", SliceInput(slice_id, inpaint_biharmonic(small, hole))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--add", action="append", default=[], metavar="NAME=FOLDER")
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    predictor = Predictor.shipped()
    predictor = Predictor(
        [model for model in predictor.models.values() if model.traces], predictor.calibration, predictor.detector
    )
    assert predictor.detector is not None
    groups: dict[str, list[Any]] = {}
    sources = [brought(), made(), phantoms()]
    if FIGSHARE in datasets.available():
        sources.append(changed())
    for source in sources:
        for name, question in source:
            groups.setdefault(name, []).append(question)
    for one in chosen.add:
        name, _, folder = one.partition("=")
        try:
            groups[name] = list(read_inputs([folder]))
        except TumorTraceError as error:
            print(error)
    print(f"held-out real slices turned away: {predictor.detector.card['false_alarm']}")
    table = {}
    for name, items in groups.items():
        predictions = list(predict_all(items, predictor))
        verdicts = Counter(one.gate.verdict if one.gate else "unreadable" for one in predictions)
        away = sum(count for verdict, count in verdicts.items() if verdict != "in_range")
        table[name] = {"n": len(predictions), "turned away": away / len(predictions), **verdicts}
        print(
            f"{name:34} n {len(predictions):4}  turned away {away / len(predictions):6.1%}  {dict(verdicts)}",
            flush=True,
        )
    if chosen.json:
        chosen.json.write_text(
            json.dumps({"held_out": predictor.detector.card["false_alarm"], "groups": table}, indent=1)
        )


if __name__ == "__main__":
    main()
