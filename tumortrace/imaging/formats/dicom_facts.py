"""What may be told of a DICOM file: codes of fixed lists and numbers, never its free text."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import UID

from tumortrace.imaging.formats.dicom_tags import nearest, number, numbers, text, value
from tumortrace.imaging.formats.opened import Header, Spacing

_MODALITIES: Final = frozenset(
    {
        "MR", "CT", "CR", "DX", "MG", "US", "PT", "NM", "XA", "RF", "SC", "OT", "ES", "XC", "SM", "OP", "OPT",
        "OCT", "IO", "PX", "GM", "ECG", "RTIMAGE", "RTDOSE", "SEG", "KO", "PR", "SR", "BI", "TG", "BMD",
    }
)  # fmt: skip
_BODY_PARTS: Final = frozenset(
    {
        "BRAIN", "HEAD", "SKULL", "HEADNECK", "NECK", "FACE", "ORBIT", "SELLA", "PITUITARY", "IAC", "EAR", "JAW",
        "NOSE", "SINUS", "TMJ", "CSPINE", "TSPINE", "LSPINE", "SPINE", "CHEST", "THORAX", "LUNG", "HEART", "BREAST",
        "ABDOMEN", "LIVER", "KIDNEY", "PANCREAS", "PROSTATE", "PELVIS", "HIP", "SHOULDER", "ARM", "ELBOW", "WRIST",
        "HAND", "FINGER", "LEG", "KNEE", "ANKLE", "FOOT", "TOE", "FEMUR", "THIGH", "CALF", "EXTREMITY", "WHOLEBODY",
        "UTERUS", "BLADDER", "AORTA",
    }
)  # fmt: skip
_SEQUENCES: Final = {"SE": "spin echo", "IR": "inversion recovery", "GR": "gradient echo", "EP": "echo planar"}
_MAKERS: Final = (
    ("SIEMENS", "Siemens"), ("GE ", "GE"), ("GENERAL ELECTRIC", "GE"), ("PHILIPS", "Philips"), ("TOSHIBA", "Toshiba"),
    ("CANON", "Canon"), ("HITACHI", "Hitachi"), ("BRUKER", "Bruker"), ("UIH", "United Imaging"),
    ("HYPERFINE", "Hyperfine"), ("ESAOTE", "Esaote"), ("FUJI", "Fujifilm"), ("VARIAN", "Varian"),
    ("MARCONI", "Marconi"), ("PICKER", "Picker"),
)  # fmt: skip
_PLANES: Final = ("sagittal", "coronal", "axial")
_SPACINGS: Final = ("PixelSpacing", "NominalScannedPixelSpacing", "ImagerPixelSpacing")


def spacing(dataset: Dataset) -> Spacing | None:
    """Mm between rows and mm between columns, where they can be believed."""
    for keyword in _SPACINGS:
        layer = nearest(dataset, keyword)
        given = numbers(layer, keyword, 2) if layer is not None else None
        if given and all(1e-3 <= each <= 100 for each in given):
            return given[0], given[1]
    return None


def header(dataset: Dataset) -> Header:
    """What the file says of its picture, by fixed lists of codes."""
    return Header(
        modality=_modality(dataset),
        body_part=_code(text(dataset, "BodyPartExamined").upper().replace(" ", ""), _BODY_PARTS),
        contrast=_contrast(dataset),
        spacing=spacing(dataset),
    )


def facts(dataset: Dataset, syntax: UID, frames: Any) -> dict[str, str]:
    """For people, in the order in which to show them.

    Args:
        dataset: The file.
        syntax: Its transfer syntax.
        frames: Its :class:`~tumortrace.imaging.formats.dicom_frames.Frames`.
    """
    size = spacing(dataset)
    window = frames.window(frames.count // 2)
    layout = frames.layout
    told = {
        "size": f"{layout.columns} x {layout.rows}",
        "bits": f"{layout.stored} of {layout.allocated}",
        "frames": str(frames.count) if frames.count > 1 else "",
        "modality": _modality(dataset) or "",
        "plane": plane(dataset),
        "sequence": _sequence(dataset),
        "acquisition": _code(text(dataset, "MRAcquisitionType").upper(), frozenset({"2D", "3D"})) or "",
        "repetition time": _measure(dataset, "RepetitionTime", "ms"),
        "echo time": _measure(dataset, "EchoTime", "ms"),
        "field strength": _measure(dataset, "MagneticFieldStrength", "T"),
        "pixel spacing": f"{size[0]:.3g} x {size[1]:.3g} mm" if size else "",
        "slice thickness": _measure(dataset, "SliceThickness", "mm"),
        "slice distance": _measure(dataset, "SpacingBetweenSlices", "mm"),
        "manufacturer": _maker(text(dataset, "Manufacturer").upper()),
        "window": f"{window[0]:g} to {window[1]:g}, not applied" if window else "",
        "transfer syntax": syntax.name if syntax.is_transfer_syntax and not syntax.is_private else "",
    }
    return {name: what for name, what in told.items() if what}


def plane(dataset: Dataset) -> str:
    """``axial``, ``coronal`` or ``sagittal``, with ``, oblique`` where it is turned by more than 18 degrees."""
    layer = nearest(dataset, "ImageOrientationPatient")
    given = numbers(layer, "ImageOrientationPatient", 6) if layer is not None else None
    if given is None:
        return ""
    normal = np.abs(np.cross(given[:3], given[3:]))
    length = float(np.linalg.norm(normal))
    if not 0.5 < length < 2:
        return ""
    at = int(normal.argmax())
    return _PLANES[at] + (", oblique" if normal[at] / length < 0.95 else "")


def _modality(dataset: Dataset) -> str | None:
    return _code(text(dataset, "Modality").upper(), _MODALITIES)


def _code(given: str, known: frozenset[str]) -> str | None:
    return given if given in known else None


def _contrast(dataset: Dataset) -> bool | None:
    agent = text(dataset, "ContrastBolusAgent").upper()
    if agent:
        return agent not in {"NO", "NONE", "N", "NO CONTRAST", "0"}
    # Enhanced MR names its agents in a sequence.
    return True if value(dataset, "ContrastBolusAgentSequence") else None


def _sequence(dataset: Dataset) -> str:
    given = value(dataset, "ScanningSequence")
    codes = [given] if isinstance(given, str) else list(given or [])
    return ", ".join(_SEQUENCES[code] for code in map(str, codes) if code in _SEQUENCES)


def _measure(dataset: Dataset, keyword: str, unit: str) -> str:
    layer = nearest(dataset, keyword)
    given = number(layer, keyword) if layer is not None else None
    return f"{given:.4g} {unit}" if given is not None and 0 < given < 1e6 else ""


def _maker(given: str) -> str:
    return next((name for start, name in _MAKERS if f"{given} ".startswith(start)), "")
