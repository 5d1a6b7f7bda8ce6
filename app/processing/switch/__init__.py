"""Switching the model that serves."""
