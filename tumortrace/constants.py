"""Facts of the dataset (and the version), in one place.

Source: Jun Cheng, "brain tumor dataset", figshare, doi 10.6084/m9.figshare.1512427.v5, CC BY 4.0.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

VERSION: Final = "0.1.0"
"""Of TumorTrace; here, so that what writes it down does not import the package itself, which offers everything."""

CLASSES: Final = ("meningioma", "glioma", "pituitary")
"""Class names in label order; label = the dataset's own label less one."""

Protocol = Literal["official", "person", "slice"]
PROTOCOLS: Final = get_args(Protocol)
FOLDS: Final = (1, 2, 3, 4, 5)

PROTOCOL_NOTES: Final = {
    "slice": "Random 80/20 by slice, as in the milestone paper. Slices of one patient stand on both sides: it leaks.",
    "official": "The dataset author's five patient-level folds. Follow-up exams of one head still cross folds.",
    "person": "Five folds grouped by person, follow-up exams kept together. The honest number.",
}

FIGSHARE: Final = "figshare"
PHANTOM: Final = "phantom"

ARTICLE_ID: Final = 1512427
ARTICLE_API: Final = f"https://api.figshare.com/v2/articles/{ARTICLE_ID}"
ARTICLE_URL: Final = "https://doi.org/10.6084/m9.figshare.1512427.v5"
ATTRIBUTION: Final = "Jun Cheng, brain tumor dataset, figshare, doi 10.6084/m9.figshare.1512427.v5, CC BY 4.0"

SLICES: Final = 3064
PATIENTS: Final = 233
PIXEL_SPACING_MM: Final = 0.49
"""In-plane spacing of the 512x512 slices (the 256x256 ones have twice that), after the dataset's README."""

NOT_FOR_CLINICAL_USE: Final = "For research and education. Not for clinical use."
