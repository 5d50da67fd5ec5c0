"""From a slice to a prediction: shipped models, calibration, ensemble, out-of-distribution detection, retrieval."""
