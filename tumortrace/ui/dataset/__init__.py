"""The Dataset page, section by section."""
