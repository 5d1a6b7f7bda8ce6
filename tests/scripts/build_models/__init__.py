"""Tests of the modules of the same path."""
