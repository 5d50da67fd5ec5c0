"""How slices come in: readers of every layout, the import, the download."""
