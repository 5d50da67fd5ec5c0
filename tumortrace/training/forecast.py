"""How long a run takes on the machine it runs on, told from its first steps. No torch; times are handed in.

What is still to come is counted in slices, of three kinds: learnt from, looked at (validation, test), and explained
(the watched ones after each epoch). A step says what the first kind costs; a look costs a third of it, for it has no
backward pass and no update, until the first validation says what it does cost.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from tumortrace.runs.run import Status

LOOK: Final = 1 / 3
"""Cost of a slice that is looked at beside one that is learnt from."""
EXPLAINED: Final = 3
"""Looks that a watched slice costs: Grad-CAM goes forward and back."""
REPORT_S: Final = 4.0
"""Seconds of the report, whose bootstrap costs the same whatever was trained."""
_SIDE_STEP: Final = 16
_LEAST_SIDE: Final = 64


@dataclass
class Forecast:
    """What a run has cost so far, and from it what the rest will.

    Work is counted in epochs at full size, see :func:`tumortrace.training.schedule.epoch_work`.
    """

    learnt: int  # slices of an epoch
    validation: int
    test: int
    watched: int = 0
    features: float = 0.0  # seconds a slice took through frozen stages whose output is kept; 0 where none is
    _guess: float | None = None  # seconds of an epoch, before one was begun
    _begun: bool = False
    _seconds: float = 0.0
    _work: float = 0.0
    _looks: list[float] = field(default_factory=list)

    def step(self, seconds: float, work: float) -> None:
        """Take in a step; the first of a start is left out, for it sets up what the others find ready."""
        if self._begun:
            self._seconds, self._work = self._seconds + seconds, self._work + work
        self._begun = True

    def guess(self, features: float, learning: float) -> None:
        """Take in what was timed before the first step: seconds of a slice through frozen stages, and after them."""
        self.features, self._guess = features, learning * self.learnt

    def between(self, seconds: float) -> None:
        """Take in what lay between two epochs: validation, saliency of the watched slices, the checkpoint."""
        self._looks.append(seconds)

    def left(self, work: float, epochs: int) -> float | None:
        """Seconds until the report is written.

        Args:
            work: Still to be trained.
            epochs: Whose validation is still to come.

        Returns:
            None until two steps were taken, or a guess was made.
        """
        return None if not self._known else work * self._epoch + epochs * self._between + self._end

    def advice(self, seconds: float, promised: float, epochs: int, size: int) -> str | None:
        """What to choose where the whole run takes longer than was promised of it; None where it does not.

        Args:
            seconds: Of the whole run, as estimated.
            promised: Of the whole run, on the machine that the promise was made for.
            epochs: Of the run.
            size: Side of its slices, in pixels.
        """
        if not self._known or seconds <= promised:
            return None
        said = (
            f"That is more than the {duration(promised)} this preset promises: this machine is slower than two free "
            "CPU cores, or the dataset is larger."
        )
        epoch = self._epoch + self._between
        for fewer in range(epochs - 1, 0, -1):
            shorter = seconds - (epochs - fewer) * epoch
            if shorter <= promised:
                return f"{said} With epochs set to {fewer} it would take about {duration(shorter)}."
        by_side = epochs * epoch + self._end - REPORT_S + self.features * (self.learnt + self.validation)
        smaller = seconds
        for side in range((size - 1) // _SIDE_STEP * _SIDE_STEP, _LEAST_SIDE - 1, -_SIDE_STEP):
            smaller = seconds - by_side * (1 - (side / size) ** 2)
            if smaller <= promised:
                return f"{said} With size set to {side} it would take about {duration(smaller)}, and be less accurate."
        return f"{said} Fewer epochs or a smaller size alone would not bring it below; both together take the least."

    @property
    def _known(self) -> bool:
        return bool(self._work) or self._guess is not None

    @property
    def _epoch(self) -> float:
        """Seconds of an epoch's steps at full size."""
        return self._seconds / self._work if self._work else self._guess or 0.0

    @property
    def _look(self) -> float:
        """Seconds of a slice that is looked at, after the frozen stages."""
        slices = self.validation + EXPLAINED * self.watched
        if not self._looks or not slices:
            return LOOK * self._epoch / self.learnt
        return max(0.0, self._measured - EXPLAINED * self.watched * self.features) / slices

    @property
    def _measured(self) -> float:
        """Mean seconds between two epochs; the first is left out where there are more, for it imports and sets up."""
        looks = self._looks[1:] or self._looks
        return sum(looks) / len(looks)

    @property
    def _between(self) -> float:
        if self._looks:
            return self._measured
        return self.validation * self._look + EXPLAINED * self.watched * (self.features + self._look)

    @property
    def _end(self) -> float:
        # The end looks at validation slices through the whole network again.
        return (self.test + self.validation) * (self.features + self._look) + REPORT_S


def sentence(status: Status, *, may_stop_early: bool = False) -> str | None:
    """What a run says of its time once it has measured the machine; None before, and once it has ended.

    Args:
        status: Of the run.
        may_stop_early: Whether early stopping may end it before its last epoch.
    """
    if status.state not in {"preparing", "running"} or status.total_seconds is None:
        return None
    # A resumed run counts from where it was taken up again.
    whose = "This run" if status.starts <= 1 else "What is left of this run"
    less = ", less where early stopping ends it" if may_stop_early else ""
    said = f"{whose} will take about {duration(status.total_seconds)} on this machine{less}."
    return said if status.advice is None else f"{said} {status.advice}"


def duration(seconds: float | None) -> str:
    """Seconds as people say them; a dash where unknown."""
    if seconds is None:
        return "–"
    if round(seconds) < 90:
        return f"{seconds:.0f} s"
    if seconds < 597.5:
        minutes, rest = divmod(round(seconds / 5) * 5, 60)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{seconds / 3600:.1f} h"
