"""The Results page, section by section."""
