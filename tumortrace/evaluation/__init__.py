"""From rows of predictions to figures with intervals; a model is never run here."""
