"""Everything TumorTrace raises on purpose.

::

    TumorTraceError
    ├── ConfigError              a setting is out of range or contradicts another
    ├── DataError
    │   ├── DatasetNotFound      no imported dataset of that name
    │   ├── DatasetMismatch      a run rests on another dataset than the one at hand
    │   ├── DatasetDamaged       an imported dataset lacks a file, or one cannot be read
    │   ├── ImportFailed         the source could not be turned into a dataset
    │   ├── UnreadableSlice      one slice of the source could not be read
    │   ├── UnsafePickle         a pickle asked for something other than arrays and plain containers
    │   ├── DownloadFailed       the dataset could not be fetched
    │   └── SplitError
    │       ├── SplitOverlap     a person (or slice) would stand on two sides of a split
    │       └── SplitUnavailable the dataset lacks what the protocol needs
    ├── ModelError
    │   ├── UnknownModel         no such model in the table, or none ships
    │   ├── PretrainedUnavailable  ImageNet weights could not be downloaded
    │   └── WeightsMismatch      a weights file does not fit the model or its checksum
    ├── TrainingError
    │   ├── RunNotFound          no such run folder
    │   ├── RunUnreadable        a file of a run folder is damaged, missing, or of another version
    │   ├── RunNotResumable      the run has nothing to resume from, or needs no resuming
    │   ├── RunBusy              another process trains this run, or waits to
    │   └── TrainingDiverged     the loss became NaN or infinite
    ├── NotesError               a note cannot be kept, or notes cannot be read
    │   └── NoteConflict         somebody changed the note in the meantime
    └── InputError               an uploaded or given image cannot be judged

Every message says what went wrong, with which value, and what to do about it.
"""

from __future__ import annotations


class TumorTraceError(Exception):
    """Base of every error raised on purpose.

    Args:
        what: What went wrong, without a final full stop.
        value: The offending value; shown with ``repr``, shortened to 200 characters.
        remedy: What the reader can do, a full sentence.
    """

    def __init__(self, what: str, *, value: object, remedy: str) -> None:
        shown = repr(value)
        if len(shown) > 200:
            shown = shown[:197] + "..."
        super().__init__(f"{what}: {shown}. {remedy}")
        self.what = what
        self.value = value
        self.remedy = remedy


class ConfigError(TumorTraceError):
    """A setting is out of range or contradicts another."""


class DataError(TumorTraceError):
    """Something about a dataset."""


class DatasetNotFound(DataError):
    """No imported dataset of that name."""


class DatasetMismatch(DataError):
    """A run (or shipped result) rests on another dataset than the one at hand."""


class DatasetDamaged(DataError):
    """An imported dataset lacks a file, or one of its files cannot be read."""


class ImportFailed(DataError):
    """The source could not be turned into a dataset."""


class UnreadableSlice(DataError):
    """One slice of the source could not be read; the import goes on without it."""


class UnsafePickle(DataError):
    """A pickle asked for something other than numpy arrays and plain containers."""


class DownloadFailed(DataError):
    """The dataset could not be fetched."""


class SplitError(DataError):
    """Something about a split into folds."""


class SplitOverlap(SplitError):
    """A person (or a slice) would stand on two sides of a split."""


class SplitUnavailable(SplitError):
    """The dataset lacks what the protocol needs."""


class ModelError(TumorTraceError):
    """Something about a model or its weights."""


class UnknownModel(ModelError):
    """No such model in the table, or none of that name ships."""


class PretrainedUnavailable(ModelError):
    """ImageNet weights could not be downloaded."""


class WeightsMismatch(ModelError):
    """A weights file does not fit the model or its checksum."""


class TrainingError(TumorTraceError):
    """Something about a run."""


class RunNotFound(TrainingError):
    """No such run folder."""


class RunUnreadable(TrainingError):
    """A file of a run folder is damaged, missing, or was written by another version.

    Args:
        run_id: The name of the run's folder.
    """

    def __init__(self, what: str, *, value: object, remedy: str, run_id: str) -> None:
        super().__init__(what, value=value, remedy=remedy)
        self.run_id = run_id


class RunNotResumable(TrainingError):
    """The run has nothing to resume from, or needs no resuming."""


class RunBusy(TrainingError):
    """Another process trains this run, or waits to."""


class TrainingDiverged(TrainingError):
    """The loss became NaN or infinite."""


class NotesError(TumorTraceError):
    """A note cannot be kept, or notes cannot be read."""


class NoteConflict(NotesError):
    """Somebody changed the note in the meantime."""


class InputError(TumorTraceError):
    """An uploaded or given image cannot be judged."""
