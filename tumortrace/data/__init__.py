"""The dataset: its facts, how it comes in, how it lies on disk, and how it is split."""
