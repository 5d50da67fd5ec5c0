"""From bytes of a known kind to a document. Hostile bytes meet native decoders here: call it in a reader process."""

from __future__ import annotations

import warnings
from typing import Final

from PIL import Image

from tumortrace.errors import InputError
from tumortrace.imaging.formats.completeness import check_whole
from tumortrace.imaging.formats.dicom import open_dicom
from tumortrace.imaging.formats.document import Document, Pixels
from tumortrace.imaging.formats.images import open_picture
from tumortrace.imaging.formats.limits import PIXELS
from tumortrace.imaging.formats.matlab import open_hdf5, open_matlab5
from tumortrace.imaging.formats.nifti import open_nifti
from tumortrace.imaging.formats.sniff import Kind
from tumortrace.imaging.formats.values import broken, too_large

_READERS: Final = {
    "DICOM": open_dicom,
    "NIfTI": open_nifti,
    "HDF5": open_hdf5,
    "MATLAB 5": open_matlab5,
}
# Its own warning comes at a third of what is allowed here; the size is judged before decoding anyway.
Image.MAX_IMAGE_PIXELS = PIXELS
Image.init()


def open_document(data: bytes, kind: Kind) -> Document:
    """Open one file.

    Raises:
        InputError: It cannot be read. The message holds nothing of the file but numbers and names of fixed lists.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if kind in _READERS:
                return _READERS[kind](data)
            check_whole(data, kind)
            return open_picture(data, kind)
        except InputError:
            raise
        except Exception as error:
            raise _sentence(error) from None


def read_slice(document: Document, stack: int, index: int) -> Pixels:
    """Decode one slice.

    Raises:
        InputError: It is broken.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return document.sheaves[stack].read(index)
        except InputError:
            raise
        except Exception as error:
            raise _sentence(error) from None


def _sentence(error: Exception) -> InputError:
    # What decoders say may quote the file, a patient's name too: it is not passed on.
    if isinstance(error, MemoryError):
        return InputError("the file needs more memory than is allowed", value="", remedy="Reduce it and try again.")
    return too_large() if isinstance(error, Image.DecompressionBombError) else broken()
