"""Case context: each slice answered from its own log-probabilities and those of the other slices of its exam.

No label of the others is used. The benchmark's rows with case context and an uploaded case are pooled by this one
function.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

Floats = npt.NDArray[np.float64]
FLOOR: Final = 1e-4
"""Least probability that counts: one slice that is sure and wrong must not outvote a whole exam."""
DEFAULT_SHARE: Final = 0.5
"""Share of a slice's own answer where none was fitted."""


def with_context(probabilities: Floats, exams: npt.NDArray[np.int64], share: float) -> Floats:
    """Pool the log-probabilities of slices with the mean of the others of their exam.

    Args:
        probabilities: ``[N, 3]``, each row summing to 1.
        exams: ``[N]``: the number of each slice's exam, from 0.
        share: How much a slice's own answer counts, 0 to 1; the others have the rest.

    Returns:
        ``[N, 3]``; a slice that is alone in its exam keeps its own answer.
    """
    own = np.log(np.clip(np.asarray(probabilities, dtype=np.float64), FLOOR, None))
    count = np.bincount(exams)[exams][:, None]
    total = np.stack([np.bincount(exams, one)[exams] for one in own.T], axis=1)
    others = np.where(count > 1, (total - own) / np.maximum(count - 1, 1), own)
    pooled: Floats = softmax(share * own + (1 - share) * others, axis=1)
    return pooled
