"""Pure functions from a tidy frame to a plotly figure; nothing is computed here."""
