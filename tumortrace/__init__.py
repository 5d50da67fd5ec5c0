"""TumorTrace: which tumour is on this brain MRI slice, how sure may we be, and why?

The package never imports streamlit outside :mod:`tumortrace.ui`, and importing it costs nothing: heavy
libraries (torch, scikit-learn) are loaded by the modules that need them.
"""

__version__ = "0.1.0"
