"""The app's own parts: the only package that imports streamlit. A page selects, calls and shows; the rest is here."""
