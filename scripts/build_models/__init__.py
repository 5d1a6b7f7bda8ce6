"""Making the files of bundled models, and their calibration."""
