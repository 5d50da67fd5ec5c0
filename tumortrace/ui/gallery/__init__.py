"""The gallery of slices and one slice large."""
