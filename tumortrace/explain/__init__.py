"""Saliency: which places of a slice spoke for a class, and how maps are laid over slices."""
