"""What similarities are worth: calibration, and how much a text speaks of sound."""
