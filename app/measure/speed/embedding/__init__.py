"""Embedding texts and sounds, beside the code that is replaced."""
