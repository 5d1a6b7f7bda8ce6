"""Measurement: speed, relevance, the sample library, and the system that is replaced."""
