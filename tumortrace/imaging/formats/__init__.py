"""Everything that can be uploaded, read from memory: pictures, DICOM, NIfTI, figshare's ``.mat``, and zips of them.

:func:`open_files` is the one way in. Bytes that somebody else made are decoded in a process of their own, with limits
of time and memory; nothing is written to disk, and nothing that could tell who a picture shows is passed on.
"""

from tumortrace.imaging.formats.batch import open_files
from tumortrace.imaging.formats.opened import Header, Opened, Refused, Stack
from tumortrace.imaging.formats.readers import pool

warm_up = pool.warm
"""Start a reader process ahead of the first file; returns at once."""

__all__ = ["Header", "Opened", "Refused", "Stack", "open_files", "warm_up"]
